"""Saying no: the JSON form of an error, its HTTP status, and the log of what nobody expected.

A mount that must answer in another form has its routes say so (``Route.refuse``).
"""

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final, TypeAlias

import msgspec
import structlog
from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType

from agent.errors import AgentError, BadRequestError, ErrorCode, TooLargeError
from agent.origin import Origin
from agent.seldom import SeldomLog
from agent.web.front.answer import answer
from agent.web.front.guard import Refused

MAX_ID: Final = 2**53 - 1  # what every JSON reader keeps exact (RFC 8259 §6)
Id: TypeAlias = (
    Annotated[int, Meta(ge=0, le=MAX_ID)] | Annotated[str, Meta(min_length=1, max_length=64)]
)
AnyId: TypeAlias = Id | UnsetType | None
"""A request's id; unset where none is needed, None where it could not be read."""

_STATUS: Final = {
    ErrorCode.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    ErrorCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.ORIGIN_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    ErrorCode.ORIGIN_BLOCKED: HTTPStatus.FORBIDDEN,
    ErrorCode.BLIND_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    ErrorCode.INSECURE_ORIGIN: HTTPStatus.FORBIDDEN,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorCode.WINDOW_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.PCSC_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""All other codes are about the state of reader, card and PIN: 409 Conflict."""
_MESSAGES: Final = {
    ErrorCode.BAD_REQUEST: "the request makes no sense",
    ErrorCode.TOO_LARGE: "the request is too large",
    ErrorCode.ORIGIN_NOT_ALLOWED: ("this site is not allowed to do this; connect asks the user"),
    ErrorCode.ORIGIN_BLOCKED: "the user blocked this site",
    ErrorCode.BLIND_NOT_ALLOWED: (
        "this site may not have a bare signature over a digest, whose document nobody can show; "
        "a detached CMS over it, or a bare signature over the data, needs no such permission"
    ),
    ErrorCode.INSECURE_ORIGIN: "only a site with https can be logged in to",
    ErrorCode.RATE_LIMITED: "too many requests from this site",
    ErrorCode.USER_CANCELLED: "the request was cancelled",
    ErrorCode.TIMEOUT: "it took too long",
    ErrorCode.BUSY: "the card or the user is busy with another request",
    ErrorCode.WINDOW_UNAVAILABLE: (
        "the agent cannot show the user a window here; its doctor says why, and what to install"
    ),
    ErrorCode.NO_READER: "there is no such reader",
    ErrorCode.NO_CARD: "there is no card in the reader",
    ErrorCode.CARD_REMOVED: "the card was removed",
    ErrorCode.CARD_MUTE: (
        "something is in the reader, but answers nothing; turn the card over, or clean its contacts"
    ),
    ErrorCode.CARD_ERROR: (
        "the card or the reader gave no answer that can be used; take the card out and put it back"
    ),
    ErrorCode.UNSUPPORTED_CARD: "this card is not supported",
    ErrorCode.PIN_REQUIRED: "a PIN is needed",
    ErrorCode.PIN_INCORRECT: "the PIN is wrong",
    ErrorCode.PIN_LAST_ATTEMPT: "the user did not agree to spend what may be a last PIN attempt",
    ErrorCode.PIN_LOCKED: "the PIN is locked",
    ErrorCode.PIN_LENGTH: "the PIN is too short or too long; no attempt was spent",
    ErrorCode.CERTIFICATE_EXPIRED: "the certificate has expired",
    ErrorCode.CERTIFICATE_NOT_YET_VALID: "the certificate is not valid yet",
    ErrorCode.KEY_NOT_FOUND: "the card has no such key or certificate",
    ErrorCode.OTHER_RECIPIENT: (
        "the message is encrypted for none of the certificates on this card: for somebody else, or "
        "for a certificate that the card no longer has"
    ),
    ErrorCode.NOT_DECRYPTABLE: (
        "the message cannot be decrypted: it was damaged or changed on its way, or made wrongly"
    ),
    ErrorCode.PCSC_UNAVAILABLE: "the smart-card service of this computer is not running",
    ErrorCode.DOCUMENT_DAMAGED: "the document is no PDF, or not a whole one",
    ErrorCode.DOCUMENT_ENCRYPTED: "the document needs a password of its own",
    ErrorCode.DOCUMENT_PASSWORD_INCORRECT: "the password does not open the document",
    ErrorCode.DOCUMENT_FORBIDS_SIGNING: "the document's author allows no signature",
    ErrorCode.DOCUMENT_UNSUPPORTED: "readers would show this document differently",
    ErrorCode.DOCUMENT_CHANGED: "the document is not the one any more that was read before",
    ErrorCode.TOKEN_MODULE_FAILED: "the vendor's module of the token crashed or did not answer",
    ErrorCode.TIMESTAMP_FAILED: "the timestamp authority gave no good timestamp",
    ErrorCode.EVIDENCE_MISSING: "certificates or revocation lists are missing that would prove it",
    ErrorCode.INTERNAL: "something went wrong; the agent's log says what",
}
_FULL_SECONDS: Final = 3600.0  # between two tracebacks of one kind
_TOLD: Final = frozenset({ErrorCode.BAD_REQUEST, ErrorCode.TOO_LARGE})
_encoder = msgspec.json.Encoder()
_log = structlog.get_logger(__name__)


class MessageError(BadRequestError):
    """A message that breaks the schema; its ``detail`` is fit for the page's developer."""


class InternalError(AgentError):
    """Something that nobody expected; the page learns under which number the log has it."""

    def __init__(self, reference: str) -> None:
        super().__init__("see the log")
        self.reference = reference


class Failure(Struct, frozen=True, kw_only=True):
    """Why not. ``code`` is stable; ``message`` is for developers; ``retry_after`` is seconds."""

    code: ErrorCode
    message: str
    retriable: bool
    attempts_left: int | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET


class Refusal(Struct, frozen=True, kw_only=True):
    """The answer to a request that failed; ``id`` is null where it could not be read."""

    id: AnyId = UNSET
    error: Failure


def failure(error: AgentError) -> Failure:
    """Return what a page may know of an error: code and place, never the log's detail."""
    message = _MESSAGES[error.code]
    if isinstance(error, MessageError | TooLargeError):
        message = error.detail
    elif isinstance(error, Refused) and error.code in _TOLD:
        message = error.detail  # about address and headers: words of ours, and nothing else helps
    elif isinstance(error, InternalError):
        message = f"{message} under {error.reference}"
    left = UNSET if error.attempts_left is None else error.attempts_left
    return Failure(
        code=error.code,
        message=message,
        retriable=error.retriable,
        attempts_left=left,
        retry_after=UNSET if error.retry_after is None else error.retry_after,
    )


def refusal_bytes(request_id: AnyId, error: AgentError) -> bytes:
    """Encode an answer that says no."""
    return _encoder.encode(Refusal(id=request_id, error=failure(error)))


def status_of(error: AgentError) -> HTTPStatus:
    """Return the HTTP status that goes with an error."""
    if isinstance(error, Refused):
        return HTTPStatus(error.status)
    return _STATUS.get(error.code, HTTPStatus.CONFLICT)


def refusal(error: AgentError, site: Origin | None, request_id: AnyId = UNSET) -> web.Response:
    """Return the response that says no; only ``site`` can read it."""
    response = answer(refusal_bytes(request_id, error), site, status=status_of(error))
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)  # RFC 9110 §10.2.3
    if isinstance(error, Refused) and error.hangs_up:
        response.force_close()
    return response


