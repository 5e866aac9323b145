r"""Windows: what the MSI wrote into ``HKLM\Software\Ankong`` of the program for all users."""

import ntpath
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.host.autostart.windows import read_for_all_users
from agent.host.product import program_folder, scope

KEY: Final = r"Software\Ankong"
_LEFT: Final = "none"


def own_folder() -> Path | None:
    """Return the folder of the program that runs, if it is installed for all users; else None."""
    return program_folder() if scope() == "machine" else None


@dataclass(frozen=True)
class SharedProgram:
    """The program that was installed for all users.

    Attributes:
        folder: of the program that runs; None where it is not installed for all users.
        read: returns a text of HKEY_LOCAL_MACHINE by key and name; None where there is none.

    """

    folder: Path | None = field(default_factory=own_folder)
    read: Callable[[str, str], str | None] = read_for_all_users

    def is_this(self) -> bool:
        """Return whether it is the one that runs."""
        found = self.read(KEY, "InstallDir")
        return self.folder is not None and found is not None and is_same(found, str(self.folder))

    def leaves_trust(self) -> bool:
        """Return whether what browsers trust was left to the organisation (``TRUST=none``).

        A user's own copy does not heed it: that one is the user's.
        """
        return self.read(KEY, "Trust") == _LEFT and self.is_this()


def is_same(one: str, other: str) -> bool:
    """Return whether two names of folders are one, as Windows compares them."""
    return ntpath.normcase(ntpath.normpath(one)) == ntpath.normcase(ntpath.normpath(other))
