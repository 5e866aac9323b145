"""Messages of pages: the native API over WebSocket, and the body of each of its methods."""

import json
from collections.abc import Iterator

from agent.web.front.refusal import MessageError
from agent.web.native import wire
from agent.web.native.messages import HTTP_REQUESTS
from agent.web.recorder.shape import shape_of

REFUSALS = (MessageError,)
LONGEST = 200_000
WORDS = (
    b'"id":',
    b'"method":',
    b'"params":',
    b'"sign"',
    b'"sign_batch"',
    b'"decrypt"',
    b"\\ud800",
    b"1e999",
)


def one(data: bytes) -> str:
    wire.id_of(data)
    for kind in HTTP_REQUESTS:
        try:
            wire.decode_for(str(kind.__struct_config__.tag), data)
        except MessageError:
            continue
    found = wire.decode(data)
    json.dumps(shape_of("native", found.params), allow_nan=False)
    return str(type(found).__struct_config__.tag)


def seeds() -> Iterator[tuple[bytes, str]]:
    yield b'{"id":1,"method":"status"}', "status"
    yield b'{"id":"a","method":"readers"}', "readers"
    sign = b'{"data":"QUJD","hash":"SHA-256","format":"cms"}'
    yield b'{"id":2,"method":"sign","params":%b}' % sign, "sign"
    asked = b'{"challenge":"%b="}' % (b"A" * 43)
    yield b'{"id":2,"method":"authenticate","params":%b}' % asked, "authenticate"
