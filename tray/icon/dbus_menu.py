"""The D-Bus object ``com.canonical.dbusmenu``: the menu as a desktop's panel reads it.

The interface is described in libdbusmenu's ``dbus-menu.xml``, version 3.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, TypeAlias

from dbus_fast import DBusError, PropertyAccess, Variant
from dbus_fast.annotations import (
    DBusBool,
    DBusInt32,
    DBusSignature,
    DBusStr,
    DBusUInt32,
    DBusVariant,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

from tray.icon.view import MenuItem

INTERFACE: Final = "com.canonical.dbusmenu"
ROOT: Final = 0
_LAYOUT: Final = "(ia{sv}av)"
_READ: Final = PropertyAccess.READ
Properties: TypeAlias = dict[str, Variant]
Numbers: TypeAlias = Annotated[list[int], DBusSignature("ai")]
Names: TypeAlias = Annotated[list[str], DBusSignature("as")]
Group: TypeAlias = Annotated[list[list[int | Properties]], DBusSignature("a(ia{sv})")]
Layout: TypeAlias = Annotated[list[Any], DBusSignature("u(ia{sv}av)")]
Events: TypeAlias = Annotated[list[tuple[int, str, Variant, int]], DBusSignature("a(isvu)")]
TwoLists: TypeAlias = Annotated[list[list[int]], DBusSignature("aiai")]
Revision: TypeAlias = Annotated[list[int], DBusSignature("ui")]


class DbusMenu(ServiceInterface):
    """The menu; names and signatures are those of the interface."""

    def __init__(self, items: Iterable[MenuItem], chosen: Callable[[str], None]) -> None:
        """Make the menu.

        Args:
            items: the entries at first, from the top.
            chosen: called with the key of each entry that is chosen.

        """
        super().__init__(INTERFACE)
        self._chosen = chosen
        self._revision = 0
        self._numbers: dict[str, int] = {}
        self._root = MenuItem("")
        self._by_number: dict[int, MenuItem] = {}
        self._set_items(items)

    def show(self, items: Iterable[MenuItem]) -> None:
        """Replace the entries and signal it."""
        self._set_items(items)
        self.LayoutUpdated()

    def _set_items(self, items: Iterable[MenuItem]) -> None:
        self._revision += 1
        self._root = MenuItem("", children=tuple(items))
        entries = [entry for child in self._root.children for entry in child.walk()]
        self._by_number = {self._number(entry): entry for entry in entries}
        self._by_number[ROOT] = self._root

    def _number(self, item: MenuItem) -> int:
        """Return an entry's number, the same for one key in every layout.

        A click may arrive after the layout has changed; its number must not mean another entry.
        """
        return self._numbers.setdefault(item.key, len(self._numbers) + 1)

    def _find(self, number: int) -> MenuItem:
        item = self._by_number.get(number)
        if item is None:
            raise DBusError("org.freedesktop.DBus.Error.InvalidArgs", "there is no such entry")
        return item

    def _layout(self, number: int, item: MenuItem, depth: int, names: list[str]) -> list[Any]:
        children: list[Variant] = []
        if depth != 0:
            for child in item.children:
                below = self._layout(self._number(child), child, depth - 1, names)
                children.append(Variant(_LAYOUT, below))
        return [number, properties(item, names, is_root=number == ROOT), children]

    @dbus_property(access=_READ)
    def Version(self) -> DBusUInt32:
        return 3

    @dbus_property(access=_READ)
    def Status(self) -> DBusStr:
        return "normal"

    @dbus_property(access=_READ)
    def TextDirection(self) -> DBusStr:
        return "ltr"

    @dbus_property(access=_READ)
    def IconThemePath(self) -> Names:
        return []

    @dbus_method()
    def GetLayout(
        self,
        parentId: DBusInt32,
        recursionDepth: DBusInt32,
        propertyNames: Names,
    ) -> Layout:
        layout = self._layout(parentId, self._find(parentId), recursionDepth, propertyNames)
        return [self._revision, layout]

    @dbus_method()
    def GetGroupProperties(self, ids: Numbers, propertyNames: Names) -> Group:
        wanted = ids or list(self._by_number)
        return [
            [number, properties(self._by_number[number], propertyNames, is_root=number == ROOT)]
            for number in wanted
            if number in self._by_number
        ]

    @dbus_method()
    def GetProperty(self, id: DBusInt32, name: DBusStr) -> DBusVariant:
        """Return one property of a menu entry.

        Raises:
            DBusError: the property has its default value, which is not sent.

        """
        found = properties(self._find(id), [], is_root=id == ROOT)
        if name not in found:
            raise DBusError("org.freedesktop.DBus.Error.InvalidArgs", "it has its default value")
        return found[name]

    @dbus_method()
    def Event(
        self,
        id: DBusInt32,
        eventId: DBusStr,
        data: DBusVariant,
        timestamp: DBusUInt32,
    ) -> None:
        del data, timestamp
        self._handle(self._find(id), eventId)

    @dbus_method()
    def EventGroup(self, events: Events) -> Numbers:
        """Handle several events; return the numbers that no entry has."""
        unknown: list[int] = []
        for number, event, _, _ in events:
            item = self._by_number.get(number)
            if item is None:
                unknown.append(number)
            else:
                self._handle(item, event)
        return unknown

    def _handle(self, item: MenuItem, event: str) -> None:
        if event == "clicked" and item.label and item.enabled and not item.children:
            self._chosen(item.key)

    @dbus_method()
    def AboutToShow(self, id: DBusInt32) -> DBusBool:
        del id
        return False  # the layout that was sent is up to date

    @dbus_method()
    def AboutToShowGroup(self, ids: Numbers) -> TwoLists:
        return [[], [number for number in ids if number not in self._by_number]]

    @dbus_signal()
    def LayoutUpdated(self) -> Revision:
        return [self._revision, ROOT]


def properties(item: MenuItem, names: Iterable[str], *, is_root: bool) -> Properties:
    """Return the properties of an entry, without those that have their default value.

    Args:
        item: the entry.
        names: the properties that are wanted; empty for all.
        is_root: whether it is the menu itself.

    """
    found: Properties = {}
    if not item.label and not is_root:
        found["type"] = Variant("s", "separator")
    elif not is_root:
        # An underscore would make the next letter an access key.
        found["label"] = Variant("s", item.label.replace("_", "__"))
    if not item.enabled:
        found["enabled"] = Variant("b", False)
    if item.checked is not None:
        found["toggle-type"] = Variant("s", "radio" if item.radio else "checkmark")
        found["toggle-state"] = Variant("i", int(item.checked))
    if item.children:
        found["children-display"] = Variant("s", "submenu")
    wanted = set(names)
    return {name: value for name, value in found.items() if not wanted or name in wanted}
