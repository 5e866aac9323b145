"""The base of every error that one package of the agent raises to another.

A page gets the code, the log gets the detail, and "may the user try again?" is always answerable.
"""

from collections.abc import Mapping
from enum import StrEnum, unique
from math import ceil


@unique
class ErrorCode(StrEnum):
    """Every code that the native API can answer with; stable, part of the API."""

    BAD_REQUEST = "bad_request"
    TOO_LARGE = "too_large"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    ORIGIN_BLOCKED = "origin_blocked"
    BLIND_NOT_ALLOWED = "blind_not_allowed"
    INSECURE_ORIGIN = "insecure_origin"
    RATE_LIMITED = "rate_limited"
    USER_CANCELLED = "user_cancelled"
    TIMEOUT = "timeout"
    BUSY = "busy"
    WINDOW_UNAVAILABLE = "window_unavailable"
    NO_READER = "no_reader"
    NO_CARD = "no_card"
    CARD_REMOVED = "card_removed"
    CARD_MUTE = "card_mute"
    CARD_ERROR = "card_error"
    UNSUPPORTED_CARD = "unsupported_card"
    PIN_REQUIRED = "pin_required"
    PIN_INCORRECT = "pin_incorrect"
    PIN_LAST_ATTEMPT = "pin_last_attempt"
    PIN_LOCKED = "pin_locked"
    PIN_LENGTH = "pin_length"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    KEY_NOT_FOUND = "key_not_found"
    OTHER_RECIPIENT = "other_recipient"
    NOT_DECRYPTABLE = "not_decryptable"
    PCSC_UNAVAILABLE = "pcsc_unavailable"
    DOCUMENT_DAMAGED = "document_damaged"
    DOCUMENT_ENCRYPTED = "document_encrypted"
    DOCUMENT_PASSWORD_INCORRECT = "document_password_incorrect"  # noqa: S105  # a code
    DOCUMENT_FORBIDS_SIGNING = "document_forbids_signing"
    DOCUMENT_UNSUPPORTED = "document_unsupported"
    DOCUMENT_CHANGED = "document_changed"
    TOKEN_MODULE_FAILED = "token_module_failed"  # noqa: S105  # a code
    TIMESTAMP_FAILED = "timestamp_failed"
    EVIDENCE_MISSING = "evidence_missing"
    INTERNAL = "internal"


RETRIABLE = frozenset(
    {
        ErrorCode.RATE_LIMITED,
        ErrorCode.USER_CANCELLED,
        ErrorCode.TIMEOUT,
        ErrorCode.BUSY,
        ErrorCode.WINDOW_UNAVAILABLE,
        ErrorCode.NO_READER,
        ErrorCode.NO_CARD,
        ErrorCode.CARD_REMOVED,
        ErrorCode.CARD_MUTE,
        ErrorCode.CARD_ERROR,
        ErrorCode.PIN_REQUIRED,
        ErrorCode.PIN_INCORRECT,
        ErrorCode.PIN_LAST_ATTEMPT,
        ErrorCode.PIN_LENGTH,
        ErrorCode.PCSC_UNAVAILABLE,
        ErrorCode.DOCUMENT_PASSWORD_INCORRECT,
        ErrorCode.DOCUMENT_CHANGED,
        ErrorCode.TOKEN_MODULE_FAILED,
        ErrorCode.TIMESTAMP_FAILED,
    }
)
"""The codes after which the same request may succeed once the user has done something."""


