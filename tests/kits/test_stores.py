"""Every store keeps the contract on the system that it is for, among processes too."""

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from blockbuster import blockbuster_ctx

from agent.relying import sql_store
from agent.relying.challenges import Challenges
from agent.relying.errors import ChallengeError
from agent.relying.records import ChallengeStore, ChallengeStoreError, Record, TakenState
from agent.relying.stores import CREATE_TABLE, MemoryStore, RedisStore, SqlStore, create_table
from agent.relying.testing import PROMISES, Promise, refuses_while_down
from tests.kits import redis_server
from tests.kits.store_cases import KINDS, create_sqlite, make_store
from tests.portal import postgres

ROOT = Path(__file__).resolve().parents[2]
SQLITE_STYLES: tuple[sql_store.ParamStyle, ...] = ("qmark", "numeric", "named")
PROCESSES = 4
NOW = datetime(2026, 11, 27, 15, 4, 5, tzinfo=UTC)
Places = Callable[[str], str]


def require(is_installed: bool, how: str) -> None:
    if not is_installed:
        if os.environ.get("CI"):
            pytest.fail(f"not installed: {how}")
        pytest.skip(f"not installed: {how}")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    require(postgres.is_installed(), postgres.INSTALL)
    with postgres.running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def redis_socket() -> Iterator[str]:
    pytest.importorskip("redis")
    require(redis_server.is_installed(), redis_server.INSTALL)
    with redis_server.running_redis() as socket:
        yield socket


_NUMBERS = count()


@pytest.fixture
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    """Make an empty place of a kind."""

    def make(kind: str) -> str:
        if kind == "sqlite":
            return create_sqlite(tmp_path / "challenges.db")
        if kind == "redis":
            socket: str = request.getfixturevalue("redis_socket")
            return socket
        cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
        address = cluster.create_database(f"stores_{next(_NUMBERS)}")
        with psycopg.connect(address) as connection:
            connection.execute(CREATE_TABLE)
        return address

    return make


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_the_memory_store_keeps_the_contract(promise: Promise) -> None:
    await promise(MemoryStore())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_store_on_a_real_system_keeps_the_contract(kind: str, places: Places) -> None:
    store = make_store(kind, places(kind))
    with blockbuster_ctx("agent.relying"):
        for promise in PROMISES:
            await promise(store)
    await close(store)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_store_that_is_down_gives_no_answer(kind: str, tmp_path: Path) -> None:
    if kind == "redis":
        pytest.importorskip("redis")
    nothing = tmp_path / "nothing" / "here"
    where = f"host={nothing} dbname=x" if kind == "postgresql" else str(nothing)
    store = make_store(kind, where, tries=0)
    await refuses_while_down(store)
    await close(store)


