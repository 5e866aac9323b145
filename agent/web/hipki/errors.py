"""The old component's error numbers, which pages compare with, and our error codes in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final

from agent.consent.questions import UnaskedError
from agent.errors import AgentError, ErrorCode, OtherCardError, SpoiltCertificateError


@unique
class Major(IntEnum):
    """``ret_code``, unsigned 32 bits."""

    SUCCESS = 0
    KEY_MISSING = 0x76000001
    CERTIFICATE_MISSING = 0x76000002
    TBS_MISSING = 0x76000003
    CIPHER_MISSING = 0x76000004
    LIBRARY_MISSING = 0x76000005
    NO_CARD = 0x76000006
    NOT_LOGGED_IN = 0x76000007
    WRONG_TYPE = 0x76000008
    FILE = 0x76000009
    TOO_LARGE = 0x7600000A
    BAD_JSON = 0x7600000B
    BAD_PARAMETER = 0x7600000C
    FAILED = 0x7600000D
    UNSUPPORTED_METHOD = 0x7600000E
    FORBIDDEN_DOMAIN = 0x7600000F
    UNTRUSTED_SITE = 0x76000031
    PIN_MISSING = 0x76000998
    CANCELLED = 0x76000999
    LIBRARY_LOADING = 0x76100001
    LIBRARY_ENDING = 0x76100002
    NO_READER = 0x76100003
    READER_INFORMATION = 0x76100004
    SESSION = 0x76100005
    LOGIN = 0x76100006
    LOGOUT = 0x76100007
    KEY_READING = 0x76100008
    CERTIFICATE_READING = 0x76100009
    LIBRARY_INFORMATION = 0x7610000A
    CARD_INFORMATION = 0x7610000B
    CERTIFICATE_NOT_FOUND = 0x7610000C
    KEY_NOT_FOUND = 0x7610000D
    DECRYPTION_DER = 0x76400001
    DECRYPTION_TYPE = 0x76400002
    DECRYPTION = 0x76400003
    NOT_YET_VALID = 0x76500001
    EXPIRED = 0x76500002
    BASE64_ENCODING = 0x76600001
    BASE64_DECODING = 0x76600002
    OTHER_CARD = 0x82000116


@unique
class Minor(IntEnum):
    """``last_error``: a PKCS#11 return value (CKR_…), or a signed number for the attempts left."""

    NONE = 0
    FUNCTION_FAILED = 0x06
    PIN_INCORRECT = 0xA0
    PIN_LENGTH = 0xA2
    PIN_LOCKED = 0xA4
    BUFFER_TOO_SMALL = 0x150
    ONE_ATTEMPT_LEFT = -2147483647
    TWO_ATTEMPTS_LEFT = -2147483646


MAJOR_TEXTS: Final[Mapping[Major, str]] = {
    Major.KEY_MISSING: "未輸入金鑰",
    Major.CERTIFICATE_MISSING: "未輸入憑證",
    Major.TBS_MISSING: "未輸入待簽訊息",
    Major.CIPHER_MISSING: "未輸入密文",
    Major.LIBRARY_MISSING: "未輸入函式庫檔案路徑",
    Major.NO_CARD: "未插入IC卡",
    Major.NOT_LOGGED_IN: "未登入",
    Major.WRONG_TYPE: "型態錯誤",
    Major.FILE: "檔案錯誤",
    Major.TOO_LARGE: "檔案過大",
    Major.BAD_JSON: "JSON格式錯誤",
    Major.BAD_PARAMETER: "參數錯誤",
    Major.FAILED: "執行檔錯誤或逾時",
    Major.UNSUPPORTED_METHOD: "不支援的方法",
    Major.FORBIDDEN_DOMAIN: "禁止存取的網域",
    Major.UNTRUSTED_SITE: "在未授權的網站執行元件",
    Major.PIN_MISSING: "未輸入PIN碼",
    Major.CANCELLED: "使用者已取消動作",
    Major.LIBRARY_LOADING: "無法載入IC卡函式庫檔案",
    Major.LIBRARY_ENDING: "結束IC卡函式庫失敗",
    Major.NO_READER: "無可用讀卡機",
    Major.READER_INFORMATION: "取得讀卡機資訊失敗",
    Major.SESSION: "取得session失敗",
    Major.LOGIN: "IC卡登入失敗",
    Major.LOGOUT: "IC卡登出失敗",
    Major.KEY_READING: "IC卡取得金鑰失敗",
    Major.CERTIFICATE_READING: "IC卡取得憑證失敗",
    Major.LIBRARY_INFORMATION: "取得函式庫資訊失敗",
    Major.CARD_INFORMATION: "IC卡卡片資訊失敗",
    Major.CERTIFICATE_NOT_FOUND: "找不到指定憑證",
    Major.KEY_NOT_FOUND: "找不到指定金鑰",
    Major.DECRYPTION_DER: "解密DER錯誤",
    Major.DECRYPTION_TYPE: "解密型態錯誤",
    Major.DECRYPTION: "解密錯誤",
    Major.NOT_YET_VALID: "憑證尚未生效",
    Major.EXPIRED: "憑證已逾期",
    Major.BASE64_ENCODING: "Base64編碼錯誤",
    Major.BASE64_DECODING: "Base64解碼錯誤",
    Major.OTHER_CARD: "卡號比對錯誤",
}

