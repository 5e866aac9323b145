"""A configured origin that no browser sends is named at start, with what is wrong with it."""

from typing import Any

import pytest

from agent.relying.origins import check_origin, checked_origins
from tests.kits.relying_support import verifier

FAULTS = {
    "https://a.test/": "slash",
    "https://a.test/login": "path",
    "https://a.test?next=/": "path|query",
    "https://a.test#top": "fragment",
    "HTTPS://a.test": "capital",
    "https://A.test": "capital",
    "https://a.test:443": "default port",
    "http://localhost:80": "default port",
    "https://a.test:0443": "port is none",
    "https://a.test:70000": "port is none|not an origin",
    "https://a.test:": "port is none",
    "http://a.test": "not secure",
    "http://192.0.2.1:8080": "not secure",
    "https://user:secret@a.test": "user",
    "https://測試.test": "punycode",
    "https://a.test.": "ends in a dot",
    "https://*.a.test": "wildcard",
    " https://a.test": "white space",
    "https://a.test\n": "white space",
    "a.test": "does not begin",
    "wss://a.test": "does not begin",
    "null": "without an origin",
    "": "empty",
    "https://" + "a" * 248: "longer",
}


@pytest.mark.parametrize(("origin", "fault"), FAULTS.items())
def test_the_fault_of_an_origin_is_named(origin: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as refused:
        verifier(origins=["https://portal.example", origin])
    assert repr(origin) in str(refused.value)


@pytest.mark.parametrize("origins", [(), [], "https://a.test", [None], [b"https://a.test"]])
def test_what_is_no_list_of_origins_is_refused(origins: Any) -> None:
    with pytest.raises(ValueError, match="origin"):
        verifier(origins=origins)


@pytest.mark.parametrize(
    "origin",
    [
        *("https://a.test", "https://a.test:8443", "https://xn--g6w251d.test", "https://192.0.2.1"),
        *("http://localhost", "http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1"),
    ],
)
def test_what_browsers_send_is_taken(origin: str) -> None:
    check_origin(origin)
    assert checked_origins([origin, "https://b.test"]) == (origin, "https://b.test")
