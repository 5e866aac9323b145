"""The smart-card way of Windows: winscard, a PC/SC service, a reader, our card in it.

Wine 10 hands winscard on to pcsc-lite; Wine 8 does not. So this runs in a Debian 13 of its own.
"""

import base64
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.cms.verify import verify
from agent.portal.demo.programs import free_port
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.vpcd import VpcdConnection
from tests.conftest import TEST_PIN
from tests.installer.built.linux.chroot import Debian, debian
from tests.installer.built.windows.machine import PATIENCE
from tests.installer.built.windows.walk import call

pytestmark = [pytest.mark.long, pytest.mark.pcsc]
CardFactory = Callable[..., VirtualCard]
PREFIX = "/root/windows"
LANGUAGE = "zh_TW.UTF-8"  # gives Windows code page 950
WINE = ("env", f"LC_ALL={LANGUAGE}", f"WINEPREFIX={PREFIX}", "WINEDEBUG=-all", "WINEARCH=win64")
QUIET = "WINEDLLOVERRIDES=winemenubuilder.exe=d;mscoree=d;mshtml=d"
READER = """FRIENDLYNAME "讀卡機 A"
DEVICENAME   /dev/null:0x{port:04X}
LIBPATH      /usr/lib/pcsc/drivers/serial/libifdvpcd.so
CHANNELID    0x{port:04X}
"""
DOCUMENT = {"data": base64.b64encode(b"hello").decode(), "hash": "SHA-256", "format": "cms"}


@dataclass
class WindowsInDebian:
    """A Wine 10 with a PC/SC service."""

    system: Debian

    @property
    def user(self) -> Path:
        return self.system.root / PREFIX.strip("/") / "drive_c" / "users" / "root"

    @property
    def state(self) -> Path:
        return self.user / "AppData" / "Local" / "ankong"

    def run(self, *words: str) -> tuple[int, str]:
        done = self.system.try_to(*WINE, QUIET, *words)
        return done.returncode, done.stdout + done.stderr


@contextmanager
def running(command: list[str]) -> Iterator[None]:
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, **quiet) as process:
        try:
            yield
        finally:
            process.terminate()


@pytest.fixture
def windows(wizard: Path, tmp_path: Path) -> Iterator[tuple[WindowsInDebian, int]]:
    """Install the agent in a Debian 13; give that, and the port of its reader."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("root and debootstrap are needed")
    port = free_port()
    with debian("trixie", tmp_path) as system:
        system.apt("update")
        system.apt("install", "locales", "wine", "wine64", "pcscd", "vsmartcard-vpcd")
        system.run("localedef", "-i", "zh_TW", "-f", "UTF-8", LANGUAGE)
        readers = system.root / "etc" / "reader.conf.d"
        for each in readers.iterdir():
            each.unlink()
        (readers / "vpcd").write_text(READER.format(port=port), "utf-8")
        (system.root / "run" / "pcscd").mkdir(parents=True, exist_ok=True)
        shutil.copy(wizard, system.root / "root" / "setup.exe")
        made = WindowsInDebian(system)
        with running(system.command("pcscd", "--foreground", "--disable-polkit")):
            try:
                yield made, port
            finally:
                made.run("wineserver", "-k")
                made.run("wineserver", "-w")


@pytest.mark.parametrize("generation", ["gen1", "gen2"])
def test_a_signature_travels_through_winscard(
    windows: tuple[WindowsInDebian, int], make_card: CardFactory, generation: str
) -> None:
    machine, reader = windows
    assert machine.run("wine", "wineboot", "--init")[0] == 0
    assert machine.run("wine", "/root/setup.exe", "/S")[0] == 0
    port = free_port()
    machine.state.mkdir(parents=True, exist_ok=True)
    settings = f'port = {port}\nhipki_port = 0\ncheck_peer = false\nconsent = "allow"\n'
    (machine.state / "config.toml").write_text(settings)
    program = machine.user / "AppData" / "Local" / "Programs" / "Ankong" / "ankong.exe"
    inside = "/" + str(program.relative_to(machine.system.root))
    # The serve command needs no desktop, and there is none.
    with running(machine.system.command(*WINE, QUIET, "wine", inside, "serve")):
        _wait(lambda: _answers(machine, port))
        assert call(machine, port, "connect")["result"] == {"allowed": True}
        _wait(lambda: _state(machine, port) == "empty")  # it may answer before it has looked
        assert _readers(machine, port)[0]["name"].startswith("讀卡機 A ")
        door = VpcdConnection(make_card(generation), "127.0.0.1", reader)
        door.start()
        _wait(lambda: _state(machine, port) == "card")
        answer = call(machine, port, "sign", **DOCUMENT, pin=TEST_PIN)
        signature = base64.b64decode(answer["result"]["signature"])
        assert verify(signature).content == b"hello"
        door.remove()
        _wait(lambda: _state(machine, port) == "empty")
        assert machine.run("wine", inside, "quit")[0] == 0


def _answers(machine: WindowsInDebian, port: int) -> bool:
    try:
        return bool(call(machine, port, "connect"))
    except (OSError, ValueError):
        return False


def _readers(machine: WindowsInDebian, port: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(machine, port, "readers")["result"]["readers"]
    return found


def _state(machine: WindowsInDebian, port: int) -> str:
    return next((str(reader["state"]) for reader in _readers(machine, port)), "no reader")


def _wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)
