"""Start and end the demo's child processes.

A guard process reads from a pipe that the demo holds open. When the demo has ended, even when it
was killed, the pipe closes, and the guard ends the children that are still running.

    python -m agent.portal.demo.children        runs the guard; the demo starts it
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
STOP_TIMEOUT: Final = 5.0  # seconds between terminating and killing
_POLL: Final = 0.05  # seconds
_MAX_ERROR_OUTPUT: Final = 2000  # characters


class DemoError(Exception):
    """The demo cannot go on; the message tells the person who started it why."""


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
        """Wait for the JSON line with ``"ready": true`` on standard output; return the object.

        Raises:
            DemoError: the process ended before, or did not write it within ``timeout`` seconds.

        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise DemoError(f"{self.name} was not ready in {timeout:.0f} s") from None
            if line is None:
                raise DemoError(f"{self.name} ended before it was ready:\n{self.error_output()}")
            facts = _ready_line(line)
            if facts is not None:
                return facts

    def error_output(self) -> str:
        """Return the last 2000 characters that the process wrote to standard error."""
        return self._log.read_text("utf-8", "replace")[-_MAX_ERROR_OUTPUT:].strip()

    def end(self) -> None:
        """Terminate the process; kill it after ``STOP_TIMEOUT``. May be called twice."""
        _end(self.process)
        if self.process.stdout is not None:
            self.process.stdout.close()


def _ready_line(line: bytes) -> dict[str, Any] | None:
    try:
        facts = msgspec.json.decode(line, type=dict[str, Any])
    except (ValueError, RecursionError):
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
    """The processes of one demo; leaving the context ends them, the last one first."""

    def __init__(self, logs: Path) -> None:
        """Start the guard; each child's standard error goes to a file in ``logs``."""
        self._logs = logs
        self._alive: list[Child] = []
        self._guard = _start_guard()

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> Child:
        """Start a process; ``environment`` is added to this process's own."""
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
        """Start ``python -m`` with ``arguments``."""
        return self.start(name, [sys.executable, "-m", *arguments], environment)

    def end(self, child: Child) -> None:
        """End one of the processes now."""
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
        start_new_session=True,  # Ctrl-C at the terminal must not end the guard before the demo
    )


def guard(lines: IO[str]) -> None:
    """Read ``+pid`` (started) and ``-pid`` (ended) until the end; end processes that are left."""
    started: set[int] = set()
    for line in lines:
        pid = int(line[1:])
        (started.add if line.startswith("+") else started.discard)(pid)
    left = [pid for pid in started if _signal(pid, signal.SIGTERM)]
    if os.name != "posix":  # on Windows the signal above killed them, and 0 would too
        return
    deadline = time.monotonic() + STOP_TIMEOUT
    while left and time.monotonic() < deadline:
        time.sleep(_POLL)
        left = [pid for pid in left if _signal(pid, 0)]
    for pid in left:
        _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> bool:
    """Send a signal; return whether there is such a process."""
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    guard(sys.stdin)
