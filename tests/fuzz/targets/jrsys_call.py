"""Requests of pages of the JRSYS family, and the values of their fields."""

import json
from collections.abc import Iterator
from contextlib import suppress

from agent.web.jrsys import utilities, values
from agent.web.jrsys.call import Call, UnreadCallError
from agent.web.jrsys.errors import JrsysError
from agent.web.jrsys.values import Formats
from agent.web.recorder.shape import shape_of

REFUSALS = (UnreadCallError,)
WORDS = (
    b'"MethodSelect":"',
    b'"ComUtilsPara":{',
    b'"Data":{',
    b'"PIN":',
    b'"DigestAlg":',
    b"\\ud800",
)
LONGEST = 70_000
FORMATS = (Formats(), Formats(unicode="utf-16le", text="big5", hex_upper=False))


def one(data: bytes) -> str:
    call = Call.parse(data)
    json.dumps(shape_of("jrsys", call.recorded), allow_nan=False)
    assert repr(call)
    for name, value in call.fields.items():
        found = call.get(name)
        with suppress(JrsysError):
            call.flag(name, default=False)
        for formats in FORMATS:
            _read(found, value, formats)
    call.wipe()
    return call.method


def _read(found: object, value: object, formats: Formats) -> None:
    for read in (utilities.hex_to_base64, values.digest_algorithm, values.cipher, values.read_hex):
        for each in (found, value):
            with suppress(JrsysError):
                read(each)
    for convert in (
        utilities.base64_to_hex,
        utilities.unicode_to_hex,
        utilities.hex_to_unicode,
        values.read_plain,
    ):
        with suppress(JrsysError):
            convert(found, formats)
    with suppress(JrsysError):
        utilities.digest_of_text(found, found, formats)


def seeds() -> Iterator[tuple[bytes, str]]:
    yield b'{"MethodSelect":"GetVersion"}', "GetVersion"
    yield b'{"MethodSelect":"HexToBase64","ComUtilsPara":{"HexString":"41 42"}}', "HexToBase64"
    yield (
        b'{"MethodSelect":"SignData","Data":{"PIN":"123456","DigestAlg":7,"a":[1,{"b":2}]}}',
        "SignData",
    )
