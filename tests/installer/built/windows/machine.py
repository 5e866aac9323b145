"""One Windows for a test: a Wine prefix on a desktop of its own, and hands on its wizard."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devkit.shell import ROOT
from windows.build import windows_python, wine
from windows.build.wine import Prefix, windows_path

from tests.tray.prompt.desktop import x_server

PICTURES = ROOT / "build" / "pictures"
PATIENCE = 240.0  # seconds for anything to appear, on a machine that does much else
DRIVER = Path(__file__).with_name("driver.py")


@dataclass
class Page:
    """A dialog that is on the screen.

    Attributes:
        window: its number.
        texts: all that it says, its title first.

    """

    hands: "Hands"
    window: int
    texts: list[str]

    @property
    def all(self) -> str:
        return "\n".join(self.texts)

    def press(self, label: str, seconds: float = PATIENCE) -> None:
        self.hands.do("press", window=self.window, label=label, seconds=seconds)

    def state(self, label: str) -> dict[str, Any]:
        return self.hands.do("state", window=self.window, label=label)

    def pick(self, index: int) -> None:
        self.hands.do("pick", window=self.window, index=index)

    def close(self) -> None:
        self.hands.do("close", window=self.window)


class Hands:
    """The driver that runs inside Wine."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def do(self, deed: str, **wanted: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": deed, **wanted}).encode() + b"\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "error" not in answer, f"{deed} {wanted}: {json.dumps(answer, ensure_ascii=False)}"
        return answer

    def see(self, text: str, *, other_than: Page | None = None, seconds: float = PATIENCE) -> Page:
        """Wait for a dialog that says ``text``, and is not one that was seen before."""
        but = None if other_than is None else other_than.window
        found = self.do("see", text=text, seconds=seconds, but=but)
        return Page(self, found["window"], found["texts"])

    def gone(self, text: str, seconds: float = PATIENCE) -> None:
        self.do("gone", text=text, seconds=seconds)

    def windows(self) -> list[tuple[str, str]]:
        return [(kind, title) for kind, title in self.do("listed")["windows"]]


@dataclass
class Machine:
    """One Windows."""

    prefix: Prefix
    hands: Hands
    display: str
    language: str
    _started: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where the program goes unless it is told otherwise."""
        return self.prefix.user / "AppData" / "Local" / "Programs" / "Ankong"

    @property
    def state(self) -> Path:
        """The agent's own folder."""
        return self.prefix.user / "AppData" / "Local" / "ankong"

    def start(self, *command: str | Path) -> "subprocess.Popen[str]":
        """Start a program and do not wait for it; it ends with the machine."""
        process = self.prefix.start(*command, language=self.language)
        self._started.append(process)
        return process

    def run(self, *command: str | Path, seconds: float = 180.0) -> tuple[int, str]:
        return self.prefix.run(*command, language=self.language, seconds=seconds)

    def ankong(self, *words: str) -> tuple[int, str]:
        return self.run(self.folder / "ankong.exe", *words)

    def picture(self, name: str) -> Path:
        """Keep a picture of the screen in build/pictures."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        time.sleep(0.4)  # for the last dot to be drawn
        file = PICTURES / f"windows-{name}.png"
        command = ["import", "-silent", "-window", "root", str(file)]
        env = {**os.environ, "DISPLAY": self.display}
        subprocess.run(command, env=env, check=True, timeout=30)
        return file

    def wait(self, condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}"
            time.sleep(0.1)

    def registry(self) -> set[str]:
        """List what the registry has for this user and for all programs: each line with its key."""
        file = self.prefix.folder / "export.reg"
        found, key = set(), ""
        for branch in ("HKEY_CURRENT_USER", r"HKEY_LOCAL_MACHINE\Software"):
            self.run("regedit", "/E", windows_path(file), branch)
            for line in file.read_text("utf-16").splitlines():
                key = line.strip("[]") if line.startswith("[") else key
                found.add(f"{key} {line}")
            file.unlink()
        return found

    def tree(self) -> set[str]:
        """List every file and folder of drive C."""
        root = self.prefix.drive
        return {str(each.relative_to(root)) for each in root.rglob("*")}

    def settings(self, **values: object) -> None:
        """Write the agent's settings.

        Wine shows a Windows program only the TCP connections of other Windows programs, so for
        clients outside of it the check of whose a connection is has to be off.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in values.items()]
        (self.state / "config.toml").write_text("".join(lines))

    def switch_off(self) -> None:
        """End all that runs."""
        self.prefix.end()
        for process in self._started:
            if process.stdout is not None:
                process.stdout.close()
            process.wait(PATIENCE)


@contextmanager
def machine(folder: Path, language: str = "zh_TW", *, tray: bool = False) -> Iterator[Machine]:
    """Switch a Windows on, and off again with all that runs in it.

    Args:
        folder: for its files.
        language: of Windows, one of ``wine.LANGUAGES``.
        tray: whether the desktop has a notification area.

    """
    with ExitStack() as stack:
        display = stack.enter_context(x_server("1024x768x24"))
        stack.enter_context(desktop(display, tray=tray))
        prefix = stack.enter_context(wine.prefix(folder, {"DISPLAY": display}))
        made = Machine(prefix, stack.enter_context(driver(prefix, language)), display, language)
        stack.callback(made.switch_off)
        yield made


@contextmanager
def driver(prefix: Prefix, language: str) -> Iterator[Hands]:
    """Run the driver."""
    with subprocess.Popen(
        ["wine", str(windows_python.HERE / "python.exe"), windows_path(DRIVER)],
        env=prefix.environment(language),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield Hands(process)


@contextmanager
def desktop(display: str, *, tray: bool) -> Iterator[None]:
    """Run a window manager, and a notification area if it is wanted."""
    commands = [["openbox"]]
    if tray:
        commands.append(
            ["trayer", "--edge", "bottom", "--align", "right", "--SetDockType", "false"]
        )
    env = {**os.environ, "DISPLAY": display}
    running = [
        subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for command in commands
        if shutil.which(command[0])
    ]
    try:
        yield
    finally:
        for each in running:
            each.terminate()
            each.wait(10)


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
