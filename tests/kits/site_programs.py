"""The example sites under their real servers, and visitors with cards of the vectors' authority."""

import base64
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from pathlib import Path
from typing import IO, Any

from agent.cms.login import LoginPurpose, LoginStatement
from agent.cms.signed import prepare_login
from agent.kits.vectors import certificates
from agent.kits.vectors.__main__ import FOLDER
from agent.kits.vectors.certificates import KeyHolder
from tests.kits.redis_server import ENDS_WITH_US

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "agent" / "relying" / "examples"
ALIAS = Path(__file__).parent / "alias"
ORIGIN = "http://localhost:8000"  # what the card's login names; no server looks at a request's
SECRET = bytes(range(32))
_ADDRESS = re.compile(rb"http://127\.0\.0\.1:(\d+)")
_GUNICORN = ("gunicorn", "--bind=127.0.0.1:0", "--workers=2", "--threads=4")
# A server that loads the site before it forks, which is the harder way.
COMMANDS = {
    "flask": (*_GUNICORN, "--preload", "flask_app:app"),
    "django": (*_GUNICORN, "--preload", "django_app:application"),
    "fastapi": ("uvicorn", "--host=127.0.0.1", "--port=0", "fastapi_app:app"),
}


class ProgramLog:
    """What a program writes on standard error, taken as it comes so that it never has to wait."""

    def __init__(self, lines: IO[bytes]) -> None:
        self._lines = lines
        self._said = b""
        self._news = threading.Condition()
        self._is_whole = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._lines:
            with self._news:
                self._said += line
                self._news.notify_all()
        with self._news:
            self._is_whole = True
            self._news.notify_all()

    def find(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """Wait until something is there; fail where the program ends without it."""
        with self._news:
            while (found := pattern.search(self._said)) is None:
                if self._is_whole or not self._news.wait(60):
                    raise RuntimeError(self._said.decode("utf-8", "replace"))
            return found

    def end(self) -> None:
        self._thread.join(60)


class Program:
    """A running site."""

    def __init__(self, port: int, log: ProgramLog) -> None:
        self.port = port
        self.log = log

    def visitor(self) -> "SiteVisitor":
        return SiteVisitor(self.port)


class SiteVisitor:
    """A browser's part: cookies and requests."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.cookies: dict[str, str] = {}

    def copy(self) -> "SiteVisitor":
        other = SiteVisitor(self._port)
        other.cookies = dict(self.cookies)
        return other

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        raw = b"" if body is None else json.dumps(body).encode()
        return self.ask_raw(method, path, raw)

    def ask_raw(self, method: str, path: str, raw: bytes) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Content-Type": "application/json", "Cookie": cookies, "Host": "localhost"}
        try:
            connection.request(method, path, raw, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: each.value for name, each in SimpleCookie(line).items()}
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(text) if is_json else text

    def challenge(self) -> tuple[str, bytes]:
        status, issued = self.ask("POST", "/login/challenge")
        assert status == 200
        return issued["challenge_id"], base64.urlsafe_b64decode(issued["challenge"] + "=")

    def log_in(self, challenge_id: str, token: bytes) -> tuple[int, Any]:
        encoded = base64.b64encode(token).decode()
        return self.ask("POST", "/login", {"challenge_id": challenge_id, "token": encoded})


def sign(
    challenge: bytes, *, origin: str = ORIGIN, by: KeyHolder | None = None, second: int = 0
) -> bytes:
    """Make the token that an agent makes, at some second of a minute."""
    holder = by or certificates.citizen()
    now = datetime(2026, 11, 27, 15, 4, second, tzinfo=UTC)
    statement = LoginStatement.make(LoginPurpose.LOGIN, origin, challenge, now)
    prepared = prepare_login(holder.der, statement)
    return prepared.finish(holder.sign(prepared.hash, prepared.digest))


@contextmanager
def running_program(kind: str, state: Path, lists: str) -> Iterator[Program]:
    """Run an example, its revocation lists served at the address ``lists``."""
    settings = {
        "SITE_ORIGIN": ORIGIN,
        "SITE_HOSTS": "localhost",
        "ACCOUNT_SECRET": SECRET.hex(),
        "SESSION_SECRET": "no secret: only for tests",
        "STATE": str(state),
        "TRUST_ROOTS": str(FOLDER / "root.cer"),
        "TRUST_CAS": str(FOLDER / "ca.cer"),
        "LIST_URLS": f"{lists}/root.crl {lists}/ca.crl",
    }
    named = (line.partition("=")[0] for line in (EXAMPLES / "site.env").read_text().splitlines())
    assert list(settings) == list(named)  # the README's settings are all that there are
    environment = (
        os.environ
        | settings
        | {
            "PYTHONPATH": os.pathsep.join(
                [str(ALIAS), str(EXAMPLES), str(ROOT), os.environ.get("PYTHONPATH", "")]
            ),
        }
    )
    if kind == "django":
        migrate = [sys.executable, str(EXAMPLES / "django_app.py"), "migrate", "--verbosity=0"]
        subprocess.run(migrate, check=True, env=environment, timeout=60)
    command = [*ENDS_WITH_US, sys.executable, "-m", *COMMANDS[kind]]
    with _started(command, environment, state) as process:
        assert process.stderr is not None
        log = ProgramLog(process.stderr)
        yield Program(int(log.find(_ADDRESS)[1]), log)
    log.end()


@contextmanager
def _started(
    command: Sequence[str], environment: dict[str, str], folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, env=environment, cwd=folder, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    assert process.returncode in (0, -signal.SIGTERM)
