"""Load trust anchors and intermediate certificates."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from asn1crypto import pem

from agent.cms.errors import CmsError, hostile_input
from agent.errors import ErrorCode
from agent.files import FileTooLargeError, read_at_most, read_file
from agent.pki.certificate import CertificateFacts
from agent.pki.reading import read_certificate
from agent.size_limits import MAX_AUTHORITIES_FILE

if TYPE_CHECKING:
    from agent.pki.chain import ChainCertificate

MAX_FILES = 256
MAX_HINTS = 16
_SUFFIXES = frozenset({".cer", ".crt", ".der", ".pem"})


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The configured authorities.

    Attributes:
        anchors: trusted authorities, self-signed or not.
        intermediates: authorities that are used to build paths, and not trusted by themselves.
        parsed: what ``agent.pki.chain`` made of them, by their DER.

    """

    anchors: tuple[CertificateFacts, ...]
    intermediates: tuple[CertificateFacts, ...] = ()
    parsed: dict[bytes, "ChainCertificate"] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def load(cls, anchors: Iterable[Path], intermediates: Iterable[Path] = ()) -> Self:
        """Load both from files (DER, or PEM with any number) or directories of such files.

        Raises:
            CmsError: a file cannot be read or is malformed, a directory has none, an anchor is
                not an authority, or there is no anchor. The text names the file.

        """
        trusted = _load_all(anchors)
        if not trusted:
            raise CmsError("no trust anchor")
        if not all(facts.is_ca for facts in trusted):
            raise CmsError("a trust anchor has to be an authority's certificate")
        return cls(trusted, _load_all(intermediates))

    def with_hints(self, raw: Sequence[bytes]) -> Self:
        """Return a store with at most sixteen certificates of a message added, DER.

        They become untrusted intermediates; malformed ones are ignored.
        """
        hints = []
        for item in raw[:MAX_HINTS]:
            with suppress(CmsError):
                hints.append(read_certificate(item))
        return type(self)(self.anchors, (*self.intermediates, *hints))


def _load_all(paths: Iterable[Path]) -> tuple[CertificateFacts, ...]:
    found = {
        raw: facts
        for path in paths
        for file in _certificate_files(path)
        for raw, facts in _certificates_in(file)
    }
    return tuple(found.values())


def _certificate_files(path: Path) -> list[Path]:
    found = files_in(path, _SUFFIXES)
    if not found:  # nobody names a folder to say "none"
        raise CmsError(f"no certificate in {path.name}: its files end in .cer, .crt, .der or .pem")
    return found


def _certificates_in(file: Path) -> list[tuple[bytes, CertificateFacts]]:
    """Return the certificates of a file; an error names it, as there may be many."""
    raw = read_bounded(file, MAX_AUTHORITIES_FILE)
    try:
        return [(each, read_certificate(each)) for each in decode(raw, "CERTIFICATE")]
    except CmsError as error:
        raise CmsError(f"{file.name}: {error.detail}", code=error.code) from error


def files_in(path: Path, suffixes: frozenset[str]) -> list[Path]:
    """Return the files with these suffixes when ``path`` is a directory, else just ``path``.

    Raises:
        CmsError: the directory cannot be read, or has too many files.

    """
    try:
        if not path.is_dir():
            return [path]
        found = sorted(item for item in path.iterdir() if item.suffix.lower() in suffixes)
    except OSError as exc:
        raise CmsError(f"cannot read {path.name}: {exc.strerror}") from exc
    if len(found) > MAX_FILES:
        raise CmsError(f"more than {MAX_FILES} files in {path.name}")
    return found


def read_bounded(path: Path, limit: int, *, may_be_pipe: bool = False) -> bytes:
    """Read a file of at most ``limit`` bytes.

    Args:
        path: of a regular file, or a link to one.
        limit: bytes.
        may_be_pipe: whether it may also be a pipe, which is waited for as long as it takes.

    Raises:
        CmsError: it cannot be read, is larger, or no regular file.

    """
    try:
        if not may_be_pipe:
            return read_file(path, limit, follow_links=True)
        with path.open("rb") as file:
            return read_at_most(file, limit)
    except FileTooLargeError as exc:
        why = f"{path.name} is larger than {limit} bytes"
        raise CmsError(why, code=ErrorCode.TOO_LARGE) from exc
    except OSError as exc:
        raise CmsError(f"cannot read {path.name}: {exc.strerror}") from exc


def decode(raw: bytes, label: str) -> list[bytes]:
    """Return the DER of each PEM block with a label; DER is returned unchanged.

    Raises:
        CmsError: malformed PEM, or blocks of other labels only.

    """
    with hostile_input(label.lower()):
        if not pem.detect(raw):
            return [raw]
        found = [der for name, _, der in pem.unarmor(raw, multiple=True) if name == label]
    if not found:
        raise CmsError(f"no {label.lower()} in the file")
    return found
