"""A private daemon starts, stops, and outlives nobody."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.errors import ServiceUnavailableError
from agent.virtualcard import pcscd as module
from agent.virtualcard.pcscd import PrivatePcscd, Way

pytestmark = pytest.mark.pcsc

LIST_READERS = """
from agent.transport.pcsc import PcscProvider
provider = PcscProvider()
print("|".join(state.name for state in provider.readers()))
provider.close()
"""
ORPHAN = """
import os, signal, sys
from agent.virtualcard.pcscd import PrivatePcscd
pcscd = PrivatePcscd()
pcscd.start()
print(pcscd.process_id, os.path.dirname(pcscd.environment()["PCSCLITE_CSOCK_NAME"]), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def readers_of(pcscd: PrivatePcscd) -> tuple[str, ...]:
    """List the readers in a process of its own: a PC/SC library knows one daemon."""
    done = subprocess.run(
        [sys.executable, "-c", LIST_READERS],
        env={**os.environ, **pcscd.environment()},
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    return tuple(done.stdout.strip().split("|"))


def is_running(process_id: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{process_id}/stat").read_text()
    except FileNotFoundError:
        return False


def end_of(process_id: int) -> bool:
    """Wait until a process has gone."""
    deadline = time.monotonic() + 20
    while is_running(process_id) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(process_id)


@pytest.mark.parametrize("way", ["namespace", "handed-socket"])
def test_two_daemons_run_side_by_side_and_leave_nothing(way: Way) -> None:
    possible = module._namespaces_work if way == "namespace" else module._may_use_run
    if not possible():
        pytest.skip(f"not possible here: {way}")
    with (
        PrivatePcscd("First Reader", way=way) as first,
        PrivatePcscd("Second Reader", way=way) as second,
    ):
        assert readers_of(first) == first.readers == ("First Reader 00 00", "First Reader 00 01")
        assert readers_of(second) == second.readers
        assert len({*first.ports, *second.ports}) == 4
        places = [Path(one.environment()["PCSCLITE_CSOCK_NAME"]) for one in (first, second)]
        processes = [first.process_id, second.process_id]
        ports = first.ports
        first.restart()
        assert first.ports == ports
        assert readers_of(first) == first.readers
    for place, process_id in zip(places, processes, strict=True):
        assert not place.parent.parent.exists()
        assert process_id is not None
        assert end_of(process_id)
    first.stop()


def test_the_socket_lies_where_only_its_owner_gets() -> None:
    with PrivatePcscd() as pcscd:
        place = Path(pcscd.environment()["PCSCLITE_CSOCK_NAME"]).parent.parent
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_the_daemon_dies_with_a_killed_parent() -> None:
    parent = subprocess.run(
        [sys.executable, "-c", ORPHAN], capture_output=True, check=False, text=True, timeout=60
    )
    assert parent.returncode == -signal.SIGKILL
    process_id, run = parent.stdout.split()
    assert end_of(int(process_id))
    deadline = time.monotonic() + 20
    while Path(run).parent.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(run).parent.exists()


def test_a_port_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two programs may pick the same free ports at the same moment."""
    pick = module._pick_ports
    with socket.socket() as rival:
        rival.bind(("", 0))
        rival.listen()
        taken = rival.getsockname()[1]
        picks = [(taken, taken + 1), (taken - 1, taken)]
        monkeypatch.setattr(module, "_pick_ports", lambda: picks.pop() if picks else pick())
        with PrivatePcscd() as pcscd:
            assert taken not in pcscd.ports
            assert readers_of(pcscd) == pcscd.readers
    assert not picks


def test_what_is_missing_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DRIVER_ROOTS", ("/nonexistent",))
    pcscd = PrivatePcscd()
    with pytest.raises(ServiceUnavailableError, match="apt-get install -y pcscd vsmartcard-vpcd"):
        pcscd.start()
    monkeypatch.setattr(module, "_SYSTEM_PATH", "/nonexistent")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ServiceUnavailableError, match="is not installed; try: apt-get"):
        pcscd.start()
    assert pcscd.process_id is None


def test_a_machine_that_allows_neither_way_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_namespaces_work", lambda: False)
    monkeypatch.setattr(module, "_may_use_run", lambda: False)
    with pytest.raises(ServiceUnavailableError, match="user namespaces"):
        PrivatePcscd().start()


@pytest.mark.parametrize("name", ["", "x" * 101, "讀" * 34, 'a"b', "a\nLIBPATH /tmp/x"])
def test_a_name_cannot_reach_into_the_configuration(name: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        PrivatePcscd(name)
