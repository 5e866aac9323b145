"""The agent as its users start it: a process of its own, reached over HTTPS."""

import base64
import http.client
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.bench.cards import DOCUMENT, PIN

ORIGIN = "https://bench.example"
STOP_SECONDS = 30
# structlog loads rich and greenlet where they are there. They came with the linters and the browser
# tests; who installs the agent has neither (installer/requirements/installer.txt), and neither
# their start nor their memory should be measured.
_PROGRAM = """
import sys
sys.modules["rich"] = sys.modules["greenlet"] = None
from {}.__main__ import main
sys.exit(main())
"""
PROGRAM, TRAY_PROGRAM = _PROGRAM.format("agent"), _PROGRAM.format("tray")
SIGN = {
    "method": "sign",
    "params": {
        "data": base64.b64encode(DOCUMENT).decode(),
        "hash": "SHA-256",
        "format": "cms",
        "pin": PIN,
    },
}


def as_installed() -> dict[str, str]:
    """Return this environment, with bytecode kept: an installed program compiles itself once."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


class Server:
    """A process that says on its first line where it listens; a context manager."""

    def __init__(
        self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> None:
        """Say what to start; ``environment`` is added to this process's."""
        self._command = command
        self._environment = as_installed() | dict(environment or {})
        self.ready_seconds = 0.0
        self.port = 0
        self.old_port = 0
        self.jrsys_port = 0

    def __enter__(self) -> Self:
        start = time.perf_counter()
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            self.ready_seconds = time.perf_counter() - start
            ready = json.loads(line)
            self.port, self.old_port = ready["port"], ready.get("hipki_port", 0)
            self.jrsys_port = next(iter(ready.get("jrsys_tls_ports", ())), 0)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def process_id(self) -> int:
        """Of the process, while the context lasts."""
        return self._process.pid

    def memory(self) -> float | None:
        """Return the resident memory in MB; None where the system does not tell."""
        try:
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        except OSError:
            return None
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Daemon(Server):
    """``ankong serve``: every site allowed, unless ``consent`` says otherwise."""

    def __init__(
        self,
        state: Path,
        card: Path | None,
        *,
        consent: str = "allow",
        program: str = PROGRAM,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Say how to start it.

        Args:
            state: where it keeps its state.
            card: the virtual card in its reader; None for the readers of PC/SC.
            consent: who decides about sites.
            program: that is the agent, Python.
            environment: is added to this process's.

        """
        readers: list[str | Path] = ["--provider", "pcsc"]
        if card is not None:
            readers = ["--provider", "virtual", "--virtual-card", card]
        command = [sys.executable, "-c", program, "serve", *readers, "--state-dir", state]
        options = ["--consent", consent, "--port", "0", "--hipki-port", "0"]
        super().__init__([*command, *options], environment)


class BareServer(Server):
    """The least that aiohttp can do, which the agent is compared with."""

    def __init__(self, tls: Path, body: str) -> None:
        """Say what it serves, and with whose certificates."""
        super().__init__([sys.executable, Path(__file__).with_name("bare_server.py"), tls, body])


class Page:
    """A page of an allowed site: one connection that is kept open."""

    def __init__(self, port: int, trust: ssl.SSLContext, origin: str = ORIGIN) -> None:
        """Connect to the agent on ``port`` and become allowed."""
        self._origin = origin
        self._connection = http.client.HTTPSConnection("localhost", port, context=trust, timeout=30)
        self.call("connect", {"method": "connect"})

    def call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send one request of the native API and return its result."""
        headers = {"Content-Type": "application/json", "Origin": self._origin}
        self._connection.request("POST", f"/v1/{method}", json.dumps({"id": 1, **body}), headers)
        answer = json.loads(self._connection.getresponse().read())
        if "result" not in answer:
            raise RuntimeError(f"{method} was refused: {answer}")
        result: dict[str, Any] = answer["result"]
        return result

    def status(self) -> str:
        """Return the body of the status, as it came."""
        self._connection.request("GET", "/v1/status", headers={"Origin": self._origin})
        return self._connection.getresponse().read().decode()

    def sign(self) -> float:
        """Sign once; return how long it took, in seconds."""
        start = time.perf_counter()
        self.call("sign", SIGN)
        return time.perf_counter() - start

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
