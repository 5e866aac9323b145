"""Sources of revocation data; ``agent.pki.crl`` and ``agent.pki.judge`` evaluate it.

A source returns what it has, and nothing when it fails; without data nothing is valid.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.cms.errors import CmsError
from agent.pki.anchors import decode, files_in, read_bounded
from agent.pki.crl import MAX_CRL

MAX_OCSP = 64 * 1024  # bytes
_CRL_SUFFIXES = frozenset({".crl", ".pem"})
_CRL_LABEL = "X509 CRL"


@dataclass(frozen=True, slots=True)
class RevocationData:
    """Lists and OCSP responses, DER; not verified."""

    crls: tuple[bytes, ...] = ()
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
        """Make a source of these lists and OCSP responses, DER."""
        return cls(RevocationData(tuple(crls), tuple(ocsps)))

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
        self._read: dict[Path, tuple[tuple[int, int], tuple[bytes, ...]]] = {}

    async def current(self) -> RevocationData:
        """Return the lists, reading changed files anew; unreadable files are skipped."""
        return await asyncio.to_thread(self.read)

    def read(self) -> RevocationData:
        """Return the same as :meth:`current`, in the calling thread."""
        crls: list[bytes] = []
        for path in self._paths:
            try:
                files = files_in(path, _CRL_SUFFIXES)
            except CmsError:
                continue
            for file in files:
                crls.extend(self._read_file(file))
        return RevocationData(tuple(crls))

    def _read_file(self, file: Path) -> tuple[bytes, ...]:
        try:
            stat = file.stat()
            key = (stat.st_mtime_ns, stat.st_size)
            known = self._read.get(file)
            if known is None or known[0] != key:
                known = key, tuple(decode(read_bounded(file, MAX_CRL), _CRL_LABEL))
                self._read[file] = known
        except (CmsError, OSError):
            self._read.pop(file, None)
            return ()
        return known[1]


@dataclass(frozen=True, slots=True)
class CombinedSource:
    """A source that joins the data of several."""

    sources: tuple[RevocationSource, ...]

    async def current(self) -> RevocationData:
        """Return the data of all of them, asked at the same time."""
        found = await asyncio.gather(*(source.current() for source in self.sources))
        return sum(found, RevocationData())
