"""Tokens that open the panel, made from a secret that only this user can read.

Whoever can read the agent's folder may make a token; a token opens the panel once, within two
minutes. So the address of the panel may stand in a list of processes or in a browser's history.
"""

import base64
import binascii
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from agent.errors import AgentError, ErrorCode
from agent.files import read_file, replace_file
from agent.host.instance.record import read_record
from agent.host.machine.paths import Paths

TOKEN_SECONDS: Final = 120
"""How long a token can be used: a browser may have to start first."""
_SECRET_SIZE: Final = 32  # bytes
_NONCE_SIZE: Final = 16  # bytes
_MOMENT_SIZE: Final = 8  # bytes, seconds since 1970, big endian
_TOKEN_SIZE: Final = _MOMENT_SIZE + _NONCE_SIZE + sha256().digest_size
_PURPOSE: Final = b"ankong-panel-v1\0"


class PanelUnreachableError(AgentError):
    """Other programs hold the ports on which the panel would be shown."""

    code = ErrorCode.BUSY

    def __init__(self, ports: Sequence[int]) -> None:
        listed = ", ".join(map(str, ports))
        super().__init__(
            f"other programs hold the ports {listed}; the agent tries them again every minute, "
            "and 'ankong doctor' says who holds them"
        )


class PanelKey:
    """The secret of one run of the agent."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        """Use an existing secret.

        Args:
            secret: 32 random bytes.
            clock: seconds since 1970, the same for all processes of this computer.

        """
        self._secret = secret
        self._clock = clock
        self._lock = threading.Lock()
        self._used: dict[bytes, int] = {}

    @classmethod
    def create(cls, path: Path) -> Self:
        """Write a new secret to a file for its owner only; older tokens become invalid.

        Raises:
            OSError: it cannot be written.

        """
        secret = secrets.token_bytes(_SECRET_SIZE)
        replace_file(path, secret)
        return cls(secret)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the secret of the agent that runs.

        Raises:
            AgentError: there is none.

        """
        try:
            secret = read_file(path, _SECRET_SIZE)
        except OSError as error:
            raise AgentError(f"{path}: {error.strerror or error}") from error
        if len(secret) != _SECRET_SIZE:
            raise AgentError(f"{path}: not a panel's key")
        return cls(secret)

    def make_token(self) -> str:
        """Make a token: 75 characters of base64url."""
        until = int(self._clock()) + TOKEN_SECONDS
        content = until.to_bytes(_MOMENT_SIZE, "big") + secrets.token_bytes(_NONCE_SIZE)
        return base64.urlsafe_b64encode(content + self._seal(content)).decode().rstrip("=")

    def spend(self, token: str) -> bool:
        """Return whether a token is valid, and use it up. May be called from any thread."""
        raw = _decode(token)
        if raw is None or not hmac.compare_digest(raw[-32:], self._seal(raw[:-32])):
            return False
        until = int.from_bytes(raw[:_MOMENT_SIZE], "big")
        now = self._clock()
        if not now <= until <= now + TOKEN_SECONDS:
            return False
        with self._lock:
            self._used = {nonce: end for nonce, end in self._used.items() if end >= now}
            nonce = raw[_MOMENT_SIZE:-32]
            if nonce in self._used:
                return False
            self._used[nonce] = until
        return True

    def derive(self, purpose: bytes) -> bytes:
        """Derive a secret of 32 bytes for another purpose, which ends with a zero byte."""
        return hmac.digest(self._secret, purpose, "sha256")

    def _seal(self, content: bytes) -> bytes:
        return hmac.digest(self._secret, _PURPOSE + content, "sha256")


def panel_address(paths: Paths) -> str:
    """Return an address that opens the running agent's panel, once.

    Raises:
        PanelUnreachableError: the agent that runs there got none of its ports.
        AgentError: ``timeout``: no agent runs there, or it is not ready yet.

    """
    origin = pages_origin(paths)
    try:
        key = PanelKey.read(paths.panel_key)
    except AgentError as error:
        raise _not_ready() from error
    # In the fragment: it goes to no server, no log and no Referer.
    return f"{origin}/panel/#token={key.make_token()}"


def pages_origin(paths: Paths) -> str:
    """Return the origin of the running agent's own pages, those that need no token included.

    Raises:
        PanelUnreachableError: the agent that runs there got none of its ports.
        AgentError: ``timeout``: no agent runs there, or it is not ready yet.

    """
    record = read_record(paths.instance)
    if record is not None and record.port is None and record.missing:
        raise PanelUnreachableError(record.missing)
    if record is None or record.port is None:
        raise _not_ready()
    return f"https://localhost:{record.port}"


def _not_ready() -> AgentError:
    return AgentError("no agent is ready", code=ErrorCode.TIMEOUT, said=("cli.error.no_agent", {}))


def _decode(token: str) -> bytes | None:
    if len(token) > 2 * _TOKEN_SIZE or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == _TOKEN_SIZE else None
