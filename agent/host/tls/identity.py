"""The local certificates on disk: made at the first start, and again when none can be used."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from agent.files import PRIVATE, FileTooLargeError, read_file, replace_file
from agent.host.tls.authority import LEAVES, NAMES, Leaf, LocalAuthority

AUTHORITY_FILE = "authority.pem"
FILES = (AUTHORITY_FILE, *(f"leaf-{number}.pem" for number in range(LEAVES)))
"""The names of all files of a whole ladder."""
_MAX_FILE_SIZE = 64 * 1024  # bytes; a leaf with its key has about 1200
# SSL_OP_CLEANSE_PLAINTEXT, OpenSSL 3.0's ssl.h: a page's PIN does not stay in the buffer into which
# OpenSSL deciphered it. Python has no name for it.
_OP_CLEANSE_PLAINTEXT = 1 << 1

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UsableLeaf:
    """A server certificate that can be used.

    Attributes:
        path: PEM file of its key and certificate.
        not_before: from when it is valid.
        not_after: until when.

    """

    path: Path
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class LocalCertificates:
    """An authority and those of its leaves that can be used, the earliest first.

    Attributes:
        authority: PEM file of the authority's certificate, for trust stores.
        certificate: what is in it.
        leaves: at least one.

    """

    authority: Path
    certificate: x509.Certificate
    leaves: tuple[UsableLeaf, ...]

    @property
    def starts(self) -> datetime:
        """When everything was made; a clock before this is wrong.

        Not the earliest leaf's start: that one may be damaged, and then the clock is right.
        """
        return self.certificate.not_valid_before_utc

    @property
    def ends(self) -> datetime:
        """When the last leaf expires; after that only a new authority helps."""
        return max(leaf.not_after for leaf in self.leaves)

    def at(self, now: datetime) -> UsableLeaf | None:
        """Choose the valid leaf that lasts longest; None when none is valid."""
        valid = [leaf for leaf in self.leaves if leaf.not_before <= now < leaf.not_after]
        return max(valid, key=lambda leaf: leaf.not_after, default=None)


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """The authority to trust and the leaf to serve with now.

    Attributes:
        authority: PEM file of the authority's certificate, for trust stores.
        leaf: PEM file of the leaf's key and certificate.
        fingerprint: SHA-256 of the authority's certificate, lower-case hex.
        not_after: until when the leaf serves.
        created: whether everything was made just now, so that no store trusts it yet.

    """

    authority: Path
    leaf: Path
    fingerprint: str
    not_after: datetime
    created: bool


def ensure(folder: Path, now: datetime | None = None) -> ServerIdentity:
    """Return the identity in ``folder``; make a new one where there is none to serve with.

    Nothing new is made while the clock stands before the certificates begin (mostly an empty
    battery): every browser would lose its trust, and the clock will be right again.

    Args:
        folder: made when missing, for its owner only.
        now: with a time zone; the clock's when None.

    Raises:
        OSError: the folder cannot be read or written.

    """
    now = now or datetime.now(UTC)
    found = find(folder, now)
    if found is not None:
        return found
    return renew(folder, now)


def renew(folder: Path, now: datetime | None = None) -> ServerIdentity:
    """Make a new authority and its leaves in place of whatever is in ``folder``.

    Args:
        folder: made when missing, for its owner only.
        now: with a time zone; the clock's when None.

    Raises:
        OSError: the folder cannot be written.

    """
    now = now or datetime.now(UTC)
    _log.info("making local certificates")
    _create(folder, now)
    made = find(folder, now, created=True)
    if made is None:
        raise OSError(f"the certificates just written to {folder} cannot be read back")
    return made


def find(folder: Path, now: datetime, *, created: bool = False) -> ServerIdentity | None:
    """Return the identity in ``folder``; None where there is none to serve with.

    Args:
        folder: of the certificates; nothing is made or changed in it.
        now: with a time zone.
        created: what the identity is to say of that.

    Raises:
        OSError: the folder cannot be read.

    """
    found = read(folder)
    if found is None:
        return None
    leaf = found.at(now)
    if leaf is None and now < found.starts:
        _log.warning("the clock stands before the local certificates", starts=str(found.starts))
        leaf = found.leaves[0]
    if leaf is None:
        return None
    fingerprint = found.certificate.fingerprint(SHA256()).hex()
    return ServerIdentity(found.authority, leaf.path, fingerprint, leaf.not_after, created)


def read(folder: Path) -> LocalCertificates | None:
    """Read what is in ``folder``; None without an authority, or without a leaf of it.

    Raises:
        OSError: the folder cannot be read.

    """
    path = folder / AUTHORITY_FILE
    authority = _load_certificate(_read(path))
    if authority is None:
        return None
    leaves = []
    for number in range(LEAVES):
        leaf_path = _leaf_path(folder, number)
        leaf = load_leaf(_read(leaf_path))
        if leaf is not None and is_issued_by(leaf, authority):
            certificate = leaf.certificate
            start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            leaves.append(UsableLeaf(leaf_path, start, end))
    if not leaves:
        return None
    leaves.sort(key=lambda each: each.not_before)
    return LocalCertificates(path, authority, tuple(leaves))


def server_context(identity: ServerIdentity) -> ssl.SSLContext:
    """Make the context to serve with: TLS 1.2 or later, HTTP/1.1, no client certificates.

    Raises:
        OSError: the leaf cannot be read (``ssl.SSLError`` is one).

    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(identity.leaf)
    if ssl.OPENSSL_VERSION_INFO >= (3, 0):
        context.options |= _OP_CLEANSE_PLAINTEXT
    return context


def _leaf_path(folder: Path, number: int) -> Path:
    return folder / f"leaf-{number}.pem"


def is_issued_by(leaf: Leaf, authority: x509.Certificate) -> bool:
    """Return whether a leaf is the authority's, for our names, and has its key."""
    certificate = leaf.certificate
    try:
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return set(names) == set(NAMES) and certificate.public_key() == leaf.key.public_key()


def _create(folder: Path, now: datetime) -> None:
    """Make a new ladder; the authority's key exists only while this function runs."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = LocalAuthority(now.replace(microsecond=0))
    write(folder, authority.certificate, authority.leaves())


def write(
    folder: Path, authority: x509.Certificate, leaves: Sequence[Leaf], mode: int = PRIVATE
) -> None:
    """Write the leaves first and the authority last.

    Killed in between, the next start finds leaves that the old authority did not issue, and
    begins again.

    Args:
        folder: that is there.
        authority: the certificate.
        leaves: at most :data:`~agent.host.tls.authority.LEAVES`.
        mode: POSIX permissions of each file.

    Raises:
        OSError: one of them cannot be written.

    """
    for number, leaf in enumerate(leaves):
        replace_file(_leaf_path(folder, number), leaf_pem(leaf), mode=mode)
    replace_file(folder / AUTHORITY_FILE, authority.public_bytes(Encoding.PEM), mode=mode)


def leaf_pem(leaf: Leaf) -> bytes:
    """Return a leaf's key and certificate, PEM."""
    key = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + leaf.certificate.public_bytes(Encoding.PEM)


def _read(path: Path) -> bytes:
    try:
        return read_file(path, _MAX_FILE_SIZE)
    except (FileNotFoundError, IsADirectoryError, FileTooLargeError):
        return b""


def _load_certificate(content: bytes) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(content)
    except ValueError:
        return None


def load_leaf(content: bytes) -> Leaf | None:
    """Read what :func:`leaf_pem` returned; None where it is anything else."""
    certificate = _load_certificate(content)
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError):
        return None
    if certificate is None or not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    return Leaf(certificate, key)
