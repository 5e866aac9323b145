"""The agent and its icon together: what one shows of the other, and that neither needs luck."""

import base64
import errno
import json
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.commands.daemon import Daemon, DaemonOptions, opened
from agent.errors import AgentError
from agent.host.autostart.xdg import XdgAutostart
from agent.host.instance.panel_key import PanelUnreachableError, panel_address
from agent.host.instance.record import InstanceRecord, read_record, write_record
from agent.host.settings.preferences import Preferences
from agent.host.tls import identity
from agent.host.tls.machine import Machine
from agent.host.update.status import UpdateChecking, UpdateStatus, VersionAge
from agent.origin import Origin
from agent.virtualcard.provider import VirtualProvider
from tests.conftest import TEST_PIN, CardFactory
from tests.tray.fake_icon import SECONDS, Failing, FakeIcon, Nowhere, until
from tray import program as program_module
from tray.icon.backend import NoTrayError
from tray.icon.view import IconStatus, TrayView
from tray.program import Program

READER = "Ankong Virtual Reader 0"


class Running:
    """A program in a thread of the test."""

    def __init__(self, daemon: Daemon, icon: FakeIcon) -> None:
        self.daemon = daemon
        self.icon = icon
        self.facts: dict[str, Any] = {}
        self.pages: list[str] = []
        self.failure: BaseException | None = None
        self.ready = threading.Event()
        self.program = Program(daemon, lambda: icon, self._announce, self._open)
        self.thread = threading.Thread(target=self._run)

    def _announce(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.ready.set()

    def _open(self, address: str) -> bool:
        self.pages.append(address)
        return True

    def _run(self) -> None:
        try:
            self.program.run()
        except BaseException as error:  # noqa: BLE001  # the test looks at it
            self.failure = error
        finally:
            self.ready.set()

    def start(self) -> "Running":
        self.thread.start()
        assert self.ready.wait(SECONDS)
        return self

    def end(self) -> None:
        self.program.quit()
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()

    def call(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Ask the agent over HTTPS, as a page would."""
        authority = identity.ensure(self.daemon.paths.tls).authority
        request = urllib.request.Request(
            f"https://localhost:{self.facts['port']}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        trust = ssl.create_default_context(cafile=str(authority))
        with urllib.request.urlopen(request, context=trust, timeout=SECONDS) as answer:  # noqa: S310
            return answer.status, json.load(answer)

    def answers(self) -> bool:
        return bool(self.call("/v1/status")[1]["product"] == "ankong")


@pytest.fixture
def provider() -> VirtualProvider:
    return VirtualProvider(readers=1)


@pytest.fixture
def start(
    tmp_path: Path, provider: VirtualProvider, tls_folder: Path
) -> Iterator[Callable[..., Running]]:
    """Start programs: ``start(icon, consent="allow")``."""
    with ExitStack() as stack:

        def make(icon: FakeIcon, *, opens_panel: bool = False, **flags: Any) -> Running:
            state = tmp_path / "state"
            state.mkdir(mode=0o700, exist_ok=True)
            if not (state / "tls").exists():
                (state / "tls").symlink_to(tls_folder)
            flags = {"port": 0, "hipki_port": 0, "consent": "allow", **flags}
            options = DaemonOptions(make_provider=lambda: provider, state_dir=state, flags=flags)
            daemon = stack.enter_context(opened(options))
            home = Machine(home=tmp_path, root=tmp_path, platform="linux", environment={})
            object.__setattr__(daemon, "autostart", XdgAutostart(["ankong"], home))
            running = Running(daemon, icon)
            if opens_panel:
                running.program.open_when_ready()
            stack.callback(running.end)
            return running.start()

        yield make


@pytest.fixture(scope="module")
def tls_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Local certificates, made once."""
    folder = tmp_path_factory.mktemp("tls")
    identity.ensure(folder)
    return folder


def test_where_there_is_no_tray_the_panel_opens_by_itself(
    start: Callable[..., Running],
) -> None:
    running = start(Nowhere(), opens_panel=True)
    until(lambda: running.pages)
    assert running.pages[0].startswith(f"http://127.0.0.1:{running.facts['hipki_port']}/first#")


@pytest.mark.parametrize(("kind", "shown"), [(FakeIcon, True), (Failing, False), (Nowhere, False)])
def test_the_doctor_can_know_whether_the_icon_is_shown(
    start: Callable[..., Running], kind: type[FakeIcon], shown: bool
) -> None:
    running = start(kind())

    def is_told() -> bool:
        record = read_record(running.daemon.paths.instance)
        return record is not None and record.port is not None and record.icon is shown

    until(is_told)


@pytest.mark.parametrize("kind", [Failing, Nowhere])
def test_a_dead_icon_does_not_take_the_agent_along(
    start: Callable[..., Running], kind: type[FakeIcon]
) -> None:
    running = start(kind())
    assert running.icon.running.wait(SECONDS)
    assert running.answers()
    assert running.thread.is_alive()


def test_an_icon_that_fell_over_is_drawn_again(
    start: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also after many times, of which the log has the first ones."""
    monkeypatch.setattr(program_module, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(program_module, "RARE_SECONDS", 0.0)
    failures = 3 * program_module.QUICK_RUNS
    caplog.set_level("INFO", "tray.program")
    drawn: list[FakeIcon] = []

    class Late(FakeIcon):
        def run(
            self,
            view: TrayView,
            chosen: Callable[[str], None],
            shown: Callable[[bool], None] = lambda _: None,
        ) -> None:
            drawn.append(self)
            if len(drawn) <= failures:
                raise NoTrayError("not yet") if len(drawn) % 2 else RuntimeError("the toolkit")
            super().run(view, chosen, shown)

    running = start(Late())
    assert running.icon.running.wait(SECONDS)
    assert len(drawn) == failures + 1
    told = [each for each in caplog.records if each.name == "tray.program"]
    assert len(told) == program_module.QUICK_RUNS
    assert running.answers()


def test_the_icon_follows_the_cards(
    start: Callable[..., Running], provider: VirtualProvider, make_card: CardFactory
) -> None:
    icon = FakeIcon()
    start(icon)
    until(lambda: icon.views and icon.views[-1].status is IconStatus.RUNNING)
    provider.insert(READER, make_card("gen2"))
    until(lambda: icon.views[-1].status is IconStatus.READY)
    assert any("Virtual Reader" in item.label for item in icon.views[-1].menu)
    provider.remove(READER)
    until(lambda: icon.views[-1].status is IconStatus.RUNNING)


def test_a_signature_is_told_and_shows_as_work(
    start: Callable[..., Running], provider: VirtualProvider, make_card: CardFactory
) -> None:
    provider.insert(READER, make_card("gen2"))
    icon = FakeIcon()
    running = start(icon)
    assert icon.running.wait(SECONDS)
    params = {
        "data": base64.b64encode(b"text").decode(),
        "hash": "SHA-256",
        "format": "cms",
        "pin": TEST_PIN,
        "document_name": "同意書.pdf",
    }
    status, _ = running.call("/v1/sign", {"params": params}, Origin="https://shop.example")
    assert status == 200
    until(lambda: icon.notices)
    (notice,) = icon.notices
    assert "shop.example" in notice.body
    assert "同意書.pdf" in notice.body
    assert notice.key == "panel:history"
    assert IconStatus.WORKING in {view.status for view in icon.views}
    assert TEST_PIN not in str(icon.notices)


def test_the_menu_opens_the_panel_at_the_right_page(start: Callable[..., Running]) -> None:
    icon = FakeIcon()
    running = start(icon)
    assert icon.running.wait(SECONDS)
    for key, page in (
        ("panel:sites", "sites"),
        ("panel:sign", "sign"),
        ("panel:readers:0", "readers"),
    ):
        icon.chosen(key)
        until(lambda: running.pages)
        address = running.pages.pop()
        before, _, named = address.partition("#page=")
        assert before == f"http://127.0.0.1:{running.facts['hipki_port']}/first"
        assert named.startswith(f"{page}&claim=")


def test_what_is_chosen_in_the_menu_is_done_and_shown(start: Callable[..., Running]) -> None:
    icon = FakeIcon()
    running = start(icon)
    assert icon.running.wait(SECONDS)

    def line(key: str) -> Any:
        return next(i for top in icon.views[-1].menu for i in top.walk() if i.key == key)

    for wanted in (True, False):
        icon.chosen("autostart")
        until(lambda wanted=wanted: line("autostart").checked is wanted)
        assert running.daemon.autostart is not None
        assert running.daemon.autostart.is_on() is wanted
    icon.chosen("language:en")
    until(lambda: line("quit").label == "Quit Ankong")
    until(lambda: Preferences(running.daemon.paths.preferences).language == "en")
    icon.chosen("language:zh-Hant")
    until(lambda: line("quit").label == "結束安控")


def test_who_asks_it_to_quit_ends_the_agent_and_the_icon(start: Callable[..., Running]) -> None:
    icon = FakeIcon()
    running = start(icon)
    assert icon.running.wait(SECONDS)
    running.daemon.paths.quit_request.touch()
    running.thread.join(SECONDS)
    assert not running.thread.is_alive()
    assert icon.ended.is_set()


def test_news_of_a_version_reach_the_icon_while_it_runs(start: Callable[..., Running]) -> None:
    icon = FakeIcon()
    running = start(icon)
    assert icon.running.wait(SECONDS)
    running.program.updated(
        UpdateStatus(UpdateChecking.ON, VersionAge.TOO_OLD, newest="9.2.0", floor="9.0.0")
    )
    until(lambda: icon.views[-1].status is IconStatus.ATTENTION)
    assert "panel:about:newer" in {item.key for item in icon.views[-1].menu}
    running.program.updated(UpdateStatus(UpdateChecking.ON, VersionAge.NEWEST, newest="0.1.0"))
    until(lambda: icon.views[-1].status is not IconStatus.ATTENTION)


def test_what_is_chosen_in_the_panel_shows_in_the_menu(start: Callable[..., Running]) -> None:
    icon = FakeIcon()
    running = start(icon)
    assert icon.running.wait(SECONDS)
    running.daemon.preferences.set_language("en")
    running.daemon.settings_changed()
    until(lambda: icon.views[-1].menu[-1].label == "Quit Ankong")


@pytest.mark.parametrize("key", ["", "x", "panel", "language:fr", "language:", "quit?", "a:b:c"])
def test_a_line_that_means_nothing_does_nothing(start: Callable[..., Running], key: str) -> None:
    icon = FakeIcon()
    running = start(icon)
    assert icon.running.wait(SECONDS)
    icon.chosen(key)
    assert running.answers()


def test_quit_ends_the_agent_and_the_icon(start: Callable[..., Running]) -> None:
    icon = FakeIcon()
    running = start(icon)
    assert icon.running.wait(SECONDS)
    icon.chosen("quit")
    running.thread.join(SECONDS)
    assert not running.thread.is_alive()
    assert icon.ended.is_set()
    assert running.failure is None


def test_an_agent_that_cannot_run_ends_the_program_and_says_why(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise AgentError("it cannot run")

    monkeypatch.setattr("agent.commands.daemon_run.serve", fail)
    icon = FakeIcon()
    running = start(icon)
    running.thread.join(SECONDS)
    assert not running.thread.is_alive()
    assert isinstance(running.failure, AgentError)
    assert icon.ended.is_set() or not icon.running.is_set()


def test_an_agent_without_any_port_asks_for_attention_and_opens_the_panel_once_it_has_one(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr("agent.commands.daemon_run.RETAKE_SECONDS", 0.01)
    icon = FakeIcon()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        running = start(icon, port=port)
        assert (running.facts["port"], running.facts["ready"]) == (None, True)
        assert str(port) in running.facts["port_error"]
        running.program.open_when_ready()
        until(lambda: icon.views and icon.views[-1].status is IconStatus.ATTENTION)
        assert icon.running.wait(SECONDS)
        icon.chosen("panel:state")
        until(lambda: icon.notices)
        assert running.pages == []  # it would be another program's
        with pytest.raises(PanelUnreachableError, match=str(port)):
            panel_address(running.daemon.paths)
    until(lambda: running.pages)
    assert f":{running.facts['hipki_port']}/first#page=state&" in running.pages[0]
    until(lambda: icon.views[-1].status is not IconStatus.ATTENTION)
    running.facts["port"] = port
    assert running.call("/v1/status")[0] == 200


def test_an_agent_without_its_plain_port_asks_for_attention_until_it_gets_it(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr("agent.commands.daemon_run.RETAKE_SECONDS", 0.01)
    icon = FakeIcon()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        start(icon, hipki_port=taken.getsockname()[1])
        until(lambda: icon.views and icon.views[-1].status is IconStatus.ATTENTION)
    until(lambda: icon.views[-1].status is not IconStatus.ATTENTION)


def test_a_port_of_jrsys_pages_that_another_program_has_alarms_nobody_and_is_taken_later(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the program that these pages were made for; the doctor and the panel name it."""
    import socket

    monkeypatch.setattr("agent.commands.daemon_run.RETAKE_SECONDS", 0.01)
    icon = FakeIcon()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        running = start(icon, jrsys_ports=(port,), jrsys_tls_ports=(0,))
        until(lambda: running.facts and icon.views)
        record = read_record(running.daemon.paths.instance)
        assert record is not None
        assert record.missing == record.jrsys_missing == (port,)
        assert list(record.jrsys_ports) == running.facts["jrsys_tls_ports"]
        assert icon.views[-1].status is not IconStatus.ATTENTION

    def taken_later() -> bool:
        record = read_record(running.daemon.paths.instance)
        return record is not None and not record.jrsys_missing and port in record.jrsys_ports

    until(taken_later)


def test_ports_taken_while_the_disk_is_full_are_announced_once_there_is_room(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other ports are not forgotten over it."""
    import socket

    monkeypatch.setattr("agent.commands.daemon_run.RETAKE_SECONDS", 0.01)
    left = 2

    def write(path: Path, record: InstanceRecord) -> None:
        nonlocal left
        if left and record.hipki_port is not None:
            left -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        write_record(path, record)

    with socket.socket() as native, socket.socket() as plain:
        for taken in (native, plain):
            taken.bind(("127.0.0.1", 0))
            taken.listen()
        ports = [each.getsockname()[1] for each in (native, plain)]
        running = start(FakeIcon(), port=ports[0], hipki_port=ports[1])
        monkeypatch.setattr("agent.host.instance.running.write_record", write)
        plain.close()
        until(lambda: left == 0)

    def announced() -> bool:
        record = read_record(running.daemon.paths.instance)
        return record is not None and [record.port, record.hipki_port] == ports

    until(announced)


def test_a_site_that_cannot_ask_is_told_of_and_its_question_is_in_the_menu(
    start: Callable[..., Running],
) -> None:
    icon = FakeIcon()
    running = start(icon)
    assert icon.running.wait(SECONDS)
    asked: list[str] = []
    for number in range(5):
        site = Origin.parse(f"https://shop{number}.example")
        running.program.site_waits(site, partial(asked.append, str(site)))
    newest = icon.notices[-1]
    assert newest.key == "ask:https://shop4.example"
    for clickable in (True, False):  # either says how
        assert "shop4.example" in newest.text(clickable=clickable)
    assert newest.text(clickable=True) != newest.text(clickable=False)

    def offered() -> list[str]:
        return [item.key for item in icon.views[-1].menu if item.key.startswith("ask:")]

    assert offered() == [f"ask:https://shop{number}.example" for number in (2, 3, 4)]
    assert asked == []  # no window before the citizen wants one
    icon.chosen("ask:https://shop3.example")
    until(lambda: asked == ["https://shop3.example"])
    until(lambda: offered() == ["ask:https://shop2.example", "ask:https://shop4.example"])
    icon.chosen(newest.key)  # what a click on the notification does
    until(lambda: asked == ["https://shop3.example", "https://shop4.example"])
