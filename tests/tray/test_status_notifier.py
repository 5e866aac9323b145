"""The Linux icon on a real bus: what a desktop's panel reads, clicks and hears."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from dbus_fast import BusType, DBusError, Message, MessageType, RequestNameReply, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusInt32, DBusSignature, DBusStr, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method, dbus_signal

from agent.signing.model import CardPresence, ReaderView, Snapshot
from agent.words.language import Language
from tests.tray.conftest import Bus
from tray.icon import status_notifier
from tray.icon.backend import NoTrayError, TrayNotice
from tray.icon.dbus_item import SIZES
from tray.icon.status_notifier import WATCHER, StatusNotifier
from tray.icon.texts import load_texts
from tray.icon.view import TrayState, TrayView, make_view

SECONDS = 20.0
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"


def view(state: CardPresence = CardPresence.CARD, name: str = "Virtual_Reader 0") -> TrayView:
    snapshot = Snapshot(service_available=True, readers=(ReaderView(name, state, "gen2"),))
    return make_view(TrayState(snapshot, autostart=False), load_texts(Language.CHINESE))


class Watcher(ServiceInterface):
    """A desktop's watcher: items register with it."""

    def __init__(self) -> None:
        super().__init__(WATCHER)
        self.items: asyncio.Queue[str] = asyncio.Queue()

    @dbus_method()
    def RegisterStatusNotifierItem(self, service: DBusStr) -> None:  # noqa: N802
        self.items.put_nowait(service)


class Notifications(ServiceInterface):
    """A desktop's notification daemon."""

    def __init__(self, capabilities: list[str]) -> None:
        super().__init__("org.freedesktop.Notifications")
        self.capabilities = capabilities
        self.number = 0
        self.actions: list[str] = []
        self.shown: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    @dbus_method()
    def GetCapabilities(self) -> Annotated[list[str], DBusSignature("as")]:  # noqa: N802
        return self.capabilities

    @dbus_method()
    def Notify(  # noqa: N802, PLR0917
        self,
        app_name: DBusStr,
        replaces_id: DBusUInt32,
        app_icon: DBusStr,
        summary: DBusStr,
        body: DBusStr,
        actions: Annotated[list[str], DBusSignature("as")],
        hints: Annotated[dict[str, Variant], DBusSignature("a{sv}")],
        expire_timeout: DBusInt32,
    ) -> DBusUInt32:
        del app_name, replaces_id, app_icon, hints
        assert expire_timeout > 0
        self.actions = actions
        self.number += 1
        self.shown.put_nowait((summary, body))
        return self.number

    @dbus_signal()
    def ActionInvoked(self, number: int, key: str) -> Annotated[list[Any], DBusSignature("us")]:  # noqa: N802
        return [number, key]


