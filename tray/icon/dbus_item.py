"""The object ``org.kde.StatusNotifierItem`` on D-Bus: the icon as a desktop's panel reads it.

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
from tray.icon.face import Face, Mood

INTERFACE: Final = "org.kde.StatusNotifierItem"
PATH: Final = "/StatusNotifierItem"
MENU_PATH: Final = "/MenuBar"
SIZES: Final = (22, 24, 32, 48)
"""Pixels; a panel takes the nearest."""

Pixmap: TypeAlias = list[int | bytes]
Pixmaps: TypeAlias = Annotated[list[Pixmap], DBusSignature("a(iiay)")]
ToolTip: TypeAlias = Annotated[list[str | list[Pixmap]], DBusSignature("(sa(iiay)ss)")]
_READ: Final = PropertyAccess.READ


def pixmaps(mood: Mood) -> list[Pixmap]:
    """Draw the icon for a mood in every size."""
    return [[size, size, argb(draw(mood, size))] for size in SIZES]


class StatusNotifierItem(ServiceInterface):
    """The icon; names and signatures are the specification's."""

    def __init__(self, face: Face, activated: Callable[[], None]) -> None:
        """Make the item as it is shown first.

        Args:
            face: what is shown.
            activated: told when the icon itself is chosen, where a desktop does that.

        """
        super().__init__(INTERFACE)
        self._face = face
        self._activated = activated

    def show(self, face: Face) -> None:
        """Show another face, and say so."""
        before, self._face = self._face, face
        if face.mood is not before.mood:
            self.NewIcon()
            self.NewAttentionIcon()
            self.NewStatus(self._status())
        if face.title != before.title:
            self.NewTitle()
            self.NewToolTip()

    def _status(self) -> str:
        return "NeedsAttention" if self._face.mood is Mood.ATTENTION else "Active"

    @dbus_property(access=_READ)
    def Category(self) -> DBusStr:
        return "ApplicationStatus"

    @dbus_property(access=_READ)
    def Id(self) -> DBusStr:
        return "ankong"

    @dbus_property(access=_READ)
    def Title(self) -> DBusStr:
        return self._face.title

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
        return pixmaps(self._face.mood)

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
        return pixmaps(self._face.mood)

    @dbus_property(access=_READ)
    def AttentionMovieName(self) -> DBusStr:
        return ""

    @dbus_property(access=_READ)
    def ToolTip(self) -> ToolTip:
        return ["", [], self._face.title, ""]

    @dbus_property(access=_READ)
    def ItemIsMenu(self) -> DBusBool:
        return True  # a click opens the menu; nothing is done by accident

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
        """Leave it to the panel, which has our menu."""

    @dbus_method()
    def Scroll(self, delta: DBusInt32, orientation: DBusStr) -> None:
        """Do nothing."""

    @dbus_signal()
    def NewTitle(self) -> None:
        """Say that the title is another."""

    @dbus_signal()
    def NewIcon(self) -> None:
        """Say that the icon is another."""

    @dbus_signal()
    def NewAttentionIcon(self) -> None:
        """Say that the icon that calls for attention is another."""

    @dbus_signal()
    def NewToolTip(self) -> None:
        """Say that the tool tip is another."""

    @dbus_signal()
    def NewStatus(self, status: str) -> DBusStr:
        return status
