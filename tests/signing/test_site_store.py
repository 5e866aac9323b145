"""What the citizen decided about sites: kept, shown, taken back, and never invented."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.consent import site_store
from agent.consent.questions import Scope
from agent.consent.site_store import FOR_NOW, Decision, SiteStore
from agent.database import DatabaseError, set_aside_files
from agent.origin import Origin

ROOT = Path(__file__).resolve().parents[2]
SITE = Origin.parse("https://portal.example")
OTHER = Origin.parse("https://other.example")
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sites.sqlite"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[SiteStore]:
    opened = SiteStore(path, clock=clock.now, monotonic=clock.monotonic)
    yield opened
    opened.close()


def reopened(path: Path) -> dict[str, Decision]:
    with closing(SiteStore(path)) as again:
        return {str(record.site): record.decision for record in again.snapshot()}


def test_nothing_is_decided_at_first(store: SiteStore) -> None:
    assert store.decision(SITE) is Decision.UNKNOWN
    assert store.snapshot() == ()
    assert store.set_aside is None


@pytest.mark.parametrize("decision", [Decision.ALLOWED, Decision.BLOCKED])
def test_a_decision_outlives_the_agent(path: Path, store: SiteStore, decision: Decision) -> None:
    store.remember(SITE, decision).result()
    assert store.decision(SITE) is decision
    store.close()
    assert reopened(path) == {str(SITE): decision}


def test_this_time_ends_after_a_quarter_of_an_hour(store: SiteStore, clock: Clock) -> None:
    store.remember(SITE, Decision.THIS_TIME)
    clock.seconds = FOR_NOW - 1
    assert store.decision(SITE) is Decision.THIS_TIME
    assert store.decision(SITE).allows
    clock.seconds = FOR_NOW
    assert store.decision(SITE) is Decision.UNKNOWN
    assert store.snapshot() == ()


def test_this_time_ends_with_the_agent(path: Path, store: SiteStore) -> None:
    store.remember(SITE, Decision.THIS_TIME).result()
    store.close()
    assert reopened(path) == {}


def test_a_clock_that_is_set_back_does_not_lengthen_it(path: Path) -> None:
    seconds, day = [0.0], [NOON]
    with closing(SiteStore(path, clock=lambda: day[0], monotonic=lambda: seconds[0])) as store:
        store.remember(SITE, Decision.THIS_TIME)
        seconds[0], day[0] = FOR_NOW, NOON - timedelta(days=1)
        assert store.decision(SITE) is Decision.UNKNOWN


def test_a_later_decision_replaces_an_earlier_one(path: Path, store: SiteStore) -> None:
    for decision in (Decision.ALLOWED, Decision.BLOCKED, Decision.THIS_TIME, Decision.ALLOWED):
        store.remember(SITE, decision)
        assert store.decision(SITE) is decision
    store.remember(SITE, Decision.BLOCKED).result()
    store.close()
    assert reopened(path) == {str(SITE): Decision.BLOCKED}


def test_a_forgotten_site_is_asked_about_again(path: Path, store: SiteStore) -> None:
    store.remember(SITE, Decision.ALLOWED)
    store.forget(SITE).result()
    assert store.decision(SITE) is Decision.UNKNOWN
    store.close()
    assert reopened(path) == {}


def test_it_tells_since_when_and_the_last_use(path: Path, store: SiteStore, clock: Clock) -> None:
    store.remember(SITE, Decision.ALLOWED)
    (record,) = store.snapshot()
    assert (record.since, record.last_used) == (NOON, None)
    clock.seconds = 90
    store.touch(SITE)
    (record,) = store.snapshot()
    assert (record.since, record.last_used) == (NOON, NOON + timedelta(seconds=90))
    store.close()
    with closing(SiteStore(path)) as again:
        assert again.snapshot() == (record,)


def test_using_it_writes_once_a_minute_at_most(
    store: SiteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.remember(SITE, Decision.ALLOWED).result()
    written: list[str] = []
    write = store._write

    def watched(sql: str, *values: str | None) -> Future[None]:
        written.append(sql)
        return write(sql, *values)

    monkeypatch.setattr(store, "_write", watched)
    for second in range(121):
        clock.seconds = second
        store.touch(SITE)
    assert len(written) == 3
    (record,) = store.snapshot()
    assert record.last_used == NOON + timedelta(seconds=120)


def test_using_what_was_never_decided_writes_nothing(path: Path, store: SiteStore) -> None:
    store.touch(SITE)
    store.close()
    assert reopened(path) == {}


def test_a_look_alike_is_another_site(store: SiteStore) -> None:
    store.remember(SITE, Decision.ALLOWED)
    for origin in (
        "http://portal.example",
        "https://portal.example:8443",
        "https://a.portal.example",
    ):
        assert store.decision(Origin.parse(origin)) is Decision.UNKNOWN


@pytest.mark.skipif(os.name != "posix", reason="Windows has no mode")
def test_only_the_owner_can_read_it(path: Path, store: SiteStore) -> None:
    store.remember(SITE, Decision.ALLOWED).result()
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


# What others do to it.


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


@pytest.mark.parametrize("first", [Decision.ALLOWED, Decision.THIS_TIME])
def test_what_another_process_takes_back_ends_here(
    path: Path, store: SiteStore, first: Decision
) -> None:
    store.remember(SITE, first).result()
    with closing(SiteStore(path, fresh=False)) as command_line:
        command_line.forget(SITE).result()
    until(lambda: store.decision(SITE) is Decision.UNKNOWN)
    with closing(SiteStore(path, fresh=False)) as command_line:
        command_line.remember(SITE, Decision.BLOCKED).result()
    until(lambda: store.decision(SITE) is Decision.BLOCKED)


def test_another_process_sees_this_time_and_does_not_end_it(
    path: Path, store: SiteStore, clock: Clock
) -> None:
    store.remember(SITE, Decision.THIS_TIME).result()
    with closing(SiteStore(path, fresh=False, clock=clock.now)) as command_line:
        assert command_line.decision(SITE) is Decision.THIS_TIME
        command_line.remember(OTHER, Decision.ALLOWED).result()
    until(lambda: store.decision(OTHER) is Decision.ALLOWED)
    assert store.decision(SITE) is Decision.THIS_TIME
    clock.seconds = FOR_NOW
    with closing(SiteStore(path, fresh=False, clock=clock.now)) as command_line:
        assert command_line.decision(SITE) is Decision.UNKNOWN


def test_another_process_cannot_allow_for_now(path: Path, store: SiteStore) -> None:
    with closing(SiteStore(path, fresh=False)) as command_line:
        command_line.remember(SITE, Decision.THIS_TIME)
        command_line.remember(OTHER, Decision.ALLOWED).result()
    until(lambda: store.decision(OTHER) is Decision.ALLOWED)
    assert store.decision(SITE) is Decision.UNKNOWN


def test_a_decision_is_not_lost_to_what_is_read_meanwhile(path: Path, store: SiteStore) -> None:
    """What was decided here between another's write and our reading of it stands."""
    with closing(SiteStore(path, fresh=False)) as command_line:
        for number in range(30):
            site = Origin.parse(f"https://site-{number}.example")
            command_line.remember(OTHER, Decision.ALLOWED).result()
            store._database.submit(store._reload)
            store.remember(site, Decision.ALLOWED)
            assert store.decision(site) is Decision.ALLOWED
            store._database.submit(store._reload).result()
            assert store.decision(site) is Decision.ALLOWED


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database at all" * 400)


