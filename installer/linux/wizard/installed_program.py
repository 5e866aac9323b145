"""Run commands of the installed program, as its user would in a terminal."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.words import SOURCE, Language

_SECONDS = 120.0  # a browser's database may be in use for a while


@dataclass(frozen=True)
class SetupStep:
    """The result of one step of ``ankong setup``.

    Attributes:
        ok: whether all is as it should be.
        code: what exactly; stable.
        message: the same for people, by the tags of languages; English is there.

    """

    ok: bool
    code: str
    message: Mapping[str, str]

    def said(self, language: Language) -> str:
        """Return what it says in a language; in English where it has no other."""
        return self.message.get(language) or self.message[SOURCE]


def complete(executable: Path, *options: str) -> Sequence[SetupStep]:
    """Set the program up for this user (``ankong setup complete``)."""
    return _setup(executable, "complete", *options)


def undo(executable: Path, *, forget: bool) -> Sequence[SetupStep]:
    """Undo the setup; ends the running agent first (``ankong setup undo``)."""
    return _setup(executable, "undo", *(["--forget"] if forget else []))


def start(executable: Path) -> None:
    """Start the agent with its icon; it goes on running without the wizard.

    Raises:
        OSError: it cannot be started.

    """
    subprocess.Popen(
        [executable, "tray"],
        cwd=Path.home(),
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _setup(executable: Path, *words: str) -> Sequence[SetupStep]:
    command = [str(executable), "setup", *words, "--json"]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS
        )
        steps: Any = json.loads(done.stdout)["steps"]
        return [_step(step) for step in steps]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
        detail = f"{' '.join(command[1:])}: {error}"
        return [SetupStep(ok=False, code="program_failed", message={SOURCE: detail})]


def _step(step: dict[str, Any]) -> SetupStep:
    message = {str(tag): str(text) for tag, text in step["message"].items()}
    if SOURCE not in message:
        raise KeyError(SOURCE)
    return SetupStep(step["ok"] is True, str(step["code"]), message)
