"""Prove to a page which installation answers: one key for each site, from one local secret.

One key for all sites would let them recognise the same computer together; so each site sees a
key of its own, derived from the secret and its origin, and only once the citizen has allowed it.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.files import FileTooLargeError, read_file, replace_file

CONTEXT: Final = b"ankong-status-v1"
"""What each signed text begins with; the page's nonce follows."""
SECRET_SIZE: Final = 32  # bytes
_DERIVATION: Final = b"ankong-install-key-v1\0"
# NIST SP 800-186 §3.2.1.3: how many private keys P-256 has, and one more.
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_WIDE: Final = 48  # bytes; 128 bits more than the order, so that no key is likelier (FIPS 186-5)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class InstallationProof:
    """A signature that only this installation can make for this site.

    Attributes:
        key: P-256 public key, SubjectPublicKeyInfo, DER; what a page pins.
        signature: ECDSA with SHA-256, r and s of 32 bytes each, as WebCrypto takes it.

    """

    key: bytes
    signature: bytes


class InstallKey:
    """The local secret and the keys that follow from it."""

    def __init__(self, secret: bytes) -> None:
        """Use an existing secret of 32 random bytes."""
        self._secret = secret

    @classmethod
    def ensure(cls, path: Path) -> Self:
        """Read the secret; make a new one when the file is missing or has not 32 bytes.

        Args:
            path: of the file, for its owner only.

        Raises:
            OSError: it cannot be read or written.

        """
        try:
            secret = read_file(path, SECRET_SIZE)
        except FileNotFoundError:
            secret = None
        except FileTooLargeError:
            secret = b""
        if secret is None or len(secret) != SECRET_SIZE:
            if secret is not None:
                _log.warning("the install key was damaged; pages will not know this agent again")
            secret = secrets.token_bytes(SECRET_SIZE)
            replace_file(path, secret)
        return cls(secret)

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read the secret; None where there is none that can be used. Changes nothing."""
        try:
            secret = read_file(path, SECRET_SIZE)
        except OSError:
            return None
        return cls(secret) if len(secret) == SECRET_SIZE else None

    def derive(self, purpose: bytes) -> bytes:
        """Derive a key of 32 bytes for another purpose (HKDF with SHA-256, RFC 5869)."""
        return HKDF(SHA256(), SECRET_SIZE, salt=None, info=purpose).derive(self._secret)

    def prove(self, origin: str, nonce: bytes) -> InstallationProof:
        """Sign a page's nonce with the key for its site.

        Args:
            origin: of the site, normalised.
            nonce: the page's, so that an old answer cannot be used again.

        """
        key = self._key_for(origin)
        r, s = decode_dss_signature(key.sign(CONTEXT + nonce, ec.ECDSA(SHA256())))
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return InstallationProof(public, r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    def _key_for(self, origin: str) -> ec.EllipticCurvePrivateKey:
        info = _DERIVATION + origin.encode()
        wide = HKDF(SHA256(), _WIDE, salt=None, info=info).derive(self._secret)
        number = int.from_bytes(wide, "big") % (_ORDER - 1) + 1
        return ec.derive_private_key(number, ec.SECP256R1())
