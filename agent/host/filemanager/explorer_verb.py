r"""Windows: a verb of the current user for files that end in .pdf, whatever program opens them.

The value is a command line that the Explorer itself starts (Shell Static Verbs). ``%1`` is put in
once, and no name of a file has a quotation mark there. With ``MultiSelectModel`` of ``Player`` a
program is started for each of up to a hundred files; they find together, see
:mod:`agent.documents.baskets`.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from agent.host.autostart.windows import CurrentUser, UserRegistry, words_of
from agent.host.filemanager import VERB
from agent.words import SYSTEM, say
from agent.words.language import chosen_language

CLASSES: Final = r"Software\Classes\SystemFileAssociations\.pdf\shell"
KEY: Final = rf"{CLASSES}\Ankong.Sign"
COMMAND: Final = rf"{KEY}\command"
_DEFAULT: Final = ""
"""The name of a key's own value."""
_FILE: Final = '"%1"'
_LEVELS: Final = 4
"""Of the keys above ours that may be there for us alone, up to the person's classes."""


class KeyRegistry(UserRegistry, Protocol):
    """The calls that are needed of the current user's registry."""

    def delete_key(self, key: str) -> None:
        """Delete a key that has no keys below it; nothing happens when it is not there."""

    def delete_empty(self, key: str) -> None:
        """Delete a key that has neither values nor keys below it."""


class ExplorerVerb:
    """The keys of the verb."""

    def __init__(self, command: Sequence[str], registry: KeyRegistry | None = None) -> None:
        """Start ``command``; ``registry`` is the current user's unless given."""
        self._command = tuple(command)
        self._registry = registry or CurrentUser()

    @property
    def folders(self) -> Sequence[Path]:
        """None: the registry is no folder."""
        return ()

    def is_on(self) -> bool:
        """Return whether the Explorer offers to sign."""
        return self._registry.read(COMMAND, _DEFAULT) is not None

    def started(self) -> Sequence[str]:
        """Return the program that is started then, and its arguments; empty where none is."""
        line = self._registry.read(COMMAND, _DEFAULT)
        words = words_of(line) if isinstance(line, str) else ()
        return tuple(word for word in words if word != "%1")

    def turn_on(self) -> None:
        """Write the keys, with the verb in the language that Windows speaks."""
        write = self._registry.write
        write(KEY, "MUIVerb", say(chosen_language(SYSTEM), VERB, {}))
        write(KEY, "Icon", f"{self._command[0]},0")
        write(KEY, "MultiSelectModel", "Player")
        line = subprocess.list2cmdline(self._command)
        write(COMMAND, _DEFAULT, f"{line} {_FILE}")

    def turn_off(self) -> None:
        """Delete the keys, and those above them that nobody else uses."""
        for key in (COMMAND, KEY):
            self._registry.delete_key(key)
        above = CLASSES
        for _ in range(_LEVELS):
            self._registry.delete_empty(above)
            above = above.rpartition("\\")[0]

    def forget(self) -> None:
        """Delete the keys."""
        self.turn_off()
