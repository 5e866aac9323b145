"""The interface of an icon; each system has its own implementation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tray.icon.view import TrayView


@dataclass(frozen=True, slots=True)
class TrayNotice:
    """What a notification says and does.

    Attributes:
        title: one line.
        body: the text below it.
        key: of the menu entry that a click on it stands for; "" for none.
        body_without_click: the text where clicks cannot be heard of; "" for ``body``.

    """

    title: str
    body: str
    key: str = ""
    body_without_click: str = ""

    def text(self, *, clickable: bool) -> str:
        """Return the text below the title."""
        return self.body if clickable else self.body_without_click or self.body


class Backend(Protocol):
    """Shows the icon and its menu, in the main thread; an instance is run once."""

    def run(
        self,
        view: TrayView,
        chosen: Callable[[str], None],
        shown: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """Show the icon; block until :meth:`stop` is called.

        Args:
            view: what is shown at first.
            chosen: called with the key of each menu entry that is chosen, and of each notification
                that is clicked where the system tells of it; must not block.
            shown: called whenever the desktop has begun or ceased to show it; a file may be
                written by then, and no more.

        Raises:
            NoTrayError: this desktop cannot show an icon, or no longer can.

        """

    def show(self, view: TrayView) -> None:
        """Replace what is shown; may be called from any thread."""

    def notify(self, notice: TrayNotice) -> None:
        """Show a notification for a few seconds; may be called from any thread."""

    def stop(self) -> None:
        """Make :meth:`run` return; may be called from any thread, also before :meth:`run`."""


class NoTrayError(Exception):
    """This desktop has no place for an icon; the agent works without."""
