"""Revocation lists keep themselves fresh, and nobody puts a worse one in a better one's place."""

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.pki.result import PathStatus
from agent.relying.list_fetch import FetchedList, ListFetchError, ListVersion
from agent.relying.list_folder import KeptList, ListFolderError, Look
from tests.kits.lists_support import (
    HOUR,
    URL,
    Answer,
    FakeServer,
    SetClock,
    crl,
    ders,
    look,
    make,
    only,
    verdict,
)
from tests.signing import pki_support as pki

TAGGED = ListVersion('"one"', "Mon, 15 Jun 2026 07:30:00 GMT")
NONE = ListVersion()


async def test_nobody_is_asked_while_there_is_time_and_then_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.relying.lists.LOOK_ROUND", 0.001)
    clock = SetClock()
    newer = crl(0 * HOUR, 9 * HOUR, 2)
    server = FakeServer([crl(), newer])
    async with make(tmp_path, server, clock) as lists:
        found = await asyncio.gather(*(ders(lists) for _ in range(5)))
        assert found == [[crl()]] * 5
        await asyncio.sleep(0.05)
        assert len(server.asked) == 1
        clock.now += 0.9 * HOUR
        await server.is_asked_again.wait()
        assert await look(lists) == [newer]
    assert len(server.asked) == 2


async def test_a_list_that_cannot_be_renewed_serves_until_the_next_one_is_due(
    tmp_path: Path,
) -> None:
    clock = SetClock()
    server = FakeServer([crl(), ListFetchError("no")])
    async with make(tmp_path, server, clock) as lists:
        assert await verdict(lists, clock.now) is PathStatus.VALID
        clock.now += 0.9 * HOUR
        assert await look(lists) == [crl()]
        assert await verdict(lists, clock.now) is PathStatus.VALID
        clock.now += 0.2 * HOUR
        assert await look(lists) == [crl()]
        assert await verdict(lists, clock.now) is PathStatus.STALE
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<!DOCTYPE html><title>Service suspended</title>",
        lambda: crl()[:-1],
        lambda: crl() + b"\0",
        ListFetchError("no"),
        OSError("no"),
        TimeoutError(),
        KeyError("of a fetcher that we do not know"),
        FetchedList(None),
        lambda: pki.Authority(pki.issuing().certificate, pki.rsa_key("stranger")).crl(),
    ],
    ids=["empty", "html", "short", "long", "fetch", "os", "slow", "odd", "unchanged", "stranger"],
)
async def test_an_answer_that_is_none_gives_nothing_and_replaces_nothing(
    tmp_path: Path, answer: Answer | Callable[[], bytes]
) -> None:
    """A stranger's list replaces not even nothing: it might be of the far future."""
    clock = SetClock()
    given = answer() if callable(answer) else answer  # no key is made while tests are collected
    server = FakeServer([given, crl(), given])
    async with make(tmp_path, server, clock) as lists:
        assert await look(lists) == []
        assert await verdict(lists, clock.now) is PathStatus.UNKNOWN
        assert await look(lists) == []
        assert len(server.asked) == 1  # and the address is left in peace
        for _ in range(2):
            clock.now += 0.9 * HOUR
            assert await look(lists) == [crl()]
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("begins", "number"),
    [(-2 * HOUR, 3), (0 * HOUR, 1), (0 * HOUR, None)],
    ids=["older", "lower-number", "no-number"],
)
async def test_a_newer_list_is_not_replaced_by_an_older_one(
    tmp_path: Path, begins: timedelta, number: int | None
) -> None:
    """Whoever sits on the line can replay a list from before a revocation; he gains nothing."""
    clock = SetClock()
    newer, worse = crl(number=2), crl(begins, 9 * HOUR, number)
    server = FakeServer([newer, FetchedList(worse, TAGGED)])
    async with make(tmp_path, server, clock) as lists:
        assert await look(lists) == [newer]
        clock.now += 0.9 * HOUR
        assert await look(lists) == [newer]
        assert len(server.asked) == 2
    async with make(tmp_path, FakeServer([worse]), SetClock()) as again:
        assert await ders(again) == [newer]


async def test_another_authority_s_list_pushes_out_nothing(tmp_path: Path) -> None:
    clock = SetClock()
    other = pki.issuing_other().crl(this_update=pki.NOW, next_update=pki.NOW + 99 * HOUR)
    newer = crl(0 * HOUR, 2 * HOUR, 2)
    server = FakeServer([crl(), other, newer])
    async with make(tmp_path, server, clock) as lists:
        assert await look(lists) == [crl()]
        clock.now += 0.9 * HOUR
        assert set(await look(lists)) == {crl(), other}
        clock.now += 0.2 * HOUR  # the first one is past its date, so the address is asked again
        assert set(await look(lists)) == {other, newer}


