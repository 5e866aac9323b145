"""What looks like a legitimate request but is not one."""

import pytest

from agent.errors import AgentError, ErrorCode
from agent.web.front import guard
from agent.web.front.guard import Refused, RequestPurpose

PORT = 28443


@pytest.mark.parametrize("host", ["localhost:28443", "127.0.0.1:28443", "[::1]:28443"])
def test_our_own_names_are_accepted(host: str) -> None:
    guard.check_host([host], PORT)


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["localhost"],
        ["127.0.0.1"],
        ["[::1]"],
        ["localhost:28444"],
        ["localhost:443"],
        ["localhost:028443"],
        ["localhost:28443 "],
        [" localhost:28443"],
        ["localhost :28443"],
        ["localhost:28443."],
        ["localhost.:28443"],
        ["LOCALHOST:28443"],
        ["Localhost:28443"],
        ["localhost:28443,evil.example"],
        ["localhost:28443@evil.example"],
        ["evil.example@localhost:28443"],
        ["evil.example:28443"],
        ["localhost.evil.example:28443"],
        ["evil-localhost:28443"],
        ["x.localhost:28443"],
        ["localhost.localdomain:28443"],
        ["127.0.0.2:28443"],
        ["127.1:28443"],
        ["127.0.1:28443"],
        ["127.000.000.001:28443"],
        ["0177.0.0.1:28443"],
        ["0x7f.0.0.1:28443"],
        ["2130706433:28443"],
        ["0.0.0.0:28443"],
        ["0:28443"],
        ["[::]:28443"],
        ["[0:0:0:0:0:0:0:1]:28443"],
        ["[::ffff:127.0.0.1]:28443"],
        ["[::1%lo]:28443"],
        ["::1:28443"],
        ["127.0.0.1.nip.io:28443"],
        ["127.0.0.1:28443\tevil.example"],
        ["ⓛocalhost:28443"],
        ["localhost:２８４４３"],
        ["localhost:28443", "localhost:28443"],
        ["localhost:28443", "evil.example"],
        ["evil.example", "localhost:28443"],
    ],
)
def test_other_hosts_are_refused(hosts: list[str]) -> None:
    with pytest.raises(Refused) as caught:
        guard.check_host(hosts, PORT)
    assert caught.value.status == 421


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example",
        "http://shop.example",
        "https://shop.example:8443",
        "http://localhost:8080",
        "http://127.0.0.1",
        "http://[::1]:3000",
        "https://xn--fiq228c.example",
        "https://a_b.example",
    ],
)
def test_what_browsers_send_as_origin_is_accepted(origin: str) -> None:
    site = guard.read_site([origin])
    assert site is not None
    assert str(site) == origin


def test_no_origin_is_nobody() -> None:
    assert guard.read_site([]) is None


@pytest.mark.parametrize(
    "origins",
    [
        [""],
        [" "],
        ["null"],
        ["NULL"],
        ["*"],
        ["https://"],
        ["https:///"],
        ["https://shop.example/"],
        ["https://shop.example/path"],
        ["https://shop.example?query"],
        ["https://shop.example#fragment"],
        ["https://shop.example:443"],
        ["http://shop.example:80"],
        ["https://shop.example:"],
        ["https://shop.example:0"],
        ["https://shop.example:99999"],
        ["https://shop.example:-1"],
        ["https://shop.example:+8443"],
        ["https://shop.example:08443"],
        ["https://shop.example:８４４３"],
        ["HTTPS://shop.example"],
        ["https://SHOP.example"],
        ["https://user@shop.example"],
        ["https://user:password@shop.example"],
        ["https://shop.example@evil.example"],
        ["https://shop.example "],
        [" https://shop.example"],
        ["https://shop.example\t"],
        ["https://shop.example\\@evil.example"],
        ["https:\\\\shop.example"],
        ["https:/shop.example"],
        ["https:shop.example"],
        ["//shop.example"],
        ["shop.example"],
        ["file://"],
        ["file:///etc/passwd"],
        ["data:text/html,x"],
        ["about:blank"],
        ["blob:https://shop.example"],
        ["ftp://shop.example"],
        ["ws://shop.example"],
        ["wss://shop.example"],
        ["javascript:alert(1)"],
        ["chrome-extension://abcdefghijklmnop"],
        ["moz-extension://abcdefghijklmnop"],
        ["local://user"],
        ["https://安控.example"],
        ["https://shоp.example"],  # the second letter is Cyrillic
        ["https://shop%2eexample"],
        ["https://shop.example%00.evil.example"],
        ["https://shop..example"],
        ["https://.example"],
        ["https://shop.example."],
        ["https://-shop.example"],
        ["https://shop-.example"],
        ["https://[::1"],
        ["https://::1"],
        ["https://[::1]evil.example"],
        ["https://[evil.example]"],
        ["https://shop.example,https://evil.example"],
        ["https://shop.example https://evil.example"],
        ["https://" + "a" * 250 + ".example"],
        ["https://shop.example", "https://shop.example"],
        ["https://shop.example", "https://evil.example"],
    ],
)
def test_other_origins_are_refused(origins: list[str]) -> None:
    with pytest.raises(Refused) as caught:
        guard.read_site(origins)
    assert caught.value.code is ErrorCode.ORIGIN_NOT_ALLOWED
    assert caught.value.status == 403


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_peers_on_this_computer_are_accepted(address: str) -> None:
    guard.check_peer(address)