class AgentError(Exception):
    """The root of every error that this program raises on purpose.

    Attributes:
        code: what a page is told.
        retriable: whether the user may try the same thing again.
        attempts_left: PIN attempts that the card said are left, 0 to 15, where it said so.
        retry_after: whole seconds after which to try again, 1 or more, where that is known.
        detail: for the log only; never a PIN, never document content.
        said: what people are told on the command line: a key of the catalogue, and the facts that
            its text takes; None where the code's own sentence and ``detail`` say it.

    """

    code: ErrorCode = ErrorCode.INTERNAL
    retry_after: int | None = None

    def __init__(
        self,
        detail: str = "",
        *,
        code: ErrorCode | None = None,
        attempts_left: int | None = None,
        said: tuple[str, Mapping[str, object]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.said = said
        if code is not None:
            self.code = code
        self.detail = detail
        self.attempts_left = attempts_left

    @property
    def retriable(self) -> bool:
        """Whether the user may try again, by the code."""
        return self.code in RETRIABLE


class BadRequestError(AgentError):
    """The caller asked for something that makes no sense; its own fault, never the card's."""

    code = ErrorCode.BAD_REQUEST


class WeakHashError(BadRequestError):
    """A signature with SHA-1 is asked for where none is made."""


class TooLargeError(AgentError):
    """Something is longer than is taken; ``detail`` says how long it may be, fit for everybody."""

    code = ErrorCode.TOO_LARGE


class RateLimitedError(AgentError):
    """Somebody asks too much; in ``retry_after`` seconds they may ask again."""

    code = ErrorCode.RATE_LIMITED

    def __init__(self, detail: str, seconds: float = 1.0) -> None:
        """Say how long to wait.

        Args:
            detail: for the log.
            seconds: until it is worth trying again; a guess where it depends on others.

        """
        super().__init__(detail)
        self.retry_after = max(1, ceil(seconds))


class SeveralCardsError(BadRequestError):
    """Several cards could be meant, the request names none, and nobody can be asked."""


class TransportError(AgentError):
    """The reader, or the way to it, failed."""

    code = ErrorCode.CARD_ERROR


class ServiceUnavailableError(TransportError):
    """The PC/SC service is not running, or went away."""

    code = ErrorCode.PCSC_UNAVAILABLE


class NoReaderError(TransportError):
    """There is no reader of that name, or none at all."""

    code = ErrorCode.NO_READER


class NoCardError(TransportError):
    """The reader is empty."""

    code = ErrorCode.NO_CARD


class OtherCardError(NoCardError):
    """Cards are there, but not the one that was named."""


class CardRemovedError(TransportError):
    """The card or its reader went away while it was in use."""

    code = ErrorCode.CARD_REMOVED


class MuteCardError(TransportError):
    """Something is in the reader, but answers nothing: wrong way round, or dirty contacts."""

    code = ErrorCode.CARD_MUTE


class SharingViolationError(TransportError):
    """Another program holds the card for itself."""

    code = ErrorCode.BUSY


class CardError(AgentError):
    """The card answered something that its driver cannot use.

    ``status_word`` is the ISO 7816-4 status word, 0 where none was involved.
    """

    code = ErrorCode.CARD_ERROR

    def __init__(
        self,
        detail: str = "",
        *,
        status_word: int = 0,
        code: ErrorCode | None = None,
        attempts_left: int | None = None,
    ) -> None:
        super().__init__(detail, code=code, attempts_left=attempts_left)
        self.status_word = status_word


class UnsupportedCardError(CardError):
    """The card is none that we have a driver for, or its files are not what that driver knows."""

    code = ErrorCode.UNSUPPORTED_CARD


class OtherGenerationError(UnsupportedCardError):
    """The card does not know the driver's root; nothing else was asked of it."""


class SpoiltCertificateError(UnsupportedCardError):
    """One certificate on the card is garbage; the rest of the card may be good."""


class KeyNotFoundError(CardError):
    """The card carries no such key or certificate."""

    code = ErrorCode.KEY_NOT_FOUND


class SecureChannelError(CardError):
    """The secure channel could not be opened, or was broken; always the same words."""


class CryptogramError(AgentError):
    """A cryptogram does not open with the card's key; always the same, whatever is wrong with it.

    That is the fault of whoever made it: what the card did has been checked before.
    """

    code = ErrorCode.NOT_DECRYPTABLE

    def __init__(self) -> None:
        super().__init__("decryption failed")


class PinError(CardError):
    """The PIN is missing, of the wrong length, wrong, or locked: the code says which."""

    code = ErrorCode.PIN_INCORRECT
