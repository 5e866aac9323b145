"""The numbers that JRSYS's pages get as ``RV``, with their texts, and our error codes in them.

Of the numbers only 0 ("good") is read anywhere. The others are inferred: PKCS#11 return values
(CKR_…), because the component drives a PKCS#11 library. Pages put the texts into HTML: no text has
a character of markup, and none repeats what a page or a card said.
"""

from collections.abc import Mapping
from enum import IntEnum, unique
from typing import Final

from agent.cms.errors import CmsError
from agent.errors import (
    AgentError,
    ErrorCode,
    OtherCardError,
    SeveralCardsError,
    SpoiltCertificateError,
    WeakHashError,
)


@unique
class ReturnValue(IntEnum):
    """``RV``, and ``Pro.rv`` of the older dialect."""

    GOOD = 0
    FAILED = 6  # CKR_FUNCTION_FAILED
    PARAMETER = 7  # CKR_ARGUMENTS_BAD
    DATA = 32  # CKR_DATA_INVALID
    TOO_LONG = 33  # CKR_DATA_LEN_RANGE
    READER = 48  # CKR_DEVICE_ERROR
    CARD_PULLED = 50  # CKR_DEVICE_REMOVED
    ENVELOPE = 64  # CKR_ENCRYPTED_DATA_INVALID
    CANCELLED = 80  # CKR_FUNCTION_CANCELED
    NOT_OFFERED = 84  # CKR_FUNCTION_NOT_SUPPORTED
    MECHANISM = 112  # CKR_MECHANISM_INVALID
    OBJECT_MISSING = 130  # CKR_OBJECT_HANDLE_INVALID
    PIN_WRONG = 160  # CKR_PIN_INCORRECT
    PIN_FORM = 162  # CKR_PIN_LEN_RANGE
    PIN_IS_LOCKED = 164  # CKR_PIN_LOCKED
    CARD_MISSING = 224  # CKR_TOKEN_NOT_PRESENT
    CARD_FOREIGN = 225  # CKR_TOKEN_NOT_RECOGNIZED
    BLOCKED = 512  # CKR_FUNCTION_REJECTED


TEXTS: Final[Mapping[ReturnValue, str]] = {
    ReturnValue.FAILED: "執行失敗或元件忙碌中，請稍後再試",
    ReturnValue.PARAMETER: "參數錯誤",
    ReturnValue.DATA: "資料格式錯誤",
    ReturnValue.TOO_LONG: "資料過長",
    ReturnValue.READER: "找不到讀卡機，或讀卡機、卡片沒有正常回應",
    ReturnValue.CARD_PULLED: "卡片在執行中被取出",
    ReturnValue.ENVELOPE: "無法解密",
    ReturnValue.CANCELLED: "使用者已取消，或未允許此網站",
    ReturnValue.NOT_OFFERED: "本元件不提供這項功能",
    ReturnValue.MECHANISM: "不支援的演算法",
    ReturnValue.OBJECT_MISSING: "找不到可用的憑證或金鑰",
    ReturnValue.PIN_WRONG: "PIN 碼錯誤",
    ReturnValue.PIN_FORM: "PIN 碼長度或格式錯誤",
    ReturnValue.PIN_IS_LOCKED: "PIN 碼已鎖定",
    ReturnValue.CARD_MISSING: "未插入卡片",
    ReturnValue.CARD_FOREIGN: "不是指定的卡片，或不支援這張卡片",
    ReturnValue.BLOCKED: "此網站已被封鎖，或管理政策不允許",
}

