"""What a real agent writes into the system's log: exactly the table's ids and fields."""

import asyncio
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent import __version__
from agent.cms.document import Document
from agent.commands.daemon import Daemon, DaemonOptions, opened
from agent.commands.event_telling import EventTelling
from agent.commands.own_service import own_service, prepared_paths
from agent.consent.questions import Scope
from agent.consent.site_store import Decision, SiteStore
from agent.history.line import EntryKind
from agent.host import event_sinks, events
from agent.host.event_log import EventLog
from agent.host.machine.paths import Paths
from agent.host.settings.policy import Policy
from agent.host.tls.manifest import TrustStep
from agent.host.update.status import UpdateChecking, UpdateStatus, VersionAge
from agent.origin import LOCAL_USER, Origin
from agent.secret import SecretBytes
from agent.setup.owned_files import sort_contents
from agent.signing.model import SignatureRequest
from agent.signing.recording import KeyOutcome
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.conftest import TEST_ID_NUMBER, TEST_NAME, TEST_PIN
from tests.signing.test_policy_in_force import DOCUMENT, SITE, Page, Ready, lay_down, state

__all__ = ["state"]
pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the journal is Linux's"
)
Told = tuple[int, dict[str, str]]
EVIL = "https://a.evil.example"
MORE = "https://more.example"
RULES = f"""
allowed = ["{SITE}"]
forbidden = ["{EVIL}"]
unknown_tries = "allow"
events = "system"
"""
BY_NUMBER = {str(event.number): event for event in events.EVENTS}


class FakeJournal:
    """A journal's socket that keeps what it gets."""

    def __init__(self, place: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(place))
        self._socket.setblocking(False)

    def told(self) -> list[Told]:
        """Return the number and the fields of each event, which the table must have."""
        return [self._understood(raw.decode()) for raw in self.datagrams()]

    def datagrams(self) -> Iterator[bytes]:
        with suppress(BlockingIOError):
            while True:
                yield self._socket.recv(65536)

    def _understood(self, text: str) -> Told:
        entries = dict(line.split("=", 1) for line in text.splitlines())
        event = BY_NUMBER[entries.pop("ANKONG_ID")]
        assert entries.pop("MESSAGE_ID") == event.message_id
        assert entries.pop("ANKONG_EVENT") == event.name
        assert entries.pop("PRIORITY") == str(int(event.severity))
        assert entries.pop("SYSLOG_IDENTIFIER") == "ankong"
        assert entries.pop("MESSAGE").startswith(f"{event.name}: {event.text}")
        fields = {name.removeprefix("ANKONG_").lower(): told for name, told in entries.items()}
        assert set(fields) <= set(event.fields)
        return event.number, fields

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeJournal]:
    place = tmp_path / "j"
    monkeypatch.setattr(event_sinks, "JOURNAL", str(place))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):  # no window can be shown
        monkeypatch.delenv(name, raising=False)
    with closing(FakeJournal(place)) as journal:
        yield journal


def serve(state: Path, card: VirtualCard, use: Callable[[Page, Daemon], Any]) -> None:
    """Run an agent that asks the citizen, and a page that uses it."""
    provider = VirtualProvider(readers=1)
    provider.insert(READER_NAME.format(0), card)
    flags = {"port": 0, "hipki_port": 0, "consent": "ask"}
    options = DaemonOptions(make_provider=lambda: provider, state_dir=state, flags=flags)

    async def run(daemon: Daemon) -> None:
        stopped, observer = asyncio.Event(), Ready()
        running = asyncio.create_task(daemon.run(stopped, observer))
        await asyncio.wait((running, observer.facts), return_when="FIRST_COMPLETED")
        try:
            async with aiohttp.ClientSession() as client:
                await use(Page(client, observer.facts.result()["port"]), daemon)
        finally:
            stopped.set()
            await running

    with opened(options) as daemon:
        asyncio.run(run(daemon))


