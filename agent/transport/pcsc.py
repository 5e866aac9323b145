"""Real readers, through PC/SC: the raw functions of pyscard, and ours where it cannot go.

Every connection has a context of its own, and so has the monitor. pcsclite locks a context for
the length of each call, so on a shared one a signature of three seconds would hold up every other
reader and the watch over them; a context costs a fifth of a millisecond.
"""

import contextlib
import functools
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agent.errors import (
    MuteCardError,
    NoReaderError,
    ServiceUnavailableError,
    TransportError,
)
from agent.transport import pcsc_codes as codes
from agent.transport.base import ReaderState
from agent.transport.pcsc_connection import RESET_ATTEMPTS, ConnectedCard, PcscConnection
from agent.transport.pcsc_library import ReaderAnswer, open_library
from agent.transport.reader_names import shown_names

_log = logging.getLogger(__name__)

_PLUG_AND_PLAY = rb"\\?PnP?\Notification"
"""The name that asks SCardGetStatusChange to return when a reader comes or goes."""

_FIRST_CHECK = 1.0
_LONGEST_CHECK = 30.0
"""Seconds after which a wait looks for readers by itself, although the service would say so.

pcsclite tells of readers that come while it is asked, and of no other: one that came between our
look and our question is missed. Readers come in company (a device with two slots), so the first
checks after a change follow soon, each after twice the time of the one before.
"""

_READER_POLL = 1.0
"""Seconds between two looks for new readers where the service cannot tell (macOS)."""

_SERVICE_POLL = 1.0
"""Seconds between two tries while there is no service."""

_CANCEL_RETRY = 0.001
"""Seconds after which a cancellation is sent again: it is lost on a call that has yet to start."""

_SPURIOUS_PAUSE = 0.1
"""Seconds to rest after the service has called us for nothing, lest it keeps us running."""

_LOOK_ATTEMPTS = 5  # a reader may go between its listing and the look at it
_MOST_READERS = 64  # a service that lists more is out of its mind
_MOST_ASKED = 10  # readers in one question: Windows' limit; pcsclite's is 16
_MIN_ATR = 2  # bytes: TS and T0


@functools.cache
def _scard() -> Any:
    """Load pyscard on first use: a machine without PC/SC can still import this module."""
    try:
        from smartcard import scard  # noqa: PLC0415  # see above
    except (ImportError, OSError) as error:
        raise ServiceUnavailableError(f"PC/SC cannot be loaded: {error}") from error
    return scard


def _check(call: str, result: int) -> None:
    code = codes.unsigned(result)
    if code != codes.SUCCESS:
        raise codes.error_of(call, code)


def _establish() -> int:
    result, context = _scard().SCardEstablishContext(codes.SCOPE_USER)
    code = codes.unsigned(result)
    if code != codes.SUCCESS:
        # Whatever it says: without a context there is no service for us.
        raise ServiceUnavailableError(str(codes.error_of("SCardEstablishContext", code)))
    return int(context)


@dataclass(frozen=True, slots=True)
class _Sight:
    """One reader as SCardGetStatusChange reports it.

    Attributes:
        name: ours.
        listed: its name as the service has it.
        event_state: the STATE bits, and a count of events in the upper half.
        atr: of the card in it; whatever was there before, without one.

    """

    name: str
    listed: bytes
    event_state: int
    atr: bytes

    @property
    def present(self) -> bool:
        """Whether a card is in the reader."""
        return bool(self.event_state & codes.STATE_PRESENT)

    @property
    def mute(self) -> bool:
        """Whether a card is in the reader and has given no usable ATR."""
        # vpcd presents a card that says nothing as one whose ATR is a single zero.
        silent = bool(self.event_state & codes.STATE_MUTE) or len(self.atr) < _MIN_ATR
        return self.present and silent

    def state(self, context_number: int) -> ReaderState:
        return ReaderState(
            name=self.name,
            present=self.present,
            atr=self.atr if self.present and not self.mute else b"",
            # The upper half counts insertions and removals, from 0 in every new service.
            insertion=context_number << 16 | self.event_state >> 16,
            mute=self.mute,
        )


