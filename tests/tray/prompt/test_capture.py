"""Windows are kept out of screen captures, played with what stands for each system."""

import ctypes
import ctypes.util
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from agent.consent.wire import encode_request
from tests.signing.prompt_support import ALL
from tests.tray.prompt.desktop import Desktop
from tray.prompt.capture import keep_out_of_captures

WDA_MONITOR, WDA_EXCLUDEFROMCAPTURE = 0x01, 0x11  # <winuser.h>
FRAME = 0x5A5A
ROOT = SimpleNamespace(wm_frame=lambda: hex(FRAME))
# A prompt process that tells when its window asks, and whether it is on the screen then.
TELLING = """
import sys
from tray.prompt import window
def tell(root):
    print(root.winfo_viewable(), file=sys.stderr, flush=True)
    root.after(10, root.destroy)
window.keep_out_of_captures = tell
from tray.prompt.process import main
sys.exit(main())
"""


class User32:
    """Windows, as far as it is asked; which of the two ways it knows."""

    def __init__(self, *known: int) -> None:
        self.asked: list[tuple[int | None, int]] = []
        self._known = known

    def SetWindowDisplayAffinity(self, window: ctypes.c_void_p, way: ctypes.c_uint32) -> int:  # noqa: N802  # as it is called
        self.asked.append((window.value, way.value))
        return int(way.value in self._known)


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ((WDA_EXCLUDEFROMCAPTURE, WDA_MONITOR), [WDA_EXCLUDEFROMCAPTURE]),
        ((WDA_MONITOR,), [WDA_EXCLUDEFROMCAPTURE, WDA_MONITOR]),
        ((), [WDA_EXCLUDEFROMCAPTURE, WDA_MONITOR]),
    ],
    ids=["today's", "older", "refuses"],
)
def test_windows_is_asked_for_the_whole_window(
    known: tuple[int, ...], asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    user32 = User32(*known)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(user32=user32), raising=False)
    keep_out_of_captures(ROOT)  # type: ignore[arg-type]  # all that is asked of a Tk
    assert user32.asked == [(FRAME, way) for way in asked]


class ObjectiveC:
    """The runtime of macOS with an application that has some windows."""

    APPLICATION, WINDOWS, FIRST = 1000, 2000, 3000

    def __init__(self, windows: int) -> None:
        self.shared: list[tuple[int, int]] = []
        self._windows = windows
        self._selectors: list[bytes] = []
        result, pointer = ctypes.c_void_p, ctypes.c_void_p
        kind = ctypes.CFUNCTYPE(result, pointer, pointer, ctypes.c_ulong)
        self.objc_msgSend = kind(self._receive)
        self.objc_getClass = lambda name: {b"NSApplication": 500}[name]
        self.sel_registerName = self._register

    def _register(self, name: bytes) -> int:
        self._selectors.append(name)
        return len(self._selectors)

    def _receive(self, receiver: int, selector: int, number: int) -> int | None:
        match receiver, self._selectors[selector - 1]:
            case 500, b"sharedApplication":
                return self.APPLICATION
            case self.APPLICATION, b"windows":
                return self.WINDOWS
            case self.WINDOWS, b"count":
                return self._windows
            case self.WINDOWS, b"objectAtIndex:":
                return self.FIRST + number
            case window, b"setSharingType:":
                self.shared.append((window, number))
        return None


@pytest.mark.parametrize("windows", [0, 1, 3])
def test_macos_shares_no_window(windows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = ObjectiveC(windows)
    # Attributes of a function of ctypes, which a method does not take.
    for name in ("objc_getClass", "sel_registerName"):
        function = getattr(runtime, name)
        monkeypatch.setattr(
            runtime, name, type("Function", (), {"__call__": lambda _, a, f=function: f(a)})()
        )
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: runtime)
    keep_out_of_captures(ROOT)  # type: ignore[arg-type]  # nothing is asked of it
    assert runtime.shared == [(runtime.FIRST + place, 0) for place in range(windows)]


@pytest.mark.parametrize("platform", ["win32", "darwin", "linux"])
def test_a_system_that_cannot_is_no_error(
    platform: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(user32=object()), raising=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    keep_out_of_captures(ROOT)  # type: ignore[arg-type]  # all that is asked of a Tk
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_every_window_asks_once_it_is_on_the_screen(desktop: Desktop) -> None:
    told = {}
    for prompt in ALL:
        done = subprocess.run(
            [sys.executable, "-P", "-c", TELLING],
            input=encode_request(prompt),
            env=desktop.environment,
            capture_output=True,
            check=False,
            timeout=60,
        )
        told[type(prompt).__name__] = done.stderr
    assert told == {type(prompt).__name__: b"1\n" for prompt in ALL}, json.dumps(str(told))
