"""Private copies of the documents that are worked on: the worker never learns a person's paths.

What is copied is what is signed: a document that changes afterwards is found to have changed.
"""

import hashlib
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from agent.errors import ErrorCode, TooLargeError
from agent.files import private_opener, regular_opener
from agent.pdf.wire import PdfError
from agent.size_limits import MAX_PDF

_PIECE: Final = 1024 * 1024
NAME: Final = re.compile(r"work-[0-9a-f]{16}\.(pdf|signed)")
"""The names of files of a work folder."""
LEFT_SECONDS: Final = 30 * 60.0
"""The age of a file that nobody can be working with any more."""


@dataclass(frozen=True, slots=True)
class PrivateCopy:
    """A document's octets, and where they came from.

    Attributes:
        source: the person's own file.
        file: the copy.
        digest: SHA-256 of both.
        size: in bytes.

    """

    source: Path
    file: Path
    digest: bytes
    size: int

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

    A context: they are gone when it ends. What killed processes left is gone half an hour later.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made when it is entered."""
        self._folder = folder
        self._files: list[Path] = []

    def __enter__(self) -> Self:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        _remove_old(self._folder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for file in self._files:
            with suppress(OSError):
                file.unlink()

    def name(self, ending: str) -> Path:
        """Return a name that no file has, for a file that ends with the work."""
        file = self._folder / f"work-{secrets.token_hex(8)}{ending}"
        self._files.append(file)
        return file


def copy_into(work: WorkFolder, source: Path) -> PrivateCopy:
    """Copy a document, and hash it on the way.

    Raises:
        TooLargeError: it has more than ``MAX_PDF`` bytes.
        OSError: it is no regular file, or cannot be read or copied.

    """
    target = work.name(".pdf")
    hasher, size = hashlib.sha256(), 0
    with (
        open(source, "rb", opener=regular_opener) as file,
        # another way: a copy that nobody else reads, and that is gone with the work
        open(target, "xb", opener=private_opener) as copy,
    ):
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > MAX_PDF:
                raise TooLargeError(f"{source.name}: a PDF has at most {MAX_PDF} bytes")
            hasher.update(piece)
            copy.write(piece)
    return PrivateCopy(source, target, hasher.digest(), size)


def _digest(file: BinaryIO) -> bytes:
    hasher = hashlib.sha256()
    while piece := file.read(_PIECE):
        hasher.update(piece)
    return hasher.digest()


def _changed(detail: str) -> PdfError:
    return PdfError(detail, code=ErrorCode.DOCUMENT_CHANGED)


def _remove_old(folder: Path) -> None:
    """Remove what killed processes left; never raises."""
    with suppress(OSError):
        for path in list(folder.iterdir()):
            if NAME.fullmatch(path.name):
                with suppress(OSError):
                    # Either side: a clock may have been set back since.
                    if abs(time.time() - path.lstat().st_mtime) > LEFT_SECONDS:
                        path.unlink()
