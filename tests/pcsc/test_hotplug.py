"""Readers are plugged in and pulled while the agent watches: the real client library sees it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pcsc.fake_pcscd import PRESENT, PROTOCOL, SLOTS, SWALLOWED, FakePcscd, FakeReader

pytestmark = pytest.mark.pcsc

ATR = b"\x3b\x80\x01\x81"
ONE = FakeReader(b"Reader One 00 00")
TWO = FakeReader(b"Reader Two 01 00")

WATCH = """
import json
from agent.errors import ServiceUnavailableError
from agent.transport.pcsc import PcscProvider
provider, known = PcscProvider(), None
while True:
    try:
        known = provider.readers() if known is None else provider.wait(known, 60)
        told = [[s.name, s.present, s.mute, s.atr.hex()] for s in known]
    except ServiceUnavailableError:
        known, told = (), "unavailable"
    print(json.dumps(told), flush=True)
"""


class Watcher:
    """A process that prints what the readers look like whenever that has changed."""

    def __init__(self, daemon: FakePcscd, process: "subprocess.Popen[str]") -> None:
        self.daemon = daemon
        self._process = process

    def next(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the watcher has died"
        return json.loads(line)


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    with tempfile.TemporaryDirectory(prefix="ankong-") as place:
        path = Path(place) / "pcscd.comm"
        daemon = FakePcscd(path)
        with subprocess.Popen(
            [sys.executable, "-c", WATCH],
            env={**os.environ, "PCSCLITE_CSOCK_NAME": str(path)},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            watcher = Watcher(daemon, process)
            try:
                first = watcher.next()
                if set(daemon.versions) != {PROTOCOL}:
                    pytest.skip(f"this client library speaks {daemon.versions}")
                assert first == []
                yield watcher
            finally:
                process.kill()
                daemon.close()


def test_readers_are_seen_when_they_come_and_go(watcher: Watcher) -> None:
    watcher.daemon.set_readers(ONE)
    assert watcher.next() == [["Reader One 00 00", False, False, ""]]
    full = FakeReader(TWO.name, PRESENT, 1, ATR)
    watcher.daemon.set_readers(ONE, full)
    assert watcher.next() == [
        ["Reader One 00 00", False, False, ""],
        ["Reader Two 01 00", True, False, ATR.hex()],
    ]
    watcher.daemon.set_readers(full)
    assert watcher.next() == [["Reader Two 01 00", True, False, ATR.hex()]]
    watcher.daemon.set_readers(ONE)
    assert watcher.next() == [["Reader One 00 00", False, False, ""]]
    watcher.daemon.set_readers()
    assert watcher.next() == []


def test_a_reader_that_came_unannounced_is_found(watcher: Watcher) -> None:
    """pcsclite does not tell of a reader that came between our look and our question."""
    watcher.daemon.set_readers(ONE, tell=False)
    assert watcher.next() == [["Reader One 00 00", False, False, ""]]
    watcher.daemon.set_readers(ONE, TWO, tell=False)
    assert len(watcher.next()) == 2


def test_a_mute_card_is_told_from_none(watcher: Watcher) -> None:
    watcher.daemon.set_readers(FakeReader(ONE.name, PRESENT | SWALLOWED, 1))
    assert watcher.next() == [["Reader One 00 00", True, True, ""]]
    watcher.daemon.set_readers(FakeReader(ONE.name, events=2))
    assert watcher.next() == [["Reader One 00 00", False, False, ""]]


def test_every_name_is_shown_and_watched(watcher: Watcher) -> None:
    """Any bytes but NUL, in any table: each reader is there, and its card is seen."""
    odd = (
        ("讀卡機 Ａ 00 00".encode(), "讀卡機 Ａ 00 00"),
        (b"\xff\xfe 00 00", "\ufffdFF\ufffdFE 00 00"),
        ("讀卡機".encode("cp950"), "Ū\ufffdA5d\ufffdBE\ufffdF7"),
        (b"\x1b[2J\n", "\ufffd1B[2J\ufffd0A"),
        ("\u202egnp.exe".encode(), "\ufffdE2\ufffd80\ufffdAEgnp.exe"),
        (ONE.name, "Reader One 00 00"),
    )
    watcher.daemon.set_readers(*(FakeReader(name) for name, _ in odd))
    assert watcher.next() == [[shown, False, False, ""] for _, shown in odd]
    watcher.daemon.set_readers(*(FakeReader(name, PRESENT, 1, ATR) for name, _ in odd))
    assert watcher.next() == [[shown, True, False, ATR.hex()] for _, shown in odd]


def test_the_longest_names_and_most_readers_that_the_service_has(watcher: Watcher) -> None:
    names = [b"\xe8\xae\x80" * 42 + b"%X" % number for number in range(SLOTS)]
    watcher.daemon.set_readers(*(FakeReader(name, PRESENT, 1, ATR) for name in names))
    shown = [name for name, *_ in watcher.next()]
    assert shown == [name.decode() for name in names]
    watcher.daemon.set_readers(*(FakeReader(b"\xff" * 126 + b"%X" % n) for n in range(SLOTS)))
    shown = [name for name, *_ in watcher.next()]
    assert len(set(shown)) == SLOTS
    assert all(len(name.encode()) <= 127 for name in shown)


def test_a_name_that_is_listed_twice_is_two_readers(watcher: Watcher) -> None:
    watcher.daemon.set_readers(ONE, ONE)
    assert [name for name, *_ in watcher.next()] == ["Reader One 00 00", "Reader One 00 00 (2)"]
