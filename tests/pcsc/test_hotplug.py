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

from tests.pcsc.fake_pcscd import PRESENT, PROTOCOL, SWALLOWED, FakePcscd, FakeReader

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


def test_a_device_with_an_odd_name_hides_nobody(watcher: Watcher) -> None:
    watcher.daemon.set_readers(FakeReader("讀卡機 00 00".encode()), ONE)
    assert watcher.next() == [["Reader One 00 00", False, False, ""]]


def test_a_device_with_a_garbled_name_is_survived(watcher: Watcher) -> None:
    """pyscard then cannot list any reader; nothing crashes, and all is well when it has gone."""
    watcher.daemon.set_readers(FakeReader(b"\xff\xfe\xfd 00 00"), ONE)
    assert watcher.next() == "unavailable"
    watcher.daemon.set_readers(ONE)
    assert watcher.next() == [["Reader One 00 00", False, False, ""]]
