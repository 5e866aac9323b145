"""``ankong doctor`` beside a running agent, as programs of their own: what a demo machine sees."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.virtualcard import cardfile
from tests.conftest import CardFactory
from tests.unit.host.conftest import new_database

pytestmark = pytest.mark.skipif(
    shutil.which("certutil") is None or sys.platform != "linux", reason="needs libnss3-tools"
)
Ankong = Callable[..., tuple[int, Any]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    new_database(home / ".pki" / "nssdb")
    nowhere = str(tmp_path / "pcscd.comm")
    mine = {"HOME": str(home), "XDG_DATA_HOME": "", "PCSCLITE_CSOCK_NAME": nowhere}
    return {**os.environ, **mine}


@pytest.fixture
def ankong(tmp_path: Path, environment: dict[str, str]) -> Ankong:
    """Run a command; give its exit status and its JSON."""

    def run(*arguments: str) -> tuple[int, Any]:
        command = [sys.executable, "-m", "agent", *arguments]
        command += ["--json", "--state-dir", str(tmp_path / "state")]
        done = subprocess.run(
            command, env=environment, capture_output=True, check=False, timeout=100
        )
        assert b"Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


@pytest.fixture
def card(tmp_path: Path, make_card: CardFactory) -> str:
    path = tmp_path / "card.json"
    cardfile.save(path, make_card("gen1").data)
    return f"--virtual-card={path}"


@pytest.fixture
def serving(tmp_path: Path, environment: dict[str, str], card: str) -> Iterator[dict[str, Any]]:
    """Run the agent; give what it said when it was ready."""
    command = [sys.executable, "-m", "agent", "serve", "--state-dir", str(tmp_path / "state"), card]
    command += ["--port", "0", "--hipki-port", "0", "--consent", "deny"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)


def codes(answer: Any, level: str) -> set[str]:
    return {row["code"] for row in answer["findings"] if row["level"] == level}


def test_beside_a_running_agent_it_is_clean_once_the_browser_trusts_it(
    ankong: Ankong, serving: dict[str, Any], card: str
) -> None:
    status, answer = ankong("doctor", card)
    assert (status, codes(answer, "fault")) == (1, {"trust_missing"})
    status, answer = ankong("doctor", card, "--repair", "install_trust")
    assert (status, answer["clean"]) == (0, True)
    assert {"agent_ok", "card_ok", "trust_ok", "tls_ok"} <= codes(answer, "ok")
    # Nor does it look for real readers of its own accord: the agent that runs has virtual ones.
    status, told = ankong("doctor")
    assert (status, told["clean"]) == (0, True)
    assert "service_virtual_elsewhere" in codes(told, "note")
    (row,) = [row for row in answer["findings"] if row["code"] == "agent_ok"]
    assert row["facts"]["port"] == str(serving["port"])


def test_without_its_service_it_says_so_and_nothing_else_of_cards(ankong: Ankong) -> None:
    _, answer = ankong("doctor", "--provider", "pcsc")
    faults = codes(answer, "fault")
    assert faults & {"service_down", "service_not_installed"}
    assert not faults & {"reader_none", "driver_missing"}


def test_a_repair_that_there_is_not_is_an_error(ankong: Ankong) -> None:
    status, answer = ankong("doctor", "--provider", "virtual", "--repair", "magic")
    assert (status, answer["error"]["code"]) == (1, "bad_request")
