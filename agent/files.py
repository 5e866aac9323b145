"""Write and read small files so that no crash, full disk or planted link spoils them.

The promise about the last part of a path: a symbolic link there is not followed unless
``follow_links`` is given. :func:`replace_file` replaces the link itself, every other function
refuses it. A FIFO, socket or device there is replaced or refused likewise, and never waited for.

Nothing is promised about the folders above it: links there are followed, and whoever may write in
one of them may move everything below. They have to be writable for trusted users only.

New files are for their owner only unless ``mode`` says otherwise. Windows has no modes: there a
file gets the access list of its folder.
"""

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

PRIVATE: Final = 0o600
"""The mode of a file for its owner only."""
SCRATCH: Final = re.compile(r"\.ankong-[0-9a-f]{16}\.new")
"""The names of temporary files; see :func:`remove_leftovers`."""
# POSIX only; Windows knows neither FIFOs in folders nor links that everybody may make.
_NO_FOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT: Final[int] = getattr(os, "O_NONBLOCK", 0)
_BINARY: Final[int] = getattr(os, "O_BINARY", 0)  # Windows only: no translation of line ends
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY
# Windows refuses to replace a file that another program, often a virus scanner, has open:
# ERROR_ACCESS_DENIED and ERROR_SHARING_VIOLATION.
_IN_USE: Final = frozenset({5, 32})
LEFT_SECONDS: Final = 60.0
"""The age of a temporary file that nobody can be writing any more."""
ANY_AGE: Final = -1.0
"""Younger than every file."""
_PIECE: Final = 1024 * 1024  # bytes
_WAITS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)  # seconds


class FileTooLargeError(OSError):
    """A file is longer than the caller takes."""


def replace_file(
    path: Path, content: bytes, *, mode: int = PRIVATE, follow_links: bool = False
) -> None:
    """Replace a file in one step: a reader sees the old content or the new one, never a part.

    The new content is on the disk when this returns, and readable by its owner only before it is
    complete.

    Args:
        path: in a folder that exists; what is there may be anything but a folder.
        content: all of it.
        mode: POSIX permissions of the new file, whatever the umask.
        follow_links: whether a symbolic link stays, and the file that it leads to is replaced.

    Raises:
        OSError: it cannot be written; what was there is as it was, and no other file is left.

    """
    target = _resolved(path) if follow_links else path
    with _written_beside(target, content, mode) as scratch:
        _move(scratch, target)
    sync_folder(target.parent)


def create_file(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Make a file that is not there yet; of several processes that try, exactly one succeeds.

    Args:
        path: in a folder that exists, on a file system with hard links.
        content: all of it; nobody ever sees a part.
        mode: POSIX permissions, whatever the umask.

    Raises:
        FileExistsError: something has that name, be it a link that leads nowhere.
        OSError: it cannot be written; nothing is left.

    """
    with _written_beside(path, content, mode) as scratch:
        if os.name == "nt":
            scratch.rename(path)  # which replaces nothing on Windows
        else:
            os.link(scratch, path)
    sync_folder(path.parent)


def read_file(path: Path, limit: int, *, follow_links: bool = False) -> bytes:
    """Read a file of at most ``limit`` bytes.

    Args:
        path: of a regular file.
        limit: bytes.
        follow_links: whether the path may be a symbolic link to one.

    Raises:
        FileNotFoundError: there is nothing of that name.
        FileTooLargeError: it is longer.
        OSError: it is a link, no regular file, or cannot be read.

    """
    if "\0" in os.fspath(path):  # which ends in a ValueError where nobody expects one
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    open_file = regular_opener if follow_links else private_opener
    with open(path, "rb", opener=open_file) as file:
        return read_at_most(file, limit)


def read_at_most(file: BinaryIO, limit: int) -> bytes:
    """Return all that is in an open file, which may be a pipe; ``limit`` bytes at most.

    No more memory is taken than there is content, and none for a file that says it is longer.

    Raises:
        FileTooLargeError: it is longer.
        OSError: it cannot be read.

    """
    content = bytearray()
    is_longer = os.fstat(file.fileno()).st_size > limit  # 0 for a pipe
    while not is_longer and (piece := file.read(min(_PIECE, limit + 1 - len(content)))):
        content += piece
        is_longer = len(content) > limit
    if is_longer:
        raise FileTooLargeError(errno.EFBIG, f"longer than {limit} bytes", str(file.name))
    return bytes(content)


def ensure_file(path: Path) -> None:
    """Make an empty file where there is none, for a library that opens it by its name.

    Raises:
        OSError: it cannot be made, is a link, or is no regular file.

    """
    os.close(private_opener(str(path), os.O_RDWR | os.O_CREAT | _BINARY))


def scratch_beside(path: Path) -> Path:
    """Return the name of a temporary file in the same folder, that nothing has."""
    return path.with_name(f".ankong-{secrets.token_hex(8)}.new")


def remove_leftovers(
    folder: Path, names: re.Pattern[str] = SCRATCH, seconds: float = LEFT_SECONDS
) -> None:
    """Remove the temporary files that killed processes left in a folder; never raises.

    Args:
        folder: in which they are.
        names: of the files.
        seconds: younger ones may belong to a process that is at work, and stay; :data:`ANY_AGE`
            where none can be.

    """
    with suppress(OSError):
        for path in list(folder.iterdir()):
            if names.fullmatch(path.name):
                with suppress(OSError):
                    # Either side: a clock may have been set back since.
                    if abs(time.time() - path.lstat().st_mtime) > seconds:
                        path.unlink()


def private_opener(path: str, flags: int) -> int:
    """Open a file for :func:`open`, but without following a link; a new one is private.

    Args:
        path: of the file.
        flags: as for :func:`os.open`.

    Returns:
        A descriptor of a regular file.

    Raises:
        OSError: it cannot be opened, is a link, or is no regular file.

    """
    if not _NO_FOLLOW and Path(path).is_symlink():
        raise OSError(errno.ELOOP, "is a symbolic link", path)
    try:
        return regular_opener(path, flags | _NO_FOLLOW)
    except OSError as error:
        if error.errno == errno.ELOOP and Path(path).is_symlink():
            raise OSError(errno.ELOOP, "is a symbolic link", path) from error
        raise


def regular_opener(path: str, flags: int) -> int:
    """Open a file for :func:`open` if it is a regular one, without waiting for any other.

    Raises:
        OSError: it cannot be opened, or is no regular file.

    """
    descriptor = os.open(path, flags | _NO_WAIT, PRIVATE)
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "is not a regular file", path)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError as error:  # how Python before 3.13 calls a circle of links
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error


@contextmanager
def _written_beside(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """Yield a temporary file in the same folder that holds the content; it is gone afterwards."""
    scratch = scratch_beside(path)
    try:
        _write_new(scratch, content, mode)
        yield scratch
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # not the scratch's name
    finally:
        with suppress(OSError):
            scratch.unlink()


def _write_new(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, _NEW, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)


def _move(scratch: Path, target: Path) -> None:
    for seconds in _WAITS:
        try:
            scratch.replace(target)
        except PermissionError as error:
            if getattr(error, "winerror", None) not in _IN_USE:
                raise
            time.sleep(seconds)
        else:
            return
    scratch.replace(target)


def sync_folder(folder: Path) -> None:
    """Let a new name survive a power cut, where the file system can promise it."""
    if os.name != "posix":
        return  # Windows opens no folders
    with suppress(OSError):  # network file systems sync no folders, and the file is there already
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
