"""Read what is in a ``.deb`` (deb(5)): an ar archive of two tar archives."""

import io
import tarfile
from pathlib import Path
from typing import Final

from devkit.shell import SetupError

_MAGIC: Final = b"!<arch>\n"
_HEAD: Final = 60


def members(path: Path, prefix: str) -> tarfile.TarFile:
    """Open one of the two archives of a package.

    Args:
        path: of the package.
        prefix: ``control.tar`` or ``data.tar``.

    Raises:
        SetupError: it is no such package.

    """
    data = path.read_bytes()
    place = len(_MAGIC)
    if data.startswith(_MAGIC):
        while len(head := data[place : place + _HEAD]) == _HEAD:
            name = head[:16].decode("ascii", "replace").strip().rstrip("/")
            digits = head[48:58].strip()
            if not digits.isdigit():
                break
            start = place + _HEAD
            place = start + int(digits) + int(digits) % 2
            if name.startswith(prefix):
                return _opened(path, data[start : start + int(digits)])
    raise SetupError(f"{path.name} has no {prefix}: is it a package of Debian's?")


def _opened(path: Path, content: bytes) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=io.BytesIO(content))
    except tarfile.TarError as error:
        raise SetupError(f"{path.name} cannot be read: {error}") from error


def content_of(path: Path, ending: str, prefix: str = "data.tar") -> bytes | None:
    """Return the first file of a package whose path ends so; None where there is none.

    Args:
        path: of the package.
        ending: of the file's path, which begins with a slash.
        prefix: of the archive, as for :func:`members`.

    Raises:
        SetupError: it is no such package.

    """
    with members(path, prefix) as archive:
        for member in archive:
            if member.isfile() and f"/{member.name}".endswith(ending):
                file = archive.extractfile(member)
                return file.read() if file else None
    return None
