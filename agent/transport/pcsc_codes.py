"""The constants of PC/SC, and the errors that its return codes stand for.

The numbers are those of PC/SC part 5, the same on all systems; pyscard and pcsclite do not have
all the names everywhere.
"""

from agent.errors import (
    CardRemovedError,
    ErrorCode,
    MuteCardError,
    NoCardError,
    NoReaderError,
    ServiceUnavailableError,
    SharingViolationError,
    TransportError,
)

MAX_ATR = 33  # bytes (ISO/IEC 7816-3 §8)

SCOPE_USER = 0
SHARE_SHARED = 2
PROTOCOL_T0 = 1
PROTOCOL_T1 = 2
LEAVE_CARD = 0
RESET_CARD = 1

STATE_UNAWARE = 0x0000
STATE_UNKNOWN = 0x0004
STATE_CHANGED = 0x0002
STATE_PRESENT = 0x0020
STATE_MUTE = 0x0200

SUCCESS = 0x00000000
E_CANCELLED = 0x80100002
E_NO_MEMORY = 0x80100006
E_INSUFFICIENT_BUFFER = 0x80100008
E_UNKNOWN_READER = 0x80100009
E_TIMEOUT = 0x8010000A
E_NO_SMARTCARD = 0x8010000C
E_PROTO_MISMATCH = 0x8010000F
E_NO_READERS_AVAILABLE = 0x8010002E
W_RESET_CARD = 0x80100068

_FAILURES: dict[int, tuple[str, type[TransportError]]] = {
    0x80100003: ("SCARD_E_INVALID_HANDLE", ServiceUnavailableError),
    E_NO_MEMORY: ("SCARD_E_NO_MEMORY", TransportError),
    E_INSUFFICIENT_BUFFER: ("SCARD_E_INSUFFICIENT_BUFFER", TransportError),
    E_UNKNOWN_READER: ("SCARD_E_UNKNOWN_READER", NoReaderError),
    E_TIMEOUT: ("SCARD_E_TIMEOUT", TransportError),
    0x8010000B: ("SCARD_E_SHARING_VIOLATION", SharingViolationError),
    E_NO_SMARTCARD: ("SCARD_E_NO_SMARTCARD", NoCardError),
    E_PROTO_MISMATCH: ("SCARD_E_PROTO_MISMATCH", TransportError),
    0x80100010: ("SCARD_E_NOT_READY", TransportError),
    0x80100012: ("SCARD_E_SYSTEM_CANCELLED", ServiceUnavailableError),
    0x80100013: ("SCARD_F_COMM_ERROR", ServiceUnavailableError),
    0x80100016: ("SCARD_E_NOT_TRANSACTED", TransportError),
    0x80100017: ("SCARD_E_READER_UNAVAILABLE", NoReaderError),
    0x80100018: ("SCARD_P_SHUTDOWN", ServiceUnavailableError),
    0x8010001D: ("SCARD_E_NO_SERVICE", ServiceUnavailableError),
    0x8010001E: ("SCARD_E_SERVICE_STOPPED", ServiceUnavailableError),
    E_NO_READERS_AVAILABLE: ("SCARD_E_NO_READERS_AVAILABLE", NoReaderError),
    0x80100031: ("SCARD_E_SERVER_TOO_BUSY", SharingViolationError),
    0x80100065: ("SCARD_W_UNSUPPORTED_CARD", TransportError),
    0x80100066: ("SCARD_W_UNRESPONSIVE_CARD", MuteCardError),
    0x80100067: ("SCARD_W_UNPOWERED_CARD", MuteCardError),
    W_RESET_CARD: ("SCARD_W_RESET_CARD", SharingViolationError),
    0x80100069: ("SCARD_W_REMOVED_CARD", CardRemovedError),
    0x8010006A: ("SCARD_W_SECURITY_VIOLATION", SharingViolationError),
}

_CODES_OF_A_GONE_CARD = frozenset(
    {
        E_UNKNOWN_READER,
        E_NO_SMARTCARD,
        0x80100016,  # NOT_TRANSACTED: what pcsclite says until its next poll finds the slot empty
        0x80100017,  # READER_UNAVAILABLE
        0x80100067,  # UNPOWERED_CARD
        0x80100069,  # REMOVED_CARD
    }
)
"""What means "the card or its reader went away" when a connection to it had been made."""

_CODES: dict[int, ErrorCode] = {
    E_NO_MEMORY: ErrorCode.INTERNAL,
    E_PROTO_MISMATCH: ErrorCode.UNSUPPORTED_CARD,
    0x80100065: ErrorCode.UNSUPPORTED_CARD,  # UNSUPPORTED_CARD
}
"""Where the code of the error's kind would not say what happened."""


def unsigned(result: int) -> int:
    """Return a return code as an unsigned number: on some systems pyscard's are negative."""
    return result & 0xFFFFFFFF


def error_of(call: str, code: int, *, connected: bool = False) -> TransportError:
    """Return the error that a PC/SC return code stands for.

    Args:
        call: the function that returned it, for the log.
        code: unsigned, not 0.
        connected: whether the call was made on a connection to a card.

    """
    name, kind = _FAILURES.get(code, ("an unknown code", TransportError))
    detail = f"{call}: {name} (0x{code:08X})"
    if connected and code in _CODES_OF_A_GONE_CARD:
        return CardRemovedError(detail)
    return kind(detail, code=_CODES.get(code))
