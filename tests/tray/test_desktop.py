"""The whole program on a real desktop's panel: the icon is seen, clicked, and its menu obeyed."""

import io
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from agent.host.tls import identity
from agent.virtualcard import cardfile
from tests.conftest import CardFactory
from tests.tray.conftest import session_bus
from tests.tray.prompt.desktop import SHOTS, x_server
from tests.tray.prompt.desktop import Desktop as PromptDesktop
from tray.icon.drawing import _BRAND, _GREEN

SECONDS = 60.0
NEEDED = ("Xvfb", "xdotool", "import", "xfce4-panel", "dbus-daemon")
# A panel with nothing in it but the place for icons.
CHANNEL = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="48"/>
      <property name="icon-size" type="uint" value="32"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray"/>
  </property>
</channel>
"""

Point = tuple[int, int]


@dataclass
class Desktop:
    """An X server, a bus, and Xfce's panel."""

    environment: dict[str, str]

    def picture(self) -> Image.Image:
        command = ["import", "-silent", "-window", "root", "png:-"]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, check=True, timeout=30
        )
        return Image.open(io.BytesIO(done.stdout)).convert("RGB")

    def find(self, colour: tuple[int, int, int], least: int) -> Point | None:
        """Return the middle of what is of a colour, where there is enough of it."""
        shown = self.picture()
        raw = shown.tobytes()
        wanted = bytes(colour)
        found = [at // 3 for at in range(0, len(raw), 3) if raw[at : at + 3] == wanted]
        if len(found) < least:
            return None
        middle = found[len(found) // 2]
        return middle % shown.width, middle // shown.width

    def see(self, colour: tuple[int, int, int], least: int = 20) -> Point:
        end = time.monotonic() + SECONDS
        while (place := self.find(colour, least)) is None:
            if time.monotonic() > end:
                self.keep("tray-not-seen")
                raise AssertionError("the icon never appeared")
            time.sleep(0.2)
        return place

    def do(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], env=self.environment, check=True, timeout=30)

    def menu_is_open(self, before: Image.Image) -> bool:
        """Return whether much more is on the screen than before."""
        was, now = before.tobytes(), self.picture().tobytes()
        return sum(1 for a, b in zip(was[::3], now[::3], strict=True) if a != b) > 5_000

    def keep(self, name: str) -> None:
        """Keep a picture of the screen, where the environment names a folder for it."""
        folder = os.environ.get(SHOTS)
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.picture().save(Path(folder) / f"{name}.png")


@pytest.fixture
def desktop(short_path: Path, tmp_path: Path) -> Iterator[Desktop]:
    """Run a desktop in a home of its own."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} needed: apt-get install xfce4-panel")
    home = tmp_path / "home"
    channels = home / ".config" / "xfce4" / "xfconf" / "xfce-perchannel-xml"
    channels.mkdir(parents=True)
    (channels / "xfce4-panel.xml").write_text(CHANNEL)
    run = short_path / "run"
    run.mkdir(mode=0o700)
    with x_server("1000x700x24") as display:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_RUNTIME_DIR": str(run),
            "DISPLAY": display,
            "LANG": "C.UTF-8",
            "NO_AT_BRIDGE": "1",
            "GDK_BACKEND": "x11",
        }
        with session_bus(short_path, environment, services=True) as bus:
            environment["DBUS_SESSION_BUS_ADDRESS"] = bus.address
            with subprocess.Popen(
                ["xfce4-panel", "--disable-wm-check"],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as panel:
                try:
                    yield Desktop(environment)
                finally:
                    panel.terminate()


@pytest.fixture
def program(
    desktop: Desktop, tmp_path: Path, make_card: CardFactory
) -> Iterator[subprocess.Popen[str]]:
    """Run the program with a card in its reader; it is ready."""
    card = tmp_path / "card.json"
    cardfile.save(card, make_card("gen2").data)
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "tray", "tray", "--state-dir", str(tmp_path / "state")),
            *("--virtual-card", str(card), "--port", "0", "--hipki-port", "0"),
        ],
        env=desktop.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        try:
            assert running.stdout is not None
            assert json.loads(running.stdout.readline())["ready"] is True
            yield running
        finally:
            running.send_signal(signal.SIGKILL)


def test_the_icon_is_seen_and_its_menu_obeyed(
    desktop: Desktop, program: subprocess.Popen[str]
) -> None:
    x, y = desktop.see(_BRAND)
    desktop.see(_GREEN, least=10)  # the badge: the card is ready
    before = desktop.picture()
    end = time.monotonic() + SECONDS
    while not desktop.menu_is_open(before):
        assert time.monotonic() < end, "the menu did not open"
        desktop.do("mousemove", str(x), str(y), "click", "1")
        time.sleep(0.5)
    desktop.keep("tray-menu")
    desktop.do("key", "--delay", "100", "Up", "Return")  # the last line: quit
    assert program.wait(SECONDS) == 0
    while desktop.find(_BRAND, 20) is not None:
        assert time.monotonic() < end, "the icon stayed"
        time.sleep(0.2)


def test_a_question_is_asked_though_the_agent_is_not_in_the_main_thread(
    desktop: Desktop, program: subprocess.Popen[str], tmp_path: Path
) -> None:
    del program
    windows = PromptDesktop(desktop.environment["DISPLAY"])
    with ThreadPoolExecutor(1) as page:
        answer = page.submit(_connect, tmp_path / "state")
        windows.see()
        desktop.keep("tray-question")
        windows.press("Escape")
        assert answer.result(SECONDS) == "user_cancelled"


def _connect(state: Path) -> str:
    """Ask to be allowed, as a page does; give the error."""
    port = json.loads((state / "instance.json").read_text())["port"]
    request = urllib.request.Request(
        f"https://localhost:{port}/v1/connect",
        data=b"{}",
        headers={"Content-Type": "application/json", "Origin": "https://shop.example"},
    )
    trust = ssl.create_default_context(cafile=str(identity.ensure(state / "tls").authority))
    try:
        with urllib.request.urlopen(request, context=trust, timeout=SECONDS) as response:  # noqa: S310  # our own agent
            body = json.load(response)
    except urllib.error.HTTPError as error:
        body = json.load(error)
    code: str = body["error"]["code"]
    return code
