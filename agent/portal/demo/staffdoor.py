"""The staff's side of the check: their cards, a display for the agent's windows, and the login.

Staff type their PIN in the agent's own window, never in a page. So the agent is started on an X
server without a screen, and the check has hands on its keyboard.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.portal.demo.children import DemoError
from agent.portal.demo.programs import DemoPrograms

if TYPE_CHECKING:
    from playwright.sync_api import Page

_AWAKE_S: Final = 1.2  # until a window takes keys: nobody answers one that was not seen
_WINDOW_TIMEOUT_S: Final = 60.0
_COMMAND_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class StaffCard:
    """The card of an invented member of staff.

    Attributes:
        name: whose.
        roles: what they may do.
        file: of the card.
        certificate: the file of its certificate, DER.
        pin: in the agent's window.

    """

    name: str
    roles: Sequence[str]
    file: Path
    certificate: Path
    pin: str


@dataclass(frozen=True, slots=True)
class StaffDoor:
    """A display on which the agent opens its windows, with hands on its keyboard."""

    display: str

    def log_in(self, page: "Page", url: str, digits: str) -> None:
        """Log in with the card in the last reader, whose PIN the digits are.

        Raises:
            DemoError: no window appeared, or none took the answer.

        """
        page.goto(f"{url}staff/login")
        place = page.locator("#staff-login")
        page.locator("#login-go:enabled").wait_for()
        if place.get_attribute("data-now") == "refused":
            page.click("#login-go")
            self._answer("alt+a")
            page.wait_for_selector("#staff-login[data-now=ready], #staff-login[data-now=working]")
        if place.get_attribute("data-now") == "ready":
            if page.is_visible("#login-readers"):
                page.locator("#login-readers input").last.check()
            page.click("#login-go")
        self._answer(*digits, "Return")
        page.wait_for_url("**/staff")

    def _answer(self, *keys: str) -> None:
        window = self._wait_for_window()
        time.sleep(_AWAKE_S)
        self._do("key", "--delay", "20", *keys)
        self._wait_until_gone(window)

    def _wait_for_window(self) -> str:
        deadline = time.monotonic() + _WINDOW_TIMEOUT_S
        while time.monotonic() < deadline:
            if (focus := self._do("getwindowfocus")) in self._windows():
                return focus
            time.sleep(_POLL_S)
        raise DemoError("the agent opened no window")

    def _wait_until_gone(self, window: str) -> None:
        deadline = time.monotonic() + _WINDOW_TIMEOUT_S
        while time.monotonic() < deadline:
            if window not in self._windows():
                return
            time.sleep(_POLL_S)
        raise DemoError("the agent's window took no answer")

    def _windows(self) -> list[str]:
        return self._do("search", "--onlyvisible", "--class", "Ankong").split()

    def _do(self, *arguments: str) -> str:
        """Run xdotool; it ends with an error where it finds nothing, which is "" here."""
        done = subprocess.run(  # noqa: S603  # a fixed program, no shell
            [_program("xdotool"), *arguments],
            env={**os.environ, "DISPLAY": self.display},
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_TIMEOUT_S,
        )
        return done.stdout.strip() if done.returncode == 0 else ""


@contextmanager
def opened_staff_door(programs: DemoPrograms, card_arguments: Sequence[str]) -> Iterator[StaffDoor]:
    """Run the agent on a display of its own, where it asks; then as it was before, but stopped.

    Raises:
        DemoError: a program is missing or did not become ready.

    """
    before = programs.consent, programs.card_arguments, programs.environment
    programs.stop_agent()
    with _display() as display:
        programs.consent, programs.card_arguments = "ask", card_arguments
        programs.environment = {**before[2], "DISPLAY": display}
        try:
            programs.start_agent()
            yield StaffDoor(display)
        finally:
            programs.stop_agent()
            programs.consent, programs.card_arguments, programs.environment = before


def hire(programs: DemoPrograms, card: StaffCard) -> None:
    """Put somebody on the register, by the operator's command.

    Raises:
        DemoError: the command refused.

    """
    roles = [argument for role in card.roles for argument in ("--role", role)]
    named = ("--name", card.name, "--certificate", str(card.certificate))
    programs.run_command("staff", "add", *named, *roles)


@contextmanager
def _display() -> Iterator[str]:
    reading, writing = os.pipe()
    command = [_program("Xvfb"), "-displayfd", str(writing), "-screen", "0", "1000x1000x24"]
    with (
        subprocess.Popen(  # noqa: S603  # a fixed program, no shell
            [*command, "-nolisten", "tcp"],
            pass_fds=(writing,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as server,
        os.fdopen(reading) as told,
    ):
        os.close(writing)
        try:
            number = told.readline().strip()
            if not number:
                raise DemoError("Xvfb did not start")
            yield f":{number}"
        finally:
            server.terminate()


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise DemoError(f"{name} is missing: apt-get install -y xvfb xdotool")
    return found