async def test_a_server_that_names_versions_sends_each_one_once(tmp_path: Path) -> None:
    clock = SetClock()
    server = FakeServer([FetchedList(crl(ends=9 * HOUR), TAGGED), FetchedList(None, TAGGED)])
    async with make(tmp_path, server, clock) as lists:
        await look(lists)
        clock.now += 8.5 * HOUR
        assert await look(lists) == [crl(ends=9 * HOUR)]
    assert server.asked == [NONE, TAGGED]
    clock.now += 0.3 * HOUR
    async with make(tmp_path, server, clock) as lists:  # and remembers it
        await look(lists)
        assert server.asked == [NONE, TAGGED, TAGGED]
        clock.now += HOUR  # a list past its date is wanted whatever the server says
        await look(lists)
    assert server.asked[3:] == [NONE]


@pytest.mark.parametrize(
    "version", [ListVersion("x" * 513), ListVersion('"\x01"'), ListVersion("", "\u5b89")]
)
async def test_a_name_that_fits_no_header_is_not_sent_back(
    tmp_path: Path, version: ListVersion
) -> None:
    clock = SetClock()
    server = FakeServer([FetchedList(crl(), version)])
    async with make(tmp_path, server, clock) as lists:
        await look(lists)
        clock.now += 0.9 * HOUR
        await look(lists)
    assert server.asked == [NONE, NONE]


async def test_a_restart_serves_at_once_and_asks_nobody(tmp_path: Path) -> None:
    async with make(tmp_path, FakeServer([crl()])) as lists:
        await look(lists)
    server = FakeServer([ListFetchError("no")])
    async with make(tmp_path, server) as lists:
        assert await verdict(lists, pki.NOW) is PathStatus.VALID
        await look(lists)
    assert not server.asked


async def test_whoever_starts_again_without_a_list_asks_at_once(tmp_path: Path) -> None:
    clock = SetClock()
    down, up = FakeServer([ListFetchError("no")]), FakeServer([crl()])
    async with make(tmp_path, down, clock) as one, make(tmp_path, down, clock) as two:
        assert await look(one) == await look(two) == []
        assert len(down.asked) == 1  # they began together
    clock.now += timedelta(seconds=1)
    async with make(tmp_path, up, clock) as lists:
        assert await look(lists) == [crl()]


def spoil(file: Path, how: str) -> None:
    match how:
        case "removed":
            file.unlink()
        case "another":
            file.write_bytes(pki.root().crl())
        case _:
            file.write_bytes(crl()[: -1 if how == "short" else 0])


@pytest.mark.parametrize("how", ["empty", "short", "another", "removed"])
async def test_a_list_that_is_damaged_in_the_folder_is_made_good(tmp_path: Path, how: str) -> None:
    server = FakeServer([FetchedList(crl(), TAGGED)])
    async with make(tmp_path, server) as lists:
        await look(lists)
        file = only(tmp_path, "crl")
        spoil(file, how)
        assert crl() in await look(lists)
        assert file.read_bytes() == crl()
    spoil(file, how)
    async with make(tmp_path, server) as lists:
        assert crl() in await look(lists)
    assert file.read_bytes() == crl()
    assert server.asked == [NONE] * 3  # a server that says "unchanged" would be of no help


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"[]", b"{}", b"null", b"\xff", b"[" * 4000, b"x" * 5000),
        b'{"at": NaN, "failures": 0, "version": {}, "sha256": ""}',
        b'{"at": 1.0, "failures": -1, "version": {}, "sha256": ""}',
        b'{"at": 1.0, "failures": true, "version": {}, "sha256": ""}',
        b'{"at": 1.0, "failures": 0, "version": {"etag": 1}, "sha256": ""}',
        b'{"at": 1.0, "failures": 0, "version": {"etag": "a\\r\\nb"}, "sha256": ""}',
        b'{"at": 1.0, "failures": 0, "version": {"other": ""}, "sha256": ""}',
        b'{"at": 1.0, "failures": 0, "version": 1, "sha256": ""}',
    ],
    ids=range(14),
)
async def test_a_damaged_note_about_a_look_is_as_good_as_none(tmp_path: Path, text: bytes) -> None:
    async with make(tmp_path, FakeServer([crl()])) as lists:
        await look(lists)
    file = only(tmp_path, "json")
    file.write_bytes(text)
    assert KeptList(tmp_path, URL).load() == (crl(), Look())
    async with make(tmp_path, FakeServer([crl()])) as lists:
        assert await look(lists) == [crl()]
    assert KeptList(tmp_path, URL).load()[1].at == pki.NOW.timestamp()


