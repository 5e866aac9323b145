"""The record of a setup for one user, which makes repeating and undoing it exact."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from agent import strict_json
from agent.files import read_file, replace_file

_MAX_SIZE: Final = 64 * 1024  # bytes
_MAX_FOLDERS: Final = 64


class SetupRecord(Struct, frozen=True):
    """What ``ankong setup complete`` did for this user.

    Attributes:
        version: of the program that did it.
        complete: whether every step succeeded.
        folders: absolute paths of the folders outside of the state folder that were made for it,
            the outermost first.
        autostart: whether the agent starts at sign-in, as it was chosen; None where nobody has
            chosen yet.
        file_manager: whether file managers offer to sign, likewise.

    """

    version: str
    complete: bool
    folders: Annotated[tuple[str, ...], Meta(max_length=_MAX_FOLDERS)]
    autostart: bool | None = None
    file_manager: bool | None = None

    @classmethod
    def read(cls, path: Path) -> "SetupRecord | None":
        """Read a record; return None where there is none, or none that can be used."""
        try:
            record = strict_json.decode(read_file(path, _MAX_SIZE), cls, limit=_MAX_SIZE)
        except (OSError, ValueError):
            return None
        return record if all(map(_is_usable, record.folders)) else None

    def write(self, path: Path) -> None:
        """Replace the record in ``path``.

        Raises:
            OSError: it cannot be written.

        """
        replace_file(path, msgspec.json.encode(self))


def remember_autostart(path: Path, *, is_on: bool) -> None:
    """Write down in the record whether the agent is to start at sign-in; never raises OSError.

    A repair knows by it whether a missing entry was lost, or was turned off.

    Args:
        path: of the record; where there is none, nothing is written.
        is_on: what the citizen has chosen.

    """
    record = SetupRecord.read(path)
    if record is not None:
        with suppress(OSError):
            msgspec.structs.replace(record, autostart=is_on).write(path)


def _is_usable(folder: str) -> bool:
    return Path(folder).is_absolute() and "\0" not in folder
