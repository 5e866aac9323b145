"""Sources of revocation data; ``agent.pki.crl`` and ``agent.pki.ocsp`` evaluate it.

A source returns what it has, and nothing when it fails; without data nothing is valid.
"""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.cms.errors import CmsError
from agent.pki.anchors import decode, files_in, read_bounded
from agent.pki.crl import RevocationList
from agent.size_limits import MAX_CRL
from agent.turns import in_turn

_CRL_SUFFIXES = frozenset({".crl", ".pem"})
_CRL_LABEL = "X509 CRL"


@dataclass(frozen=True, slots=True)
class RevocationData:
    """Lists, and OCSP responses in DER; not verified."""

    crls: tuple[RevocationList, ...] = ()
    ocsps: tuple[bytes, ...] = ()

    def __add__(self, other: "RevocationData") -> "RevocationData":
        """Return the data of both."""
        return RevocationData(self.crls + other.crls, self.ocsps + other.ocsps)


class RevocationSource(Protocol):
    """A source of revocation data."""

    async def current(self) -> RevocationData:
        """Return the current data; empty data rather than an error."""
        ...


@dataclass(frozen=True, slots=True)
class StaticSource:
    """A source of fixed data."""

    data: RevocationData

    @classmethod
    def of(cls, crls: Iterable[bytes] = (), ocsps: Iterable[bytes] = ()) -> "StaticSource":
        """Make a source of these lists and OCSP responses, DER; unreadable lists are left out."""
        return cls(RevocationData(tuple(parse_lists(crls)), tuple(ocsps)))

    async def current(self) -> RevocationData:
        """Return the data."""
        return self.data


class FileSource:
    """Lists in files, or in directories of ``.crl`` and ``.pem`` files, DER or PEM.

    They are read again whenever a file's size or time has changed, so that they may be replaced at
    any time.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._lock = threading.Lock()
        self._read: dict[Path, tuple[tuple[int, int], tuple[RevocationList, ...]]] = {}

    async def current(self) -> RevocationData:
        """Return the lists, reading changed files anew; unreadable files are skipped."""
        return await in_turn(self.read)

    def read(self) -> RevocationData:
        """Return the same as :meth:`current`, in the calling thread."""
        crls: list[RevocationList] = []
        with self._lock:  # whoever comes while a list is parsed waits for it
            for path in self._paths:
                try:
                    files = files_in(path, _CRL_SUFFIXES)
                except CmsError:
                    continue
                for file in files:
                    crls.extend(self._read_file(file))
        return RevocationData(tuple(crls))

    def _read_file(self, file: Path) -> tuple[RevocationList, ...]:
        try:
            stat = file.stat()
            key = (stat.st_mtime_ns, stat.st_size)
            known = self._read.get(file)
            if known is None or known[0] != key:
                known = key, tuple(parse_lists(decode(read_bounded(file, MAX_CRL), _CRL_LABEL)))
                self._read[file] = known
        except (CmsError, OSError):
            self._read.pop(file, None)
            return ()
        return known[1]


def check_list_files(path: Path) -> None:
    """Refuse what :class:`FileSource` would skip: for an operator who looks at the settings.

    Raises:
        CmsError: a file cannot be read, or is no list; the text names it.

    """
    for file in files_in(path, _CRL_SUFFIXES):
        try:
            for each in decode(read_bounded(file, MAX_CRL), _CRL_LABEL):
                RevocationList.from_der(each)
        except CmsError as error:
            raise CmsError(f"{file.name}: {error.detail}", code=error.code) from error


def parse_lists(raw: Iterable[bytes]) -> Iterator[RevocationList]:
    """Parse lists, DER; what cannot be read proves nothing, and the others may."""
    for each in raw:
        with suppress(CmsError):
            yield RevocationList.from_der(each)


@dataclass(frozen=True, slots=True)
class CombinedSource:
    """A source that joins the data of several."""

    sources: tuple[RevocationSource, ...]

    async def current(self) -> RevocationData:
        """Return the data of all of them, asked at the same time."""
        found = await asyncio.gather(*(source.current() for source in self.sources))
        return sum(found, RevocationData())
