"""The seam that icons of all systems stand behind."""

from collections.abc import Callable
from typing import Protocol

from tray.icon.face import Face


class Backend(Protocol):
    """Draws the icon and its menu in the main thread; used once."""

    def run(self, face: Face, chosen: Callable[[str], None]) -> None:
        """Show ``face``; return after :meth:`stop`, or when there is no more to draw on.

        Args:
            face: at first.
            chosen: told the key of each line that is chosen; must not block.

        """

    def show(self, face: Face) -> None:
        """Show another face; from any thread."""

    def notify(self, title: str, body: str) -> None:
        """Tell the citizen something for a few seconds; from any thread."""

    def stop(self) -> None:
        """Have :meth:`run` return; from any thread, also before it runs."""


class NoTrayError(Exception):
    """There is nothing to draw an icon on, which is a normal state."""
