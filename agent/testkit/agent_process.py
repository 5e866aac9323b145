"""Start an agent for tests, as a program of its own, and end it."""

import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from agent.testkit.control_client import ControlClient
from agent.testkit.handles import AgentHandle

COMMAND: Final = "ANKONG"
"""The variable of the environment that names another program than this Python's ``ankong``."""
START_SECONDS: Final = 60.0
END_SECONDS: Final = 15.0


class AgentStartError(Exception):
    """The agent did not start; the message says what it said."""


@contextmanager
def running_agent(state: Path, *more: str) -> Iterator[AgentHandle]:
    """Run an agent with an empty virtual reader, which tests control, while the context lasts.

    Args:
        state: its folder; ``state / "issuer"`` is the authority of its new cards.
        more: arguments of ``ankong serve``, such as ``--virtual-card=FILE``.

    Raises:
        AgentStartError: it did not start.

    """
    log = state.with_name(f"{state.name}.log")
    words = (*_command(), "serve", "--state-dir", str(state), "--port", "0", "--hipki-port", "0")
    words += ("--provider", "virtual", "--test-control", *more)
    # another way: nobody reads it but a person, where the agent does not start
    with log.open("wb") as errors:
        try:
            process = subprocess.Popen(  # noqa: S603  # our own program
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
            )
        except OSError as error:
            raise AgentStartError(f"{COMMAND} names no program: {words[0]}") from error
    try:
        yield _agent(_ready(process, log))
    finally:
        _end(process)


def _command() -> Sequence[str]:
    given = os.environ.get(COMMAND)
    if given:
        return shlex.split(given, posix=os.name == "posix")
    # -P: what happens to be called "agent" in the folder of the tests is not ours.
    return sys.executable, "-P", "-m", "agent"


def _ready(process: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    """Wait for the line of JSON that an agent prints once it answers."""
    lines: list[bytes] = []
    output = process.stdout
    if output is None:
        raise AgentStartError("the agent has no output")
    reading = threading.Thread(target=lambda: lines.append(output.readline()), daemon=True)
    reading.start()
    reading.join(START_SECONDS)
    try:
        found: dict[str, Any] = json.loads(lines[0])
    except (IndexError, ValueError, RecursionError) as error:
        said = log.read_text("utf-8", "replace")[-4000:].strip() or "it said nothing"
        raise AgentStartError(f"the agent did not start: {said}") from error
    return found


def _agent(ready: dict[str, Any]) -> AgentHandle:
    control = ready["control"]
    return AgentHandle(
        ready["port"],
        ready["hipki_port"],
        control["spki"],
        ControlClient(control["url"], control["token"]),
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
