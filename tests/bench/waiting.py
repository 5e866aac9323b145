"""How long a person waits: for the PIN window, panel, icon and wizard; and what that costs.

``await waiting_rows(effort)`` gives rows for the table. A ratio is to the least that could be
seen instead, in the same run: a bare tkinter window of a fresh Python, or a bare page in the same
browser. What is missing here (an X server, a bus, a browser) leaves its rows without a value.
"""

import asyncio
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusStr
from dbus_fast.service import ServiceInterface, dbus_method

from agent.consent.site_store import Decision, SiteStore
from agent.origin import Origin
from agent.virtualcard.model import Generation
from installer.frozen.icons import write_pictures
from tests.bench.cards import PIN, CardCase
from tests.bench.daemon import ORIGIN, SIGN, TRAY_PROGRAM, Daemon, Page, as_installed
from tests.bench.hipki import Row
from tests.bench.seen import PATIENCE, NotSeenError, WindowWatch
from tests.bench.waiting_panel import panel_rows
from tests.tray.conftest import session_bus
from tests.tray.prompt.desktop import Desktop, x_server
from tests.tray.prompt.running_agent import children, private_kib, sleeps
from tray.icon.status_notifier import WATCHER

ROOT = Path(__file__).resolve().parents[2]
AWAKE = 1.0  # seconds after which a window takes keys
WITHOUT_PIN = {
    "method": "sign",
    "params": {name: value for name, value in SIGN["params"].items() if name != "pin"},
}
FIRST, LATER, ICON, WIZARD = "first PIN window", "later PIN window", "icon", "wizard's window"
SINCE = {
    FIRST: ("page's sign to its PIN window, the agent's first", 500.0),
    LATER: ("page's sign to its PIN window, later", 200.0),
    ICON: ("start of the program to its icon, picture read", 1500.0),
    WIZARD: ("start of the wizard to its window", 1000.0),
}
"""What is timed, and the milliseconds that are aimed at."""
# Frozen, the wizard's package is beside the agent's, and the program itself is sys.executable.
_WIZARD = """
import sys
root, program = sys.argv[1:]
sys.path += [root, f"{root}/installer/linux"]
sys.executable = f"{program}/ankong"
from wizard.main import main
sys.exit(main([]))
"""


@dataclass(frozen=True)
class WaitingEffort:
    """How often to measure.

    Attributes:
        starts: of the agent, the icon and the wizard each.
        laters: PIN windows after the first of each agent.
        panels: views of the panel.

    """

    starts: int = 5
    laters: int = 3
    panels: int = 9


SHORT_WAITS = WaitingEffort(starts=1, laters=1, panels=1)


@dataclass
class _Waits:
    """What was found; seconds."""

    bare: list[float] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SINCE})
    memory: list[float] = field(default_factory=list)
    without_card: int | None = None


async def waiting_rows(effort: WaitingEffort) -> list[Row]:
    """Measure everything."""
    waits = _Waits()
    with tempfile.TemporaryDirectory() as name:
        bench = _WaitingBench(Path(name), effort, waits)
        if all(map(which, ("Xvfb", "xdotool", "dbus-daemon"))):
            with x_server() as display:
                await bench.measure(display)
        rows = _rows(waits)
        return rows + await asyncio.to_thread(panel_rows, bench.folder, bench.card, effort.panels)


def _rows(waits: _Waits) -> list[Row]:
    rows = [Row("bare tkinter window of a fresh Python", _ms(waits.bare), "ms")]
    for what, (name, most) in SINCE.items():
        found = waits.seconds[what]
        ratio = statistics.median(found) / statistics.median(waits.bare) if found else None
        rows += [
            Row(name, _ms(found), "ms", most),
            Row(f"{what} over bare tkinter window", ratio, "ratio"),
        ]
    memory = statistics.median(waits.memory) if waits.memory else None
    count = waits.without_card
    return [
        *rows,
        Row("private memory of the waiting prompt process", memory, "MB", 25),
        Row("waiting prompt processes without a card", count, "processes", most=0),
    ]


def _ms(seconds: list[float]) -> float | None:
    return statistics.median(seconds) * 1000 if seconds else None


