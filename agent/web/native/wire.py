"""Bytes from a page to a request, and answers to bytes: strict, bounded, and silent about PINs."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from agent.json_texts import without_long_texts
from agent.strict_json import DuplicateNameError, refuse_ambiguous
from agent.web.front.refusal import Id, MessageError
from agent.web.native.messages import (
    HTTP_REQUESTS,
    AnyRequest,
    AnyResult,
    Request,
    Success,
)
from agent.web.native.pin_text import decode_custom

T = TypeVar("T")
_LONG: Final = 64 * 1024  # bytes
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


async def off_the_loop(read: Callable[[bytes | bytearray], T], raw: bytes | bytearray) -> T:
    """Read a message; a long one in a thread.

    Raises:
        MessageError: whatever ``read`` raises.

    """
    return await asyncio.to_thread(read, raw) if len(raw) > _LONG else read(raw)


def _decode(decoder: "msgspec.json.Decoder[Any]", raw: bytes | bytearray) -> Any:
    try:
        flat = without_long_texts(raw) if len(raw) > _LONG else raw
    except ValueError:
        raise MessageError("more beside its texts than any request has") from None
    try:
        request = decoder.decode(raw)
        refuse_ambiguous(flat)  # after the schema, so that it is flat and small
    except UnicodeDecodeError:
        raise MessageError("not UTF-8") from None
    except RecursionError:
        raise MessageError("nested too deeply") from None
    except DuplicateNameError:
        raise MessageError("Object contains a field twice") from None
    except msgspec.DecodeError as error:
        # These texts name the place and the expected type, never the value of a text.
        raise MessageError(str(error)) from None
    except ValueError:
        raise MessageError("not JSON that has one meaning") from None
    return request


def id_of(raw: bytes | bytearray) -> Id | None:
    """Find the ``id`` in a message that cannot be used, so that somebody learns of it."""
    try:
        if len(raw) > _LONG:
            raw = without_long_texts(raw)
        return msgspec.json.decode(raw, type=_Envelope).id
    except (ValueError, RecursionError):  # the errors of msgspec and of UTF-8 are ValueErrors
        return None


def success_bytes(request_id: Id | UnsetType, result: AnyResult) -> bytes:
    """Encode an answer.

    Raises:
        ValueError: a text that came from a card or a reader is no Unicode.

    """
    return _encoder.encode(Success(id=request_id, result=result))


def result_bytes(result: Struct) -> bytes:
    """Encode the answer to what was no message."""
    return _encoder.encode({"result": result})


def encode(message: Struct) -> bytes:
    """Encode anything else: an event, a bare body."""
    return _encoder.encode(message)
