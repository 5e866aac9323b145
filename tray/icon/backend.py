"""The interface of an icon; each system has its own implementation."""

from collections.abc import Callable
from typing import Protocol

from tray.icon.view import TrayView


class Backend(Protocol):
    """Shows the icon and its menu, in the main thread; an instance is run once."""

    def run(self, view: TrayView, chosen: Callable[[str], None]) -> None:
        """Show the icon; block until :meth:`stop` is called.

        Args:
            view: what is shown at first.
            chosen: called with the key of each menu entry that is chosen; must not block.

        Raises:
            NoTrayError: this desktop cannot show an icon, or no longer can.

        """

    def show(self, view: TrayView) -> None:
        """Replace what is shown; may be called from any thread."""

    def notify(self, title: str, body: str) -> None:
        """Show a notification for a few seconds; may be called from any thread."""

    def stop(self) -> None:
        """Make :meth:`run` return; may be called from any thread, also before :meth:`run`."""


class NoTrayError(Exception):
    """This desktop has no place for an icon; the agent works without."""
