"""The agent as its users start it: a process of its own, reached over HTTPS."""

import base64
import http.client
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from tests.bench.cards import DOCUMENT, PIN

ORIGIN = "https://bench.example"
START_SECONDS = 30
SIGN = {
    "method": "sign",
    "params": {
        "data": base64.b64encode(DOCUMENT).decode(),
        "hash": "SHA-256",
        "format": "cms",
        "pin": PIN,
    },
}


class Daemon:
    """``ankong serve`` with one virtual card, every site allowed; a context manager."""

    def __init__(self, state: Path, card: Path) -> None:
        """Say where it keeps its state, and which card is in its reader."""
        self._state = state
        self._card = card
        self.ready_seconds = 0.0
        self.port = 0

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "agent", "serve", "--provider", "virtual"]
        files: list[str | Path] = ["--state-dir", self._state, "--virtual-card", self._card]
        start = time.perf_counter()
        self._process = subprocess.Popen(
            [*command, *files, "--consent", "allow", "--port", "0", "--hipki-port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self._read_ready_line()
        except BaseException:
            self.__exit__()
            raise
        self.ready_seconds = time.perf_counter() - start
        return self

    def _read_ready_line(self) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        ready = json.loads(line) if line else {}
        if not ready.get("ready"):
            raise RuntimeError(f"the agent did not start: {line!r}")
        self.port = ready["port"]

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def memory(self) -> float | None:
        """Return the resident memory in MB; None where the system does not tell."""
        try:
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        except OSError:
            return None
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Page:
    """A page of an allowed site: one connection that is kept open."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        """Connect to the agent on ``port`` and become allowed."""
        self._connection = http.client.HTTPSConnection("localhost", port, context=trust, timeout=30)
        self.call("connect", {"method": "connect"})

    def call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send one request of the native API and return its result."""
        headers = {"Content-Type": "application/json", "Origin": ORIGIN}
        self._connection.request("POST", f"/v1/{method}", json.dumps({"id": 1, **body}), headers)
        answer = json.loads(self._connection.getresponse().read())
        if "result" not in answer:
            raise RuntimeError(f"{method} was refused: {answer}")
        result: dict[str, Any] = answer["result"]
        return result

    def status(self) -> str:
        """Return the body of the status, as it came."""
        self._connection.request("GET", "/v1/status", headers={"Origin": ORIGIN})
        return self._connection.getresponse().read().decode()

    def sign(self) -> float:
        """Sign once; return how long it took, in seconds."""
        start = time.perf_counter()
        self.call("sign", SIGN)
        return time.perf_counter() - start

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def run_bare_server(arguments: Sequence[str | Path]) -> subprocess.Popen[str]:
    """Start the handler that the agent is compared with; its first line is its port."""
    script = Path(__file__).with_name("bare_server.py")
    return subprocess.Popen(
        [sys.executable, script, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