def zeros_in_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(bytes(path.stat().st_size - 100))


def cut_off(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 + 100)


def other_tables(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE sites (origin, decision, since, last_used)")
        connection.execute(
            "INSERT INTO sites VALUES (?, 'allowed', '2030-01-01', NULL)", (str(SITE),)
        )
        connection.commit()


@pytest.mark.parametrize("damage", [garbage, zeros_in_the_middle, cut_off, other_tables])
def test_a_corrupt_database_allows_nobody_and_is_kept(
    path: Path, store: SiteStore, damage: Callable[[Path], None]
) -> None:
    store.remember(SITE, Decision.ALLOWED).result()
    store.close()
    damage(path)
    before = path.read_bytes()
    with structlog.testing.capture_logs() as logs, closing(SiteStore(path)) as again:
        assert again.snapshot() == ()
        assert again.decision(SITE) is Decision.UNKNOWN
        aside = again.set_aside
        assert aside is not None
        assert set_aside_files(path) == (aside,)
        assert aside.read_bytes() == before
        again.remember(OTHER, Decision.ALLOWED).result()
    assert [line["event"] for line in logs] == ["a database is corrupt and was set aside"]
    assert reopened(path) == {str(OTHER): Decision.ALLOWED}


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.touch()
    assert reopened(path) == {}
    assert set_aside_files(path) == ()


def test_a_row_that_makes_no_sense_is_ignored(path: Path, store: SiteStore) -> None:
    store.remember(SITE, Decision.ALLOWED).result()
    store.close()
    rows = [
        ("https://Portal.example", "2030-01-01T00:00:00+00:00"),
        ("javascript:alert(1)", "2030-01-01T00:00:00+00:00"),
        ("https://a.example", "yesterday"),
    ]
    with closing(sqlite3.connect(path)) as connection:
        sql = "INSERT INTO sites (origin, decision, since) VALUES (?, 'allowed', ?)"
        connection.executemany(sql, rows)
        connection.commit()
    with structlog.testing.capture_logs() as logs:
        assert reopened(path) == {str(SITE): Decision.ALLOWED}
    assert len(logs) == len(rows)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"sites\.sqlite"):
        SiteStore(tmp_path / "missing" / "sites.sqlite")