async def everything(page: Page, daemon: Daemon) -> None:
    """Sign, with the right PIN of the virtual card and with a wrong one; decide about sites."""
    assert await page.code("connect") is None
    assert await page.code("sign", **DOCUMENT) is None
    assert await page.code("sign", **{**DOCUMENT, "pin": "654321"}) == "pin_incorrect"
    assert await page.code("sign", **DOCUMENT) == "pin_last_attempt"  # no window can be shown
    assert await page.code("sign", **{**DOCUMENT, "reader": "none"}) == "no_reader"
    assert await page.code("connect", EVIL) == "origin_blocked"
    store = daemon.citizen.store
    assert store is not None
    for decision in (Decision.THIS_TIME, Decision.ALLOWED, Decision.UNKNOWN, Decision.BLOCKED):
        await asyncio.wrap_future(store.remember(Origin.parse_any(MORE), decision))


def expected(policy: str, *, sites: bool) -> list[Told]:
    def at(site: str) -> dict[str, str]:
        return {"site": site} if sites else {}

    made = {"kind": "sign", "count": "1", "delivered": "yes"}
    citizen = {"by": "citizen", "scope": "card"}
    return [
        (3, {"sha256": policy}),
        (1, {"version": __version__, "policy": "in_force"}),
        (6, {"by": "policy", "scope": "card", "lasts": "always", **at(SITE)}),
        (8, {**made, **at(SITE)}),
        (10, {"kind": "sign", **at(SITE)}),
        (12, {"kind": "sign", **at(SITE)}),
        (7, {"by": "policy", "scope": "card", **at(EVIL)}),
        (6, {**citizen, "lasts": "now", **at(MORE)}),
        (6, {**citizen, "lasts": "always", **at(MORE)}),
        (7, {**citizen, **at(MORE)}),
        (2, {"version": __version__}),
    ]


@pytest.mark.parametrize("sites", [False, True])
def test_a_real_agent_tells_what_happens_and_nothing_else(
    state: Path, journal: FakeJournal, make_card: Callable[..., Any], sites: bool
) -> None:
    lay_down(state, RULES + f"events_sites = {str(sites).lower()}\n")
    policy = Policy.load(state.parent / "policy.toml", administrators_only=False).fingerprint
    serve(state, make_card(), everything)
    raw = list(journal.datagrams())
    for secret in (TEST_PIN, "654321", TEST_ID_NUMBER, TEST_NAME, "Virtual", str(state)):
        assert not [each for each in raw if secret.encode() in each]
    assert [journal._understood(each.decode()) for each in raw] == expected(policy, sites=sites)


def test_off_is_off_and_leaves_no_file(
    state: Path, journal: FakeJournal, make_card: Callable[..., Any]
) -> None:
    lay_down(state, RULES.replace('"system"', '"off"'))

    async def use(page: Page, _daemon: Daemon) -> None:
        assert await page.code("sign", **DOCUMENT) is None

    serve(state, make_card(), use)
    assert journal.told() == []
    assert not Paths(state).events.exists()


def test_a_policy_that_breaks_is_told_as_the_last_usable_one_wanted(
    state: Path, journal: FakeJournal, make_card: Callable[..., Any]
) -> None:
    async def use(_page: Page, _daemon: Daemon) -> None:
        pass

    for rules in (RULES, RULES, "no policy", RULES + "page_pin = false\n"):
        lay_down(state, rules)
        serve(state, make_card(), use)
    assert [number for number, _ in journal.told()] == [3, 1, 2, 1, 2, 4, 1, 2, 3, 1, 2]
    assert Paths(state).events in sort_contents(state).files  # which goes with the program


def test_without_a_journal_the_agent_signs_as_ever(
    state: Path, monkeypatch: pytest.MonkeyPatch, make_card: Callable[..., Any]
) -> None:
    monkeypatch.setattr(event_sinks, "JOURNAL", str(state.parent / "nothing"))
    lay_down(state, RULES)

    async def use(page: Page, _daemon: Daemon) -> None:
        assert await page.code("sign", **DOCUMENT) is None

    serve(state, make_card(), use)
    log = (state / "logs" / "ankong.log").read_text("utf-8")
    assert log.count("events do not reach the system's log") == 1


