"""Where revocation data comes from; what it says is judged elsewhere.

A source gives whatever it has and never says whether that is enough: a source that fails gives
nothing, and then nothing is valid.
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
    """Lists and OCSP responses, DER, of whoever; nothing about them is trusted."""

    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()

    def __add__(self, other: "RevocationData") -> "RevocationData":
        """Return the data of both."""
        return RevocationData(self.crls + other.crls, self.ocsps + other.ocsps)


class RevocationSource(Protocol):
    """Anything that has revocation data."""

    async def current(self) -> RevocationData:
        """Return the data at hand now; nothing rather than an error."""
        ...


@dataclass(frozen=True, slots=True)
class StaticSource:
    """Data that is there already."""

    data: RevocationData

    @classmethod
    def of(cls, crls: Iterable[bytes] = (), ocsps: Iterable[bytes] = ()) -> "StaticSource":
        """Hold these lists and OCSP responses, DER."""
        return cls(RevocationData(tuple(crls), tuple(ocsps)))

    async def current(self) -> RevocationData:
        """Return the data."""
        return self.data


class FileSource:
    """Lists in files, or in directories of ``.crl`` and ``.pem`` files, DER or PEM.

    They are read again whenever a file's size or time has changed, so that somebody else may
    replace them while we run.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._read: dict[Path, tuple[tuple[int, int], tuple[bytes, ...]]] = {}

    async def current(self) -> RevocationData:
        """Read what has changed; a file that cannot be read gives nothing."""
        return await asyncio.to_thread(self.read)

    def read(self) -> RevocationData:
        """Do the same on this thread."""
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
    """Everything that several sources have."""

    sources: tuple[RevocationSource, ...]

    async def current(self) -> RevocationData:
        """Ask all of them at once."""
        found = await asyncio.gather(*(source.current() for source in self.sources))
        return sum(found, RevocationData())