class UnexpectedErrors:
    """Logs errors that nobody expected: each kind in full once an hour, and then only counted.

    A kind is a type of error that was raised at one place, so there are only so many. Each has a
    number, which a page is told and the log shows.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with none; ``clock`` gives seconds that only grow."""
        self._clock = clock
        self._known: dict[tuple[str, str, int], _Kind] = {}
        self._again = SeldomLog(__name__, clock=clock)

    def log(self, error: Exception) -> InternalError:
        """Log an error, or count it; return what the page is told."""
        now = self._clock()
        kind = self._known.setdefault(_kind_of(error), _Kind(secrets.token_hex(4)))
        kind.times += 1
        if now >= kind.due:
            kind.due = now + _FULL_SECONDS
            _log.error(
                "unexpected error", reference=kind.reference, times=kind.times, exc_info=error
            )
        else:
            self._again.note("unexpected error again", reference=kind.reference, times=kind.times)
        return InternalError(kind.reference)


@dataclass(slots=True)
class _Kind:
    reference: str
    times: int = 0
    due: float = -math.inf


def _kind_of(error: Exception) -> tuple[str, str, int]:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ("", 0) if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
    return type(error).__qualname__, *place


_unexpected: Final = UnexpectedErrors()


def unexpected(error: Exception) -> InternalError:
    """Log an error that nobody expected, under a number that the page is told."""
    return _unexpected.log(error)
