"""Every failure is a number that is not 0 and a Chinese text that can be put into HTML."""

import json

import pytest

from agent.cms.errors import CmsError
from agent.errors import (
    AgentError,
    CardError,
    CryptogramError,
    ErrorCode,
    OtherCardError,
    PinError,
    SeveralCardsError,
    SharingViolationError,
    SpoiltCertificateError,
    WeakHashError,
)
from agent.web.jrsys.errors import TEXTS, JrsysError, ReturnValue, return_value

EXPECTED = {
    ErrorCode.BAD_REQUEST: 7,
    ErrorCode.TOO_LARGE: 33,
    ErrorCode.ORIGIN_NOT_ALLOWED: 80,
    ErrorCode.ORIGIN_BLOCKED: 512,
    ErrorCode.BLIND_NOT_ALLOWED: 80,
    ErrorCode.INSECURE_ORIGIN: 512,
    ErrorCode.RATE_LIMITED: 6,
    ErrorCode.WINDOW_UNAVAILABLE: 6,
    ErrorCode.USER_CANCELLED: 80,
    ErrorCode.TIMEOUT: 6,
    ErrorCode.BUSY: 6,
    ErrorCode.NO_READER: 48,
    ErrorCode.NO_CARD: 224,
    ErrorCode.CARD_REMOVED: 50,
    ErrorCode.CARD_MUTE: 48,
    ErrorCode.CARD_ERROR: 48,
    ErrorCode.UNSUPPORTED_CARD: 225,
    ErrorCode.PIN_REQUIRED: 162,
    ErrorCode.PIN_INCORRECT: 160,
    ErrorCode.PIN_LAST_ATTEMPT: 80,
    ErrorCode.PIN_LOCKED: 164,
    ErrorCode.PIN_LENGTH: 162,
    ErrorCode.CERTIFICATE_EXPIRED: 130,
    ErrorCode.CERTIFICATE_NOT_YET_VALID: 130,
    ErrorCode.KEY_NOT_FOUND: 130,
    ErrorCode.OTHER_RECIPIENT: 130,
    ErrorCode.NOT_DECRYPTABLE: 64,
    ErrorCode.PCSC_UNAVAILABLE: 48,
    ErrorCode.DOCUMENT_DAMAGED: 7,
    ErrorCode.DOCUMENT_ENCRYPTED: 7,
    ErrorCode.DOCUMENT_PASSWORD_INCORRECT: 7,
    ErrorCode.DOCUMENT_FORBIDS_SIGNING: 7,
    ErrorCode.DOCUMENT_UNSUPPORTED: 7,
    ErrorCode.DOCUMENT_CHANGED: 7,
    ErrorCode.TOKEN_MODULE_FAILED: 6,
    ErrorCode.TIMESTAMP_FAILED: 6,
    ErrorCode.EVIDENCE_MISSING: 6,
    ErrorCode.INTERNAL: 6,
}
SPECIAL = [
    (SpoiltCertificateError(), 130),
    (OtherCardError(), 225),
    (SeveralCardsError(), 6),
    (WeakHashError(), 112),
    (SharingViolationError(), 6),
    (CryptogramError(), 64),
    (CmsError("malformed message"), 64),
    (CmsError("for another certificate", code=ErrorCode.OTHER_RECIPIENT), 130),
]
EVERY_ERROR = [
    *(AgentError("<b>&amp;\"'", code=code) for code in ErrorCode),
    *(error for error, _ in SPECIAL),
    *(JrsysError(number) for number in ReturnValue if number),
    *(PinError(attempts_left=left) for left in (None, *range(16))),
    CardError("<script>", status_word=0x6581),
]


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_has_its_number(code: ErrorCode) -> None:
    assert return_value(AgentError(code=code))[0] == EXPECTED[code]


@pytest.mark.parametrize(("error", "number"), SPECIAL)
def test_what_a_code_does_not_tell_apart_the_number_does(error: AgentError, number: int) -> None:
    assert return_value(error)[0] == number


@pytest.mark.parametrize("number", [number for number in ReturnValue if number])
def test_a_mistake_of_the_page_has_its_own_number(number: ReturnValue) -> None:
    assert return_value(JrsysError(number)) == (number, TEXTS[number])


@pytest.mark.parametrize("error", EVERY_ERROR, ids=repr)
def test_no_text_can_be_markup_or_break_out_of_a_string(error: AgentError) -> None:
    number, text = return_value(error)
    assert number
    assert text
    assert not set("<>&\"'\\`") & set(text)
    assert text.isprintable()
    assert json.loads(json.dumps(int(number))) == number


def test_a_wrong_pin_tells_the_tries_left_where_the_card_did() -> None:
    assert return_value(PinError(attempts_left=2)) == (160, "PIN 碼錯誤，剩餘 2 次機會")
    assert return_value(PinError(attempts_left=0)) == (160, "PIN 碼錯誤，剩餘 0 次機會")
    assert return_value(PinError()) == (160, "PIN 碼錯誤")
    assert "1" not in return_value(PinError(code=ErrorCode.PIN_LOCKED, attempts_left=1))[1]


def test_every_number_but_success_has_a_text() -> None:
    assert set(TEXTS) == set(ReturnValue) - {ReturnValue.GOOD}
