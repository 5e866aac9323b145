"""An agent below the floor: both doors refuse to sign, no PIN is spent, the citizen is told why."""

import base64
import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.host.machine.paths import Paths
from agent.host.update.manifest import read
from agent.host.update.memory import UpdateMemory
from agent.virtualcard import cardfile
from tests.conftest import TEST_PIN, CardFactory
from tests.unit.host.update_support import public, signed

ROOT = Path(__file__).resolve().parents[2]
SITE = "https://bank.example"
PLACES = Callable[..., Paths]


@pytest.fixture
def card(tmp_path: Path, make_card: CardFactory) -> Path:
    path = tmp_path / "my.card"
    cardfile.save(path, make_card("gen2").data)
    return path


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Make a folder whose agent has heard a floor that is far above it."""
    found = Paths.choose(tmp_path / "state")
    found.prepare()
    found.policy.write_text(
        f'update_url = "https://updates.example/m"\nupdate_keys = ["{public()}"]\n'
    )
    now = datetime.now(UTC)
    heard(found, issued=now - timedelta(hours=1), expires=now + timedelta(days=9), floor="9.0.0")
    return found


def heard(paths: Paths, **said: Any) -> None:
    now = datetime.now(UTC)
    content = signed(**said)
    UpdateMemory(now, now, content, read(content, (public(),))).write(paths.update)


class Agent:
    def __init__(self, ready: dict[str, Any], paths: Paths) -> None:
        self._ready = ready
        self._trust = ssl.create_default_context(cafile=str(paths.tls / "authority.pem"))

    def sign(self) -> dict[str, Any]:
        params = {"data": "AAAA", "hash": "SHA-256", "format": "cms", "pin": TEST_PIN}
        connection = http.client.HTTPSConnection(
            "localhost", self._ready["port"], timeout=60, context=self._trust
        )
        return self._post(connection, "/v1/sign", {"params": params}, "application/json")

    def decrypt(self) -> dict[str, Any]:
        params = {"data": "AAAA", "format": "cms", "pin": TEST_PIN}
        connection = http.client.HTTPSConnection(
            "localhost", self._ready["port"], timeout=60, context=self._trust
        )
        return self._post(connection, "/v1/decrypt", {"params": params}, "application/json")

    def hipki_sign(self) -> dict[str, Any]:
        connection = http.client.HTTPConnection("localhost", self._ready["hipki_port"], timeout=60)
        fields = {"tbs": "TBS", "pin": TEST_PIN, "hashAlgorithm": "SHA256"}
        return self._post(connection, "/sign", fields, "text/plain")

    @staticmethod
    def _post(
        connection: http.client.HTTPConnection, path: str, body: dict[str, Any], kind: str
    ) -> dict[str, Any]:
        try:
            headers = {"Origin": SITE, "Content-Type": kind}
            connection.request("POST", path, json.dumps(body).encode(), headers)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()


@contextmanager
def agent(paths: Paths, card: Path) -> Iterator[Agent]:
    command = [sys.executable, "-m", "agent", "serve", "--virtual-card", str(card)]
    command += ["--port", "0", "--hipki-port", "0", "--consent", "allow"]
    command += ["--state-dir", str(paths.state)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Agent(json.loads(process.stdout.readline()), paths)
        finally:
            process.terminate()


def ankong(paths: Paths, *arguments: str, pin: str = "") -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "agent", *arguments, "--json", "--state-dir"]
    done = subprocess.run(
        [*command, str(paths.state)],
        cwd=ROOT,
        input=pin.encode(),
        capture_output=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def test_below_the_floor_no_door_signs_and_no_attempt_is_spent(paths: Paths, card: Path) -> None:
    before = cardfile.load(card).data.attempts_left
    with agent(paths, card) as running:
        error = running.sign()["error"]
        assert (error["code"], error["retriable"]) == ("internal", False)
        assert running.decrypt()["error"]["code"] == "internal"
        told = running.hipki_sign()
        assert (told["ret_code"], told["last_error"]) == (0x7600000D, 0x06)
        assert "signature" not in told
    assert cardfile.load(card).data.attempts_left == before
    log = (paths.logs / "ankong.log").read_text("utf-8")
    assert "must not sign any more" in log
    assert TEST_PIN not in log


def test_the_command_line_does_not_sign_either(paths: Paths, card: Path, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("dear")
    words = ["sign", str(letter), "--virtual-card", str(card), "--out", str(tmp_path / "out")]
    status, answer = ankong(paths, *words, "--pin-stdin", pin=f"{TEST_PIN}\n")
    assert status == 1
    assert answer["error"]["code"] == "internal"
    assert "9.0.0" in answer["error"]["message"]
    assert not (tmp_path / "out").exists()


def test_the_doctor_says_why(paths: Paths) -> None:
    status, answer = ankong(paths, "doctor", "--provider", "virtual")
    assert status == 1
    found = {each["code"]: each for each in answer["findings"]}["update_too_old"]
    assert found["level"] == "fault"
    assert "9.2.0" in found["message"]["zh-Hant"]


def test_at_the_floor_all_goes_on(paths: Paths, card: Path) -> None:
    now = datetime.now(UTC)
    heard(paths, issued=now - timedelta(hours=1), expires=now + timedelta(days=9), floor="0.1.0")
    with agent(paths, card) as running:
        assert base64.b64decode(running.sign()["result"]["signature"])
        assert running.hipki_sign()["ret_code"] == 0


def test_where_the_policy_asks_nobody_nothing_that_was_heard_counts(
    paths: Paths, card: Path
) -> None:
    paths.policy.write_text(paths.policy.read_text() + "update_check = false\n")
    with agent(paths, card) as running:
        assert "result" in running.sign()
