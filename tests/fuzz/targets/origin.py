"""Origins that browsers send, patterns that administrators write, and how both are shown."""

from collections.abc import Iterator
from contextlib import suppress

from agent.browserlog.endpoint import LoopbackEndpoint
from agent.domain import group_of, registrable_domain, split_display_host
from agent.errors import AgentError
from agent.origin import Origin, OriginPattern
from agent.relying.origins import check_origin
from agent.relying.urls import checked_url
from agent.words.language import Language, requested_language

REFUSALS = (AgentError,)
WORDS = (
    b"https://",
    b"http://",
    b"*.",
    b"local://",
    b"xn--",
    b"[::1]",
    b":443",
    b".localhost",
    b".gov.tw",
)


def one(data: bytes) -> tuple[str, bool]:
    text = data.decode("utf-8", "surrogateescape")
    assert requested_language("system", text) in Language
    with suppress(ValueError):
        LoopbackEndpoint.of_url(text)
    with suppress(ValueError):
        checked_url(text, "address")
    with suppress(ValueError):
        check_origin(text)
    registrable_domain(text)
    with suppress(ValueError):
        pattern = OriginPattern.parse(text)
        pattern.matches(Origin("https", "portal.example"))
    found = Origin.parse_any(text)
    assert Origin.parse_any(str(found)) == found
    shown = "".join(split_display_host(found))
    assert shown == found.display_host
    assert found.imitated_host.isprintable() or found.is_odd
    assert group_of(found)
    return shown, found.is_exposed


def seeds() -> Iterator[tuple[bytes, tuple[str, bool]]]:
    yield b"https://portal.example", ("portal.example", False)
    yield b"http://xn--fiq228c.tw:8080", ("\u4e2d\u6587.tw", True)
    yield b"local://program", ("program", False)
    yield b"http://[::1]:8080", ("[::1]", False)
