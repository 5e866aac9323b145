"""Public keys of signers, and verification of what they signed.

RSA with RSASSA-PKCS1-v1_5 (RFC 8017 §8.2), and ECDSA over the three curves of NIST (RFC 5480,
RFC 5753). Each key has one encoding, and each ECDSA value one: DER (RFC 3279 §2.2.3).
"""

from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import load_der_public_key

from agent.cms import der
from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError, hostile_input

SignerKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey
"""A key that signatures are verified with here."""

MIN_BITS: Final = 2048  # of an RSA key
_RSA_ENCRYPTION = bytes.fromhex("06092a864886f70d010101")  # RFC 8017 appendix A.1
_EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")  # RFC 5480 §2.1.1
_NULL = b"\x05\x00"
_UNCOMPRESSED = 0x04  # SEC 1 §2.3.3
_CURVES: Final = {
    bytes.fromhex("06082a8648ce3d030107"): "secp256r1",
    bytes.fromhex("06052b81040022"): "secp384r1",
    bytes.fromhex("06052b81040023"): "secp521r1",
}
"""namedCurve in DER, and what the curve is called in SEC 2 (RFC 5480 §2.1.1.1)."""
CURVE_NAMES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
"""The curves as people call them (FIPS 186-4), by their names in SEC 2."""
_HASHES: dict[HashAlgorithm, type[hashes.HashAlgorithm]] = {
    HashAlgorithm.SHA1: hashes.SHA1,
    HashAlgorithm.SHA256: hashes.SHA256,
    HashAlgorithm.SHA384: hashes.SHA384,
    HashAlgorithm.SHA512: hashes.SHA512,
}
_SHA2: Final = (HashAlgorithm.SHA256, HashAlgorithm.SHA384, HashAlgorithm.SHA512)
_LONGEST_CURVE: Final = "secp521r1"
_WITH_ECDSA: Final = {  # RFC 5758 §3.2
    HashAlgorithm.SHA256: bytes.fromhex("06082a8648ce3d040302"),
    HashAlgorithm.SHA384: bytes.fromhex("06082a8648ce3d040303"),
    HashAlgorithm.SHA512: bytes.fromhex("06082a8648ce3d040304"),
}
_WITH_RSA: Final = {  # RFC 8017 appendix A.2.4
    HashAlgorithm.SHA1: bytes.fromhex("06092a864886f70d010105"),
    HashAlgorithm.SHA256: bytes.fromhex("06092a864886f70d01010b"),
    HashAlgorithm.SHA384: bytes.fromhex("06092a864886f70d01010c"),
    HashAlgorithm.SHA512: bytes.fromhex("06092a864886f70d01010d"),
}


def public_key(info: bytes) -> SignerKey:
    """Return the public key of a SubjectPublicKeyInfo in DER.

    Raises:
        CmsError: the key is of another kind or on another curve, an RSA key is shorter than 2048
            bits, or it is malformed; a point that is compressed or not on its curve is.

    """
    with hostile_input("public key"):
        kind, *parameters = der.children(der.children(info)[0])
        if kind == _EC_PUBLIC_KEY:
            _require_point(info, parameters)
        key = load_der_public_key(info)
    found = signer_key(key)
    if isinstance(found, RSAPublicKey) and kind != _RSA_ENCRYPTION:
        # an RSASSA-PSS key is for nothing else (RFC 4055 §1.2)
        raise CmsError("a key that is not for RSASSA-PKCS1-v1_5")
    return found


def rsa_key(info: bytes) -> RSAPublicKey:
    """Return the RSA public key of a SubjectPublicKeyInfo in DER, to encrypt to.

    Raises:
        CmsError: as of :func:`public_key`, or it is on a curve: others cannot encrypt to that.

    """
    key = public_key(info)
    if not isinstance(key, RSAPublicKey):
        raise CmsError("nothing can be encrypted to this key: it is no RSA key")
    return key


def signer_key(key: PublicKeyTypes) -> SignerKey:
    """Return a key, if signatures by it can be verified here.

    Raises:
        CmsError: it is of another kind or on another curve, or an RSA key of less than 2048 bits.

    """
    if isinstance(key, RSAPublicKey) and key.key_size >= MIN_BITS:
        return key
    if isinstance(key, EllipticCurvePublicKey) and key.curve.name in CURVE_NAMES:
        return key
    raise CmsError(f"only RSA keys of {MIN_BITS} bits and more, P-256, P-384 and P-521 are known")


