"""Every refusal of the portal: its code, its HTTP status, and what it says to a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final


@unique
class PortalCode(StrEnum):
    """Every code that the portal answers with; stable, part of its API."""

    BAD_REQUEST = "bad_request"
    NOT_FOUND = "not_found"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    RATE_LIMITED = "rate_limited"
    NOT_LOGGED_IN = "not_logged_in"
    CONTACT_INVALID = "contact_invalid"
    OTP_INCORRECT = "otp_incorrect"
    OTP_EXPIRED = "otp_expired"
    TOO_MANY_TRIES = "too_many_tries"
    ID_NUMBER_INVALID = "id_number_invalid"
    CHALLENGE_UNKNOWN = "challenge_unknown"
    CHALLENGE_EXPIRED = "challenge_expired"
    CHALLENGE_USED = "challenge_used"
    SIGNATURE_INVALID = "signature_invalid"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_NOT_ACTIVATED = "certificate_not_activated"
    REVOCATION_UNKNOWN = "revocation_unknown"
    WRONG_KEY_USAGE = "wrong_key_usage"
    ID_NUMBER_MISMATCH = "id_number_mismatch"
    IDENTITY_NOT_CONFIRMED = "identity_not_confirmed"
    IDENTITY_SERVICE_UNAVAILABLE = "identity_service_unavailable"
    ALREADY_GOLD = "already_gold"
    ID_NUMBER_TAKEN = "id_number_taken"
    CARD_NOT_REGISTERED = "card_not_registered"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class PortalRefusal:
    """What goes with a code.

    Attributes:
        status: the HTTP status (RFC 9110 §15).
        retriable: whether the same person may try the same thing again and succeed.
        zh_hant: one or two sentences in Traditional Chinese; the last says what to do next.
        en: the same in English.

    """

    status: int
    retriable: bool
    zh_hant: str
    en: str


class PortalError(Exception):
    """The portal refuses; ``detail`` is for the log and never holds personal data."""

    def __init__(self, code: PortalCode, detail: str = "") -> None:
        super().__init__(code.value)
        self.code = code
        self.detail = detail


REFUSALS: Final[Mapping[PortalCode, PortalRefusal]] = MappingProxyType(
    {
        PortalCode.BAD_REQUEST: PortalRefusal(
            400,
            False,
            "網站看不懂這個請求。請重新整理頁面後再試一次。",
            "The site did not understand this request. Please reload the page and try again.",
        ),
        PortalCode.NOT_FOUND: PortalRefusal(
            404,
            False,
            "沒有這個頁面。請回到首頁。",
            "There is no such page. Please go back to the start page.",
        ),
        PortalCode.ORIGIN_NOT_ALLOWED: PortalRefusal(
            403,
            False,
            "這個請求不是從本網站送出的，已經擋下。請直接開啟本網站再操作。",
            "This request did not come from this site and was stopped. "
            "Please open the site itself and try there.",
        ),
        PortalCode.RATE_LIMITED: PortalRefusal(
            429,
            True,
            "操作太頻繁了。請稍候一分鐘再試。",
            "That was too often in a short time. Please wait a minute and try again.",
        ),
        PortalCode.NOT_LOGGED_IN: PortalRefusal(
            401,
            False,
            "您尚未登入，或登入已逾時。請重新登入。",
            "You are not logged in, or your session has ended. Please log in again.",
        ),
        PortalCode.CONTACT_INVALID: PortalRefusal(
            400,
            True,
            "請輸入 09 開頭的十碼手機號碼，或一個電子郵件信箱。",
            "Please enter a ten-digit mobile number that begins with 09, or an e-mail address.",
        ),
        PortalCode.OTP_INCORRECT: PortalRefusal(
            403,
            True,
            "驗證碼不正確。請核對後再輸入一次。",
            "The code is not correct. Please check it and enter it again.",
        ),
        PortalCode.OTP_EXPIRED: PortalRefusal(
            410,
            True,
            "驗證碼已經失效。請重新取得驗證碼。",
            "The code is no longer valid. Please ask for a new one.",
        ),
        PortalCode.TOO_MANY_TRIES: PortalRefusal(
            429,
            True,
            "嘗試次數太多了。請過十五分鐘再重新取得驗證碼。",
            "There were too many tries. Please wait fifteen minutes and ask for a new code.",
        ),
        PortalCode.ID_NUMBER_INVALID: PortalRefusal(
            422,
            True,
            "身分證字號的格式或檢查碼不正確。請核對後重新輸入。",
            "The ID number has a wrong form or check digit. Please check it and enter it again.",
        ),
        PortalCode.CHALLENGE_UNKNOWN: PortalRefusal(
            404,
            True,
            "找不到這次的驗證，可能已在別的分頁登出。請重新開始驗證。",
            "This verification is not known, perhaps after a log-out in another tab. "
            "Please start it again.",
        ),
        PortalCode.CHALLENGE_EXPIRED: PortalRefusal(
            410,
            True,
            "這次的驗證已超過五分鐘。請重新開始驗證。",
            "This verification took longer than five minutes. Please start it again.",
        ),
        PortalCode.CHALLENGE_USED: PortalRefusal(
            409,
            True,
            "這次的驗證已經用過一次了。請重新開始驗證。",
            "This verification has been used already. Please start it again.",
        ),
        PortalCode.SIGNATURE_INVALID: PortalRefusal(
            422,
            True,
            "卡片的簽章沒有通過驗證。請不要更換卡片，重新驗證一次。",
            "The card's signature could not be verified. "
            "Please leave the card in the reader and try again.",
        ),
        PortalCode.CERTIFICATE_UNTRUSTED: PortalRefusal(
            403,
            False,
            "這張卡片不是本網站接受的憑證機構所發。請改用自然人憑證。",
            "This card was not issued by an authority that this site accepts. "
            "Please use a citizen certificate card.",
        ),
        PortalCode.CERTIFICATE_EXPIRED: PortalRefusal(
            403,
            False,
            "卡片上的憑證已經過期。請先申請展期或換發，再回來驗證。",
            "The certificate on the card has expired. "
            "Please renew or replace it first, then come back.",
        ),
        PortalCode.CERTIFICATE_NOT_YET_VALID: PortalRefusal(
            403,
            False,
            "卡片上的憑證尚未生效。請在生效日之後再來驗證。",
            "The certificate on the card is not valid yet. "
            "Please come back on or after its first day.",
        ),
        PortalCode.CERTIFICATE_REVOKED: PortalRefusal(
            403,
            False,
            "卡片上的憑證已經廢止。請重新申辦自然人憑證。",
            "The certificate on the card has been revoked. "
            "Please apply for a new citizen certificate.",
        ),
        PortalCode.CERTIFICATE_NOT_ACTIVATED: PortalRefusal(
            403,
            False,
            "這張卡片還沒有開卡。請先完成開卡，再回來驗證。",
            "This card has not been activated. Please activate it first, then come back.",
        ),
        PortalCode.REVOCATION_UNKNOWN: PortalRefusal(
            503,
            True,
            "目前查不到憑證是否已廢止，為了安全先不繼續。請稍後再試。",
            "Whether the certificate has been revoked cannot be found out right now, "
            "so we stop here to be safe. Please try again later.",
        ),
        PortalCode.WRONG_KEY_USAGE: PortalRefusal(
            403,
            False,
            "這份簽章用的不是卡片的簽章憑證。請選擇簽章用的憑證再試。",
            "The signature was not made with the card's signing certificate. "
            "Please choose that one and try again.",
        ),
        PortalCode.ID_NUMBER_MISMATCH: PortalRefusal(
            403,
            True,
            "輸入的身分證字號和卡片不是同一個人。請核對字號，並使用本人的卡片。",
            "The ID number and the card do not belong to the same person. "
            "Please check the number and use your own card.",
        ),
        PortalCode.IDENTITY_NOT_CONFIRMED: PortalRefusal(
            403,
            False,
            "憑證管理中心沒有確認這張卡片屬於您輸入的身分證字號。請核對字號或洽憑證管理中心。",
            "The certification authority did not confirm that this card belongs to that ID number. "
            "Please check the number or ask the authority.",
        ),
        PortalCode.IDENTITY_SERVICE_UNAVAILABLE: PortalRefusal(
            503,
            True,
            "身分確認服務暫時沒有回應。請稍後再試。",
            "The identity service is not answering at the moment. Please try again later.",
        ),
        PortalCode.ALREADY_GOLD: PortalRefusal(
            409,
            False,
            "您已經是金質會員，不需要再升級。",
            "You are a gold member already; there is nothing more to do.",
        ),
        PortalCode.ID_NUMBER_TAKEN: PortalRefusal(
            409,
            False,
            "這個身分證字號已經有一位金質會員。請改用那個帳號或以卡片登入。",
            "There is a gold member with this ID number already. "
            "Please log in to that account, or log in with the card.",
        ),
        PortalCode.CARD_NOT_REGISTERED: PortalRefusal(
            403,
            False,
            "這張卡片還沒有連結任何會員。請先用手機或電子郵件登入並升級金質會員。",
            "This card is not linked to a member. "
            "Please log in by mobile or e-mail and become a gold member first.",
        ),
        PortalCode.INTERNAL: PortalRefusal(
            500,
            True,
            "網站發生錯誤，您的資料沒有變動。請稍後再試。",
            "Something went wrong on the site and nothing was changed. Please try again later.",
        ),
    }
)
