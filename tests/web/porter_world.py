"""A terminal server for a test: a porter without any right, and users with agents of their own.

Only root can play all of them. Where agents register is laid over ``/run`` in a mount namespace of
the test's own, so that the computer under it has no porter afterwards.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from agent.portal.demo.programs import free_port

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0
PORTER, FIRST, SECOND, NOBODY = 61999, 20001, 20002, 20003
needs_root = pytest.mark.skipif(
    sys.platform != "linux"
    or os.geteuid() != 0
    or None in map(shutil.which, ("unshare", "nsenter", "setpriv", "curl")),
    reason="needs root on Linux, and curl",
)


@dataclass
class Told:
    """A running program, and the lines that it prints."""

    process: subprocess.Popen[bytes]
    lines: Queue[str] = field(default_factory=Queue)

    def __post_init__(self) -> None:
        """Read what it prints from now on."""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.put(line.decode())

    def until(self, text: str) -> str:
        """Wait for a line with a text in it."""
        while text not in (line := self.lines.get(timeout=SECONDS)):
            pass
        return line

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it, and wait until it has gone."""
        self.process.send_signal(number)
        self.process.wait(SECONDS)


@dataclass
class TerminalServer:
    """The computer of a test.

    Attributes:
        folder: of everything, which every user can enter.
        mounts: the process whose mount namespace the programs share.
        stack: ends what was started.
        port: of HTTP.
        tls_port: of HTTPS.

    """

    folder: Path
    mounts: int
    stack: ExitStack
    port: int
    tls_port: int

    def start(self, user: int, *words: str, home: Path | None = None) -> Told:
        """Start a program of ours as a user without any right."""
        command = [
            *("nsenter", f"--mount=/proc/{self.mounts}/ns/mnt", f"--wd={ROOT}"),
            *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"),
            *("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"),
            *(sys.executable, "-m", "agent", *words),
        ]
        environment = {"PATH": os.environ["PATH"], "HOME": str(home or "/")}
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        self.stack.callback(_ended, process)
        return Told(process)

    def porter(self) -> Told:
        """Start the porter; return when it lets agents register."""
        ports = ("--port", str(self.port), "--tls-port", str(self.tls_port))
        told = self.start(PORTER, "porter", *ports)
        told.until("agents may register")
        return told

    def home(self, user: int) -> Path:
        """Return a user's folder."""
        folder = self.folder / str(user)
        if not folder.exists():
            folder.mkdir(mode=0o700)
            os.chown(folder, user, user)
        return folder

    def agent(self, user: int, card: Path) -> tuple[Told, dict[str, Any]]:
        """Start a user's agent with a card; return when it answers, with what it says."""
        home = self.home(user)
        own = home / "card.json"
        shutil.copyfile(card, own)
        os.chown(own, user, user)
        state = home / "agent"
        if not state.exists():
            state.mkdir(mode=0o700)
            (state / "config.toml").write_text('unknown_tries = "allow"\n')
            for each in (state, state / "config.toml"):
                os.chown(each, user, user)
        told = self.start(
            *(user, "serve", "--state-dir", str(state), f"--virtual-card={own}"),
            *("--hipki-port", str(self.port), "--port", str(self.tls_port), "--consent", "allow"),
            home=home,
        )
        ready: dict[str, Any] = json.loads(told.until('"ready"'))
        return told, ready

    def record(self, user: int) -> dict[str, Any]:
        """Return what a user's agent says of itself to other processes."""
        path = self.home(user) / "agent" / "instance.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def curl(self, user: int, path: str, *more: str, scheme: str = "http") -> tuple[int, str]:
        """Ask as a user's browser does; return status, 0 for no answer, and body."""
        port = self.port if scheme == "http" else self.tls_port
        done = subprocess.run(
            [
                *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"),
                *("curl", "--silent", "--max-time", str(SECONDS), "--write-out", "\n%{http_code}"),
                *(*more, f"{scheme}://localhost:{port}{path}"),
            ],
            capture_output=True,
            check=False,
            timeout=2 * SECONDS,
        )
        body, _, status = done.stdout.decode().rpartition("\n")
        return int(status), body

    def sign(self, user: int, text: str, pin: str) -> dict[str, Any]:
        """Have a text signed as a page of the old component does."""
        package = {"tbs": text, "pin": pin, "hashAlgorithm": "SHA256"}
        origin = ("--header", "Origin: https://service.example")
        body = f"tbsPackage={json.dumps(package)}"
        status, answer = self.curl(user, "/sign", *origin, "--data-raw", body)
        assert status == 200, (status, answer)
        found: dict[str, Any] = json.loads(answer)
        return found


@contextmanager
def terminal_server() -> Iterator[TerminalServer]:
    """Prepare a computer without a porter or an agent."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        registry = folder / "run" / "ankong"
        registry.mkdir(parents=True)
        os.chown(registry, PORTER, PORTER)
        mounts = stack.enter_context(_mounts(folder / "run"))
        port, tls_port = free_port(), free_port()
        yield TerminalServer(folder, mounts, stack, port, tls_port)


@contextmanager
def _mounts(run: Path) -> Iterator[int]:
    """Lay a folder over ``/run``; give the process that keeps it there."""
    script = 'mount --bind "$1" /run && echo ready && exec sleep infinity'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as keeper:
        try:
            if keeper.stdout is None or keeper.stdout.readline() != b"ready\n":
                pytest.skip("no mounts of its own here")
            yield keeper.pid
        finally:
            keeper.kill()


def _ended(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        process.wait(SECONDS)
    if process.stdout is not None:
        process.stdout.close()
