"""A long message of the native API is long by its texts, and is read beside the event loop."""

import asyncio
import base64
import json
import threading
from typing import Any

import pytest

from agent import strict_json
from agent.web.front.refusal import MessageError
from agent.web.native import wire
from agent.web.native.messages import MAX_DATA, MAX_ITEMS

LENGTH = 1024 * 1024
BEGINNING = b'{"id":1,"method":"sign","params":'
NOT_FLAT = {
    "blanks": b" " * LENGTH,
    "blanks inside": b"{" + b" " * LENGTH + b"}",
    "nested": b"[" * LENGTH,
    "names": b"{" + b",".join(b'"%x":1' % number for number in range(100_000)) + b"}",
    "one name": b'{"id":1,' + b'"id":1,' * 100_000 + b'"id":1}',
    "numbers": b'{"id":1,"x":[' + b"1," * LENGTH + b"1]}",
    "params": BEGINNING + b"{" + b",".join(b'"%x":1' % each for each in range(100_000)) + b"}}",
    "no end": b'{"id":1,"x":"' + b"x" * LENGTH,
    "no end, escaped": b'{"id":1,"x":"' + b'\\"' * LENGTH,
}


@pytest.mark.parametrize("name", NOT_FLAT)
def test_what_is_not_flat_is_not_decoded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_any_decoder", None)
    with pytest.raises(MessageError):
        wire.decode(NOT_FLAT[name])
    assert wire.id_of(NOT_FLAT[name]) is None


@pytest.mark.parametrize("escaped", [False, True])
def test_long_texts_are_decoded_once(monkeypatch: pytest.MonkeyPatch, *, escaped: bool) -> None:
    looked_at = []
    look = strict_json.refuse_ambiguous

    def watched(raw: bytes) -> None:
        looked_at.append(len(raw))
        look(raw)

    monkeypatch.setattr(wire, "refuse_ambiguous", watched)
    data = base64.b64encode(bytes(LENGTH)).decode()
    params = {"hash": "SHA-256", "format": "cms", "data": data}
    text = json.dumps({"id": 7, "method": "sign", "params": params})
    if escaped:
        text = text.replace("AAAA", "\\u0041AAA")
    found: Any = wire.decode(text.encode())
    assert (found.id, found.params.data) == (7, bytes(LENGTH))
    assert looked_at[0] < 200
    assert wire.id_of(text.replace("sign", "nonsense").encode()) == 7


def test_a_name_twice_is_seen_in_a_long_message_too() -> None:
    data = base64.b64encode(bytes(LENGTH)).decode()
    text = f'{{"id":1,"method":"sign","params":{{"format":"cms","hash":"SHA-256","data":"{data}"}}'
    for more in (',"id":2}', ',"method":"sign"}'):
        with pytest.raises(MessageError):
            wire.decode(f"{text}{more}".encode())
    assert wire.decode(f"{text}}}".encode()).id == 1


def test_the_most_that_a_page_may_send_is_flat() -> None:
    data = base64.b64encode(bytes(MAX_DATA * 3 // 4 // MAX_ITEMS)).decode()
    item = {"data": data, "document_name": '文件 "甲"'}
    params = {"hash": "SHA-256", "format": "cms", "items": [item] * MAX_ITEMS, "pin": "123456"}
    text = json.dumps({"id": 1, "method": "sign_batch", "params": params}, indent=2)
    found: Any = wire.decode(text.encode())
    assert len(found.params.items) == MAX_ITEMS


async def test_a_long_message_is_read_in_a_thread() -> None:
    def read(raw: bytes | bytearray) -> bool:
        return threading.get_ident() == here and bool(raw)

    here = threading.get_ident()
    results = await asyncio.gather(
        wire.off_the_loop(read, b"x" * 1000), wire.off_the_loop(read, b"x" * LENGTH)
    )
    assert results == [True, False]
