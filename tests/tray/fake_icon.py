"""Icons that draw nothing, for tests of the program behind them."""

import threading
import time
from collections.abc import Callable

from tray.icon.backend import NoTrayError, TrayNotice
from tray.icon.view import TrayView

SECONDS = 60.0


def until(condition: Callable[[], object]) -> None:
    """Wait for what nobody announces."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


class FakeIcon:
    """A back end that draws nothing and remembers all."""

    def __init__(self) -> None:
        self.views: list[TrayView] = []
        self.notices: list[TrayNotice] = []
        self.chosen: Callable[[str], None] = lambda _: None
        self.running = threading.Event()
        self.ended = threading.Event()

    def run(
        self,
        view: TrayView,
        chosen: Callable[[str], None],
        shown: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self.views.append(view)
        self.chosen = chosen
        shown(True)
        self.running.set()
        assert self.ended.wait(2 * SECONDS)

    def show(self, view: TrayView) -> None:
        self.views.append(view)

    def notify(self, notice: TrayNotice) -> None:
        self.notices.append(notice)

    def stop(self) -> None:
        self.ended.set()


class Failing(FakeIcon):
    """One that fails when it is shown."""

    def run(
        self,
        view: TrayView,
        chosen: Callable[[str], None],
        shown: Callable[[bool], None] = lambda _: None,
    ) -> None:
        del view, chosen, shown
        self.running.set()
        raise RuntimeError("the toolkit failed")


class Nowhere(FakeIcon):
    """One without a place for an icon."""

    def run(
        self,
        view: TrayView,
        chosen: Callable[[str], None],
        shown: Callable[[bool], None] = lambda _: None,
    ) -> None:
        del view, chosen, shown
        self.running.set()
        raise NoTrayError("no session bus")
