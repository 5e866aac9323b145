"""The record of the running agent: what is written is read, and nothing else is believed."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from agent.doctor.running import RunningAgent, find_running
from agent.errors import AgentError, ErrorCode
from agent.host.instance.panel_key import PanelKey, panel_address
from agent.host.instance.record import FORMAT, InstanceRecord, read_record, write_record
from agent.host.instance.running import AlreadyRunningError, Instance
from agent.host.machine.paths import Paths

WHOLE: dict[str, Any] = {
    "format": 1,
    "pid": 4711,
    "port": 28443,
    "hipki_port": 61161,
    "provider": "pcsc",
    "also": [],
    "missing": [],
    "left": [],
    "jrsys_ports": [],
    "jrsys_missing": [],
    "porter": [],
    "policy": None,
    "display": None,
    "testing": False,
}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(tmp_path / "state")
    made.prepare()
    return made


def test_what_is_written_is_read(paths: Paths) -> None:
    record = InstanceRecord(pid=4711, port=28443, hipki_port=61161, provider="virtual")
    write_record(paths.instance, record)
    assert read_record(paths.instance) == record
    assert json.loads(paths.instance.read_text()) == {
        **WHOLE,
        "provider": "virtual",
        "mca_port": None,
        "icon": None,
    }


def test_where_nothing_is_there_is_none(paths: Paths) -> None:
    assert read_record(paths.instance) is None


@pytest.mark.parametrize(
    ("content", "port"),
    [
        ({"pid": 1, "port": 28444}, 28444),  # an older agent
        ({**WHOLE, "since": "today", "sockets": ["a"]}, 28443),  # a newer one, same meaning
        ({**WHOLE, "format": FORMAT + 1}, None),  # a newer one, perhaps another meaning
        ({"pid": 1, "port": None, "hipki_port": None}, None),
    ],
)
def test_other_versions_are_understood(
    paths: Paths, content: dict[str, Any], port: int | None
) -> None:
    paths.instance.write_text(json.dumps(content))
    record = read_record(paths.instance)
    assert record is not None
    assert (record.pid, record.port) == (content["pid"], port)


HOSTILE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"pid"',
    b"\xff\xfe",
    b"{}",
    b"[" * 4000,
    json.dumps({**WHOLE, "padding": "x" * 4096}).encode(),
    *(
        json.dumps({**WHOLE, **change}).encode()
        for change in (
            {"pid": 0},
            {"pid": -1},
            {"pid": 2**32},
            {"pid": True},
            {"pid": "4711"},
            {"pid": None},
            {"pid": [4711]},
            {"port": 0},
            {"port": 65536},
            {"port": True},
            {"port": "28443/@evil.example"},
            {"hipki_port": -1},
            {"provider": 7},
            {"missing": [0]},
            {"missing": 61161},
            {"also": [28443] * 17},
            {"provider": "x" * 33},
            {"format": 0},
            {"format": "1"},
        )
    ),
]


@pytest.mark.parametrize("content", HOSTILE)
def test_what_no_agent_would_write_counts_for_nobody(paths: Paths, content: bytes) -> None:
    PanelKey.create(paths.panel_key)
    with Instance(paths):
        paths.instance.write_bytes(content)
        assert read_record(paths.instance) is None
        assert find_running(paths) == RunningAgent(is_recorded=False)
        with pytest.raises(AgentError) as refused:
            panel_address(paths)
        assert refused.value.code is ErrorCode.TIMEOUT
        with pytest.raises(AlreadyRunningError, match="another agent") as taken, Instance(paths):
            pass
        assert taken.value.pid is None


def test_who_comes_second_learns_who_is_there(paths: Paths) -> None:
    with Instance(paths) as instance:
        instance.announce(port=28443, hipki_port=61161, provider="virtual")
        assert find_running(paths) == RunningAgent(28443, 61161, virtual=True)
        with pytest.raises(AlreadyRunningError, match=str(os.getpid())), Instance(paths):
            pass
