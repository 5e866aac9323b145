"""Private copies of the documents that are worked on: the worker never learns a person's paths.

What is copied is what is signed: a document that changes afterwards is found to have changed.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from agent.errors import ErrorCode, TooLargeError
from agent.files import regular_opener
from agent.pdf.wire import PdfError
from agent.size_limits import MAX_PDF

_PIECE: Final = 1024 * 1024
_PREFIX: Final = "work-"
LEFT_SECONDS: Final = 30 * 60.0
"""The age of a folder that no process can be working in any more."""


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
            raise _changed("it is not the file that was read before")


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """Make a folder for its owner only, that is gone when the context ends.

    Args:
        parent: the folder that it is made in; made too, where it is not there.

    Raises:
        OSError: it cannot be made.

    """
    parent.mkdir(mode=0o700, exist_ok=True)
    _remove_old(parent)
    with tempfile.TemporaryDirectory(
        prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def copy_into(folder: Path, source: Path) -> PrivateCopy:
    """Copy a document, and hash it on the way.

    Raises:
        TooLargeError: it has more than ``MAX_PDF`` bytes.
        OSError: it is no regular file, or cannot be read or copied.

    """
    descriptor, name = tempfile.mkstemp(suffix=".pdf", dir=folder)
    hasher, size = hashlib.sha256(), 0
    # another way: a copy that nobody else reads, and that is gone with its folder
    with os.fdopen(descriptor, "wb") as copy, open(source, "rb", opener=regular_opener) as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > MAX_PDF:
                raise TooLargeError(f"{source.name}: a PDF has at most {MAX_PDF} bytes")
            hasher.update(piece)
            copy.write(piece)
    return PrivateCopy(source, Path(name), hasher.digest(), size)


def _digest(file: BinaryIO) -> bytes:
    hasher = hashlib.sha256()
    while piece := file.read(_PIECE):
        hasher.update(piece)
    return hasher.digest()


def _changed(detail: str) -> PdfError:
    return PdfError(detail, code=ErrorCode.DOCUMENT_CHANGED)


def _remove_old(parent: Path) -> None:
    """Remove what killed processes left; never raises."""
    with suppress(OSError):
        for path in parent.iterdir():
            if path.name.startswith(_PREFIX):
                with suppress(OSError):
                    if abs(time.time() - path.lstat().st_mtime) > LEFT_SECONDS:
                        shutil.rmtree(path)