def test_a_write_that_fails_is_told_and_logged(store: SiteStore) -> None:
    store.close()
    with structlog.testing.capture_logs() as logs:
        future = store.remember(SITE, Decision.BLOCKED)
    with pytest.raises(DatabaseError):
        future.result()
    assert store.decision(SITE) is Decision.BLOCKED
    assert [line["log_level"] for line in logs] == ["error"]


async def test_nothing_waits_for_the_disk_on_the_event_loop(path: Path) -> None:
    """The test run stops every blocking call on the loop, SQLite's too."""
    import asyncio

    store = await asyncio.to_thread(SiteStore, path)
    await asyncio.wrap_future(store.remember(SITE, Decision.ALLOWED))
    store.touch(SITE)
    assert store.decision(SITE) is Decision.ALLOWED
    assert len(store.snapshot()) == 1
    await asyncio.to_thread(store.close)


def test_many_threads_may_use_it(path: Path, store: SiteStore) -> None:
    sites = [Origin.parse(f"https://{number}.example") for number in range(20)]
    failures: list[BaseException] = []

    def work(mine: Origin) -> None:
        try:
            for decision in (Decision.ALLOWED, Decision.BLOCKED) * 5:
                store.remember(mine, decision)
                store.touch(mine)
                assert store.decision(mine) is decision
                store.snapshot()
        except BaseException as error:  # noqa: BLE001  # told in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(site,)) for site in sites]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert not failures
    assert reopened(path) == {str(site): Decision.BLOCKED for site in sites}


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from([SITE, OTHER, Origin.parse("https://third.example")]),
        st.sampled_from([*Decision, "touch", "restart", "wait"]),
    ),
    max_size=20,
)


@settings(max_examples=25, deadline=None)
@given(ACTIONS)
def test_it_agrees_with_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[Origin, Decision | str]]
) -> None:
    path = tmp_path_factory.mktemp("model") / "sites.sqlite"
    clock, model = Clock(), dict[Origin, Decision]()
    store = SiteStore(path, clock=clock.now, monotonic=clock.monotonic)
    for site, action in actions:
        if isinstance(action, Decision):
            store.remember(site, action)
            model[site] = action
        elif action == "touch":
            store.touch(site)
        else:
            if action == "restart":
                store.close()
                store = SiteStore(path, clock=clock.now, monotonic=clock.monotonic)
            clock.seconds += FOR_NOW
            model = {s: d for s, d in model.items() if d is not Decision.THIS_TIME}
        standing = {s: d for s, d in model.items() if d is not Decision.UNKNOWN}
        assert {record.site: record.decision for record in store.snapshot()} == standing
    store.close()


