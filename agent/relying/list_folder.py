"""Keep fetched revocation lists in a folder that several processes share.

For each address there is the list itself, when and with what success it was last looked for, and a
lock, which whoever fetches it holds. The folder has to be on a file system where locks work.
"""

import asyncio
import hashlib
import json
import logging
import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from filelock import FileLock, Timeout

from agent.files import PRIVATE, read_file, remove_leftovers, replace_file
from agent.relying.list_fetch import TIMEOUT, ListVersion
from agent.size_limits import MAX_CRL

LOCK_PATIENCE: Final = 3 * TIMEOUT
"""Seconds to wait for another process, which may have been stopped while it held the lock."""
_LOCK_POLL: Final = 0.1  # seconds
_MAX_LOOK: Final = 4096  # bytes
_VERSION_TEXT: Final = re.compile(r"[\x20-\x7e]{0,512}")
_MOST_FAILURES: Final = 1_000_000
_LOG: Final = logging.getLogger(__name__)


class ListFolderError(OSError):
    """The folder for revocation lists cannot be used; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class Look:
    """When an address was last asked, by whichever process.

    Attributes:
        at: seconds since 1970; minus infinity where it never was.
        failures: how often since then, one after the other, no list was had that is fresh.
        version: of the list that is kept; nothing where the server does not name versions.
        sha256: of the list that is kept, lower hex; empty where there is none.

    """

    at: float = -math.inf
    failures: int = 0
    version: ListVersion = field(default_factory=ListVersion)
    sha256: str = ""

    def encode(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Read what :meth:`encode` wrote; what is damaged is as good as none."""
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            found: dict[str, Any] = json.loads(raw)
            at, failures, sha256 = found["at"], found["failures"], found["sha256"]
            version = ListVersion(**found["version"])
            texts = (sha256, version.etag, version.last_modified)
            are_texts = all(map(is_version_text, texts))
            if _is_count(failures) and isinstance(at, float) and math.isfinite(at) and are_texts:
                return cls(at, failures, version, sha256)
        return cls()


def is_version_text(text: object) -> bool:
    """Return whether this may stand in a header that we send: printable ASCII, not too long."""
    return isinstance(text, str) and _VERSION_TEXT.fullmatch(text) is not None


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST_FAILURES


class KeptList:
    """What the folder holds about one address; every method but :meth:`locked` uses the disk."""

    def __init__(self, folder: Path, url: str) -> None:
        name = hashlib.sha256(url.encode()).hexdigest()
        self._list = folder / f"{name}.crl"
        self._look = folder / f"{name}.json"
        self._lock = folder / f"{name}.lock"

    def stamp(self) -> tuple[int, ...]:
        """Return something that is another whenever list or look were written anew."""
        found: list[int] = []
        for path in (self._list, self._look):
            with suppress(OSError):
                stat = path.stat()
                found += stat.st_ino, stat.st_mtime_ns, stat.st_size
        return tuple(found)

    def load(self) -> tuple[bytes | None, Look]:
        """Return the list, unverified, and the last look; None where there is no list."""
        look = Look()
        with suppress(OSError):
            look = Look.decode(read_file(self._look, _MAX_LOOK))
        try:
            return read_file(self._list, MAX_CRL), look
        except OSError:
            return None, look

    def save(self, der: bytes | None, look: Look) -> None:
        """Keep a list, None for the one that is there, and the look that found it.

        Raises:
            OSError: it cannot be written.

        """
        if der is not None:
            replace_file(self._list, der)
        # Second: a look that names a newer list than is there would have it never fetched.
        replace_file(self._look, look.encode())

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Let no other process ask this address meanwhile.

        After a minute of waiting, and where there can be no lock, it goes on without: a list too
        often is better than none.
        """
        lock = FileLock(self._lock, timeout=0, mode=PRIVATE, thread_local=False)
        is_held = await self._acquire(lock)
        try:
            yield
        finally:
            if is_held:
                await asyncio.shield(asyncio.to_thread(lock.release))

    async def _acquire(self, lock: FileLock) -> bool:
        try:
            async with asyncio.timeout(LOCK_PATIENCE):
                while True:
                    with suppress(Timeout):
                        await asyncio.to_thread(lock.acquire)
                        return True
                    await asyncio.sleep(_LOCK_POLL)
        except TimeoutError:
            _LOG.warning("another process holds the lock of a revocation list; going on without")
        except (OSError, NotImplementedError) as error:
            _LOG.warning("no lock for a revocation list: %s", error)
        return False


def open_folder(folder: Path) -> None:
    """Make the folder where there is none, see that it can be written, and tidy it.

    Raises:
        ListFolderError: it cannot be written.

    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / "writable"
        replace_file(probe, b"")
        probe.unlink(missing_ok=True)  # another process does the same
    except OSError as error:
        why = f"the folder for revocation lists cannot be written: {error.strerror}"
        raise ListFolderError(error.errno, why, str(folder)) from error
    remove_leftovers(folder)
