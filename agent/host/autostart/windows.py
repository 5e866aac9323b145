"""Windows: a value of the key whose programs start when the user signs in."""

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

NAME: Final = "Ankong"
KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED: Final = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
"""Where the task manager remembers what the user turned off: an odd first byte."""


_WORD: Final = re.compile(r'"([^"]*)"|(\S+)')
"""Of a command line; names of files have no quotation marks on Windows."""


def words_of(line: str) -> tuple[str, ...]:
    """Return the program and the arguments of a command line."""
    return tuple(quoted or plain for quoted, plain in _WORD.findall(line))


class UserRegistry(Protocol):
    """The calls that are needed of the current user's registry."""

    def read(self, key: str, name: str) -> str | bytes | None:
        """Return a value; None when it is not there."""

    def write(self, key: str, name: str, value: str) -> None:
        """Write a text (REG_SZ)."""

    def delete(self, key: str, name: str) -> None:
        """Delete a value; nothing happens when it is not there."""


class CurrentUser:
    """HKEY_CURRENT_USER through the standard library; does nothing on other systems."""

    def read(self, key: str, name: str) -> str | bytes | None:
        """Return a value; None when it is not there."""
        if sys.platform == "win32":
            import winreg  # noqa: PLC0415  # Windows only

            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
                    value, _ = winreg.QueryValueEx(opened, name)
            except FileNotFoundError:
                return None
            return value if isinstance(value, str | bytes) else None
        return None

    def write(self, key: str, name: str, value: str) -> None:
        """Write a text (REG_SZ)."""
        if sys.platform == "win32":
            import winreg  # noqa: PLC0415  # Windows only

            with winreg.CreateKey(winreg.HKEY_CURRENT_USER, key) as opened:
                winreg.SetValueEx(opened, name, 0, winreg.REG_SZ, value)

    def delete(self, key: str, name: str) -> None:
        """Delete a value; nothing happens when it is not there."""
        if sys.platform == "win32":
            import winreg  # noqa: PLC0415  # Windows only

            try:
                access = winreg.KEY_SET_VALUE
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key, 0, access) as opened:
                    winreg.DeleteValue(opened, name)
            except FileNotFoundError:
                return

    def delete_key(self, key: str) -> None:
        """Delete a key that has no keys below it; nothing happens when it is not there."""
        if sys.platform == "win32":
            import winreg  # noqa: PLC0415  # Windows only

            with suppress(FileNotFoundError):
                winreg.DeleteKey(winreg.HKEY_CURRENT_USER, key)

    def delete_empty(self, key: str) -> None:
        """Delete a key that has neither values nor keys below it."""
        if sys.platform == "win32":
            import winreg  # noqa: PLC0415  # Windows only

            with suppress(OSError):  # an empty key that stays harms nobody
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
                    keys, values, _ = winreg.QueryInfoKey(opened)
                if not keys and not values:
                    winreg.DeleteKey(winreg.HKEY_CURRENT_USER, key)


def read_for_all_users(key: str, name: str) -> str | None:
    """Return a text of HKEY_LOCAL_MACHINE, as 64-bit programs see it; None where there is none."""
    if sys.platform == "win32":
        import winreg  # noqa: PLC0415  # Windows only

        access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
        with suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key, 0, access) as opened:
            value, _ = winreg.QueryValueEx(opened, name)
            return value if isinstance(value, str) else None
    return None


class RunKey:
    """The value of the Run key, and the task manager's note about it.

    The MSI for all users may have written one for everybody beside it, which counts first: it is
    the administrator's, and only they take it away.
    """

    def __init__(
        self,
        command: Sequence[str],
        registry: UserRegistry | None = None,
        for_all_users: Callable[[str, str], str | None] = read_for_all_users,
    ) -> None:
        """Use ``command`` as the value.

        Args:
            command: what is started.
            registry: the current user's unless given.
            for_all_users: reads a value, by key and name, that is everybody's.

        """
        self._line = subprocess.list2cmdline(command)
        self._registry = registry or CurrentUser()
        self._for_all_users = for_all_users

    @property
    def folders(self) -> Sequence[Path]:
        """None: the registry is no folder."""
        return ()

    def is_on(self) -> bool:
        """Return whether the agent starts when the citizen signs in."""
        if self._for_all_users(KEY, NAME) is not None:
            return True
        return self._registry.read(KEY, NAME) is not None and not self._is_disapproved()

    def started(self) -> Sequence[str]:
        """Return the program that is started then, and its arguments; empty where none is."""
        own = self._registry.read(KEY, NAME) if self.is_on() else None
        line = self._for_all_users(KEY, NAME) or own
        return words_of(line) if isinstance(line, str) else ()

    def is_declined(self) -> bool:
        """Return whether the task manager notes that it was turned off."""
        return self._is_disapproved()

    def turn_on(self) -> None:
        """Write the value, and delete the task manager's note that it was turned off.

        Where everybody's value starts the same, that is enough: twice would start it twice.
        """
        if self._for_all_users(KEY, NAME) != self._line:
            self._registry.write(KEY, NAME, self._line)
        self._registry.delete(APPROVED, NAME)

    def turn_off(self) -> None:
        """Delete the user's value; everybody's stays."""
        self._registry.delete(KEY, NAME)
        self._registry.delete(APPROVED, NAME)

    def forget(self) -> None:
        """Delete the value."""
        self.turn_off()

    def _is_disapproved(self) -> bool:
        told = self._registry.read(APPROVED, NAME)
        return isinstance(told, bytes) and bool(told) and bool(told[0] & 1)
