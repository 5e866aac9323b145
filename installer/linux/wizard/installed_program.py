"""Run commands of the installed program, as its user would in a terminal."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from agent.words import SOURCE, Language
from wizard.command_line import FILE_VARIABLE, QUIET_VARIABLE

_OF_WIZARD = frozenset({FILE_VARIABLE, QUIET_VARIABLE})
_SETUP_SECONDS = 120.0  # a browser may use its database for a while


class SetupStep(msgspec.Struct, frozen=True):
    """The result of one step of ``ankong setup``, as its option ``--json`` prints it.

    Attributes:
        ok: whether the step succeeded.
        code: the result; stable.
        message: the result as text, by the tags of languages; English is always there.
        step: which one it is; several results may be of the same.

    """

    ok: bool
    code: str
    message: Mapping[str, str]
    step: str = ""

    def __post_init__(self) -> None:
        """Refuse a step without a text.

        Raises:
            ValueError: there is no text in English.

        """
        if SOURCE not in self.message:
            raise ValueError("a step has no message in English")

    def said(self, language: Language) -> str:
        """Return the text in ``language``; in English where there is none."""
        return self.message.get(language) or self.message[SOURCE]


class _SetupResult(msgspec.Struct, frozen=True):
    steps: tuple[SetupStep, ...]


def complete(executable: Path, *options: str) -> Sequence[SetupStep]:
    """Set the program up for this user (``ankong setup complete``); return the results.

    Args:
        executable: the installed program.
        options: of that command.

    """
    return _setup(executable, "complete", *options)


def undo(executable: Path, *, forget: bool) -> Sequence[SetupStep]:
    """End the agent and undo its setup (``ankong setup undo``); return the results.

    Args:
        executable: the program, installed or as the wizard brings it.
        forget: whether history and allowed sites are deleted too.

    """
    return _setup(executable, "undo", *(["--forget"] if forget else []))


def start(executable: Path) -> None:
    """Start the agent with its icon, and do not wait for it.

    Raises:
        OSError: it cannot be started.

    """
    subprocess.Popen(
        [executable, "tray"],
        cwd=Path.home(),
        env={name: value for name, value in os.environ.items() if name not in _OF_WIZARD},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _setup(executable: Path, *arguments: str) -> Sequence[SetupStep]:
    command = [str(executable), "setup", *arguments, "--json"]
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SETUP_SECONDS,
        )
        return msgspec.json.decode(done.stdout, type=_SetupResult).steps
    except (OSError, subprocess.TimeoutExpired, ValueError, RecursionError) as error:
        detail = f"{' '.join(command[1:])}: {error}"
        return [SetupStep(ok=False, code="program_failed", message={SOURCE: detail})]
