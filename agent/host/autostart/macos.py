"""macOS: a launch agent of the user (launchd.plist(5)); it counts from the next session on."""

import plistlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from agent.files import read_file, replace_file
from agent.host.property_list import parse_plist
from agent.host.tls.machine import Machine

LABEL: Final = "org.ankong.agent"
_MAX_SIZE: Final = 64 * 1024  # bytes


class LaunchAgent:
    """The property list in the user's library."""

    def __init__(self, command: Sequence[str], machine: Machine) -> None:
        """Start ``command``, by a file in the home folder of ``machine``."""
        self._command = list(command)
        self._file = machine.home / "Library" / "LaunchAgents" / f"{LABEL}.plist"

    @property
    def folders(self) -> Sequence[Path]:
        """The user's launch agents."""
        return (self._file.parent,)

    def is_on(self) -> bool:
        """Return whether the agent starts when the citizen signs in."""
        found = self._read()
        return found is not None and found.get("Disabled") is not True

    def started(self) -> Sequence[str]:
        """Return the program that is started then, and its arguments; empty where none is."""
        words = (self._read() or {}).get("ProgramArguments")
        if not isinstance(words, list) or not self.is_on():
            return ()
        return tuple(word for word in words if isinstance(word, str))

    def _read(self) -> dict[str, Any] | None:
        try:
            found = parse_plist(read_file(self._file, _MAX_SIZE, follow_links=True))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def is_declined(self) -> bool:
        """Return whether the property list is there and says no."""
        found = self._read()
        return found is not None and found.get("Disabled") is True

    def turn_on(self) -> None:
        """Write the property list."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self._file, plistlib.dumps(self._content()), mode=0o644)

    def turn_off(self) -> None:
        """Delete the property list."""
        self._file.unlink(missing_ok=True)

    def forget(self) -> None:
        """Delete the property list."""
        self.turn_off()

    def _content(self) -> dict[str, Any]:
        return {
            "Label": LABEL,
            "ProgramArguments": self._command,
            "RunAtLoad": True,
            "LimitLoadToSessionType": "Aqua",  # there is an icon: only where there is a desktop
            "ProcessType": "Interactive",
        }
