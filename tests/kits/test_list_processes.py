"""Several processes of one site make one download."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.signing import pki_support as pki

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 4


class CountingServer(ThreadingHTTPServer):
    """An authority's server that sends one list, and counts how often."""

    daemon_threads = True

    def __init__(self, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), ListHandler)
        self.body = body
        self.asked = 0


class ListHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, CountingServer)
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def counting(body: bytes) -> Iterator[CountingServer]:
    with CountingServer(body) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def member(folder: Path, url: str, trust: Path) -> Iterator[subprocess.Popen[str]]:
    program = [sys.executable, "-m", "tests.kits.lists_member", folder, url, trust]
    pipe = subprocess.PIPE
    with subprocess.Popen(program, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def body() -> bytes:
    now = datetime.now(UTC)
    return pki.root().crl(this_update=now - timedelta(hours=1), next_update=now + timedelta(days=1))


def test_four_processes_make_one_download(tmp_path: Path, body: bytes) -> None:
    trust = pki.write_pem(tmp_path / "root.pem", pki.root().der)
    with ExitStack() as stack:
        server = stack.enter_context(counting(body))
        url = f"http://127.0.0.1:{server.server_address[1]}/root.crl"
        members = [
            stack.enter_context(member(tmp_path / "lists", url, trust)) for _ in range(PROCESSES)
        ]
        for each in members:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        found = [each.communicate()[0] for each in _all_told(members)]
    assert found == ["1\n"] * PROCESSES
    assert server.asked == 1


def _all_told(members: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    """Let all begin before one is waited for."""
    for each in members:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    return members
