"""A real agent as a process of its own, and a page that talks to it."""

import http.client
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SITE = "https://portal.example"
SECONDS = 60.0
PROGRAM = (sys.executable, "-P", "-m", "agent")


class RunningAgent:
    """``ankong serve`` in a state folder of its own.

    Attributes:
        process: the agent.
        state: its folder.
        ready: what it said when it listened.

    """

    def __init__(
        self,
        state: Path,
        environment: Mapping[str, str],
        *arguments: str,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        command = [*program, "serve", "--state-dir", str(state)]
        self.state = state
        self._environment = environment
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--hipki-port", "0", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        self.ready: dict[str, Any] = {}
        self._threads = ThreadPoolExecutor()

    def wait_ready(self) -> None:
        """Wait until it listens."""
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())

    def call(self, method: str, origin: str = SITE, **params: Any) -> dict[str, Any]:
        """Send one request of the native API as a page does; return the whole answer."""
        body = json.dumps({"id": 1, "method": method, "params": params})
        headers = {"Origin": origin, "Content-Type": "application/json"}
        connection = self.connect()
        try:
            connection.request("POST", f"/v1/{method}", body, headers)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer

    def start_call(self, method: str, **params: Any) -> "Future[dict[str, Any]]":
        """Do the same in a thread."""
        return self._threads.submit(self.call, method, **params)

    def connect(self) -> http.client.HTTPSConnection:
        """Connect as a browser that trusts the local authority."""
        trusted = ssl.create_default_context(cafile=self.state / "tls" / "authority.pem")
        port = self.ready["port"]
        return http.client.HTTPSConnection("localhost", port, timeout=SECONDS, context=trusted)

    def windows(self) -> list[str]:
        """Return the numbers of the processes whose windows stand.

        One may wait for its question beside them: it was started after them.
        """
        search = ("xdotool", "search", "--onlyvisible", "--class", "Ankong")
        seen = subprocess.run(search, env=self._environment, capture_output=True, check=False)
        return self.prompt_processes()[: len(seen.stdout.split())]

    def prompt_processes(self) -> list[str]:
        """Return the numbers of all prompt processes, the oldest first."""
        return children(self.process.pid)

    def next_window(self, after: str = "") -> str:
        """Wait for the process of another window than ``after``; return its number."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = self.windows()
            if found and found != [after]:
                return found[0]
            time.sleep(0.02)
        raise AssertionError("no window was started")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(SECONDS)
        self._threads.shutdown(cancel_futures=True)


def children(pid: int) -> list[str]:
    """Return the numbers of the processes that a process has started, the oldest first."""
    threads = Path(f"/proc/{pid}/task")
    found = "".join(path.read_text() for path in threads.glob("*/children")).split()
    return sorted(found, key=lambda each: int(_stat(each)[19]))


def sleeps(pid: str) -> bool:
    """Watch a process for a second; return whether it did nothing."""
    before = _stat(pid)[11:13]
    time.sleep(1.0)
    return before != ["0", "0"] and before == _stat(pid)[11:13]


def private_kib(pid: str) -> int:
    """Return the memory that a process has for itself, in KiB (proc_pid_smaps(5)).

    Pages of files that nobody else happens to have mapped are the system's cache, and not counted.
    """
    facts = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in facts}
    return sizes["Private_Dirty"]


def _stat(pid: str) -> list[str]:
    """Return what proc_pid_stat(5) tells, from the third field on; noughts where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["0"] * 50


@contextmanager
def running_agent(
    state: Path,
    environment: Mapping[str, str],
    *arguments: str,
    program: Sequence[str] = PROGRAM,
) -> Iterator[RunningAgent]:
    """Start an agent and stop it afterwards."""
    agent = RunningAgent(state, environment, *arguments, program=program)
    with agent.process:
        try:
            agent.wait_ready()
            yield agent
        finally:
            agent.stop()


def code(answer: Mapping[str, Any]) -> str:
    """Return the code of an answer that is an error."""
    found: str = answer["error"]["code"]
    return found


def without_display() -> dict[str, str]:
    """Return this environment without a desktop."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY")
    return {name: value for name, value in os.environ.items() if name not in hidden}
