"""A vendor's module, seen from the agent: a process that is started when it is needed.

It may crash, hang or lie: that is ``token_module_failed`` and the end of that process alone. The
next request starts another one.
"""

import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from subprocess import DEVNULL, PIPE
from typing import IO, Final, TypeVar

import structlog

from agent.cards.pkcs11.token_wire import (
    HEAD_LENGTH,
    Loaded,
    LoadModule,
    ModuleRefusal,
    OpenToken,
    Reason,
    TokenAnswer,
    TokenRequest,
    WireError,
    decode_answer,
    decode_head,
    encode,
)
from agent.errors import AgentError, ErrorCode
from agent.secret import SecretBytes

A = TypeVar("A", bound=TokenAnswer)
HOST_ARGUMENT: Final = "--pkcs11-host"
"""The first argument that turns the installed program into a module's process."""
SECONDS: Final = 60.0
"""For one request, unless who asks says otherwise."""
IDLE_SECONDS: Final = 60.0
_NO_WINDOW: Final = getattr(subprocess, "CREATE_NO_WINDOW", 0)
_LEAVE_SECONDS: Final = 2.0  # that a process has to end by itself
_END_SECONDS: Final = 1.0  # after which the pipe of a process that was killed ends, or never

_log = structlog.get_logger(__name__)


class TokenModuleError(AgentError):
    """The module crashed, hung, lied, or is none; the agent goes on.

    Attributes:
        is_none: whether the file cannot be loaded as a module at all.
        has_hung: whether it did not answer in time.

    """

    code = ErrorCode.TOKEN_MODULE_FAILED
    is_none = False
    has_hung = False


