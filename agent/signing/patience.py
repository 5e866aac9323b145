"""How often to look for something that stays away."""

from typing import Final

PAUSES: Final = (1.0, 2.0, 4.0)
"""Seconds between looks, the last one again and again: whatever comes back is seen within 5 s."""


class Patience:
    """Gives pauses that grow while nothing is found; for one thread."""

    def __init__(self) -> None:
        self._given = 0

    def next_pause(self) -> float:
        """Return the seconds to wait before the next look."""
        pause = PAUSES[min(self._given, len(PAUSES) - 1)]
        self._given += 1
        return pause

    def renew(self) -> None:
        """Begin with the shortest pause again: something was found."""
        self._given = 0
