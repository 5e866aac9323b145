"""Return codes of PC/SC part 5, by number, and what they mean to a page."""

import pytest
from smartcard import scard

from agent.errors import (
    CardRemovedError,
    NoCardError,
    NoReaderError,
    ServiceUnavailableError,
    SharingViolationError,
    TransportError,
)
from agent.transport import pcsc_codes
from agent.transport.pcsc_codes import error_of, unsigned

CODES = {
    0x80100003: ("SCARD_E_INVALID_HANDLE", ServiceUnavailableError),
    0x80100006: ("SCARD_E_NO_MEMORY", TransportError),
    0x80100008: ("SCARD_E_INSUFFICIENT_BUFFER", TransportError),
    0x80100009: ("SCARD_E_UNKNOWN_READER", NoReaderError),
    0x8010000A: ("SCARD_E_TIMEOUT", TransportError),
    0x8010000B: ("SCARD_E_SHARING_VIOLATION", SharingViolationError),
    0x8010000C: ("SCARD_E_NO_SMARTCARD", NoCardError),
    0x8010000F: ("SCARD_E_PROTO_MISMATCH", TransportError),
    0x80100010: ("SCARD_E_NOT_READY", TransportError),
    0x80100012: ("SCARD_E_SYSTEM_CANCELLED", ServiceUnavailableError),
    0x80100013: ("SCARD_F_COMM_ERROR", ServiceUnavailableError),
    0x80100016: ("SCARD_E_NOT_TRANSACTED", TransportError),
    0x80100017: ("SCARD_E_READER_UNAVAILABLE", NoReaderError),
    0x80100018: ("SCARD_P_SHUTDOWN", ServiceUnavailableError),
    0x8010001D: ("SCARD_E_NO_SERVICE", ServiceUnavailableError),
    0x8010001E: ("SCARD_E_SERVICE_STOPPED", ServiceUnavailableError),
    0x8010002E: ("SCARD_E_NO_READERS_AVAILABLE", NoReaderError),
    0x80100031: ("SCARD_E_SERVER_TOO_BUSY", SharingViolationError),
    0x80100065: ("SCARD_W_UNSUPPORTED_CARD", TransportError),
    0x80100068: ("SCARD_W_RESET_CARD", SharingViolationError),
    0x80100069: ("SCARD_W_REMOVED_CARD", CardRemovedError),
    0x8010006A: ("SCARD_W_SECURITY_VIOLATION", SharingViolationError),
    0x80109999: ("an unknown code", TransportError),
}
GONE = {0x80100009, 0x8010000C, 0x80100016, 0x80100017, 0x80100067, 0x80100069}


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_named_and_becomes_an_error(code: int) -> None:
    name, kind = CODES[code]
    error = error_of("SCardConnect", code)
    assert type(error) is kind
    assert error.detail == f"SCardConnect: {name} (0x{code:08X})"


@pytest.mark.parametrize("code", sorted(GONE | CODES.keys()))
def test_a_card_that_went_away_is_told_from_one_that_was_never_there(code: int) -> None:
    error = error_of("SCardTransmit", code, connected=True)
    assert (type(error) is CardRemovedError) == (code in GONE)


def test_a_code_is_the_same_where_it_is_negative() -> None:
    assert unsigned(0x80100069 - 2**32) == unsigned(0x80100069) == 0x80100069
    assert unsigned(0) == 0


def test_the_numbers_are_those_that_pyscard_has() -> None:
    numbers = {name for name, value in vars(pcsc_codes).items() if isinstance(value, int)}
    assert len(numbers) > 20
    for name in numbers - {"MAX_ATR", "SUCCESS"}:
        assert getattr(pcsc_codes, name) == unsigned(getattr(scard, f"SCARD_{name}")), name
