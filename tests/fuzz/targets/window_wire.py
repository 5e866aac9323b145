"""The question that goes to a window's process, and the answer that comes from it."""

from collections.abc import Iterator
from contextlib import suppress

from agent.consent.questions import AllowSite
from agent.consent.wire import decode_answer, decode_request, encode_request
from agent.errors import AgentError, BadRequestError
from agent.origin import Origin

REFUSALS = (BadRequestError,)
WORDS = (
    b'"prompt":{',
    b'"site":{',
    b'"scheme":"https"',
    b'"language":"',
    b"pin:",
    b"card:",
    b"\\ud800",
)
LONGEST = 70_000
SITE = Origin("https", "portal.example")


def one(data: bytes) -> str:
    with suppress(AgentError):
        decode_answer(AllowSite(SITE), bytearray(data))
    request = decode_request(data)
    with suppress(AgentError):
        decode_answer(request.prompt, bytearray(data))
    again = encode_request(
        request.prompt, request.language, request.administrator, as_page=request.as_page
    )
    assert decode_request(again) == request
    return type(request.prompt).__name__


def seeds() -> Iterator[tuple[bytes, str]]:
    yield encode_request(AllowSite(SITE), "zh-TW", "ask us"), "AllowSite"