def _require_point(info: bytes, parameters: list[bytes]) -> None:
    """Refuse a curve that is not named, and a point in another form than most programs know."""
    if len(parameters) != 1 or parameters[0] not in _CURVES:
        raise CmsError("a key on another curve than P-256, P-384 and P-521")
    point = der.contents(der.children(info)[1])
    if point[:2] != bytes((0, _UNCOMPRESSED)):  # no unused bits in the BIT STRING
        raise CmsError("a point that is not in the uncompressed form")


def is_point(key: EllipticCurvePublicKey, point: bytes) -> bool:
    """Return whether octets are an uncompressed point of a key's curve."""
    if point[:1] != bytes((_UNCOMPRESSED,)):
        return False
    try:
        EllipticCurvePublicKey.from_encoded_point(key.curve, point)
    except ValueError:
        return False
    return True


def is_signature(key: SignerKey, signature: bytes, algorithm: HashAlgorithm, digest: bytes) -> bool:
    """Return whether ``signature`` is one by ``key`` over ``digest``.

    Args:
        key: the signer's.
        signature: RSASSA-PKCS1-v1_5, as long as the modulus; or ECDSA-Sig-Value, DER.
        algorithm: what ``digest`` was made with; nobody signs with SHA-1 and a curve.
        digest: of the algorithm's length.

    """
    if not isinstance(key, RSAPublicKey) and algorithm not in _WITH_ECDSA:
        return False
    hashed = Prehashed(_HASHES[algorithm]())
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, digest, PKCS1v15(), hashed)
        else:
            if encode_dss_signature(*decode_dss_signature(signature)) != signature:
                return False
            key.verify(signature, digest, ECDSA(hashed))
    except (InvalidSignature, ValueError):  # ValueError: neither an ECDSA value nor a digest
        return False
    return True


def hashes_of(key: SignerKey) -> tuple[HashAlgorithm, ...]:
    """Return the digest algorithms that we sign with, the first where none is asked for.

    SHA-1 goes with RSA alone, where whoever calls allows it. The longest curve goes with the
    longest digest: a shorter one would make the signature no stronger than a shorter curve's.
    """
    if isinstance(key, RSAPublicKey):
        return (*_SHA2, HashAlgorithm.SHA1)
    return _SHA2[-1:] if key.curve.name == _LONGEST_CURVE else _SHA2


def signature_algorithm(key: SignerKey, algorithm: HashAlgorithm) -> bytes:
    """Return the AlgorithmIdentifier of a signature in a SignerInfo, DER.

    That is rsaEncryption with NULL, whatever the digest (RFC 3370 §3.2), or ecdsa-with-SHA256 and
    so on without parameters (RFC 5758 §3.2).

    Raises:
        CmsError: the digest algorithm does not go with the key.

    """
    _require_hash(key, algorithm)
    if isinstance(key, RSAPublicKey):
        return der.element(der.SEQUENCE, _RSA_ENCRYPTION, _NULL)
    return der.element(der.SEQUENCE, _WITH_ECDSA[algorithm])


def are_of_one_kind(key: SignerKey, name: bytes, algorithm: HashAlgorithm) -> bool:
    """Return whether a signature algorithm is one of ``key`` with a digest algorithm.

    Args:
        key: the signer's.
        name: OBJECT IDENTIFIER, DER; rsaEncryption says nothing of the digest.
        algorithm: of the digest; with a curve any of SHA-2, for others choose otherwise than we.

    """
    if isinstance(key, RSAPublicKey):
        return name in (_RSA_ENCRYPTION, _WITH_RSA[algorithm])
    return name == _WITH_ECDSA.get(algorithm)


def algorithm_name(key: SignerKey, algorithm: HashAlgorithm) -> str:
    """Return what a signature algorithm is called: ``sha256WithRSAEncryption``.

    The names are those of RFC 8017 appendix A.2.4 and RFC 5758 §3.2.

    Raises:
        CmsError: the digest algorithm does not go with the key.

    """
    _require_hash(key, algorithm)
    if isinstance(key, RSAPublicKey):
        return f"{algorithm.hashlib_name}WithRSAEncryption"
    return f"ecdsa-with-{algorithm.hashlib_name.upper()}"


def key_name(key: PublicKeyTypes) -> str | None:
    """Return what a person calls a kind of key: ``RSA-2048``, ``P-256``; None for another kind."""
    if isinstance(key, RSAPublicKey):
        return f"RSA-{key.key_size}"
    if isinstance(key, EllipticCurvePublicKey):
        return CURVE_NAMES.get(key.curve.name)
    return None


def _require_hash(key: SignerKey, algorithm: HashAlgorithm) -> None:
    if algorithm not in hashes_of(key):
        allowed = ", ".join(each for each in hashes_of(key) if each is not HashAlgorithm.SHA1)
        raise CmsError(f"a {key_name(key)} key signs with {allowed}")
