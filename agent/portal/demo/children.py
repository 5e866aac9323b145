"""The demo's child processes: started with a ready line to wait for, ended by process id.

A guard process holds one end of a pipe whose other end is the demo's: when the demo is gone, in
whatever way, the guard ends what the demo had started and had not ended itself.

    python -m agent.portal.demo.children        is that guard; the demo starts it
"""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import msgspec

READY_TIMEOUT: Final = 30.0  # seconds; a large RSA key may have to be made first
STOP_TIMEOUT: Final = 5.0  # seconds between asking and killing
_POLL: Final = 0.05
_TAIL: Final = 2000  # characters of a failed child's last words


class DemoError(Exception):
    """The demo cannot go on; the text says why, for the person who started it."""


class Child:
    """A process whose standard output is read line by line."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self._log = log
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        output = self.process.stdout
        if output is not None:
            for line in output:
                self._lines.put(line)
        self._lines.put(None)

    def wait_ready(self, timeout: float = READY_TIMEOUT) -> dict[str, Any]:
        """Wait for the JSON line with ``"ready": true`` and return it.

        Raises:
            DemoError: the process ended, or said nothing for ``timeout`` seconds.

        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise DemoError(f"{self.name} was not ready in {timeout:.0f} s") from None
            if line is None:
                raise DemoError(f"{self.name} ended before it was ready:\n{self.last_words()}")
            facts = _ready_line(line)
            if facts is not None:
                return facts

    def last_words(self) -> str:
        """Return the end of what the process wrote to standard error."""
        return self._log.read_text("utf-8", "replace")[-_TAIL:].strip()

    def end(self) -> None:
        """Terminate the process, and kill it after a while; may be called twice."""
        _end(self.process)
        if self.process.stdout is not None:
            self.process.stdout.close()


def _ready_line(line: bytes) -> dict[str, Any] | None:
    try:
        facts = msgspec.json.decode(line, type=dict[str, Any])
    except ValueError:
        return None
    return facts if facts.get("ready") is True else None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Children:
    """The processes of one demo; a context manager that ends them, last started first."""

    def __init__(self, logs: Path) -> None:
        """Write each child's standard error to a file in ``logs``."""
        self._logs = logs
        self._alive: list[Child] = []
        self._guard = _start_guard()

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> Child:
        """Start a process in this environment plus ``environment``."""
        path = self._logs / f"{name}.log"
        # another way: a log is added to, in a folder of the demo's own
        with path.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # the demo's own programs, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **(environment or {})},
            )
        self._tell_guard("+", process.pid)
        child = Child(name, process, path)
        self._alive.append(child)
        return child

    def start_module(
        self, name: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> Child:
        """Start ``python -m`` with these arguments."""
        return self.start(name, [sys.executable, "-m", *arguments], environment)

    def end(self, child: Child) -> None:
        """End one of them now."""
        child.end()
        self._tell_guard("-", child.process.pid)
        self._alive.remove(child)

    def _tell_guard(self, sign: str, pid: int) -> None:
        pipe = self._guard.stdin
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.write(f"{sign}{pid}\n".encode())
                pipe.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._alive:
            self.end(self._alive[-1])
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait()


def _start_guard() -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # this module itself
        [sys.executable, "-m", "agent.portal.demo.children"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C at the terminal is for the demo, not for its guard
    )


def guard(lines: IO[str]) -> None:
    """Read ``+pid`` and ``-pid`` until the other end closes; end those that are left."""
    started: set[int] = set()
    for line in lines:
        pid = int(line[1:])
        (started.add if line.startswith("+") else started.discard)(pid)
    left = [pid for pid in started if _signal(pid, signal.SIGTERM)]
    if os.name != "posix":  # there, the signal above has killed them, and 0 is no question
        return
    deadline = time.monotonic() + STOP_TIMEOUT
    while left and time.monotonic() < deadline:
        time.sleep(_POLL)
        left = [pid for pid in left if _signal(pid, 0)]
    for pid in left:
        _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    guard(sys.stdin)