@pytest.mark.parametrize("address", [None, "", "192.0.2.1", "::", "0.0.0.0", "fe80::1", "host"])  # noqa: S104  # addresses of peers, nothing is bound
def test_other_peers_are_refused(address: str | None) -> None:
    with pytest.raises(Refused):
        guard.check_peer(address)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        'application/json ; charset="utf-8"',
    ],
)
def test_json_is_accepted(content_type: str) -> None:
    guard.check_content_type([content_type], [])


@pytest.mark.parametrize(
    ("types", "encodings"),
    [
        ([], []),
        ([""], []),
        (["text/plain"], []),
        (["text/plain;application/json"], []),
        (["text/json"], []),
        (["application/x-www-form-urlencoded"], []),
        (["multipart/form-data; boundary=application/json"], []),
        (["application/jsonp"], []),
        (["application/json-seq"], []),
        (["application/problem+json"], []),
        (["application/json, text/plain"], []),
        (["application/json; charset=utf-16"], []),
        (["application/json; charset=big5"], []),
        (["application/json; boundary=x"], []),
        ([" application/json"], []),
        (["application/json", "text/plain"], []),
        (["application/json"], ["gzip"]),
        (["application/json"], ["identity"]),
        (["application/json"], [""]),
    ],
)
def test_other_bodies_are_refused(types: list[str], encodings: list[str]) -> None:
    with pytest.raises(Refused) as caught:
        guard.check_content_type(types, encodings)
    assert caught.value.status == 415


@pytest.mark.parametrize(
    ("purpose", "headers"),
    [
        (RequestPurpose.READ, {}),
        (RequestPurpose.READ, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}),
        (RequestPurpose.READ, {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}),
        (RequestPurpose.READ, {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "script"}),
        (RequestPurpose.CALL, {}),
        (RequestPurpose.CALL, {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}),
        (RequestPurpose.CALL, {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}),
        (RequestPurpose.SOCKET, {}),
        (RequestPurpose.SOCKET, {"Sec-Fetch-Mode": "websocket", "Sec-Fetch-Dest": "websocket"}),
        (RequestPurpose.SOCKET, {"Sec-Fetch-Mode": "websocket", "Sec-Fetch-Dest": "empty"}),
    ],
)
def test_what_browsers_say_of_a_fetch_is_accepted(
    purpose: RequestPurpose, headers: dict[str, str]
) -> None:
    guard.check_fetch_metadata(headers, purpose)


@pytest.mark.parametrize(
    ("purpose", "headers"),
    [
        (RequestPurpose.READ, {"Sec-Fetch-Dest": "iframe"}),
        (RequestPurpose.READ, {"Sec-Fetch-Dest": "object"}),
        (RequestPurpose.READ, {"Sec-Fetch-Site": "elsewhere"}),
        (RequestPurpose.READ, {"Sec-Fetch-Mode": "websocket"}),
        (RequestPurpose.CALL, {"Sec-Fetch-Mode": "no-cors"}),
        (RequestPurpose.CALL, {"Sec-Fetch-Mode": "navigate"}),
        (RequestPurpose.CALL, {"Sec-Fetch-Mode": "websocket"}),
        (RequestPurpose.CALL, {"Sec-Fetch-Mode": ""}),
        (RequestPurpose.CALL, {"Sec-Fetch-Site": "none"}),
        (RequestPurpose.CALL, {"Sec-Fetch-Dest": "document"}),
        (RequestPurpose.CALL, {"Sec-Fetch-Mode": "CORS"}),
        (RequestPurpose.SOCKET, {"Sec-Fetch-Mode": "cors"}),
        (RequestPurpose.SOCKET, {"Sec-Fetch-Mode": "navigate"}),
        (RequestPurpose.SOCKET, {"Sec-Fetch-Site": "none"}),
        (RequestPurpose.SOCKET, {"Sec-Fetch-Dest": "image"}),
    ],
)
def test_a_fetch_of_another_kind_is_refused(
    purpose: RequestPurpose, headers: dict[str, str]
) -> None:
    with pytest.raises(Refused):
        guard.check_fetch_metadata(headers, purpose)


@pytest.mark.parametrize(
    "offers", [["ankong.v1"], ["other, ankong.v1"], ["other", "ankong.v1"], ["other ,\tankong.v1 "]]
)
def test_our_subprotocol_is_found(offers: list[str]) -> None:
    guard.check_subprotocol(offers, "ankong.v1")


@pytest.mark.parametrize(
    "offers", [[], [""], ["ankong"], ["ankong.v2"], ["ANKONG.V1"], ["xankong.v1"], ["ankong.v1x"]]
)
def test_other_subprotocols_are_refused(offers: list[str]) -> None:
    with pytest.raises(Refused):
        guard.check_subprotocol(offers, "ankong.v1")


def test_a_declared_length_is_bounded() -> None:
    guard.check_length(None, 10)
    guard.check_length(10, 10)
    with pytest.raises(Refused) as caught:
        guard.check_length(11, 10)
    assert caught.value.status == 413


def test_what_is_refused_is_an_error_of_this_program() -> None:
    assert issubclass(Refused, AgentError)
