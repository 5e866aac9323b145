"""Where a signed document goes: beside its original, under a name that nothing has yet."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from agent.files import private_opener, scratch_beside, sync_folder

_TRIES: Final = 1000
_PIECE: Final = 1024 * 1024
_MAX_NAME: Final = 255
"""Bytes of a file's name, on most file systems."""
_GROWTH: Final = 128 * 1024
"""Bytes; more than a signature adds to a document."""


def require_place(folder: Path, size: int) -> None:
    """Refuse a folder that no signed document can be written into, before a PIN is entered.

    Args:
        folder: where the document is to be.
        size: of the original, in bytes.

    Raises:
        OSError: it names the folder, and says what is in the way.

    """
    scratch = scratch_beside(folder / "any")
    with _naming(folder):
        # another way: only whether a file can be made is of interest
        scratch.open("xb").close()
        scratch.unlink()
        if shutil.disk_usage(folder).free < size + _GROWTH:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def save_beside(signed: Path, source: Path, mark: str, folder: Path | None = None) -> Path:
    """Save a signed document under its original's name and a mark, and over nothing.

    Args:
        signed: the document, in a private folder.
        source: the original.
        mark: what is put behind its name, such as "-signed".
        folder: where to; None for the original's own.

    Returns:
        Where it is: ``NAME-signed.pdf``, or ``NAME-signed-2.pdf`` and so on.

    Raises:
        OSError: it cannot be written there.

    """
    where = source.parent if folder is None else folder
    for number in range(1, _TRIES):
        ending = f"{mark}{'' if number == 1 else f'-{number}'}.pdf"
        target = where / (_shortened(source.stem, _MAX_NAME - len(os.fsencode(ending))) + ending)
        with suppress(FileExistsError):
            save_new(signed, target)
            return target
    raise FileExistsError(f"{source}: {_TRIES} signed files are beside it already")


def save_new(signed: Path, target: Path) -> None:
    """Save a signed document under a name that nothing has.

    Raises:
        FileExistsError: something has that name.
        OSError: it cannot be written; nothing is left.

    """
    scratch = scratch_beside(target)
    try:
        with _naming(target):
            _copy(signed, scratch)
            if os.name == "nt":
                scratch.rename(target)  # which replaces nothing on Windows
            else:
                _link(scratch, target)
    finally:
        with suppress(OSError):
            scratch.unlink()
    sync_folder(target.parent)


def save_over(signed: Path, target: Path) -> None:
    """Save a signed document in the place of a file, or into a pipe or device.

    Raises:
        OSError: it cannot be written; a file that was there is as it was.

    """
    if target.exists() and not target.is_file():
        # another way: whoever names a pipe or device wants the octets in it
        with signed.open("rb") as read, target.open("wb") as written:
            shutil.copyfileobj(read, written)
        return
    place = target.resolve()  # what a link names is replaced, and not the link
    scratch = scratch_beside(place)
    try:
        with _naming(target):
            _copy(signed, scratch)
            scratch.replace(place)
    finally:
        with suppress(OSError):
            scratch.unlink()
    sync_folder(place.parent)


def save_again(signed: Path, target: Path, before: Path) -> bool:
    """Save a signed document in the place of what was saved there, where that is there still.

    It is looked at last of all, and the name is replaced whatever it has become in that moment: a
    link by then, never what the link names.

    Args:
        signed: the document.
        target: where the one of before was saved.
        before: that one, in a private folder.

    Returns:
        Whether it was; what is another file by now, or a link, is left as it is.

    Raises:
        OSError: it cannot be written; the file that was there is as it was.

    """
    if not _is_same(target, before):  # before much is written for nothing
        return False
    scratch = scratch_beside(target)
    try:
        with _naming(target):
            _copy(signed, scratch)
            if not _is_same(target, before):
                return False
            scratch.replace(target)
    finally:
        with suppress(OSError):
            scratch.unlink()
    sync_folder(target.parent)
    return True


def _is_same(file: Path, other: Path) -> bool:
    """Return whether a file is there, is no link, and has the octets of another."""
    try:
        if file.is_symlink() or file.stat().st_size != other.stat().st_size:
            return False
        with open(file, "rb", opener=private_opener) as one, other.open("rb") as two:
            while piece := one.read(_PIECE):
                if piece != two.read(len(piece)):
                    return False
    except OSError:
        return False
    return True


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have what goes wrong named by the place that a person knows, or by any at all."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _link(scratch: Path, target: Path) -> None:
    try:
        os.link(scratch, target)
    except FileExistsError:
        raise
    except OSError:  # a memory stick, on which no file has two names
        _copy(scratch, target)


def _copy(source: Path, target: Path) -> None:
    """Copy a file to where there is none; nothing is left where that fails."""
    # another way: too large to be held in memory, and never over another
    with source.open("rb") as read, target.open("xb") as written:
        try:
            shutil.copyfileobj(read, written, _PIECE)
            written.flush()
            os.fsync(written.fileno())
        except OSError:
            with suppress(OSError):
                target.unlink()
            raise


def _shortened(stem: str, room: int) -> str:
    """Return as much of a name as fits; no character is cut in two."""
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return stem