class TokenRefusalError(AgentError):
    """The module did not do what it was asked.

    Attributes:
        refusal: why.

    """

    code = ErrorCode.CARD_ERROR

    def __init__(self, refusal: ModuleRefusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """A module as the settings name it.

    Attributes:
        name: what people call it, 1 to 32 characters.
        path: of the file, absolute.

    """

    name: str
    path: str


def host_command() -> tuple[str, ...]:
    """Find how a module's process is started: the installed program itself, or this checkout's."""
    if getattr(sys, "frozen", False):
        return sys.executable, HOST_ARGUMENT
    # -P: what happens to be called "agent" in the folder that we run in is not ours.
    return sys.executable, "-P", "-m", "agent.cards.pkcs11.module_host"


class TokenModule:
    """One process at a time, one request at a time; for any thread, and it blocks."""

    def __init__(
        self,
        file: ModuleFile,
        command: Sequence[str] | None = None,
        seconds: float = SECONDS,
        idle: float = IDLE_SECONDS,
    ) -> None:
        """Remember how the process is started.

        Args:
            file: the module.
            command: program and arguments; None for our own.
            seconds: that a request may take.
            idle: seconds without a request, after which the process ends.

        """
        self.file = file
        self._command = tuple(command or host_command())
        self._seconds, self._idle_seconds = seconds, idle
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._idle: threading.Timer | None = None
        self._asked = 0
        self._holds_login = False  # for the request that follows
        self._closed = False

    @property
    def process_id(self) -> int | None:
        """The number of the process; None while there is none."""
        process = self._process
        return None if process is None else process.pid

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way."""
        return self._turn.locked()

    def ask(
        self,
        request: TokenRequest,
        kind: type[A],
        secret: SecretBytes | None = None,
        seconds: float | None = None,
    ) -> A:
        """Put a request, and wait for its answer.

        Args:
            request: what is wanted.
            kind: of the answer.
            secret: the PIN, at most 64 bytes, left as it is; None or empty for none.
            seconds: that it may take; None for the usual.

        Raises:
            TokenRefusalError: the module did not do it.
            TokenModuleError: it failed, and its process has ended.
            AgentError: ``user_cancelled``: the PIN was wiped by its owner before its turn came.

        """
        with self._turn:
            self._rest()
            process = self._started()
            with nullcontext() if secret is None else _copied(secret) as copy:
                answer = self._told(process, request, copy, seconds or self._seconds)
            is_refused = isinstance(answer, ModuleRefusal)
            self._holds_login = isinstance(request, OpenToken) and not is_refused
            self._asked += 1
            self._idle = threading.Timer(self._idle_seconds, self._leave, (self._asked,))
            self._idle.daemon = True
            self._idle.start()
        if isinstance(answer, ModuleRefusal):
            raise TokenRefusalError(answer)
        if not isinstance(answer, kind):
            raise TokenModuleError(f"{self.file.name}: answered {type(answer).__name__}")
        return answer

    def rest(self) -> None:
        """End the process, if there is one, after its request; the next one starts another.

        One that has just logged in for a signature is left to its idle end: the PIN would have to
        be typed on the reader's keypad once more.
        """
        with self._turn:
            if not self._holds_login:
                self._rest()
                self._end(gently=True)

    def close(self) -> None:
        """End the process, if there is one; also in the middle of a request."""
        self._closed = True
        process = self._process
        if process is not None:
            with suppress(OSError):
                process.kill()
        with self._turn:
            self._rest()
            self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is not None and process.poll() is None:
            return process
        self._end()
        if self._closed:
            raise TokenModuleError(f"{self.file.name}: closed")
        try:
            self._process = process = subprocess.Popen(  # noqa: S603  # our own program
                self._command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                bufsize=0,
                creationflags=_NO_WINDOW,
            )
        except OSError as error:
            raise TokenModuleError(f"{self.file.name}: {error}") from error
        loaded = self._told(process, LoadModule(self.file.path), None, self._seconds)
        if not isinstance(loaded, Loaded):
            self._end()
            detail = loaded.detail if isinstance(loaded, ModuleRefusal) else "no answer to it"
            failure = TokenModuleError(f"{self.file.name}: {detail}")
            failure.is_none = isinstance(loaded, ModuleRefusal) and (
                loaded.reason is Reason.NO_MODULE
            )
            raise failure
        return process

    def _told(
        self,
        process: subprocess.Popen[bytes],
        request: TokenRequest,
        secret: SecretBytes | None,
        seconds: float,
    ) -> TokenAnswer:
        """Converse with the process, which is killed where that takes too long."""
        late = threading.Event()

        def give_up() -> None:
            late.set()
            with suppress(OSError):
                process.kill()

        watch = threading.Timer(seconds, give_up)
        watch.daemon = True
        watch.start()
        try:
            until = time.monotonic() + seconds + _END_SECONDS
            return _converse(process, request, secret, until)
        except (OSError, WireError) as error:
            self._end()
            status = "it hung" if late.is_set() else f"it ended, status {process.returncode}"
            _log.warning(
                "a token module failed", module=self.file.name, error=repr(error), status=status
            )
            failure = TokenModuleError(f"{self.file.name}: {status}")
            failure.has_hung = late.is_set()
            raise failure from error
        except BaseException:
            self._end()
            raise
        finally:
            watch.cancel()

    def _leave(self, asked: int) -> None:
        """End a process that nobody has asked anything since."""
        with self._turn:
            if asked == self._asked:
                self._end(gently=True)

    def _rest(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _end(self, *, gently: bool = False) -> None:
        process, self._process = self._process, None
        self._holds_login = False
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        if gently:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LEAVE_SECONDS)
        with suppress(OSError):
            process.kill()
        process.wait()


def _copied(secret: SecretBytes) -> SecretBytes:
    """Copy a PIN, for its owner may wipe it at any moment.

    What is left of it then would be a wrong one, and cost an attempt. So it is asked after copying
    whether it is whole; another request may have been waited for meanwhile, or a module's start.

    Raises:
        AgentError: ``user_cancelled``: it was wiped.

    """
    copy = SecretBytes(bytearray(len(secret)))
    copy.buffer[:] = secret.buffer
    if secret.wiped:
        copy.wipe()
        raise AgentError("the PIN was taken back", code=ErrorCode.USER_CANCELLED)
    return copy


def _converse(
    process: subprocess.Popen[bytes],
    request: TokenRequest,
    secret: SecretBytes | None,
    until: float,
) -> TokenAnswer:
    """Write a request, and the PIN behind it straight from its buffer; read the answer.

    Args:
        process: the module's.
        request: what is wanted.
        secret: the PIN; None or empty for none.
        until: when to stop waiting, a time.monotonic().

    Raises:
        OSError: the process has ended.
        WireError: what it answers makes no sense.

    """
    to, back = process.stdin, process.stdout
    if to is None or back is None:
        raise BrokenPipeError
    _write(to, encode(request, 0 if secret is None else len(secret)))
    if secret:
        _write(to, secret.buffer)
    kind, length, _ = decode_head(_read(back, HEAD_LENGTH, until))
    return decode_answer(kind, _read(back, length, until))


def _write(pipe: IO[bytes], octets: bytes | bytearray) -> None:
    """Write all of it: a pipe without a buffer may take less at a time."""
    with memoryview(octets) as view:
        at = 0
        while at < len(view):
            at += pipe.write(view[at:])


def _read(pipe: IO[bytes], length: int, until: float) -> bytes:
    """Read so many bytes.

    Raises:
        BrokenPipeError: the process has ended, or the time is over.

    """
    found = bytearray()
    while len(found) < length:
        _wait_for(pipe, until)
        piece = pipe.read(length - len(found))
        if not piece:
            raise BrokenPipeError("the process ended")
        found += piece
    return bytes(found)


def _wait_for(pipe: IO[bytes], until: float) -> None:
    """Wait until there is something to read, or the end.

    A process that a module has forked has the pipe too, and may keep it open when that of the
    module is killed. On Windows none has it.

    Raises:
        BrokenPipeError: the time is over.

    """
    if sys.platform == "win32":
        return
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise BrokenPipeError("no answer, and no end")
