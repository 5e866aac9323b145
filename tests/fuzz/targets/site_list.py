"""The administrator's list of sites, and a policy file of Firefox that ours goes into."""

from collections.abc import Iterator
from contextlib import suppress

from agent.errors import BadRequestError
from agent.host.browser_policy.firefox_merge import as_json, firefox_policies
from agent.host.browser_policy.site_list import doubts_about, read_sites
from agent.origin import OriginPattern

REFUSALS = (BadRequestError,)
LONGEST = 300_000
SITES = (OriginPattern.parse("https://*.portal.example"),)


def one(data: bytes) -> int:
    with suppress(BadRequestError):
        return -len(as_json(firefox_policies(SITES, data)))
    found = read_sites(data)
    assert len(list(doubts_about(found))) <= len(found)
    as_json(firefox_policies(found))
    return len(found)


def seeds() -> Iterator[tuple[bytes, int]]:
    yield b"https://portal.example # ours\r\n\r\nhttps://*.gov.tw\n", 2
    yield "\ufeffhttps://portal.example".encode("utf-16-le"), 1
    own = b'{"policies":{"PopupBlocking":{"Allow":[]}}}'
    yield own, -len(as_json(firefox_policies(SITES, own)))
