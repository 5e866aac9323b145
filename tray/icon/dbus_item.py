"""The D-Bus object ``org.kde.StatusNotifierItem``: the icon as a desktop's panel reads it.

https://www.freedesktop.org/wiki/Specifications/StatusNotifierItem/
"""

from collections.abc import Callable
from typing import Annotated, Final, TypeAlias

from dbus_fast import PropertyAccess
from dbus_fast.annotations import (
    DBusBool,
    DBusInt32,
    DBusObjectPath,
    DBusSignature,
    DBusStr,
    DBusUInt32,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

from tray.icon.drawing import argb, draw
from tray.icon.view import IconStatus, TrayView

INTERFACE: Final = "org.kde.StatusNotifierItem"
PATH: Final = "/StatusNotifierItem"
MENU_PATH: Final = "/MenuBar"
SIZES: Final = (22, 24, 32, 48)
"""Widths and heights in pixels; a panel chooses the nearest."""

Pixmap: TypeAlias = list[int | bytes]
Pixmaps: TypeAlias = Annotated[list[Pixmap], DBusSignature("a(iiay)")]
ToolTip: TypeAlias = Annotated[list[str | list[Pixmap]], DBusSignature("(sa(iiay)ss)")]
_READ: Final = PropertyAccess.READ


def pixmaps(status: IconStatus) -> list[Pixmap]:
    """Return the icon in every size, each as width, height and ARGB32 in network byte order."""
    return [[size, size, argb(draw(status, size))] for size in SIZES]


class StatusNotifierItem(ServiceInterface):
    """The icon; names and signatures are those of the specification."""

    def __init__(self, view: TrayView, activated: Callable[[], None]) -> None:
        """Make the item.

        Args:
            view: what is shown at first.
            activated: called when the icon itself is clicked, on desktops that report it.

        """
        super().__init__(INTERFACE)
        self._view = view
        self._activated = activated

    def show(self, view: TrayView) -> None:
        """Replace what is shown and send the signals of what changed."""
        before, self._view = self._view, view
        if view.status is not before.status:
            self.NewIcon()
            self.NewAttentionIcon()
            self.NewStatus(self._status())
        if view.title != before.title:
            self.NewTitle()
            self.NewToolTip()

    def _status(self) -> str:
        return "NeedsAttention" if self._view.status is IconStatus.ATTENTION else "Active"

    @dbus_property(access=_READ)
    def Category(self) -> DBusStr:
        return "ApplicationStatus"

    @dbus_property(access=_READ)
    def Id(self) -> DBusStr:
        return "ankong"

    @dbus_property(access=_READ)
    def Title(self) -> DBusStr:
        return self._view.title

    @dbus_property(access=_READ)
    def Status(self) -> DBusStr:
        return self._status()

    @dbus_property(access=_READ)
    def WindowId(self) -> DBusUInt32:
        return 0

    @dbus_property(access=_READ)
    def IconName(self) -> DBusStr:
        return ""

    @dbus_property(access=_READ)
    def IconThemePath(self) -> DBusStr:
        return ""

    @dbus_property(access=_READ)
    def IconPixmap(self) -> Pixmaps:
        return pixmaps(self._view.status)

    @dbus_property(access=_READ)
    def OverlayIconName(self) -> DBusStr:
        return ""

    @dbus_property(access=_READ)
    def OverlayIconPixmap(self) -> Pixmaps:
        return []

    @dbus_property(access=_READ)
    def AttentionIconName(self) -> DBusStr:
        return ""

    @dbus_property(access=_READ)
    def AttentionIconPixmap(self) -> Pixmaps:
        return pixmaps(self._view.status)

    @dbus_property(access=_READ)
    def AttentionMovieName(self) -> DBusStr:
        return ""

    @dbus_property(access=_READ)
    def ToolTip(self) -> ToolTip:
        return ["", [], self._view.title, ""]

    @dbus_property(access=_READ)
    def ItemIsMenu(self) -> DBusBool:
        return True  # a click opens the menu and does nothing else

    @dbus_property(access=_READ)
    def Menu(self) -> DBusObjectPath:
        return MENU_PATH

    @dbus_method()
    def Activate(self, x: DBusInt32, y: DBusInt32) -> None:
        del x, y
        self._activated()

    @dbus_method()
    def SecondaryActivate(self, x: DBusInt32, y: DBusInt32) -> None:
        del x, y
        self._activated()

    @dbus_method()
    def ContextMenu(self, x: DBusInt32, y: DBusInt32) -> None:
        """Do nothing: the panel shows the menu at ``MENU_PATH`` itself."""

    @dbus_method()
    def Scroll(self, delta: DBusInt32, orientation: DBusStr) -> None:
        """Do nothing."""

    @dbus_signal()
    def NewTitle(self) -> None:
        """Signal that the title has changed."""

    @dbus_signal()
    def NewIcon(self) -> None:
        """Signal that the icon has changed."""

    @dbus_signal()
    def NewAttentionIcon(self) -> None:
        """Signal that the attention icon has changed."""

    @dbus_signal()
    def NewToolTip(self) -> None:
        """Signal that the tool tip has changed."""

    @dbus_signal()
    def NewStatus(self, status: str) -> DBusStr:
        return status
