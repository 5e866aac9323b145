"""Private copies of the documents that are worked on: the worker never learns a person's paths.

What is copied is what is signed: a document that changes afterwards is found to have changed.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Literal, Self

from agent.documents.baskets import BasketFile
from agent.errors import ErrorCode, TooLargeError
from agent.files import private_opener, regular_opener
from agent.host.machine.document_copies import AGENTS, CopyKind, clear_old
from agent.pdf.wire import PdfError
from agent.size_limits import MAX_PDF

_PIECE: Final = 1024 * 1024
_clearing: Final[set[asyncio.Future[None]]] = set()


@dataclass(frozen=True, slots=True)
class PrivateCopy:
    """A document's octets, and where they came from.

    Attributes:
        source: the person's own file; the copy itself where a page handed the octets over.
        file: the copy.
        digest: SHA-256 of both.
        size: in bytes.
        handed_over_as: the file's name where a page handed it over; None where we read it.

    """

    source: Path
    file: Path
    digest: bytes
    size: int
    handed_over_as: str | None = None

    @property
    def name(self) -> str:
        """The file's name, as its owner sees it."""
        return self.source.name if self.handed_over_as is None else self.handed_over_as

    def require_unchanged(self) -> None:
        """Refuse to go on with a document that is not the one that was looked at.

        Raises:
            PdfError: ``document_changed``.

        """
        try:
            with open(self.source, "rb", opener=regular_opener) as file:
                found = _digest(file)
        except OSError as error:
            raise _changed(str(error)) from error
        if found != self.digest:
            raise _changed(f"{self.source.name} is not the file that was read before")


class WorkFolder:
    """A folder for its owner only, and the files that one piece of work makes in it.

    A context: they are gone when it ends. What killed processes left is gone half an hour later,
    and what a killed agent left when the next one starts.
    """

    def __init__(self, folder: Path, kind: CopyKind = AGENTS) -> None:
        """Name the folder; it is made when it is entered.

        Args:
            folder: where the files are.
            kind: whose they are.

        """
        self._folder = folder
        self._kind = kind
        self._files: list[Path] = []

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.clear()

    def open(self) -> None:
        """Make the folder.

        Raises:
            OSError: it cannot be made.

        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        clear_old(self._folder)

    def clear(self) -> None:
        """Remove the files of this work; never raises."""
        for file in self._files:
            with suppress(OSError):
                file.unlink()

    def renew(self) -> None:
        """Have the files count as new: they are needed still. Never raises."""
        for file in self._files:
            with suppress(OSError):
                os.utime(file)

    def name(self, ending: str) -> Path:
        """Return a name that no file has, for a file that ends with the work."""
        file = self._folder / f"{self._kind}-{secrets.token_hex(8)}{ending}"
        self._files.append(file)
        return file


async def clear_for_sure(work: WorkFolder) -> None:
    """Remove the files of a work, also where whoever waits for it is cancelled once more."""
    clearing = asyncio.ensure_future(asyncio.to_thread(work.clear))
    _clearing.add(clearing)
    clearing.add_done_callback(_clearing.discard)
    await asyncio.shield(clearing)


def copy_into(work: WorkFolder, source: Path) -> PrivateCopy:
    """Copy a document, and hash it on the way.

    Raises:
        TooLargeError: it has more than ``MAX_PDF`` bytes.
        OSError: it is no regular file, or cannot be read or copied.

    """
    if source.stat().st_size > MAX_PDF:  # before that much is written for nothing
        raise _too_large(source)
    with open(source, "rb", opener=regular_opener) as file:
        return _copied(work, source, file)


def copy_chosen(work: WorkFolder, chosen: BasketFile) -> PrivateCopy:
    """Copy a document of a basket, unless it is another file by now.

    Raises:
        PdfError: ``document_changed``.
        TooLargeError: it has more than ``MAX_PDF`` bytes.
        OSError: it is no regular file any more, or cannot be read or copied.

    """
    if chosen.size > MAX_PDF:
        raise _too_large(chosen.place)
    with open(chosen.place, "rb", opener=private_opener) as file:
        _require_same(file, chosen)
        copy = _copied(work, chosen.place, file)
        _require_same(file, chosen)  # it may be being written
    return copy


def _require_same(file: BinaryIO, chosen: BasketFile) -> None:
    found = os.fstat(file.fileno())
    if (found.st_size, found.st_mtime_ns) != (chosen.size, chosen.changed):
        raise _changed(f"{chosen.place.name} is not the file that was chosen")


def _copied(work: WorkFolder, source: Path, file: BinaryIO) -> PrivateCopy:
    target = work.name(".pdf")
    hasher, size = hashlib.sha256(), 0
    # another way: a copy that nobody else reads, and that is gone with the work
    with open(target, "xb", opener=private_opener) as copy:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > MAX_PDF:
                raise _too_large(source)
            hasher.update(piece)
            copy.write(piece)
    return PrivateCopy(source, target, hasher.digest(), size)


async def receive_into(work: WorkFolder, name: str, content: AsyncIterable[bytes]) -> PrivateCopy:
    """Write down a document that a page hands over piece by piece, and hash it on the way.

    Args:
        work: where to.
        name: of the page's file; never a path.
        content: its octets.

    Raises:
        TooLargeError: there are more than ``MAX_PDF`` bytes.
        OSError: it cannot be written.

    """
    target = work.name(".pdf")
    hasher, size, waiting = hashlib.sha256(), 0, bytearray()
    await asyncio.to_thread(_append, target, b"", "xb")
    async for piece in content:
        size += len(piece)
        if size > MAX_PDF:
            raise TooLargeError(f"a PDF has at most {MAX_PDF} bytes")
        waiting += piece
        if len(waiting) >= _PIECE:
            await asyncio.to_thread(hasher.update, waiting)
            await asyncio.to_thread(_append, target, bytes(waiting))
            waiting.clear()
    hasher.update(waiting)
    await asyncio.to_thread(_append, target, bytes(waiting))
    return PrivateCopy(target, target, hasher.digest(), size, name)


def _append(target: Path, octets: bytes, mode: Literal["r+b", "xb"] = "r+b") -> None:
    """Write on in a file that is there: one that has gone with its work does not come back.

    Raises:
        OSError: it is not there, or cannot be written.

    """
    # another way: too large to be held in memory, for nobody else, and gone with the work
    with open(target, mode, opener=private_opener) as file:
        file.seek(0, os.SEEK_END)
        file.write(octets)


def _digest(file: BinaryIO) -> bytes:
    hasher = hashlib.sha256()
    while piece := file.read(_PIECE):
        hasher.update(piece)
    return hasher.digest()


def _too_large(source: Path) -> TooLargeError:
    return TooLargeError(f"{source.name}: a PDF has at most {MAX_PDF} bytes")


def _changed(detail: str) -> PdfError:
    return PdfError(detail, code=ErrorCode.DOCUMENT_CHANGED)