def test_a_signature_of_the_command_line_is_told_too(
    state: Path, journal: FakeJournal, make_card: Callable[..., Any]
) -> None:
    lay_down(state, RULES)
    provider = VirtualProvider(readers=1)
    provider.insert(READER_NAME.format(0), make_card())

    async def sign(service: SigningService) -> None:
        await service.start()
        try:
            with SecretBytes.from_text(TEST_PIN) as typed:
                await service.sign(LOCAL_USER, SignatureRequest((Document(data=b"hello"),)), typed)
        finally:
            await service.close()

    with own_service(provider, prepared_paths(state)) as service:
        asyncio.run(sign(service))
    assert journal.told() == [(8, {"kind": "sign", "count": "1", "delivered": "yes"})]
    assert not Paths(state).events.exists()  # what an agent tells of its start is not told yet


@pytest.fixture
def telling(tmp_path: Path, journal: FakeJournal) -> Iterator[EventTelling]:
    del journal
    paths = Paths(tmp_path / "told")
    paths.prepare()
    with closing(EventLog(is_on=True)) as log:
        yield EventTelling(log, Policy(), paths)
        log.close()


@pytest.mark.parametrize(
    ("outcome", "number"),
    [
        ("done", 8),
        ("undelivered", 8),
        ("user_cancelled", 9),
        ("pin_incorrect", 10),
        ("pin_locked", 11),
        ("pin_last_attempt", 12),
    ],
)
def test_each_ending_of_a_request_is_one_event(
    telling: EventTelling, journal: FakeJournal, outcome: str, number: int
) -> None:
    site = Origin.parse(SITE)
    telling.key_asked(KeyOutcome(EntryKind.DECRYPT, site, outcome, 1))
    telling._log.close()
    ((told, fields),) = journal.told()
    assert (told, fields["kind"]) == (number, "decrypt")


def test_while_the_policy_cannot_be_used_no_site_is_told(
    journal: FakeJournal, tmp_path: Path
) -> None:
    """Also in an agent that began when it could."""
    policy, broken = Policy(), Policy.unusable(Path("policy.toml"), "broken")
    paths = Paths(tmp_path / "told")
    paths.prepare()
    with closing(EventLog(is_on=True, with_sites=True)) as log:
        telling = EventTelling(log, policy, paths)
        for newer in (Policy(), broken, Policy()):
            policy.take_over(newer)
            telling.policy_read()
            telling.key_asked(KeyOutcome(EntryKind.SIGN, Origin.parse(SITE), "done", 1))
    told = [fields.get("site") for number, fields in journal.told() if number == 8]
    assert told == [SITE, None, SITE]


def test_a_floor_is_told_once(telling: EventTelling, journal: FakeJournal) -> None:
    for floor in ("9.0", "9.0", "9.1"):
        telling.update_known(UpdateStatus(UpdateChecking.ON, VersionAge.TOO_OLD, "9.2", floor))
    telling.update_known(UpdateStatus(UpdateChecking.ON, VersionAge.NEWEST))
    telling._log.close()
    floors = [{"version": __version__, "floor": floor} for floor in ("9.0", "9.1")]
    assert journal.told() == [(13, each) for each in floors]


def test_stores_are_told_of_when_they_changed_also_since_the_last_start(
    telling: EventTelling, journal: FakeJournal, tmp_path: Path
) -> None:
    one, two = (TrustStep("nss", f"/home/wang-damin/{n}", "ab" * 32) for n in (1, 2))
    for steps in ((), (one,), (one,), (one, two), ()):
        telling.trust_seen(steps)
    with closing(EventLog(is_on=True)) as log:
        EventTelling(log, Policy(), Paths(tmp_path / "told")).trust_seen((two,))
    telling._log.close()
    assert sorted(fields["count"] for _, fields in journal.told()) == ["0", "1", "1", "2"]


def test_what_another_process_decides_is_told_by_the_agent(tmp_path: Path) -> None:
    told: list[tuple[str, Decision, Scope]] = []

    async def run() -> None:
        loop, came = asyncio.get_running_loop(), asyncio.Event()

        def heard(site: Origin, decision: Decision, scope: Scope) -> None:
            told.append((str(site), decision, scope))
            loop.call_soon_threadsafe(came.set)

        with (
            closing(SiteStore(tmp_path / "sites")) as agents,
            closing(SiteStore(tmp_path / "sites", fresh=False)) as other,
        ):
            agents.on_decided(heard)
            other.remember(Origin.parse(SITE), Decision.BLOCKED).result()
            await came.wait()

    asyncio.run(run())
    assert told == [(SITE, Decision.BLOCKED, Scope.CARD)]
