"""Run programs, mark steps as done, and print what happens."""

import hashlib
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
_told = threading.local()
WINDOWS = sys.platform == "win32"


class SetupError(Exception):
    """A problem that a person has to solve; the text says what to do."""


def say(text: str) -> None:
    """Print what happens next, in order with the output of started programs."""
    whose = getattr(_told, "whose", "")
    print(f"· {whose}{text}", flush=True)


def told_as(name: str) -> None:
    """Put a name before all that this thread says from now on, where several say something."""
    _told.whose = f"{name}: "


def shown(command: Sequence[str]) -> str:
    """Return a command as it would be typed."""
    return subprocess.list2cmdline(command) if WINDOWS else shlex.join(command)


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    quiet: bool = False,
) -> int:
    """Run a program without a standard input; return its exit status, 127 if it is not there.

    With ``quiet`` its output shows only when it fails.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            check=False,
            cwd=folder,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
            text=True,
            errors="replace",
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        return 127
    if quiet and done.returncode:
        print(done.stdout, end="", flush=True)
    return done.returncode


def run_told(
    command: Sequence[str | Path],
    hear: Callable[[str], None],
    *,
    env: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Run a program, and pass on each line of its output as it is printed.

    Args:
        command: the program, which gets no standard input.
        hear: gets each line of its standard output and standard error.
        env: its environment, that of this process by default.

    Returns:
        The exit status, and all that was printed; 127 if the program is not there.

    """
    try:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=ROOT,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        return 127, str(error)
    lines: list[str] = []
    with process:
        for line in process.stdout or ():
            lines.append(line)
            hear(line)
    return process.returncode, "".join(lines)


def output(command: Sequence[str | Path]) -> str | None:
    """Run a program and return what it printed; None when it failed or is not there."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            check=False,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def become(command: Sequence[str | Path], env: Mapping[str, str]) -> NoReturn:
    """Replace this process by another program, so that it gets the signals."""
    words = [str(word) for word in command]
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(ROOT)
    if not WINDOWS:
        os.execve(words[0], words, dict(env))  # noqa: S606  # no shell is what we want
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the child, which says when it ends
    sys.exit(subprocess.call(words, env=dict(env)))


def fingerprint(files: Iterable[Path], *more: str) -> str:
    """Return a hash over the content of ``files`` and over ``more``; hex."""
    digest = hashlib.sha256()
    for item in [*(file.read_bytes() for file in files), *(text.encode() for text in more)]:
        digest.update(len(item).to_bytes(8, "big") + item)
    return digest.hexdigest()


def is_done(stamp: Path, content: str) -> bool:
    """Return whether :func:`mark_done` wrote ``content`` to ``stamp``."""
    try:
        return stamp.read_text("utf-8") == content
    except (OSError, UnicodeDecodeError):
        return False


def mark_done(stamp: Path, content: str) -> None:
    """Mark a step as complete; call it at the end of the step."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(content, "utf-8")
