"""Which addresses are this computer's, and how little of one is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.browserlog.endpoint import LoopbackEndpoint


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ws://127.0.0.1:17999/", "ws://127.0.0.1:17999"),
        ("wss://127.0.0.1:17040", "wss://127.0.0.1:17040"),
        ("http://localhost:61161/pkcs11info?a=b#c", "http://localhost:61161"),
        ("https://localhost/", "https://localhost:443"),
        ("ws://[::1]/", "ws://[::1]:80"),
        ("http://127.255.3.4:65535?x", "http://127.255.3.4:65535"),
        ("http://wang.localhost:80/", "http://*.localhost:80"),
        ("http://localhost.:8080/", "http://localhost:8080"),
        ("http://user:secret@127.0.0.1:17999/path?x", "http://127.0.0.1:17999"),
        ("http://a@b@localhost:1/", "http://localhost:1"),
        ("http://127.0.0.1:17999@127.0.0.2:5/", "http://127.0.0.2:5"),
    ],
)
def test_a_program_on_this_computer(url: str, told: str) -> None:
    assert str(LoopbackEndpoint.of_url(url)) == told


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example:61161/",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1:17999@evil.example/",
        "http://evil.example/?http://127.0.0.1:17999/",
        "http://evil.example/@127.0.0.1:17999/",
        "http://evil.example\\@127.0.0.1:17999/",
        "http://evil.example#@127.0.0.1:17999/",
        "http://evillocalhost:1/",
        "http://evil-localhost:1/",
        "http://.localhost:1/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:65536/",
        "http://127.0.0.1:99999999999/",
        "http://127.0.0.1:１７９９９/",
        "http://127.0.0.256/",
        "http://127.0.0/",
        "http://127.0.0.01/",
        "http://127.0.0.1.2/",
        "http://127..0.0.1/",
        "http://127.0.0.1\u202e:1/",
        "http://local\x1b[2Jhost:1/",
        "http://128.0.0.1:1/",
        "http://[::2]:1/",
        "http://[::1:1/",
        "blob:http://127.0.0.1:1/0",
        "ftp://127.0.0.1:1/",
        " http://127.0.0.1:1/",
        "127.0.0.1:17999",
        "",
    ],
)
def test_every_other_host(url: str) -> None:
    assert LoopbackEndpoint.of_url(url) is None


@given(
    before=st.text(alphabet="/?#@:.\\a1[]é\n ", max_size=12),
    host=st.sampled_from(["127.0.0.1", "localhost", "[::1]"]),
    behind=st.text(alphabet="/?#@:.\\a1[]é\n ", max_size=12),
)
def test_what_stands_around_an_address_is_never_told(before: str, host: str, behind: str) -> None:
    endpoint = LoopbackEndpoint.of_url(f"http://{before}{host}{behind}")
    if endpoint is not None:
        assert endpoint.host in {"127.0.0.1", "localhost", "[::1]", "*.localhost"} or (
            endpoint.host.startswith("127.")
        )
        assert 0 < endpoint.port < 65536