MINOR_TEXTS: Final[Mapping[Minor, str]] = {
    Minor.FUNCTION_FAILED: "函式失敗",
    Minor.PIN_INCORRECT: "PIN碼錯誤",
    Minor.PIN_LENGTH: "PIN碼長度錯誤",
    Minor.PIN_LOCKED: "已鎖卡",
    Minor.BUFFER_TOO_SMALL: "記憶體緩衝不足",
    Minor.ONE_ATTEMPT_LEFT: "PIN碼錯誤，剩餘一次機會",
    Minor.TWO_ATTEMPTS_LEFT: "PIN碼錯誤，剩餘兩次機會",
}

_NUMBERS: Final[Mapping[ErrorCode, tuple[Major, Minor]]] = {
    ErrorCode.BAD_REQUEST: (Major.BAD_PARAMETER, Minor.NONE),
    ErrorCode.TOO_LARGE: (Major.TOO_LARGE, Minor.NONE),
    ErrorCode.ORIGIN_NOT_ALLOWED: (Major.UNTRUSTED_SITE, Minor.NONE),
    ErrorCode.ORIGIN_BLOCKED: (Major.UNTRUSTED_SITE, Minor.NONE),
    ErrorCode.BLIND_NOT_ALLOWED: (Major.UNTRUSTED_SITE, Minor.NONE),
    ErrorCode.INSECURE_ORIGIN: (Major.UNTRUSTED_SITE, Minor.NONE),
    ErrorCode.RATE_LIMITED: (Major.FAILED, Minor.NONE),
    ErrorCode.USER_CANCELLED: (Major.CANCELLED, Minor.NONE),
    ErrorCode.TIMEOUT: (Major.FAILED, Minor.NONE),
    ErrorCode.BUSY: (Major.SESSION, Minor.NONE),
    ErrorCode.WINDOW_UNAVAILABLE: (Major.FAILED, Minor.NONE),
    ErrorCode.NO_READER: (Major.NO_READER, Minor.NONE),
    ErrorCode.NO_CARD: (Major.NO_CARD, Minor.NONE),
    ErrorCode.CARD_REMOVED: (Major.NO_CARD, Minor.NONE),
    ErrorCode.CARD_MUTE: (Major.CARD_INFORMATION, Minor.FUNCTION_FAILED),
    ErrorCode.CARD_ERROR: (Major.CARD_INFORMATION, Minor.FUNCTION_FAILED),
    ErrorCode.UNSUPPORTED_CARD: (Major.CARD_INFORMATION, Minor.NONE),
    ErrorCode.PIN_REQUIRED: (Major.PIN_MISSING, Minor.NONE),
    ErrorCode.PIN_INCORRECT: (Major.LOGIN, Minor.PIN_INCORRECT),
    ErrorCode.PIN_LAST_ATTEMPT: (Major.CANCELLED, Minor.NONE),
    ErrorCode.PIN_LOCKED: (Major.LOGIN, Minor.PIN_LOCKED),
    ErrorCode.PIN_LENGTH: (Major.LOGIN, Minor.PIN_LENGTH),
    ErrorCode.CERTIFICATE_EXPIRED: (Major.EXPIRED, Minor.NONE),
    ErrorCode.CERTIFICATE_NOT_YET_VALID: (Major.NOT_YET_VALID, Minor.NONE),
    ErrorCode.KEY_NOT_FOUND: (Major.KEY_NOT_FOUND, Minor.NONE),
    ErrorCode.OTHER_RECIPIENT: (Major.KEY_NOT_FOUND, Minor.NONE),
    ErrorCode.NOT_DECRYPTABLE: (Major.FAILED, Minor.FUNCTION_FAILED),
    ErrorCode.PCSC_UNAVAILABLE: (Major.NO_READER, Minor.NONE),
    ErrorCode.DOCUMENT_DAMAGED: (Major.BAD_PARAMETER, Minor.NONE),
    ErrorCode.DOCUMENT_ENCRYPTED: (Major.BAD_PARAMETER, Minor.NONE),
    ErrorCode.DOCUMENT_PASSWORD_INCORRECT: (Major.BAD_PARAMETER, Minor.NONE),
    ErrorCode.DOCUMENT_FORBIDS_SIGNING: (Major.BAD_PARAMETER, Minor.NONE),
    ErrorCode.DOCUMENT_UNSUPPORTED: (Major.BAD_PARAMETER, Minor.NONE),
    ErrorCode.DOCUMENT_CHANGED: (Major.BAD_PARAMETER, Minor.NONE),
    ErrorCode.TOKEN_MODULE_FAILED: (Major.FAILED, Minor.FUNCTION_FAILED),
    ErrorCode.TIMESTAMP_FAILED: (Major.FAILED, Minor.FUNCTION_FAILED),
    ErrorCode.EVIDENCE_MISSING: (Major.FAILED, Minor.FUNCTION_FAILED),
    ErrorCode.INTERNAL: (Major.FAILED, Minor.FUNCTION_FAILED),
}
REASONS: Final[Mapping[int, str]] = {
    Minor.PIN_INCORRECT: "pin_incorrect",
    Minor.PIN_LENGTH: "pin_length",
    Minor.PIN_LOCKED: "pin_locked",
    Minor.ONE_ATTEMPT_LEFT: "pin_incorrect_one",
    Minor.TWO_ATTEMPTS_LEFT: "pin_incorrect_two",
    Major.NO_CARD: "no_card",
    Major.FAILED: "failed",
    Major.CANCELLED: "cancelled",
    Major.NO_READER: "no_reader",
    Major.SESSION: "busy",
    Major.CARD_INFORMATION: "card_error",
    Major.NOT_YET_VALID: "not_yet_valid",
    Major.EXPIRED: "expired",
}
"""The keys of our own self-test's texts; pages get the texts above."""
_ATTEMPTS: Final = {1: Minor.ONE_ATTEMPT_LEFT, 2: Minor.TWO_ATTEMPTS_LEFT}