HAMMER = """
import sys
from pathlib import Path
from agent.consent.site_store import Decision, SiteStore
from agent.origin import Origin

store = SiteStore(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    store.remember(Origin.parse_any(f"https://{number}.example"), Decision.ALLOWED).result()
    print(number, flush=True)
    number += 1
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_kill_loses_nothing_that_was_told(path: Path) -> None:
    told = 0
    for round_ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", HAMMER, str(path), str(told)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout is not None
            for _ in range(3 + 7 * round_):
                told = int(process.stdout.readline()) + 1
            process.send_signal(signal.SIGKILL)
            for line in process.stdout:
                told = int(line) + 1 if line.endswith("\n") else told
        decided = reopened(path)
        assert {f"https://{n}.example" for n in range(told)} <= set(decided)
        assert len(decided) <= told + 1
        told = len(decided)
    assert set_aside_files(path) == ()


def test_the_words_on_disk_are_the_words_in_memory() -> None:
    """The table's own check names every decision that can be kept."""
    schema = site_store._SCHEMA
    for statement in (*schema.statements, *schema.additions):
        for each in Decision:
            assert (f"'{each}'" in statement) == (each is not Decision.UNKNOWN)


# Signatures over what cannot be shown, decided apart.


def test_each_permission_is_kept_by_itself(store: SiteStore, path: Path) -> None:
    store.remember(SITE, Decision.ALLOWED)
    assert store.decision(SITE, Scope.BLIND) is Decision.UNKNOWN
    store.remember(SITE, Decision.ALLOWED, Scope.BLIND)
    store.remember(OTHER, Decision.ALLOWED, Scope.BLIND).result()
    assert store.decision(OTHER) is Decision.UNKNOWN
    store.close()
    with closing(SiteStore(path)) as again:
        assert [(str(each.site), each.decision, each.blind) for each in again.snapshot()] == [
            (str(OTHER), Decision.UNKNOWN, Decision.ALLOWED),
            (str(SITE), Decision.ALLOWED, Decision.ALLOWED),
        ]
        again.remember(SITE, Decision.UNKNOWN, Scope.BLIND)
        assert again.decision(SITE) is Decision.ALLOWED
        assert again.decision(SITE, Scope.BLIND) is Decision.UNKNOWN


@pytest.mark.parametrize("decision", [Decision.BLOCKED, Decision.UNKNOWN])
def test_who_may_not_use_the_card_keeps_no_other_permission(
    store: SiteStore, path: Path, decision: Decision
) -> None:
    store.remember(SITE, Decision.ALLOWED)
    store.remember(SITE, Decision.ALLOWED, Scope.BLIND)
    store.remember(SITE, decision).result()
    assert store.decision(SITE, Scope.BLIND) is Decision.UNKNOWN
    with closing(SiteStore(path, fresh=False)) as other:
        assert other.decision(SITE, Scope.BLIND) is Decision.UNKNOWN


def test_this_time_ends_for_each_permission(store: SiteStore, clock: Clock) -> None:
    store.remember(SITE, Decision.ALLOWED)
    store.remember(SITE, Decision.THIS_TIME, Scope.BLIND)
    clock.seconds = FOR_NOW - 1
    assert store.decision(SITE, Scope.BLIND) is Decision.THIS_TIME
    clock.seconds = FOR_NOW
    assert store.decision(SITE, Scope.BLIND) is Decision.UNKNOWN
    assert store.decision(SITE) is Decision.ALLOWED


def test_a_database_of_an_earlier_version_keeps_its_decisions(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(site_store._SCHEMA.statements[0])
        row = (str(SITE), "allowed", "2026-01-01T00:00:00+00:00", None)
        connection.execute("INSERT INTO sites VALUES (?, ?, ?, ?)", row)
        connection.commit()
    for _ in range(2):
        with closing(SiteStore(path)) as store:
            assert store.set_aside is None
            assert store.decision(SITE) is Decision.ALLOWED
            store.remember(SITE, Decision.BLOCKED, Scope.BLIND).result()
    with closing(SiteStore(path)) as store:
        assert store.decision(SITE, Scope.BLIND) is Decision.BLOCKED
