"""The XML of the identity service, both directions."""

from collections.abc import Iterator
from contextlib import suppress

from agent.relying.ics_xml import (
    IcsFormatError,
    IcsRequest,
    IcsResponse,
    Pair,
    read_request,
    read_response,
    write_request,
    write_response,
)
from tests.fuzz.examples import MOMENT

REFUSALS = (IcsFormatError,)
WORDS = (
    b"<ICSRequest>",
    b"<ICSReq>",
    b"</ICSReq>",
    b"<Rec>",
    b"<Code>",
    b"<?xml version='1.0' encoding='",
    b"<!DOCTYPE a [",
    b"&#0;",
    b"utf-16",
)
LONGEST = 70_000
PAIR = Pair("0000000000000001", "A123456789")


def one(data: bytes) -> str:
    with suppress(IcsFormatError):
        return read_request(data).request.nonce
    return str(read_response(data).code)


def seeds() -> Iterator[tuple[bytes, str]]:
    yield write_request(IcsRequest("", "n" * 15, MOMENT, PAIR), lambda _: b"sig"), "n" * 15
    yield write_response(IcsResponse("n" * 15, -7), PAIR), "-7"
