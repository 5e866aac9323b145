"""Hands and eyes inside Wine; runs under the Windows Python, one JSON line in, one out.

Windows are told by what they say, controls by what is written on them: so a page that reads
otherwise than expected is not found. Not collected by pytest, and imported by no test.
"""

import ctypes
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from ctypes import wintypes
from typing import Any

WM_GETTEXT = 0x000D
WM_CLOSE = 0x0010
BM_GETCHECK = 0x00F0
BM_CLICK = 0x00F5
CB_SETCURSEL = 0x014E
CB_GETCOUNT = 0x0146
ABORT_IF_HUNG = 2
LENGTH = 32768  # characters; the licence is the longest text
PAUSE = 0.05  # seconds

user32 = ctypes.WinDLL("user32", use_last_error=True)
EACH = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)
user32.SendMessageTimeoutW.argtypes = [
    *(wintypes.HWND, wintypes.UINT, wintypes.WPARAM, ctypes.c_void_p),
    *(wintypes.UINT, wintypes.UINT, ctypes.c_void_p),
]
user32.EnumChildWindows.argtypes = [wintypes.HWND, EACH, wintypes.LPARAM]
user32.GetDlgItem.restype = wintypes.HWND
user32.GetDlgItem.argtypes = [wintypes.HWND, ctypes.c_int]
user32.PostMessageW.argtypes = [wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM]


def send(window: int, message: int, size: int = 0, buffer: Any = None) -> int:
    """Send a message; 0 where nobody answers within a second."""
    answer = ctypes.c_size_t()
    address = None if buffer is None else ctypes.cast(buffer, ctypes.c_void_p)
    user32.SendMessageTimeoutW(
        window, message, size, address, ABORT_IF_HUNG, 1000, ctypes.byref(answer)
    )
    return answer.value


def text_of(window: int) -> str:
    """Read what a window or a control says."""
    buffer = ctypes.create_unicode_buffer(LENGTH)
    send(window, WM_GETTEXT, LENGTH - 1, buffer)
    return buffer.value.replace("\r\n", "\n").replace("\r", "\n")


def class_of(window: int) -> str:
    """Name the kind of window."""
    buffer = ctypes.create_unicode_buffer(256)
    user32.GetClassNameW(window, buffer, 256)
    return buffer.value


def top_windows() -> list[int]:
    """List the visible windows."""
    return _listed(lambda each: user32.EnumWindows(each, 0))


def controls(window: int) -> list[int]:
    """List the visible controls of a window."""
    return _listed(lambda each: user32.EnumChildWindows(window, each, 0))


def _listed(enumerate_all: Callable[[Any], object]) -> list[int]:
    found: list[int] = []

    def each(window: int, _: int) -> bool:
        if user32.IsWindowVisible(window):
            found.append(window)
        return True

    enumerate_all(EACH(each))
    return found


def plain(label: str) -> str:
    """Write a label as it is read: without the mark of its short cut."""
    return label.replace("&&", "\0").replace("&", "").replace("\0", "&")


def dialogs() -> Iterator[tuple[int, list[str]]]:
    """Return each dialog with all that it says."""
    for window in top_windows():
        if class_of(window) == "#32770":
            texts = (text_of(each) for each in controls(window))
            yield window, [text_of(window), *(plain(each) for each in texts if each)]


def see(wanted: dict[str, Any]) -> dict[str, Any]:
    """Wait for a dialog that says ``text``, and for the rest of its page; tell all that it says."""
    end = time.monotonic() + wanted["seconds"]
    before: list[tuple[int, list[str]]] = []
    while True:
        shown = list(dialogs())
        for window, texts in shown:
            if (
                window != wanted.get("but")
                and any(wanted["text"] in each for each in texts)
                and (window, texts) in before
            ):
                return {"window": window, "texts": texts}
        before = shown
        if time.monotonic() > end:
            return {"error": "not seen", "shown": [texts for _, texts in shown]}
        time.sleep(PAUSE)


def gone(wanted: dict[str, Any]) -> dict[str, Any]:
    """Wait until no dialog says ``text``."""
    end = time.monotonic() + wanted["seconds"]
    while any(wanted["text"] in each for _, texts in dialogs() for each in texts):
        if time.monotonic() > end:
            return {"error": "still there"}
        time.sleep(PAUSE)
    return {}


def press(wanted: dict[str, Any]) -> dict[str, Any]:
    """Click the button or box that says ``label`` once it is enabled; wait for nothing more."""
    end = time.monotonic() + wanted["seconds"]
    while time.monotonic() <= end:
        found = _control(wanted["window"], wanted["label"])
        if found is not None and user32.IsWindowEnabled(found):
            user32.PostMessageW(found, BM_CLICK, 0, 0)
            return {}
        time.sleep(PAUSE)
    labels = [plain(text_of(each)) for each in controls(wanted["window"])]
    return {"error": "nothing to press", "labels": labels}


def state(wanted: dict[str, Any]) -> dict[str, Any]:
    """Tell of the control that says ``label`` whether it is ticked and whether it is enabled."""
    found = _control(wanted["window"], wanted["label"])
    if found is None:
        return {"error": "not there"}
    return {"ticked": send(found, BM_GETCHECK) == 1, "enabled": bool(user32.IsWindowEnabled(found))}


def _control(window: int, label: str) -> int | None:
    buttons = [each for each in controls(window) if class_of(each) == "Button"]
    return next((each for each in buttons if label in plain(text_of(each))), None)


def pick(wanted: dict[str, Any]) -> dict[str, Any]:
    """Choose line ``index`` of the only list of a dialog."""
    for each in controls(wanted["window"]):
        if class_of(each) == "ComboBox":
            send(each, CB_SETCURSEL, wanted["index"])
            return {"count": send(each, CB_GETCOUNT)}
    return {"error": "there is no list"}


def close(wanted: dict[str, Any]) -> dict[str, Any]:
    """Close a window by its corner."""
    user32.PostMessageW(wanted["window"], WM_CLOSE, 0, 0)
    return {}


def listed(_: dict[str, Any]) -> dict[str, Any]:
    """List every visible window: its kind and its title."""
    return {"windows": [[class_of(each), text_of(each)] for each in top_windows()]}


def launch(wanted: dict[str, Any]) -> dict[str, Any]:
    """Start a program as the desktop does: without standard input, output and error."""
    nothing = subprocess.STARTUPINFO(dwFlags=subprocess.STARTF_USESTDHANDLES)
    detached = subprocess.DETACHED_PROCESS
    process = subprocess.Popen(wanted["command"], startupinfo=nothing, creationflags=detached)
    return {"process": process.pid}


DEEDS = {each.__name__: each for each in (see, gone, press, state, pick, close, listed, launch)}


def main() -> None:
    """Do what each line says."""
    for line in iter(sys.stdin.buffer.readline, b""):
        wanted = json.loads(line)
        answer = DEEDS[wanted["do"]](wanted)
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