class MuteNotifications(ServiceInterface):
    """A notification daemon that takes a call, and answers when it is told to."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.Notifications")
        self.asked = asyncio.Event()
        self.answered = asyncio.Event()

    @dbus_method()
    async def GetCapabilities(self) -> Annotated[list[str], DBusSignature("as")]:  # noqa: N802
        self.asked.set()
        await self.answered.wait()
        return []


class Desktop:
    """The other side: a panel that watches for items and looks at them."""

    def __init__(self, bus: MessageBus) -> None:
        self.bus = bus
        self.watcher = Watcher()
        self.signals: asyncio.Queue[Message] = asyncio.Queue()
        bus.export("/StatusNotifierWatcher", self.watcher)
        bus.add_message_handler(self._hear)

    def _hear(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.interface in (ITEM, MENU):
            self.signals.put_nowait(message)

    async def appear(self) -> None:
        assert await self.bus.request_name(WATCHER) is RequestNameReply.PRIMARY_OWNER

    async def vanish(self) -> None:
        await self.bus.release_name(WATCHER)

    async def registered(self) -> str:
        async with asyncio.timeout(SECONDS):
            return await self.watcher.items.get()

    async def hear(self, *members: str) -> dict[str, Message]:
        """Wait until each of these signals has come."""
        found: dict[str, Message] = {}
        async with asyncio.timeout(SECONDS):
            while not set(members) <= set(found):
                message = await self.signals.get()
                found[message.member] = message
        return found

    async def call(
        self, item: str, path: str, interface: str, member: str, signature: str, *body: Any
    ) -> list[Any]:
        reply = await self.bus.call(
            Message(
                destination=item,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
            )
        )
        assert reply is not None
        if reply.message_type is MessageType.ERROR:
            raise DBusError(reply.error_name or "x.y", str(reply.body))
        return list(reply.body)

    async def properties(self, item: str) -> dict[str, Any]:
        interface = "org.freedesktop.DBus.Properties"
        (found,) = await self.call(item, "/StatusNotifierItem", interface, "GetAll", "s", ITEM)
        return {name: variant.value for name, variant in found.items()}

    async def lines(self, item: str) -> dict[int, dict[str, Any]]:
        """Read the whole menu: number to properties."""
        _, layout = await self.menu(item, "GetLayout", "iias", 0, -1, [])
        found: dict[int, dict[str, Any]] = {}

        def take(node: list[Any]) -> None:
            number, properties, children = node
            assert number not in found
            found[number] = {name: variant.value for name, variant in properties.items()}
            for child in children:
                take(child.value)

        take(layout)
        return found

    async def menu(self, item: str, member: str, signature: str, *body: Any) -> list[Any]:
        return await self.call(item, "/MenuBar", MENU, member, signature, *body)

    async def click(self, item: str, label: str) -> None:
        lines = await self.lines(item)
        number = next(n for n, line in lines.items() if line.get("label") == label)
        await self.menu(item, "Event", "isvu", number, "clicked", Variant("i", 0), 0)


class Icon:
    """The icon in a thread of its own, as in the program."""

    def __init__(self) -> None:
        self.notifier = StatusNotifier()
        self.chosen: asyncio.Queue[str] = asyncio.Queue()
        self.told: asyncio.Queue[bool] = asyncio.Queue()
        self.failure: BaseException | None = None
        self.loop = asyncio.get_running_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        def choose(key: str) -> None:
            self.loop.call_soon_threadsafe(self.chosen.put_nowait, key)

        def told(shown: bool) -> None:
            self.loop.call_soon_threadsafe(self.told.put_nowait, shown)

        try:
            self.notifier.run(view(), choose, told)
        except BaseException as error:  # noqa: BLE001  # the test looks at it
            self.failure = error

    async def choice(self) -> str:
        async with asyncio.timeout(SECONDS):
            return await self.chosen.get()

    async def ended(self) -> None:
        await asyncio.to_thread(self.thread.join, SECONDS)
        assert not self.thread.is_alive()


@pytest.fixture
async def desktop(bus: Bus) -> AsyncIterator[Desktop]:
    """Put a panel on the bus, which has not appeared yet."""
    connection = await MessageBus(bus.address, BusType.SESSION).connect()
    made = Desktop(connection)
    for interface in (ITEM, MENU):
        rule = f"type='signal',interface='{interface}'"
        await made.call(
            "org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "AddMatch",
            "s",
            rule,
        )
    yield made
    connection.disconnect()


@pytest.fixture
async def icon(bus: Bus) -> AsyncIterator[Icon]:
    del bus
    made = Icon()
    made.thread.start()
    yield made
    made.notifier.stop()
    await made.ended()


@pytest.fixture
async def item(desktop: Desktop, icon: Icon) -> str:
    """Return the name of the icon's item, once it has registered."""
    del icon
    await desktop.appear()
    return await desktop.registered()


async def test_a_panel_reads_the_icon(desktop: Desktop, item: str) -> None:
    found = await desktop.properties(item)
    assert found["Id"] == "ankong"
    assert found["Status"] == "Active"
    assert "卡片已就緒" in found["Title"]
    assert found["Menu"] == "/MenuBar"
    assert found["ItemIsMenu"] is True
    assert [(width, height) for width, height, _ in found["IconPixmap"]] == [(s, s) for s in SIZES]
    for width, height, raw in found["IconPixmap"]:
        assert len(raw) == width * height * 4


async def test_a_line_that_is_clicked_is_told(desktop: Desktop, item: str, icon: Icon) -> None:
    texts = load_texts(Language.CHINESE)
    for label, key in (
        (texts.sites, "panel:sites"),
        ("English", "language:en"),
        (texts.autostart, "autostart"),
        (texts.quit, "quit"),
    ):
        await desktop.click(item, label)
        assert await icon.choice() == key


async def test_a_click_on_the_icon_itself_opens_the_panel(
    desktop: Desktop, item: str, icon: Icon
) -> None:
    await desktop.call(item, "/StatusNotifierItem", ITEM, "Activate", "ii", 1, 1)
    assert await icon.choice() == "panel:state"


