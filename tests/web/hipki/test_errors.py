"""The numbers that pages compare with."""

import json

import pytest

from agent.errors import AgentError, ErrorCode, PinError
from agent.web.hipki.errors import MAJOR_TEXTS, MINOR_TEXTS, HipkiError, Major, Minor, numbers
from agent.web.hipki.pages import error_script

EXPECTED = {
    ErrorCode.BAD_REQUEST: (1979711500, 0),
    ErrorCode.TOO_LARGE: (1979711498, 0),
    ErrorCode.ORIGIN_NOT_ALLOWED: (1979711537, 0),
    ErrorCode.ORIGIN_BLOCKED: (1979711537, 0),
    ErrorCode.BLIND_NOT_ALLOWED: (1979711537, 0),
    ErrorCode.INSECURE_ORIGIN: (1979711537, 0),
    ErrorCode.RATE_LIMITED: (1979711501, 0),
    ErrorCode.WINDOW_UNAVAILABLE: (1979711501, 0),
    ErrorCode.USER_CANCELLED: (1979713945, 0),
    ErrorCode.TIMEOUT: (1979711501, 0),
    ErrorCode.BUSY: (1980760069, 0),
    ErrorCode.NO_READER: (1980760067, 0),
    ErrorCode.NO_CARD: (1979711494, 0),
    ErrorCode.CARD_REMOVED: (1979711494, 0),
    ErrorCode.CARD_MUTE: (1980760075, 6),
    ErrorCode.CARD_ERROR: (1980760075, 6),
    ErrorCode.UNSUPPORTED_CARD: (1980760075, 0),
    ErrorCode.PIN_REQUIRED: (1979713944, 0),
    ErrorCode.PIN_INCORRECT: (1980760070, 160),
    ErrorCode.PIN_LAST_ATTEMPT: (1979713945, 0),
    ErrorCode.PIN_LOCKED: (1980760070, 164),
    ErrorCode.PIN_LENGTH: (1980760070, 162),
    ErrorCode.CERTIFICATE_EXPIRED: (1984954370, 0),
    ErrorCode.CERTIFICATE_NOT_YET_VALID: (1984954369, 0),
    ErrorCode.KEY_NOT_FOUND: (1980760077, 0),
    ErrorCode.OTHER_RECIPIENT: (1980760077, 0),
    ErrorCode.NOT_DECRYPTABLE: (1979711501, 6),
    ErrorCode.PCSC_UNAVAILABLE: (1980760067, 0),
    ErrorCode.DOCUMENT_DAMAGED: (1979711500, 0),
    ErrorCode.DOCUMENT_ENCRYPTED: (1979711500, 0),
    ErrorCode.DOCUMENT_PASSWORD_INCORRECT: (1979711500, 0),
    ErrorCode.DOCUMENT_FORBIDS_SIGNING: (1979711500, 0),
    ErrorCode.DOCUMENT_UNSUPPORTED: (1979711500, 0),
    ErrorCode.DOCUMENT_CHANGED: (1979711500, 0),
    ErrorCode.TOKEN_MODULE_FAILED: (1979711501, 6),
    ErrorCode.TIMESTAMP_FAILED: (1979711501, 6),
    ErrorCode.EVIDENCE_MISSING: (1979711501, 6),
    ErrorCode.INTERNAL: (1979711501, 6),
}


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_has_its_numbers(code: ErrorCode) -> None:
    found = numbers(AgentError(code=code)).fields()
    assert (found["ret_code"], found["last_error"]) == EXPECTED[code]


@pytest.mark.parametrize(
    ("left", "last_error"), [(2, -2147483646), (1, -2147483647), (None, 160), (3, 160), (0, 160)]
)
def test_a_wrong_pin_says_how_many_attempts_are_left(left: int | None, last_error: int) -> None:
    found = numbers(PinError(attempts_left=left)).fields()
    assert (found["ret_code"], found["last_error"]) == (0x76100006, last_error)


def test_the_signed_numbers_are_those_of_32_bits() -> None:
    assert Minor.ONE_ATTEMPT_LEFT == 0x80000001 - 2**32
    assert Minor.TWO_ATTEMPTS_LEFT == 0x80000002 - 2**32


def test_every_number_has_a_text_that_can_be_pasted_into_json() -> None:
    assert set(MAJOR_TEXTS) == set(Major) - {Major.SUCCESS}
    assert set(MINOR_TEXTS) == set(Minor) - {Minor.NONE}
    for text in (*MAJOR_TEXTS.values(), *MINOR_TEXTS.values()):
        assert json.loads(f'{{"message":"{text}"}}')["message"] == text


@pytest.mark.parametrize("major", [major for major in Major if major])
def test_a_mistake_of_the_page_has_its_own_number(major: Major) -> None:
    assert numbers(HipkiError(major)).fields() == {
        "ret_code": int(major),
        "last_error": 0,
        "message": MAJOR_TEXTS[major],
    }


def test_success_has_no_text() -> None:
    from agent.web.hipki.errors import ErrorNumbers

    assert ErrorNumbers(Major.SUCCESS).fields() == {"ret_code": 0, "last_error": 0}


def test_pages_find_the_texts_as_script() -> None:
    script = error_script()
    assert '"1979711537": "在未授權的網站執行元件"' in script
    assert "function MajorErrorReason(" in script
    assert "function MinorErrorReason(" in script