class HipkiError(AgentError):
    """A mistake of a page for which the old component has a number of its own."""

    code = ErrorCode.BAD_REQUEST

    def __init__(self, major: Major) -> None:
        super().__init__(major.name)
        self.major = major


@dataclass(frozen=True, slots=True)
class ErrorNumbers:
    """The outcome as a page is told it; success has numbers too."""

    ret_code: Major
    last_error: Minor = Minor.NONE

    def fields(self) -> dict[str, object]:
        """Return them as fields of a reply, with the text of each one that is not 0."""
        fields: dict[str, object] = {
            "ret_code": int(self.ret_code),
            "last_error": int(self.last_error),
        }
        if self.ret_code:
            fields["message"] = MAJOR_TEXTS[self.ret_code]
        if self.last_error:
            fields["message2"] = MINOR_TEXTS[self.last_error]
        return fields


def outcome_of(reply: Mapping[str, object]) -> str:
    """Return what a reply says for whoever develops a page: "ok", or its numbers in hex."""
    said = (reply.get("ret_code"), reply.get("last_error"))
    return (
        "/".join(f"0x{each % 2**32:X}" for each in said if isinstance(each, int) and each) or "ok"
    )


def numbers(error: AgentError) -> ErrorNumbers:
    """Return the numbers of an error; those of a wrong PIN tell how many attempts are left."""
    if isinstance(error, HipkiError):
        return ErrorNumbers(error.major)
    if isinstance(error, SpoiltCertificateError):
        return ErrorNumbers(Major.CERTIFICATE_READING)
    if isinstance(error, OtherCardError):
        return ErrorNumbers(Major.OTHER_CARD)
    if isinstance(error, UnaskedError) and error.is_about_site:
        return ErrorNumbers(Major.UNTRUSTED_SITE)  # so the page opens ours, where this is asked
    major, minor = _NUMBERS[error.code]
    if error.code is ErrorCode.PIN_INCORRECT:
        minor = _ATTEMPTS.get(error.attempts_left or 0, minor)
    return ErrorNumbers(major, minor)
