"""Bytes from a page to a request, and answers to bytes: strict, bounded, and silent about PINs."""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from agent.strict_json import DuplicateNameError, refuse_ambiguous
from agent.web.front.refusal import Id, MessageError
from agent.web.native.messages import (
    HTTP_REQUESTS,
    AnyRequest,
    AnyResult,
    Request,
    Success,
    decode_custom,
)

_encoder = msgspec.json.Encoder()
_any_decoder: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(
    AnyRequest, dec_hook=decode_custom
)
_decoders: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    str(kind.__struct_config__.tag): msgspec.json.Decoder(kind, dec_hook=decode_custom)
    for kind in HTTP_REQUESTS
}


class _Envelope(Struct):
    """As much of a broken message as an answer needs."""

    id: Id | None = None


def decode(raw: bytes | bytearray) -> AnyRequest:
    """Read a WebSocket message: UTF-8 JSON, any method, with an ``id``.

    Raises:
        MessageError: anything is wrong with it.

    """
    request: AnyRequest = _decode(_any_decoder, raw)
    if request.id is UNSET:
        raise MessageError("Object missing required field `id`")
    return request


def decode_for(method: str, raw: bytes | bytearray) -> Request:
    """Read the body of ``POST /v1/<method>``; ``method`` is one of :data:`HTTP_REQUESTS`.

    Raises:
        MessageError: anything is wrong with it.

    """
    request: Request = _decode(_decoders[method], raw)
    return request


def _decode(decoder: "msgspec.json.Decoder[Any]", raw: bytes | bytearray) -> Any:
    try:
        request = decoder.decode(raw)
        refuse_ambiguous(raw)  # after the schema, so that it is flat and small but for its texts
    except UnicodeDecodeError:
        raise MessageError("not UTF-8") from None
    except RecursionError:
        raise MessageError("nested too deeply") from None
    except DuplicateNameError:
        raise MessageError("Object contains a field twice") from None
    except msgspec.DecodeError as error:
        # These texts name the place and the expected type, never the value of a text.
        raise MessageError(str(error)) from None
    return request


def id_of(raw: bytes | bytearray) -> Id | None:
    """Find the ``id`` in a message that cannot be used, so that somebody learns of it."""
    try:
        return msgspec.json.decode(raw, type=_Envelope).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def success_bytes(request_id: Id | UnsetType, result: AnyResult) -> bytes:
    """Encode an answer.

    Raises:
        ValueError: a text that came from a card or a reader is no Unicode.

    """
    return _encoder.encode(Success(id=request_id, result=result))


def encode(message: Struct) -> bytes:
    """Encode anything else: an event, a bare body."""
    return _encoder.encode(message)