class _WaitingBench:
    """One run on one display."""

    def __init__(self, folder: Path, effort: WaitingEffort, waits: _Waits) -> None:
        self.folder = folder
        self.card = CardCase(folder).file(Generation.GEN2, "waiting")
        self._effort = effort
        self._waits = waits
        self._home = folder / "home"
        self._home.mkdir()

    async def measure(self, display: str) -> None:
        """Measure in turns: what is compared meets the same load."""
        desktop, watch = Desktop(display), WindowWatch(display)
        try:
            environment = self._environment(desktop)
            self._prepare(watch, environment)
            with session_bus(self.folder) as bus:
                for number in range(self._effort.starts + 1):
                    told = self._waits if number else _Waits()  # the first ones compile
                    told.bare.append(watch.time_bare(environment))
                    await asyncio.to_thread(self._sign, desktop, watch, told)
                    told.bare.append(watch.time_bare(environment))
                    told.seconds[ICON].append(await self._icon(bus.address))
                    told.seconds[WIZARD].append(self._wizard(watch, environment))
            self._waits.without_card = self._without_card(environment)
        finally:
            watch.close()

    def _environment(self, desktop: Desktop) -> dict[str, str]:
        """Nothing of this user's is touched: the home is another."""
        return without_xdg(as_installed() | desktop.environment) | {"HOME": str(self._home)}

    def _prepare(self, watch: WindowWatch, environment: dict[str, str]) -> None:
        write_pictures(self.folder / "program" / "_internal" / "icons")
        state = self._home / "state"
        state.mkdir()
        store = SiteStore(state / "sites.sqlite")
        store.remember(Origin.parse_any(ORIGIN), Decision.ALLOWED)
        store.close()
        watch.time_bare(environment)

    # PIN windows.

    def _sign(self, desktop: Desktop, watch: WindowWatch, told: _Waits) -> None:
        with self._agent(self._environment(desktop)) as agent:
            trust = ssl.create_default_context(cafile=self._home / "state/tls/authority.pem")
            page = Page(agent.port, trust)
            for number in range(1 + self._effort.laters):
                waits = settled(agent.process_id)
                if waits:
                    told.memory.append(private_kib(waits) * 1024 / 1e6)
                what = LATER if number else FIRST
                told.seconds[what].append(_time_window(page, desktop, watch))
            page.close()

    @contextmanager
    def _agent(self, environment: dict[str, str]) -> Iterator[Daemon]:
        state = self._home / "state"
        with Daemon(state, self.card, consent="ask", environment=environment) as agent:
            yield agent

    def _without_card(self, environment: dict[str, str]) -> int:
        """Pull the card while one waits for it; return how many are left."""
        with self._agent(environment) as agent:
            settled(agent.process_id)
            self.card.rename(self.card.with_suffix(".pulled"))
            try:
                until(lambda: not children(agent.process_id))
                time.sleep(AWAKE)  # none comes after it
                return len(children(agent.process_id))
            finally:
                self.card.with_suffix(".pulled").rename(self.card)

    # The icon.

    async def _icon(self, address: str) -> float:
        """Start the program as sign-in does; wait until a desktop has the icon's picture."""
        bus = await MessageBus(address, BusType.SESSION).connect()
        watcher = _Watcher()
        bus.export("/StatusNotifierWatcher", watcher)
        await bus.request_name(WATCHER)
        try:
            with self._program(address) as start:
                async with asyncio.timeout(PATIENCE):
                    await _read_picture(bus, await watcher.items.get())
                return time.perf_counter() - start
        finally:
            bus.disconnect()

    @contextmanager
    def _program(self, address: str) -> Iterator[float]:
        """Run it; give when it was started. There is no display: its windows are not needed."""
        command = [sys.executable, "-P", "-c", TRAY_PROGRAM, "tray", "--provider", "virtual"]
        command += ["--virtual-card", str(self.card), "--state-dir", str(self._home / "state")]
        kept = without_xdg(as_installed())
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            kept.pop(name, None)
        more = {"HOME": str(self._home), "DBUS_SESSION_BUS_ADDRESS": address}
        start = time.perf_counter()
        with subprocess.Popen(
            [*command, "--port", "0", "--hipki-port", "0"],
            env={**kept, **more, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                yield start
            finally:
                process.terminate()
                process.wait(PATIENCE)

    # The wizard.

    def _wizard(self, watch: WindowWatch, environment: dict[str, str]) -> float:
        command = [sys.executable, "-P", "-c", _WIZARD, str(ROOT), str(self.folder / "program")]
        start = time.perf_counter()
        with subprocess.Popen(command, env=environment) as process:
            try:
                return watch.wait("Ankong") - start
            finally:
                process.kill()


class _Watcher(ServiceInterface):
    """A desktop's watcher: icons register with it."""

    def __init__(self) -> None:
        super().__init__(WATCHER)
        self.items: asyncio.Queue[str] = asyncio.Queue()

    @dbus_method()
    def RegisterStatusNotifierItem(self, service: DBusStr) -> None:  # noqa: N802
        self.items.put_nowait(service)


async def _read_picture(bus: MessageBus, item: str) -> None:
    """Ask an icon for all that a desktop shows of it."""
    reply = await bus.call(
        Message(
            destination=item,
            path="/StatusNotifierItem",
            interface="org.freedesktop.DBus.Properties",
            member="GetAll",
            signature="s",
            body=["org.kde.StatusNotifierItem"],
        )
    )
    if reply is None or not reply.body[0]["IconPixmap"].value:
        raise NotSeenError("icon")


def _time_window(page: Page, desktop: Desktop, watch: WindowWatch) -> float:
    """Let a page ask for a signature and type the PIN; return how long its window took."""
    with ThreadPoolExecutor(1) as pool:
        start = time.perf_counter()
        answer = pool.submit(page.call, "sign", WITHOUT_PIN)
        seconds = watch.wait("Ankong") - start
        desktop.see()
        time.sleep(AWAKE)
        desktop.press(*PIN, "Return")
        answer.result()
    return seconds


def settled(agent: int) -> str | None:
    """Wait until the only prompt process of an agent sleeps; return its number, None for none."""
    with suppress(NotSeenError):
        until(lambda: len(children(agent)) == 1)
        (waits,) = children(agent)
        until(lambda: sleeps(waits))
        return waits
    return None


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds.

    Raises:
        NotSeenError: it does not within a minute.

    """
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise NotSeenError
        time.sleep(0.05)


def without_xdg(environment: dict[str, str]) -> dict[str, str]:
    """Return an environment in which the home decides about every folder."""
    return {name: value for name, value in environment.items() if not name.startswith("XDG_")}