async def test_the_menu_is_as_a_panel_expects_it(desktop: Desktop, item: str) -> None:
    lines = await desktop.lines(item)
    assert lines[0] == {"children-display": "submenu"}
    labels = {line.get("label"): line for line in lines.values()}
    assert any(label and "Virtual__Reader" in label for label in labels)
    assert labels[load_texts(Language.CHINESE).autostart]["toggle-type"] == "checkmark"
    assert labels[load_texts(Language.CHINESE).autostart]["toggle-state"] == 0
    assert labels["English"]["toggle-type"] == "radio"
    assert labels[load_texts(Language.CHINESE).language]["children-display"] == "submenu"
    assert [line for line in lines.values() if line.get("type") == "separator"]
    (group,) = await desktop.menu(item, "GetGroupProperties", "aias", list(lines), ["label"])
    assert {number for number, _ in group} == set(lines)
    assert all(set(properties) <= {"label"} for _, properties in group)
    _, top = await desktop.menu(item, "GetLayout", "iias", 0, 1, [])
    assert all(child.value[2] == [] for child in top[2])


async def test_what_cannot_be_chosen_is_not(desktop: Desktop, item: str, icon: Icon) -> None:
    lines = await desktop.lines(item)
    separator = next(n for n, line in lines.items() if line.get("type") == "separator")
    parent = next(n for n, line in lines.items() if n and line.get("children-display"))
    for number in (0, separator, parent):
        await desktop.menu(item, "Event", "isvu", number, "clicked", Variant("i", 0), 0)
    sites = next(n for n, line in lines.items() if line.get("label") == "允許的網站…")
    await desktop.menu(item, "Event", "isvu", sites, "hovered", Variant("i", 0), 0)
    with pytest.raises(DBusError):
        await desktop.menu(item, "Event", "isvu", 10_000, "clicked", Variant("i", 0), 0)
    events = [[10_000, "clicked", Variant("i", 0), 0], [sites, "clicked", Variant("i", 0), 0]]
    assert await desktop.menu(item, "EventGroup", "a(isvu)", events) == [[10_000]]
    assert await icon.choice() == "panel:sites"
    assert icon.chosen.empty()


async def test_another_view_is_signalled_and_entries_keep_their_numbers(
    desktop: Desktop, item: str, icon: Icon
) -> None:
    before = await desktop.lines(item)
    old = await desktop.properties(item)
    icon.notifier.show(view(CardPresence.MUTE))
    heard = await desktop.hear("NewIcon", "NewStatus", "NewTitle", "LayoutUpdated")
    assert heard["NewStatus"].body == ["NeedsAttention"]
    after = await desktop.lines(item)
    for number, line in before.items():
        if line.get("label", "").endswith("…"):
            assert after[number] == line
    new = await desktop.properties(item)
    assert new["Status"] == "NeedsAttention"
    assert new["IconPixmap"] != old["IconPixmap"]
    assert new["AttentionIconPixmap"] == new["IconPixmap"]


async def test_a_late_click_on_a_line_that_is_gone_does_nothing_else(
    desktop: Desktop, item: str, icon: Icon
) -> None:
    lines = await desktop.lines(item)
    gone = next(n for n, line in lines.items() if "Virtual" in line.get("label", ""))
    icon.notifier.show(make_view(TrayState(), load_texts(Language.CHINESE)))
    await desktop.hear("LayoutUpdated")
    with pytest.raises(DBusError):
        await desktop.menu(item, "Event", "isvu", gone, "clicked", Variant("i", 0), 0)
    await desktop.click(item, "使用紀錄…")
    assert await icon.choice() == "panel:history"


async def test_it_is_told_whether_a_panel_shows_the_icon(desktop: Desktop, icon: Icon) -> None:
    async with asyncio.timeout(SECONDS):
        assert await icon.told.get() is False
        await desktop.appear()
        assert await icon.told.get() is True
        await desktop.vanish()
        assert await icon.told.get() is False


async def test_a_panel_that_starts_later_gets_the_icon_and_again_when_it_comes_back(
    desktop: Desktop, item: str
) -> None:
    await desktop.vanish()
    await desktop.appear()
    assert await desktop.registered() == item


@pytest.mark.parametrize(
    ("capabilities", "body"),
    [(["body"], "<b>a & b</b>"), (["body", "body-markup"], "&lt;b&gt;a &amp; b&lt;/b&gt;")],
)
async def test_a_notification_is_shown_as_it_is(
    desktop: Desktop, icon: Icon, item: str, capabilities: list[str], body: str
) -> None:
    del item
    daemon = Notifications(capabilities)
    desktop.bus.export("/org/freedesktop/Notifications", daemon)
    await desktop.bus.request_name("org.freedesktop.Notifications")
    icon.notifier.notify(TrayNotice("已簽章", "<b>a & b</b>"))
    async with asyncio.timeout(SECONDS):
        assert await daemon.shown.get() == ("已簽章", body)


