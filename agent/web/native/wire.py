"""Bytes from a page to a request, and answers to bytes: strict, bounded, and silent about PINs."""

import json
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.web.front.guard import Refused
from agent.web.native.messages import (
    HTTP_REQUESTS,
    AnyRequest,
    AnyResult,
    Failure,
    Id,
    Refusal,
    Request,
    Success,
    decode_custom,
)

AnyId: TypeAlias = Id | UnsetType | None
"""An id; unset where HTTP needs none, None where it could not be read."""

_encoder = msgspec.json.Encoder()
_any_decoder: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(
    AnyRequest, dec_hook=decode_custom
)
_decoders: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    str(kind.__struct_config__.tag): msgspec.json.Decoder(kind, dec_hook=decode_custom)
    for kind in HTTP_REQUESTS
}

_MESSAGES: Final = {
    ErrorCode.BAD_REQUEST: "the request makes no sense",
    ErrorCode.ORIGIN_NOT_ALLOWED: (
        "this site is not allowed to do this; connect asks the user, where a window can be opened"
    ),
    ErrorCode.ORIGIN_BLOCKED: "the user blocked this site",
    ErrorCode.RATE_LIMITED: "too many requests from this site",
    ErrorCode.USER_CANCELLED: "the request was cancelled",
    ErrorCode.TIMEOUT: "it took too long",
    ErrorCode.BUSY: "the card or the user is busy with another request",
    ErrorCode.NO_READER: "there is no such reader",
    ErrorCode.NO_CARD: "there is no card in the reader",
    ErrorCode.CARD_REMOVED: "the card was removed",
    ErrorCode.UNSUPPORTED_CARD: "this card is not supported",
    ErrorCode.PIN_REQUIRED: "a PIN is needed",
    ErrorCode.PIN_INCORRECT: "the PIN is wrong",
    ErrorCode.PIN_LAST_ATTEMPT: "one PIN try is left and the user did not agree to spend it",
    ErrorCode.PIN_LOCKED: "the PIN is locked",
    ErrorCode.PIN_LENGTH: "the PIN is too short or too long; no try was spent",
    ErrorCode.CERTIFICATE_EXPIRED: "the certificate has expired",
    ErrorCode.CERTIFICATE_NOT_YET_VALID: "the certificate is not valid yet",
    ErrorCode.KEY_NOT_FOUND: "the card has no such key or certificate",
    ErrorCode.PCSC_UNAVAILABLE: "the smart-card service of this computer is not running",
    ErrorCode.INTERNAL: "something went wrong; the agent's log says what",
}


class MessageError(BadRequestError):
    """A message that breaks the schema; its ``detail`` is fit for the page's developer."""


class InternalError(AgentError):
    """Something that nobody expected; the page learns under which number the log has it."""

    def __init__(self, reference: str) -> None:
        super().__init__("see the log")
        self.reference = reference


class _Envelope(Struct):
    """As much of a broken message as an answer needs."""

    id: Id | None = None


class _DuplicateKeyError(ValueError):
    pass


def decode(raw: bytes) -> AnyRequest:
    """Read a WebSocket message: UTF-8 JSON, any method, with an ``id``.

    Raises:
        MessageError: anything is wrong with it.

    """
    request: AnyRequest = _decode(_any_decoder, raw)
    if request.id is UNSET:
        raise MessageError("Object missing required field `id`")
    return request


def decode_for(method: str, raw: bytes) -> Request:
    """Read the body of ``POST /v1/<method>``; ``method`` is one of :data:`HTTP_REQUESTS`.

    Raises:
        MessageError: anything is wrong with it.

    """
    request: Request = _decode(_decoders[method], raw)
    return request


def _decode(decoder: "msgspec.json.Decoder[Any]", raw: bytes) -> Any:
    try:
        request = decoder.decode(raw)
        _refuse_duplicates(raw)
    except UnicodeDecodeError:
        raise MessageError("not UTF-8") from None
    except RecursionError:
        raise MessageError("nested too deeply") from None
    except _DuplicateKeyError:
        raise MessageError("Object contains a field twice") from None
    except msgspec.DecodeError as error:
        # These texts name the place and the expected type, never the value of a text.
        raise MessageError(str(error)) from None
    return request


def _refuse_duplicates(raw: bytes) -> None:
    """Refuse an object with one name twice: readers differ about which one counts (RFC 8259 §4).

    ``raw`` has passed the schema, so that it is flat and small but for its texts.

    Raises:
        _DuplicateKeyError: there is one.

    """
    json.loads(raw.decode(), object_pairs_hook=_unique_names)


def _unique_names(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _DuplicateKeyError


def id_of(raw: bytes) -> Id | None:
    """Find the ``id`` in a message that cannot be used, so that somebody learns of it."""
    try:
        return msgspec.json.decode(raw, type=_Envelope).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def failure(error: AgentError) -> Failure:
    """Say what a page may know of an error: code and place, never the log's detail."""
    message = _MESSAGES[error.code]
    if isinstance(error, MessageError):
        message = error.detail
    elif isinstance(error, Refused) and error.code is ErrorCode.BAD_REQUEST:
        message = error.detail  # about address and headers: words of ours, and nothing else helps
    elif isinstance(error, InternalError):
        message = f"{message} under {error.reference}"
    left = UNSET if error.attempts_left is None else error.attempts_left
    return Failure(code=error.code, message=message, retriable=error.retriable, attempts_left=left)


def success_bytes(request_id: Id | UnsetType, result: AnyResult) -> bytes:
    """Encode an answer.

    Raises:
        ValueError: a text that came from a card or a reader is no Unicode.

    """
    return _encoder.encode(Success(id=request_id, result=result))


def refusal_bytes(request_id: AnyId, error: AgentError) -> bytes:
    """Encode an answer that says no."""
    return _encoder.encode(Refusal(id=request_id, error=failure(error)))


def encode(message: Struct) -> bytes:
    """Encode anything else: an event, a bare body."""
    return _encoder.encode(message)
