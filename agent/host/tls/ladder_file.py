"""An authority and all of its leaves in one file, which an organisation carries to its computers.

PEM: the authority's certificate, then key and certificate of each leaf. The authority's key is in
no file: it was destroyed when the leaves were signed, as that of each computer's own is.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from agent.errors import BadRequestError
from agent.files import FileTooLargeError, read_file
from agent.host.tls.authority import CONSTRAINTS, LEAVES, Leaf
from agent.host.tls.identity import is_issued_by, leaf_pem, load_leaf
from agent.host.tls.store import AUTHORITY_NAME

LADDER_FILE: Final = "ladder.pem"
ROOT_FILE: Final = "root.cer"
"""The authority's certificate alone, DER: for group policies and profiles."""
MAX_LADDER: Final = 256 * 1024
"""Bytes of the file; it has about nine thousand."""
_BLOCK: Final = re.compile(
    rb"-----BEGIN (?P<kind>CERTIFICATE|PRIVATE KEY)-----\r?\n[0-9A-Za-z+/=\r\n]*?"
    rb"-----END (?P=kind)-----"
)


@dataclass(frozen=True, slots=True)
class Ladder:
    """What an authority leaves behind.

    Attributes:
        authority: its certificate.
        leaves: that it signed, the earliest first.

    """

    authority: x509.Certificate
    leaves: tuple[Leaf, ...]

    def encoded(self) -> bytes:
        """Return the file's content."""
        pem = self.authority.public_bytes(Encoding.PEM)
        return b"".join([pem, *map(leaf_pem, self.leaves)])


def read_ladder(place: Path) -> Ladder:
    """Read a file, or the one of the usual name in a folder.

    Raises:
        BadRequestError: it is no whole ladder, or one whose authority could sign for other names
            than this computer's own.
        OSError: it cannot be read.

    """
    path = place / LADDER_FILE if place.is_dir() else place
    try:
        content = read_file(path, MAX_LADDER, follow_links=True)
        return _understood(content)
    except FileTooLargeError as error:
        raise _refused(path, "longer than any ladder") from error
    except ValueError as error:
        raise _refused(path, str(error)) from error


def _refused(path: Path, why: str) -> BadRequestError:
    facts = {"path": path, "detail": why}
    return BadRequestError(f"{path}: {why}", said=("cli.error.no_ladder", facts))


def _understood(content: bytes) -> Ladder:
    """Read and judge the file's content.

    Raises:
        ValueError: it is nothing that every computer could be made to trust.

    """
    blocks = [each.group() for each in _BLOCK.finditer(content)]
    if len(blocks) != 1 + 2 * LEAVES:
        raise ValueError(f"an authority and {LEAVES} leaves with their keys are expected")
    try:
        authority = x509.load_pem_x509_certificate(blocks[0])
    except ValueError:
        raise ValueError("the authority's certificate cannot be read") from None
    judge_authority(authority)
    leaves: list[Leaf] = []
    for at in range(1, len(blocks), 2):
        leaf = load_leaf(b"\n".join(blocks[at : at + 2]))
        if leaf is None or not is_issued_by(leaf, authority):
            raise ValueError(f"leaf {len(leaves)} is not the authority's, or has no key")
        leaves.append(leaf)
    leaves.sort(key=lambda each: each.certificate.not_valid_before_utc)
    return Ladder(authority, tuple(leaves))


def judge_authority(certificate: x509.Certificate) -> None:
    """Refuse an authority that could vouch for anything but a port of this computer.

    Raises:
        ValueError: it could, or is none.

    """
    try:
        certificate.verify_directly_issued_by(certificate)
        extensions = certificate.extensions
        basic = extensions.get_extension_for_class(x509.BasicConstraints)
        names = extensions.get_extension_for_class(x509.NameConstraints)
        usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
        raise ValueError("the authority's certificate is not as Ankong makes them") from error
    is_bound = names.critical and names.value == CONSTRAINTS
    is_last = basic.critical and basic.value == x509.BasicConstraints(ca=True, path_length=0)
    serves_only = set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH}
    common = certificate.subject.rfc4514_string().removeprefix("CN=")
    if not (is_bound and is_last and serves_only and AUTHORITY_NAME.fullmatch(common)):
        raise ValueError("its authority could vouch for others than this computer itself")