async def test_a_click_on_a_notification_counts_once(
    bus: Bus, desktop: Desktop, icon: Icon, item: str
) -> None:
    """Only its default action, and only from the program that showed it."""
    daemon = Notifications(["actions"])
    desktop.bus.export("/org/freedesktop/Notifications", daemon)
    await desktop.bus.request_name("org.freedesktop.Notifications")
    notice = TrayNotice("title", "click", "ask:https://a.example", "choose in the menu")
    async with asyncio.timeout(SECONDS):
        icon.notifier.notify(notice)
        assert await daemon.shown.get() == ("title", "click")
        assert daemon.actions[0] == "default"
        other = await MessageBus(bus.address, BusType.SESSION).connect()
        where = ("/org/freedesktop/Notifications", "org.freedesktop.Notifications")
        forged = Message.new_signal(*where, "ActionInvoked", "us", [1, "default"])
        forged.destination = item  # whoever is named gets a signal without having asked for it
        await other.send(forged)  # type: ignore[no-untyped-call]  # dbus-fast has no type here
        other.disconnect()
        daemon.ActionInvoked(1, "another")
        daemon.ActionInvoked(2, "default")  # another program's notification
        await desktop.click(item, "使用紀錄…")
        assert await icon.choice() == "panel:history"
        for _ in range(2):
            daemon.ActionInvoked(1, "default")
        assert await icon.choice() == "ask:https://a.example"
        await desktop.click(item, "使用紀錄…")
        assert await icon.choice() == "panel:history"


async def test_where_clicks_are_not_told_the_notification_says_another_way(
    desktop: Desktop, icon: Icon, item: str
) -> None:
    del item
    daemon = Notifications(["body"])
    desktop.bus.export("/org/freedesktop/Notifications", daemon)
    await desktop.bus.request_name("org.freedesktop.Notifications")
    icon.notifier.notify(TrayNotice("title", "click", "ask:https://a.example", "in the menu"))
    async with asyncio.timeout(SECONDS):
        assert await daemon.shown.get() == ("title", "in the menu")
    assert daemon.actions == []


async def test_without_a_notification_daemon_the_icon_lives_on(
    desktop: Desktop, icon: Icon, item: str
) -> None:
    for _ in range(3):
        icon.notifier.notify(TrayNotice("title", "body"))
    await desktop.click(item, "使用紀錄…")
    assert await icon.choice() == "panel:history"


async def test_a_bus_that_goes_away_is_no_tray_any_more(bus: Bus, icon: Icon, item: str) -> None:
    del item
    await asyncio.to_thread(bus.end)
    await icon.ended()
    assert isinstance(icon.failure, NoTrayError)


@pytest.mark.parametrize(
    "address", ["", "unix:path=/nowhere", "garbage", "tcp:host=localhost,port=1"]
)
def test_no_bus_is_no_tray(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(NoTrayError):
        StatusNotifier().run(view(), lambda _: None)


def test_a_bus_that_says_nothing_is_no_tray(
    monkeypatch: pytest.MonkeyPatch, short_path: Any
) -> None:
    import socket

    monkeypatch.setattr(status_notifier, "CALL_SECONDS", 0.2)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(short_path / "mute"))
        mute.listen()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={short_path / 'mute'}")
        with pytest.raises(NoTrayError):
            StatusNotifier().run(view(), lambda _: None)


def test_a_stop_before_the_beginning_counts(bus: Bus) -> None:
    del bus
    notifier = StatusNotifier()
    notifier.stop()
    notifier.run(view(), lambda _: None)
    notifier.show(view())
    notifier.notify(TrayNotice("nobody", "hears it"))


async def test_quitting_with_a_call_under_way_leaves_nothing_behind(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What the loop's last step leaves open is complained of when the garbage is collected."""
    left: list[tuple[bool, set[Any]]] = []
    run = StatusNotifier._run

    async def watched(notifier: StatusNotifier, *arguments: Any) -> None:
        await run(notifier, *arguments)
        assert notifier._bus is not None
        others = asyncio.all_tasks() - {asyncio.current_task()}
        left.append((notifier._bus._disconnect_future.done(), others))

    monkeypatch.setattr(StatusNotifier, "_run", watched)
    daemon = MuteNotifications()
    desktop.bus.export("/org/freedesktop/Notifications", daemon)
    await desktop.bus.request_name("org.freedesktop.Notifications")
    icon = Icon()
    icon.thread.start()
    await desktop.appear()
    await desktop.registered()
    icon.notifier.notify(TrayNotice("title", "body"))
    async with asyncio.timeout(SECONDS):
        await daemon.asked.wait()
    icon.notifier.stop()
    await icon.ended()
    daemon.answered.set()
    assert icon.failure is None
    assert left == [(True, set())]
    gc.collect()
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
