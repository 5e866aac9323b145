"""A desktop of our own: an X server without a screen, and hands on its keyboard."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.consent.wire import AnyPrompt, encode_request

PROGRAMS = ("Xvfb", "xdotool", "import")
SHOTS = "ANKONG_SHOTS"
"""The environment variable that names a folder for pictures of every window."""
PATIENCE = 30.0  # seconds for anything to appear
# The same program, with other times in which it ignores keys and clicks.
WITH_INPUT_DELAY = """
import sys
import tray.prompt.window
tray.prompt.window.INPUT_DELAY_SECONDS = {}
tray.prompt.window.RETURN_DELAY_SECONDS = {}
from tray.prompt.process import main
sys.exit(main(sys.argv[1:]))
"""


def program(input_delay: float | None, return_delay: float = 0.0) -> list[str]:
    """Return the command of a prompt process; None for the delays of the shipped one."""
    if input_delay is None:
        return [sys.executable, "-P", "-m", "tray.prompt.process"]
    return [sys.executable, "-P", "-c", WITH_INPUT_DELAY.format(input_delay, return_delay)]


@dataclass
class Desktop:
    """One X display."""

    name: str
    language: str = "zh_TW.UTF-8"

    @property
    def environment(self) -> dict[str, str]:
        """What a program on this desktop finds in its environment."""
        dropped = ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "WAYLAND_DISPLAY", "GTK_THEME")
        kept = {k: v for k, v in os.environ.items() if k not in dropped}
        return {**kept, "DISPLAY": self.name, "LANG": self.language}

    def do(self, *command: str) -> str:
        """Run a program on this desktop; return what it says."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True, timeout=30
        )
        return done.stdout

    def see(self) -> str:
        """Wait for a window of ours that has the keyboard; return its number."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                ours = self.do("xdotool", "search", "--onlyvisible", "--class", "Ankong").split()
                focus = self.do("xdotool", "getwindowfocus").strip()
            except subprocess.CalledProcessError:
                ours, focus = [], ""
            if focus in ours:
                return focus
            time.sleep(0.05)
        raise AssertionError("no window appeared")

    def see_nothing(self) -> None:
        """Wait until no window of ours is to be seen."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.do("xdotool", "search", "--onlyvisible", "--class", "Ankong")
            except subprocess.CalledProcessError:
                return
            time.sleep(0.05)
        raise AssertionError("a window stayed")

    def press(self, *keys: str) -> None:
        """Press keys one after the other, such as "Tab" or "alt+t"."""
        self.do("xdotool", "key", "--delay", "20", *keys)

    def picture(self, name: str) -> None:
        """Keep a picture of the screen, where the environment names a folder for it."""
        folder = os.environ.get(SHOTS)
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            time.sleep(0.2)  # for the last dot to be drawn
            file = str(Path(folder) / f"{name}.png")
            self.do("import", "-silent", "-window", "root", file)

    def size(self, window: str) -> tuple[int, int]:
        """Measure a window in pixels."""
        shape = self.do("xdotool", "getwindowgeometry", "--shell", window)
        facts = dict(line.split("=") for line in shape.splitlines())
        return int(facts["WIDTH"]), int(facts["HEIGHT"])


class Window:
    """A prompt process on a desktop."""

    def __init__(self, desktop: Desktop, prompt: AnyPrompt, command: Sequence[str]) -> None:
        self.desktop = desktop
        self.process = subprocess.Popen(
            command,
            env=desktop.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(encode_request(prompt))
        self.process.stdin.flush()

    def press(self, *keys: str) -> None:
        """Press keys, once the window has the keyboard."""
        self.desktop.see()
        self.desktop.press(*keys)

    def close_input(self) -> None:
        """Do what the agent does when nobody waits for the answer any more."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def answer(self) -> bytes:
        """Wait for the process to end well; return what it answered."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        said = self.process.stdout.read()
        complaints = self.process.stderr.read()
        assert (self.process.wait(PATIENCE), complaints) == (0, b"")
        return said


@contextmanager
def opened(
    desktop: Desktop,
    prompt: AnyPrompt,
    input_delay: float | None = 0.0,
    return_delay: float = 0.0,
) -> Iterator[Window]:
    """Open a window and leave none behind."""
    window = Window(desktop, prompt, program(input_delay, return_delay))
    with window.process:
        try:
            yield window
        finally:
            window.process.kill()
    desktop.see_nothing()


@contextmanager
def x_server(size: str = "1000x1000x24", *more: str) -> Iterator[str]:
    """Run Xvfb on a display that is free, with ``more`` arguments; give its name."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-nolisten", "tcp", *more]
    with (
        subprocess.Popen(
            command,
            pass_fds=(writing,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as server,
        os.fdopen(reading) as told,
    ):
        os.close(writing)
        try:
            number = told.readline().strip()
            assert number, "Xvfb did not start"
            yield f":{number}"
        finally:
            server.terminate()
