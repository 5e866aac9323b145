"""Use the card without a running agent, under the policy and with a line in the history."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from agent.cards.known_attempts import PURPOSE as ATTEMPTS
from agent.cards.known_attempts import StoredAttempts
from agent.commands.event_telling import telling_events
from agent.commands.open_tokens import open_tokens
from agent.commands.tongue import tell
from agent.consent.consent import AlwaysAllow
from agent.errors import AgentError, ErrorCode
from agent.history.store import History
from agent.host.instance.install_key import InstallKey
from agent.host.machine.memory import leave_no_core, shut_others_out
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.settings.config import Settings
from agent.host.settings.policy_in_force import policy_in_force
from agent.host.update import status
from agent.pdf.wire import PdfError
from agent.secret import SecretBytes
from agent.signing.service import SigningService
from agent.transport.base import CardProvider

MAX_PIN_LINE: Final = 66  # bytes: the longest PIN that a token can have, and CR LF
"""Bytes; a longer line on standard input is no PIN."""
MAX_PASSWORD_LINE: Final = 1024


def prepared_paths(state_dir: Path | None) -> Paths:
    """Return the agent's folder, which is there then.

    Raises:
        AgentError: others could change what is in it.
        OSError: it cannot be made.

    """
    paths = Paths.choose(state_dir)
    paths.prepare()
    return paths


def own_settings(paths: Paths) -> Settings:
    """Return the settings of this computer, as the policy has them.

    Raises:
        AgentError: the settings or the policy cannot be read.

    """
    return policy_in_force(paths).over(config.load(paths.config))


@contextmanager
def own_service(provider: CardProvider, paths: Paths) -> Iterator[SigningService]:
    """Make a service for one command, as the person at this computer allows it everything.

    Args:
        provider: of the readers.
        paths: of the agent's folder.

    Raises:
        AgentError: the settings or the policy cannot be read.

    """
    policy = policy_in_force(paths)
    settings = policy.over(config.load(paths.config))
    known = status.read(paths, settings)
    key = InstallKey.ensure(paths.install_key).derive(ATTEMPTS)
    with (
        closing(History(paths.history)) as history,
        closing(StoredAttempts.open(paths.attempts, key)) as attempts,
        telling_events(settings, policy, paths) as events,
    ):
        yield SigningService(
            provider,
            AlwaysAllow(),
            last_try=settings.last_try,
            allow_sha1=settings.allow_sha1,
            attempts=attempts,
            history=history,
            on_outcome=events.key_asked,
            check_version=lambda: status.check(known),
            tokens=open_tokens(settings),
        )


def keep_secrets() -> None:
    """Leave no memory of this process where others could read it; before the PIN is read."""
    leave_no_core()
    shut_others_out()


def read_pin(*, from_stdin: bool) -> SecretBytes:
    """Read the PIN without an echo; never from an argument or the environment."""
    if not from_stdin and sys.stdin.isatty():
        return SecretBytes.from_text(getpass.getpass("PIN: "))
    return SecretBytes(_line(MAX_PIN_LINE))


def read_password() -> str:
    """Read a document's password from standard input, one line of UTF-8; typed without an echo."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{tell('cli.sign.password')} ")
    return _line(MAX_PASSWORD_LINE).decode("utf-8", "replace")


def with_password_hint(error: AgentError, file: Path) -> AgentError:
    """Return the error of a document that needs a password, with how one is given."""
    if error.code is not ErrorCode.DOCUMENT_ENCRYPTED:
        return error
    words = ("cli.error.needs_password", {"name": file.name})
    return PdfError(error.detail, code=error.code, said=words)


def _line(limit: int) -> bytearray:
    line = bytearray(sys.stdin.buffer.readline(limit))
    while line and line[-1] in b"\r\n":
        line.pop()
    return line
