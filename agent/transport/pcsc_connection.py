"""A connection to a card through PC/SC.

pyscard takes a command as a list of int and copies it into buffers of its own, which it does not
wipe. This module wipes the list, and makes no other copy.
"""

import contextlib
from dataclasses import dataclass
from typing import Any

from agent.errors import (
    CardRemovedError,
    MuteCardError,
    ServiceUnavailableError,
    TransportError,
)
from agent.transport import pcsc_codes as codes
from agent.transport.part10 import GET_FEATURE_REQUEST

RESET_ATTEMPTS = 10
"""How often a call is made that fails only because another program has just reset the card."""

_ENDS = (CardRemovedError, MuteCardError, ServiceUnavailableError)
"""The errors after which a connection is of no use any more."""


@dataclass(frozen=True, slots=True)
class ConnectedCard:
    """What SCardConnect gave.

    Attributes:
        context: of this connection alone.
        handle: of the card within that context.
        protocol: as SCardConnect returned it.
        atr: the card's Answer To Reset.
        reader: the name of its reader.

    """

    context: int
    handle: int
    protocol: int
    atr: bytes
    reader: str


class PcscConnection:
    """A connection to a card through PC/SC; see :class:`agent.transport.base.Connection`."""

    def __init__(self, scard: Any, card: ConnectedCard) -> None:
        """Take over the handles of SCardEstablishContext and SCardConnect.

        Args:
            scard: pyscard's raw functions.
            card: what SCardConnect gave.

        """
        self._scard = scard
        self._context = card.context
        self._card = card.handle
        self._protocol = card.protocol
        self._atr = card.atr
        self._reader = card.reader
        self._in_transaction = False
        self._was_reset = False
        self._is_unused = True  # no command since the connection, transaction or reset began
        self._lost: TransportError | None = None

    @property
    def reader(self) -> str:
        """The name of the reader that the card is in."""
        return self._reader

    @property
    def atr(self) -> bytes:
        """The card's Answer To Reset, 2 to 33 bytes."""
        return self._atr

    @property
    def protocol(self) -> str:
        """``"T=0"`` or ``"T=1"``."""
        return "T=0" if self._protocol == codes.PROTOCOL_T0 else "T=1"

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        """Send one command APDU as it is; return the response data and the status word.

        Args:
            command: 4 to 261 bytes (short APDU).

        Raises:
            CardRemovedError: the card or reader went away; the connection cannot be used any more.
            SharingViolationError: outside a transaction, another program reset the card after a
                command of ours.
            TransportError: any other failure between the agent and the card.

        """
        self._make_usable()
        result, response = self._exchange(command)
        if self._is_unused and codes.unsigned(result) == codes.W_RESET_CARD:
            # PC/SC did not pass the command on, and the card had nothing of ours to forget.
            self._reconnect(codes.LEAVE_CARD)
            result, response = self._exchange(command)
        # After a failure pyscard returns its whole receive buffer, uninitialised: 64 KiB of this
        # process's memory. Check before looking at it.
        self._check("SCardTransmit", result)
        self._is_unused = False
        if len(response) < 2:
            raise self._lose(CardRemovedError("SCardTransmit: no response, the card was pulled"))
        status_word = response[-2] << 8 | response[-1]
        del response[-2:]
        return bytes(response), status_word

    def features(self) -> bytes | None:
        """Ask the reader, not the card, for its features.

        Returns:
            Its answer; None where it gives none, for which each driver has another code.

        Raises:
            CardRemovedError: the card or reader went away before.
            TransportError: any other failure between the agent and the card.

        """
        self._make_usable()
        code = self._scard.SCARD_CTL_CODE(GET_FEATURE_REQUEST)
        result, answer = self._scard.SCardControl(self._card, code, [])
        return bytes(answer) if codes.unsigned(result) == codes.SUCCESS else None

    def begin(self) -> None:
        """Begin a transaction; block while another program has one.

        Raises:
            CardRemovedError: the card or reader went away; the connection cannot be used any more.
            TransportError: any other failure between the agent and the card.

        """
        self._make_usable()
        for _ in range(RESET_ATTEMPTS):
            result = self._scard.SCardBeginTransaction(self._card)
            if codes.unsigned(result) != codes.W_RESET_CARD:
                self._check("SCardBeginTransaction", result)
                self._in_transaction = self._is_unused = True
                return
            self._reconnect(codes.LEAVE_CARD)
        raise codes.error_of("SCardBeginTransaction", codes.W_RESET_CARD)

    def end(self, *, reset: bool) -> None:
        """End the transaction, if there is one; do not raise when the card is gone."""
        if self._lost is not None or not self._in_transaction:
            return
        self._in_transaction = False
        disposition = codes.RESET_CARD if reset else codes.LEAVE_CARD
        with contextlib.suppress(*_ENDS):
            result = self._scard.SCardEndTransaction(self._card, disposition)
            if codes.unsigned(result) == codes.W_RESET_CARD:
                # Somebody's reset came in between; without this the lock would stay ours.
                self._reconnect(codes.LEAVE_CARD)
                result = self._scard.SCardEndTransaction(self._card, disposition)
            self._check("SCardEndTransaction", result)
            self._was_reset = reset

    def reset(self) -> None:
        """Warm-reset the card: it forgets selection, PIN state and secure channel.

        Raises:
            CardRemovedError: the card or reader went away; the connection cannot be used any more.
            TransportError: any other failure between the agent and the card.

        """
        self._make_usable()
        self._reconnect(codes.RESET_CARD)

    def close(self) -> None:
        """Disconnect and leave the card as it is; may be called twice; never raises.

        A transaction that was not ended is ended with a reset, because the PIN may still be
        verified for every other program.
        """
        if self._lost is None:
            self._lose(CardRemovedError("this connection is closed"))

    def _exchange(self, command: bytes | bytearray) -> tuple[int, list[int]]:
        """Call SCardTransmit once; return its code, and a response that is one after a success."""
        is_t0 = self._protocol == codes.PROTOCOL_T0
        header = self._scard.SCARD_PCI_T0 if is_t0 else self._scard.SCARD_PCI_T1
        octets = list(command)
        try:
            result, response = self._scard.SCardTransmit(self._card, header, octets)
        finally:
            octets[:] = bytes(len(octets))
        return result, response

    def _make_usable(self) -> None:
        if self._lost is not None:
            raise type(self._lost)(self._lost.detail, code=self._lost.code)
        if self._was_reset:
            # PC/SC tells every handle of a reset, that of the one who asked for it included.
            self._was_reset = False
            self._reconnect(codes.LEAVE_CARD)

    def _reconnect(self, initialization: int) -> None:
        for _ in range(RESET_ATTEMPTS):
            result, protocol = self._scard.SCardReconnect(
                self._card,
                codes.SHARE_SHARED,
                codes.PROTOCOL_T0 | codes.PROTOCOL_T1,
                initialization,
            )
            if codes.unsigned(result) != codes.W_RESET_CARD:
                self._check("SCardReconnect", result)
                self._protocol = protocol
                self._is_unused = True
                return
        raise codes.error_of("SCardReconnect", codes.W_RESET_CARD)

    def _check(self, call: str, result: int) -> None:
        code = codes.unsigned(result)
        if code == codes.SUCCESS:
            return
        error = codes.error_of(call, code, connected=True)
        if isinstance(error, _ENDS):
            self._lose(error)
        raise error

    def _lose(self, error: TransportError) -> TransportError:
        """Release both handles at once; a dead one may keep the reader locked for everybody."""
        self._lost = error
        if self._in_transaction:
            # Not SCardDisconnect with a reset: that lets the next program in before it resets.
            self._scard.SCardEndTransaction(self._card, codes.RESET_CARD)
            self._in_transaction = False
        self._scard.SCardDisconnect(self._card, codes.LEAVE_CARD)
        self._scard.SCardReleaseContext(self._context)
        return error