class _Wait:
    """A call of wait() that :meth:`PcscProvider.cancel` can end."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.over = threading.Event()


class PcscProvider:
    """The readers of this machine's PC/SC service.

    While there is no service, :meth:`readers` says so at once, and so does the first
    :meth:`wait` that finds it gone; the next :meth:`wait` blocks until it is back.
    """

    def __init__(self) -> None:
        """Make the provider; PC/SC is not called before the first use."""
        self._context: int | None = None
        self._context_number = 0
        self._plug_and_play: int | None = None  # its last state, None where it is unknown
        self._sights: tuple[_Sight, ...] = ()
        self._next_check = _FIRST_CHECK
        self._available = True
        self._closed = False
        self._waiting: _Wait | None = None
        self._guard = threading.Lock()
        self._left_out: frozenset[bytes] = frozenset()
        self._too_many = 0  # readers beyond those that are looked at

    @property
    def kind(self) -> str:
        """Always ``"pcsc"``."""
        return "pcsc"

    def readers(self) -> tuple[ReaderState, ...]:
        """Return the readers as they are now, in the service's own order, without waiting.

        Raises:
            ServiceUnavailableError: there is no PC/SC service.

        """
        if self._closed:
            raise ServiceUnavailableError("this provider is closed")
        try:
            self._sights = self._look()
        except ServiceUnavailableError:
            self._available = False
            raise
        self._available = True
        return tuple(sight.state(self._context_number) for sight in self._sights)

    def wait(self, known: tuple[ReaderState, ...], timeout: float) -> tuple[ReaderState, ...]:
        """Block until something differs from ``known``, or ``timeout`` seconds have passed.

        Raises:
            ServiceUnavailableError: the service went away, or was away already and did not come
                back in time.

        """
        deadline = time.monotonic() + timeout
        called = False
        with self._registered() as wait:
            while True:
                was_available = self._available
                left = deadline - time.monotonic()
                may_block = left > 0 and not wait.cancelled.is_set()
                try:
                    states = self.readers()
                except ServiceUnavailableError:
                    if was_available or not may_block:
                        raise
                    wait.cancelled.wait(min(left, _SERVICE_POLL))
                    continue
                if states != known or not was_available:
                    self._next_check = _FIRST_CHECK
                    return states
                if not may_block:
                    return states
                if called:
                    wait.cancelled.wait(min(left, _SPURIOUS_PAUSE))
                called = self._block(wait, left)
                if self._closed:
                    return known

    def cancel(self) -> None:
        """Make a blocked :meth:`wait` return at once; from any thread; does nothing without one."""
        with self._guard:
            wait = self._waiting
            if wait is None:
                return
            wait.cancelled.set()
            while not wait.over.is_set():
                if self._context is not None:
                    _scard().SCardCancel(self._context)
                wait.over.wait(_CANCEL_RETRY)

    def open(self, reader: str) -> PcscConnection:
        """Connect to the card in ``reader``, shared with other programs.

        pcsclite makes it wait while another program holds a transaction on that reader.

        Raises:
            NoReaderError: no reader of that name. NoCardError: it is empty.
            MuteCardError: what is in it answers nothing.
            SharingViolationError: another program has it for itself.
            ServiceUnavailableError, TransportError: as named.

        """
        context = _establish()
        try:
            return _connect(context, reader)
        except BaseException:
            _scard().SCardReleaseContext(context)
            raise

    def close(self) -> None:
        """Release everything; a blocked :meth:`wait` returns; may be called twice."""
        self._closed = True
        self.cancel()
        self._drop_context()

    @contextlib.contextmanager
    def _registered(self) -> Iterator[_Wait]:
        wait = _Wait()
        with self._guard:
            self._waiting = wait
        try:
            yield wait
        finally:
            wait.over.set()  # first: cancel() holds the guard until it sees this
            with self._guard:
                self._waiting = None

    def _block(self, wait: _Wait, seconds: float) -> bool:
        """Block inside PC/SC; return whether it reports a change."""
        asked = [(sight.listed, sight.event_state) for sight in self._sights[: _MOST_ASKED - 1]]
        if self._plug_and_play is None or len(asked) < len(self._sights):
            seconds = min(seconds, _READER_POLL)
        else:
            seconds = min(seconds, self._next_check)
            self._next_check = min(2 * self._next_check, _LONGEST_CHECK)
        if self._plug_and_play is not None:
            asked.append((_PLUG_AND_PLAY, self._plug_and_play))
        if not asked:
            wait.cancelled.wait(seconds)
            return False
        context = self._context
        if context is None:  # closed by another thread
            return False
        milliseconds = int(seconds * 1000) + 1
        code, answers = open_library().status_change(context, milliseconds, asked)
        if code == codes.SUCCESS and self._plug_and_play is not None:
            # On Windows its upper half counts the readers, and must be handed back.
            self._plug_and_play = answers[-1].event_state & ~codes.STATE_CHANGED
        if code not in {codes.SUCCESS, codes.E_TIMEOUT, codes.E_CANCELLED, codes.E_UNKNOWN_READER}:
            self._drop_context()
        return code not in {codes.E_TIMEOUT, codes.E_CANCELLED}

    def _look(self) -> tuple[_Sight, ...]:
        """Return all readers, with a new context if the service of the old one is gone."""
        for left in reversed(range(_LOOK_ATTEMPTS)):
            is_new = self._context is None
            try:
                sights = self._look_once(self._ensure_context(), is_last=not left)
            except TransportError as error:
                self._drop_context()
                if is_new:
                    raise ServiceUnavailableError(error.detail) from error
            else:
                if sights is not None:
                    return sights
        raise ServiceUnavailableError("the readers change faster than they can be listed")

    def _look_once(self, context: int, *, is_last: bool) -> tuple[_Sight, ...] | None:
        """Return all readers; None if one may just have gone, or the look was cancelled."""
        code, listed = open_library().list_readers(context)
        if code == codes.E_NO_READERS_AVAILABLE:
            return ()
        _check("SCardListReaders", code)
        self._note_length(len(listed))
        listed = listed[:_MOST_READERS]
        answers = _ask(context, listed)
        if answers is None:
            return None
        unknown = frozenset(listed) - answers.keys()
        if not unknown <= self._left_out and not is_last:
            return None
        self._note_left_out(unknown)
        return tuple(
            _Sight(name, reader, *answers[reader])
            for name, reader in zip(shown_names(listed), listed, strict=True)
            if reader in answers
        )

    def _note_left_out(self, left_out: frozenset[bytes]) -> None:
        for reader in left_out - self._left_out:
            _log.warning("the service lists a reader and does not know it: %r", reader)
        self._left_out = left_out

    def _note_length(self, listed: int) -> None:
        too_many = max(0, listed - _MOST_READERS)
        if too_many and too_many != self._too_many:
            _log.warning("the service lists %d readers; the last %d are ignored", listed, too_many)
        self._too_many = too_many

    def _ensure_context(self) -> int:
        if self._context is None:
            context = _establish()
            self._context_number += 1
            self._plug_and_play = _plug_and_play_state(context)
            self._context = context
        return self._context

    def _drop_context(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            _scard().SCardReleaseContext(context)


def _ask(context: int, readers: list[bytes]) -> dict[bytes, ReaderAnswer] | None:
    """Return the state of those readers that the service knows; None after a cancellation."""
    answers: dict[bytes, ReaderAnswer] = {}
    for start in range(0, len(readers), _MOST_ASKED):
        some = readers[start : start + _MOST_ASKED]
        code, states = _states(context, some)
        if code == codes.E_UNKNOWN_READER and len(some) > 1:
            # One has gone since the listing, or never was: Wine makes names up out of pieces of
            # those that are not ASCII. It must not hide the others.
            for reader in some:
                alone = _ask(context, [reader])
                if alone is None:
                    return None
                answers |= alone
            continue
        if code == codes.E_CANCELLED:
            return None
        if code != codes.E_UNKNOWN_READER:
            _check("SCardGetStatusChange", code)
            answers |= zip(some, states, strict=True)
    return {
        reader: answer
        for reader, answer in answers.items()
        if not answer.event_state & codes.STATE_UNKNOWN
    }


def _states(context: int, readers: list[bytes]) -> tuple[int, list[ReaderAnswer]]:
    asked = [(reader, codes.STATE_UNAWARE) for reader in readers]
    return open_library().status_change(context, 0, asked)


def _plug_and_play_state(context: int) -> int | None:
    """Return the state of the plug-and-play reader; None where the service has none."""
    code, (answer,) = _states(context, [_PLUG_AND_PLAY])
    if code not in {codes.SUCCESS, codes.E_TIMEOUT}:
        return None
    state = answer.event_state
    return None if state & codes.STATE_UNKNOWN else state & ~codes.STATE_CHANGED


def _connect(context: int, reader: str) -> PcscConnection:
    """Connect to the card in a reader that :meth:`PcscProvider.readers` named so."""
    listed = _listed_name(context, reader)
    for _ in range(RESET_ATTEMPTS):
        code, card, protocol = open_library().connect(context, listed)
        if code == codes.W_RESET_CARD:
            continue
        if code in {codes.E_PROTO_MISMATCH, codes.E_NO_SMARTCARD} and _is_mute(context, listed):
            raise MuteCardError(f"SCardConnect: 0x{code:08X}, of a card that is there")
        _check("SCardConnect", code)
        code, atr = open_library().atr(card)
        if code == codes.SUCCESS:
            return PcscConnection(_scard(), ConnectedCard(context, card, protocol, atr, reader))
        _scard().SCardDisconnect(card, codes.LEAVE_CARD)
        if code != codes.W_RESET_CARD:
            raise codes.error_of("SCardStatus", code)
    raise codes.error_of("SCardConnect", codes.W_RESET_CARD)


def _is_mute(context: int, listed: bytes) -> bool:
    code, (answer,) = _states(context, [listed])
    return code == codes.SUCCESS and _Sight("", listed, *answer).mute


def _listed_name(context: int, reader: str) -> bytes:
    """Return the service's name for a reader; of two with the same name it reaches the first."""
    code, listed = open_library().list_readers(context)
    _check("SCardListReaders", code)
    listed = listed[:_MOST_READERS]
    for name, found in zip(shown_names(listed), listed, strict=True):
        if name == reader:
            return found
    raise NoReaderError("the service has no reader of this name")
