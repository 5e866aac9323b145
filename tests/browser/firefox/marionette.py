"""A real Firefox, driven through Marionette, the remote protocol that it brings along.

Mozilla's own client wants seventeen more packages, and complains when it is thrown away; the part
needed here is a list of four over a socket: ``[0, number, command, parameters]`` goes, and
``[1, number, error, result]`` comes, each with its length in decimal digits and a colon before it.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

NAMES = ("firefox-esr", "firefox")
START_SECONDS = 60.0
SECONDS = 30.0
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver, 12.2: the key of an element's name
SWITCHES = ("--headless", "--marionette", "--remote-allow-system-access")
PREFERENCES = {
    "browser.shell.checkDefaultBrowser": False,
    "intl.accept_languages": "zh-TW, zh",
    "network.dns.localDomains": "service.test,friend.test,stranger.test",
    "network.proxy.type": 0,  # none, whatever the environment says
    "remote.prefs.recommended": True,  # nothing is fetched or reported behind our back
}


def find_firefox() -> str | None:
    """Return the path of an installed Firefox."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class ScriptError(Exception):
    """What Firefox says went wrong, by WebDriver's name for it."""


class Firefox:
    """One browser with a new profile, and its session."""

    def __init__(
        self, profile: Path, before: Sequence[str] = (), **preferences: bool | int | str
    ) -> None:
        """Start it.

        Args:
            profile: an empty folder.
            before: words of the command line before Firefox's own.
            preferences: with two underscores for each dot.

        """
        wanted = {**PREFERENCES}
        wanted.update({name.replace("__", "."): value for name, value in preferences.items()})
        lines = (f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in wanted.items())
        # Port 0 would be put down in the profile; a port of our own choice could be taken.
        (profile / "user.js").write_text(
            "".join(lines) + 'user_pref("marionette.port", 0);\n', encoding="utf-8"
        )
        self._profile = profile
        self._numbers = count()
        program = find_firefox()
        assert program is not None
        self._log = (profile / "output.log").open("wb")
        self._process = subprocess.Popen(
            [
                *before,
                program,
                "--headless",
                "--marionette",
                "--remote-allow-system-access",
                "--profile",
                str(profile),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, "HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"},
            start_new_session=True,
        )
        try:
            self._socket = socket.create_connection(("127.0.0.1", self._port()), SECONDS)
            self._receive()  # it says who it is
            self.call("WebDriver:NewSession", capabilities={"acceptInsecureCerts": False})
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, ScriptError):
            self.call("Marionette:Quit", flags=["eForceQuit"])
        self._socket.close()
        self._end()

    def call(self, command: str, **parameters: Any) -> Any:
        """Send one command; give its result."""
        number = next(self._numbers)
        text = json.dumps([0, number, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _, answered, error, result = self._receive()
        assert answered == number
        if error is not None:
            raise ScriptError(f"{error['error']}: {error['message']}")
        return result

    def go(self, address: str) -> None:
        """Open an address in the current window, and wait until it is there."""
        self.call("WebDriver:Navigate", url=address)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function in the page; a promise is waited for."""
        return self.call("WebDriver:ExecuteScript", script=script, args=list(arguments))["value"]

    def wait_for(self, script: str, *arguments: Any, seconds: float = SECONDS) -> Any:
        """Run a function's body until what it returns is true; give that."""
        end = time.monotonic() + seconds
        while not (found := self.run(script, *arguments)):
            if time.monotonic() > end:
                raise AssertionError(f"in vain: {script}")
            time.sleep(0.05)
        return found

    def click(self, selector: str) -> None:
        """Click as a person does: what a page may only do after a click, it may do now."""
        self.call("WebDriver:ElementClick", id=self._find(selector))

    def type(self, selector: str, text: str) -> None:
        """Type into a box, key by key."""
        self.call("WebDriver:ElementSendKeys", id=self._find(selector), text=text)

    def quit(self) -> None:
        """End as when a person closes the last window: what it wants to keep is written."""
        self.call("Marionette:Quit", flags=["eAttemptQuit"])
        self._end()

    @property
    def windows(self) -> list[str]:
        """The windows there are."""
        found: list[str] = self.call("WebDriver:GetWindowHandles")
        return found

    def switch_to(self, window: str) -> None:
        """Go to another window."""
        self.call("WebDriver:SwitchToWindow", handle=window, focus=True)

    def picture(self) -> str:
        """Take a picture of the page; PNG in base64."""
        found: str = self.call("WebDriver:TakeScreenshot", full=True)["value"]
        return found

    def _find(self, selector: str) -> str:
        """Return the name of the first element that a selector fits."""
        where = {"using": "css selector", "value": selector}
        found: str = self.call("WebDriver:FindElement", **where)["value"][ELEMENT]
        return found

    def _port(self) -> int:
        """Wait until Firefox has written down where it listens."""
        file = self._profile / "MarionetteActivePort"
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            with suppress(OSError, ValueError):
                return int(file.read_text())
            time.sleep(0.05)
        raise AssertionError((self._profile / "output.log").read_text(errors="replace")[-2000:])

    def _receive(self) -> Any:
        digits = bytearray()
        while (octet := self._octets(1)) != b":":
            digits += octet
        return json.loads(self._octets(int(digits)))

    def _octets(self, number: int) -> bytes:
        read = bytearray()
        while len(read) < number:
            some = self._socket.recv(number - len(read))
            if not some:
                raise ConnectionResetError("Firefox has closed its side")
            read += some
        return bytes(read)

    def _end(self) -> None:
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