async def test_a_clock_that_is_set_back_clears_nobody_and_forgets_nothing(tmp_path: Path) -> None:
    clock = SetClock()
    yesterday = crl(-25 * HOUR, 9 * HOUR, 1)
    newest = crl(ends=30 * HOUR, number=2)
    server = FakeServer([newest, yesterday, newest])
    async with make(tmp_path, server, clock) as lists:
        assert await verdict(lists, clock.now) is PathStatus.VALID
        clock.now -= 24 * HOUR
        assert await look(lists) == [newest]
        assert len(server.asked) == 2
        assert await verdict(lists, clock.now) is not PathStatus.VALID
        clock.now += 24 * HOUR
        assert await look(lists) == [newest]
        assert await verdict(lists, clock.now) is PathStatus.VALID


@pytest.fixture
def locked_folder(tmp_path: Path) -> Iterator[Path]:
    tmp_path.chmod(0o500)
    yield tmp_path
    tmp_path.chmod(0o700)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
@pytest.mark.parametrize("name", ["", "lists"])
async def test_a_folder_that_cannot_be_written_is_an_error_at_the_start(
    locked_folder: Path, name: str
) -> None:
    with pytest.raises(ListFolderError, match="cannot be written"):
        await make(locked_folder / name, FakeServer([crl()])).__aenter__()


async def test_a_file_where_the_folder_should_be_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", tmp_path / "file" / "lists"):
        with pytest.raises(ListFolderError, match="cannot be written"):
            await make(folder, FakeServer([crl()])).__aenter__()


def test_without_an_address_nobody_could_log_in(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no address"):
        make(tmp_path / "lists", None, urls=())


async def test_a_disk_that_is_full_later_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    server = FakeServer([crl()])
    async with make(tmp_path, server) as lists:
        with monkeypatch.context() as patch:
            patch.setattr("agent.relying.list_folder.replace_file", full)
            assert await look(lists) == [crl()]
        assert len(server.asked) == 1
        assert await look(lists) == [crl()]
    assert len(server.asked) == 1


async def test_it_is_used_inside_its_context_only(tmp_path: Path) -> None:
    lists = make(tmp_path, FakeServer([crl()]))
    with pytest.raises(RuntimeError, match="async with"):
        await lists.current()


@pytest.mark.parametrize(
    "url",
    [
        *("", "ca.crl", "file:///etc/hostname", "ftp://crl.test.invalid/ca.crl"),
        *("ldap://crl.test.invalid/cn=ca", "http://", "http://user:word@crl.test.invalid/"),
        *("http://[::1", "http://crl.test.invalid:port/", "HTTP:crl.test.invalid"),
    ],
)
def test_only_plain_web_addresses_are_configured(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        make(tmp_path, None, urls=(url,))
    assert "word" not in str(caught.value)


async def test_whoever_waits_for_a_server_can_be_stopped(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def never(*_: object) -> FetchedList:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with make(tmp_path, never):
        await begun.wait()
    async with make(tmp_path, FakeServer([crl()])) as lists:  # the lock is free again
        assert await look(lists) == [crl()]


async def test_one_that_was_stopped_with_the_lock_keeps_nobody_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agent.relying.list_folder.LOCK_PATIENCE", 0.01)
    server = FakeServer([crl()])
    async with KeptList(tmp_path, URL).locked(), make(tmp_path, server) as lists:
        assert await look(lists) == [crl()]
    assert "going on without" in caplog.text


async def test_of_two_that_start_at_once_one_asks(tmp_path: Path) -> None:
    server = FakeServer([crl()])
    async with make(tmp_path, server) as one, make(tmp_path, server) as two:
        assert await look(one) == await look(two) == [crl()]
    assert len(server.asked) == 1


async def test_what_one_finds_the_other_takes_over(tmp_path: Path) -> None:
    clock = SetClock()
    newer = crl(0 * HOUR, 9 * HOUR, 2)
    mine, theirs = FakeServer([crl(), ListFetchError("no")]), FakeServer([newer])
    async with make(tmp_path, mine, clock) as one:
        await look(one)
        async with make(tmp_path, theirs, clock) as two:
            clock.now += 0.9 * HOUR
            assert await look(two) == [newer]
        assert await look(one) == [newer]
    assert len(mine.asked) == 1
