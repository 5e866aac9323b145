"""Whether a key signed the octets of a revocation list or of an OCSP response."""

import hashlib
from collections.abc import Mapping
from typing import Final

from asn1crypto import algos
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def is_signed(
    key: PublicKeyTypes,
    algorithm: algos.SignedDigestAlgorithm,
    signature: bytes,
    octets: bytes | memoryview,
) -> bool:
    """Return whether ``signature`` is one by ``key`` over ``octets``, by SHA-2.

    Args:
        key: the signer's.
        algorithm: RSASSA-PKCS1-v1_5, RSASSA-PSS or ECDSA; by any other nothing is signed.
        signature: its octets.
        octets: that it is of.

    Raises:
        Exception: whatever a parser stumbles over in ``algorithm``.

    """
    name, kind = algorithm.hash_algo, algorithm.signature_algo
    if name not in _HASHES:
        return False
    # hashlib lets other threads run meanwhile; a list has megabytes.
    signed = hashlib.new(name, octets).digest()
    digest = Prehashed(_HASHES[name])
    try:
        if isinstance(key, RSAPublicKey) and kind == "rsassa_pkcs1v15":
            key.verify(signature, signed, PKCS1v15(), digest)
        elif isinstance(key, RSAPublicKey) and kind == "rsassa_pss":
            salt = algorithm["parameters"]["salt_length"].native
            key.verify(signature, signed, PSS(MGF1(_HASHES[name]), salt), digest)
        elif isinstance(key, EllipticCurvePublicKey) and kind == "ecdsa":
            key.verify(signature, signed, ECDSA(digest))
        else:
            return False
    except InvalidSignature:
        return False
    return True