@pytest.mark.parametrize("kind", KINDS)
async def test_of_several_processes_one_wins(kind: str, places: Places) -> None:
    where = places(kind)
    store = make_store(kind, where)
    issued = await Challenges(store).issue("session")
    await close(store)
    started = [start_redeemer(kind, where, issued.id, number) for number in range(PROCESSES)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * PROCESSES
    answers = [json.loads(each) for each in said]
    found = Counter(code for answer in answers for code in answer[0])
    assert found.pop("challenge_used") == PROCESSES * 8 - 1
    (winner,) = found.elements()
    assert len(winner) == 64
    assert all(first == again for first, again in answers)


def start_redeemer(kind: str, where: str, name: str, number: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.kits.redeemer", kind, where, "session", name, str(number)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


async def close(store: ChallengeStore) -> None:
    if isinstance(store, RedisStore):
        client: Any = store._client
        await client.aclose()


@pytest.mark.parametrize("style", SQLITE_STYLES)
async def test_a_driver_may_want_its_parameters_in_any_style(
    style: sql_store.ParamStyle, tmp_path: Path
) -> None:
    path = create_sqlite(tmp_path / "challenges.db")
    store = SqlStore(lambda: sqlite3.connect(path), paramstyle=style)
    await PROMISES[0](store)


async def test_postgresql_takes_both_styles_of_percent_and_a_pool(places: Places) -> None:
    address = places("postgresql")
    # A connection of psycopg is a context manager that closes; a pool's gives it back.
    for style in ("format", "pyformat"):
        await PROMISES[0](SqlStore(lambda: psycopg.connect(address), paramstyle=style))


async def test_a_pool_gets_its_connection_back(tmp_path: Path) -> None:
    path = create_sqlite(tmp_path / "challenges.db")
    lent: list[str] = []

    class Lent:
        def __enter__(self) -> sqlite3.Connection:
            lent.append("lent")
            self.connection = sqlite3.connect(path)
            return self.connection

        def __exit__(self, *_: object) -> None:
            lent.append("back")
            self.connection.close()

    await PROMISES[0](SqlStore(Lent, paramstyle="qmark"))
    assert Counter(lent)["lent"] == Counter(lent)["back"] > 0
    assert lent[:2] == ["lent", "back"]


async def test_stricter_isolation_changes_no_answer(places: Places) -> None:
    address = places("postgresql")

    def connect() -> psycopg.Connection[Any]:
        connection = psycopg.connect(address)
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        return connection

    await PROMISES[1](SqlStore(connect, paramstyle="pyformat"))


class Driver:
    """A connection to nothing, which says what rows it changed and what it finds."""

    def __init__(self, rowcount: int, row: tuple[Any, ...] | None) -> None:
        self.rowcount = rowcount
        self._row = row
        self.closed = 0
        self.undone = 0

    def cursor(self) -> "Driver":
        return self

    def execute(self, operation: str, parameters: object) -> None:
        pass

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._row

    def commit(self) -> None:
        pass

    def rollback(self) -> None:
        self.undone += 1

    def close(self) -> None:
        self.closed += 1


FREE = ("session", "c" * 43, 0, 2**60, None)


@pytest.mark.parametrize("rowcount", [-1, 2])
async def test_a_driver_that_does_not_count_is_an_outage(rowcount: int) -> None:
    store = SqlStore(lambda: Driver(rowcount, FREE), paramstyle="qmark")
    with pytest.raises(ChallengeStoreError):
        await store.take("i" * 22, "session", bytes(32), NOW)


async def test_a_row_that_is_free_and_cannot_be_taken_is_an_outage() -> None:
    now = int(NOW.timestamp() * 1000)
    free = ("session", "c" * 43, now, now + 1000, None)
    store = SqlStore(lambda: Driver(0, free), paramstyle="qmark")
    with pytest.raises(ChallengeStoreError):
        await store.take("i" * 22, "session", bytes(32), NOW)


class InterruptedTransactionError(Exception):
    """What a driver raises where another transaction came between."""

    sqlstate = "40001"


@pytest.mark.parametrize("times", [1, 4, 5])
async def test_a_transaction_that_another_came_into_is_tried_again(times: int) -> None:
    driver, failures = Driver(1, FREE), [InterruptedTransactionError()] * times

    def execute(operation: str, parameters: object) -> None:
        del operation, parameters
        if failures:
            raise failures.pop()

    driver.execute = execute  # type: ignore[method-assign]
    taking = SqlStore(lambda: driver, paramstyle="qmark").take("i", "s", bytes(32), NOW)
    if times < 5:
        assert (await taking).state is TakenState.FIRST
    else:
        with pytest.raises(InterruptedTransactionError):
            await taking
    assert driver.undone == times


async def test_a_fault_of_the_driver_undoes_and_is_told() -> None:
    driver = Driver(1, FREE)

    def fail(operation: str, parameters: object) -> None:
        del operation, parameters
        raise OSError("gone")

    driver.execute = fail  # type: ignore[method-assign]
    with pytest.raises(OSError, match="gone"):
        await SqlStore(lambda: driver, paramstyle="qmark").take("i", "s", bytes(32), NOW)
    assert driver.undone == 1
    assert driver.closed == 2  # as a cursor and as a connection


@pytest.mark.parametrize("table", ["a b", "a;b", "", 'a"', "a.b.c", "1a"])
def test_a_table_has_a_plain_name(table: str) -> None:
    with pytest.raises(ValueError, match="plain name"):
        create_table(table)
    with pytest.raises(ValueError, match="plain name"):
        SqlStore(lambda: Driver(1, None), paramstyle="qmark", table=table)


def test_a_style_is_one_of_the_five() -> None:
    with pytest.raises(ValueError, match="paramstyle"):
        SqlStore(lambda: Driver(1, None), paramstyle="percent")  # type: ignore[arg-type]


async def test_old_rows_go(tmp_path: Path) -> None:
    path = create_sqlite(tmp_path / "challenges.db")
    store = SqlStore(lambda: sqlite3.connect(path), paramstyle="qmark")
    moments = [NOW]
    challenges = Challenges(store, clock=lambda: moments[-1])
    first = await challenges.issue("session")
    moments.append(NOW + timedelta(minutes=30))
    second = await challenges.issue("session")
    with pytest.raises(ChallengeError, match="challenge_expired"):
        await challenges.redeem("session", first.id, b"")
    moments.append(NOW + timedelta(minutes=66))
    await challenges.issue("session")
    with pytest.raises(ChallengeError, match="challenge_unknown"):
        await challenges.redeem("session", first.id, b"")
    with pytest.raises(ChallengeError, match="challenge_expired"):
        await challenges.redeem("session", second.id, b"")
    assert await store.purge(moments[-1] + timedelta(days=1)) == 2


async def test_a_table_of_another_shape_is_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "challenges.db"
    with sqlite3.connect(path) as database:
        database.execute(CREATE_TABLE.replace("BIGINT", "TEXT"))
    database.close()
    challenges = Challenges(SqlStore(lambda: sqlite3.connect(path), paramstyle="qmark"))
    issued = await challenges.issue("session")
    for token in (b"", b"", b"another"):
        with pytest.raises(ChallengeStoreError, match="not the table of create_table"):
            await challenges.redeem("session", issued.id, token)


async def test_a_database_knows_no_session_and_no_token(tmp_path: Path) -> None:
    path = create_sqlite(tmp_path / "challenges.db")
    challenges = Challenges(SqlStore(lambda: sqlite3.connect(path), paramstyle="qmark"))
    issued = await challenges.issue("precious session")
    await challenges.redeem("precious session", issued.id, b"precious token")
    kept = sqlite3.connect(path)
    assert "precious" not in "".join(kept.iterdump())
    kept.close()


@pytest.mark.parametrize("workers", ["2", "16"])
def test_the_memory_store_is_for_one_process(workers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    with pytest.raises(RuntimeError, match="SqlStore or RedisStore"):
        MemoryStore()


@pytest.mark.parametrize("workers", ["", "1", "auto"])
def test_the_memory_store_begins_where_there_is_one(
    workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    MemoryStore()


async def test_the_memory_store_refuses_a_forked_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    for attempt in (store.add(record(0)), store.take("", "", b"", NOW)):
        with pytest.raises(RuntimeError, match="forked"):
            await attempt


def record(number: int, at: datetime = NOW) -> Record:
    return Record(str(number), "session", "c" * 43, at, at + timedelta(minutes=5))


async def test_the_memory_store_is_bounded_and_makes_room() -> None:
    store = MemoryStore(max_records=3)
    for number in range(3):
        await store.add(record(number))
    with pytest.raises(ChallengeStoreError, match="full"):
        await store.add(record(3))
    assert (await store.take("0", "session", b"", NOW)).state is TakenState.FIRST
    later = NOW + timedelta(minutes=5)
    await store.add(record(4, later))
    assert (await store.take("0", "session", b"", NOW)).state is TakenState.UNKNOWN
    assert (await store.take("4", "session", b"", later)).state is TakenState.FIRST


async def test_the_memory_store_forgets_only_what_has_ended_and_only_for_room() -> None:
    store = MemoryStore(max_records=3)
    for number, minutes in enumerate((2, 0, 1)):
        await store.add(record(number, NOW + timedelta(minutes=minutes)))
    later = NOW + timedelta(minutes=6, seconds=30)  # two have ended
    await store.add(record(3, later))
    states = [(await store.take(str(n), "session", b"t", later)).state for n in range(4)]
    ended, gone = TakenState.EXPIRED, TakenState.UNKNOWN
    assert states == [TakenState.FIRST, gone, ended, TakenState.FIRST]
    await store.add(record(4, later))
    with pytest.raises(ChallengeStoreError, match="full"):
        await store.add(record(5, later))
    assert (await store.take("0", "session", b"t", later)).state is TakenState.AGAIN


class Answering:
    """A client of Redis that gives one answer."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    async def eval(self, script: str, numkeys: int, /, *rest: object) -> object:
        del script, numkeys, rest
        return self._answer


@pytest.mark.parametrize("answer", [None, 1, [], [b"first"], [b"well", b""], "no", {}], ids=repr)
async def test_another_answer_of_redis_is_an_outage(answer: object) -> None:
    with pytest.raises(ChallengeStoreError):
        await RedisStore(Answering(answer)).take("i" * 22, "session", bytes(32), NOW)


async def test_a_damaged_row_of_redis_is_never_good(redis_socket: str) -> None:
    import redis.asyncio

    client = redis.asyncio.Redis(unix_socket_path=redis_socket)
    store = RedisStore(client, prefix="damaged:")
    for name, value in (("expires", "nan"), ("issued", "nan"), ("challenge", "A"), ("expires", "")):
        issued = await Challenges(store).issue("session")
        await client.hset(f"damaged:{issued.id}", name, value)
        with pytest.raises((ChallengeError, ChallengeStoreError, redis.exceptions.ResponseError)):
            await Challenges(store).redeem("session", issued.id, b"t")
    await client.aclose()


async def test_a_client_of_redis_that_decodes_will_do() -> None:
    store = RedisStore(Answering(["first", "c" * 43]))
    assert (await store.take("i", "s", bytes(32), NOW)).state is TakenState.FIRST


async def test_two_processes_share_no_connection_to_redis(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = RedisStore(Answering(["first", "c" * 43]))
    await store.take("i", "s", bytes(32), NOW)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="forked"):
        await store.take("i", "s", bytes(32), NOW)


async def test_a_client_of_redis_that_blocks_will_not_do() -> None:
    class Blocking:
        def eval(self, script: str, numkeys: int, /, *rest: object) -> object:
            del script, numkeys, rest
            return [b"first", b"c" * 43]

    with pytest.raises(TypeError, match=r"redis\.asyncio"):
        await RedisStore(Blocking()).take("i", "s", bytes(32), NOW)