_NUMBERS: Final[Mapping[ErrorCode, ReturnValue]] = {
    ErrorCode.BAD_REQUEST: ReturnValue.PARAMETER,
    ErrorCode.TOO_LARGE: ReturnValue.TOO_LONG,
    ErrorCode.ORIGIN_NOT_ALLOWED: ReturnValue.CANCELLED,
    ErrorCode.ORIGIN_BLOCKED: ReturnValue.BLOCKED,
    ErrorCode.BLIND_NOT_ALLOWED: ReturnValue.CANCELLED,
    ErrorCode.INSECURE_ORIGIN: ReturnValue.BLOCKED,
    ErrorCode.RATE_LIMITED: ReturnValue.FAILED,
    ErrorCode.USER_CANCELLED: ReturnValue.CANCELLED,
    ErrorCode.TIMEOUT: ReturnValue.FAILED,
    ErrorCode.BUSY: ReturnValue.FAILED,
    ErrorCode.WINDOW_UNAVAILABLE: ReturnValue.FAILED,
    ErrorCode.NO_READER: ReturnValue.READER,
    ErrorCode.NO_CARD: ReturnValue.CARD_MISSING,
    ErrorCode.CARD_REMOVED: ReturnValue.CARD_PULLED,
    ErrorCode.CARD_MUTE: ReturnValue.READER,
    ErrorCode.CARD_ERROR: ReturnValue.READER,
    ErrorCode.UNSUPPORTED_CARD: ReturnValue.CARD_FOREIGN,
    ErrorCode.PIN_REQUIRED: ReturnValue.PIN_FORM,
    ErrorCode.PIN_INCORRECT: ReturnValue.PIN_WRONG,
    ErrorCode.PIN_LAST_ATTEMPT: ReturnValue.CANCELLED,
    ErrorCode.PIN_LOCKED: ReturnValue.PIN_IS_LOCKED,
    ErrorCode.PIN_LENGTH: ReturnValue.PIN_FORM,
    ErrorCode.CERTIFICATE_EXPIRED: ReturnValue.OBJECT_MISSING,
    ErrorCode.CERTIFICATE_NOT_YET_VALID: ReturnValue.OBJECT_MISSING,
    ErrorCode.KEY_NOT_FOUND: ReturnValue.OBJECT_MISSING,
    ErrorCode.OTHER_RECIPIENT: ReturnValue.OBJECT_MISSING,
    ErrorCode.NOT_DECRYPTABLE: ReturnValue.ENVELOPE,
    ErrorCode.PCSC_UNAVAILABLE: ReturnValue.READER,
    ErrorCode.DOCUMENT_DAMAGED: ReturnValue.PARAMETER,
    ErrorCode.DOCUMENT_ENCRYPTED: ReturnValue.PARAMETER,
    ErrorCode.DOCUMENT_PASSWORD_INCORRECT: ReturnValue.PARAMETER,
    ErrorCode.DOCUMENT_FORBIDS_SIGNING: ReturnValue.PARAMETER,
    ErrorCode.DOCUMENT_UNSUPPORTED: ReturnValue.PARAMETER,
    ErrorCode.DOCUMENT_CHANGED: ReturnValue.PARAMETER,
    ErrorCode.TOKEN_MODULE_FAILED: ReturnValue.FAILED,
    ErrorCode.TIMESTAMP_FAILED: ReturnValue.FAILED,
    ErrorCode.EVIDENCE_MISSING: ReturnValue.FAILED,
    ErrorCode.INTERNAL: ReturnValue.FAILED,
}

_CLOSER: Final[Mapping[ErrorCode, str]] = {
    ErrorCode.USER_CANCELLED: "使用者已取消",
    ErrorCode.ORIGIN_NOT_ALLOWED: "使用者未允許此網站",
    ErrorCode.BLIND_NOT_ALLOWED: "使用者未允許此網站簽署無法顯示的內容",
    ErrorCode.INSECURE_ORIGIN: "網頁連線未加密，不能使用這項功能",
    ErrorCode.PIN_LAST_ATTEMPT: "剩餘機會不多或未知，未經使用者確認，沒有送出 PIN 碼",
    ErrorCode.UNSUPPORTED_CARD: "不支援這張卡片",
    ErrorCode.NO_READER: "找不到讀卡機",
    ErrorCode.PCSC_UNAVAILABLE: "系統的智慧卡服務未啟動",
    ErrorCode.CARD_MUTE: "讀卡機裡有東西，但沒有回應，請取出卡片，確認晶片方向後再插入",
    ErrorCode.CARD_ERROR: "讀卡機或卡片沒有正常回應，請取出卡片後重新插入",
    ErrorCode.TIMEOUT: "逾時",
    ErrorCode.RATE_LIMITED: "要求過於頻繁，請稍後再試",
    ErrorCode.WINDOW_UNAVAILABLE: "安控無法在這台電腦上顯示視窗",
    ErrorCode.PIN_REQUIRED: "未輸入 PIN 碼",
    ErrorCode.CERTIFICATE_EXPIRED: "憑證已過期",
    ErrorCode.CERTIFICATE_NOT_YET_VALID: "憑證尚未生效",
    ErrorCode.OTHER_RECIPIENT: "這份資料不是以這張卡片的憑證加密",
}
"""What can be said more closely than the number does."""

_SPECIAL: Final[Mapping[type[AgentError], tuple[ReturnValue, str]]] = {
    SpoiltCertificateError: (ReturnValue.OBJECT_MISSING, ""),
    OtherCardError: (ReturnValue.CARD_FOREIGN, ""),
    SeveralCardsError: (ReturnValue.FAILED, "有多張卡片，請只留下要使用的一張"),
    WeakHashError: (ReturnValue.MECHANISM, ""),
}
"""The errors that their codes do not tell apart: number, and text where the number's is not it."""


class JrsysError(AgentError):
    """An outcome for which this protocol has a number of its own, most often a page's mistake."""

    code = ErrorCode.BAD_REQUEST

    def __init__(self, number: ReturnValue) -> None:
        super().__init__(number.name)
        self.number = number


def return_value(error: AgentError) -> tuple[ReturnValue, str]:
    """Return the number and the text of an error; a wrong PIN's tells the tries left, if known."""
    if isinstance(error, JrsysError):
        return error.number, TEXTS[error.number]
    for kind, (special, text) in _SPECIAL.items():
        if isinstance(error, kind):
            return special, text or TEXTS[special]
    number = _NUMBERS[error.code]
    if number is ReturnValue.PIN_WRONG and error.attempts_left is not None:
        return number, f"{TEXTS[number]}，剩餘 {error.attempts_left} 次機會"
    if isinstance(error, CmsError) and error.code is ErrorCode.BAD_REQUEST:
        number = ReturnValue.ENVELOPE  # of all messages, those that a card is to decrypt
    return number, _CLOSER.get(error.code, TEXTS[number])
