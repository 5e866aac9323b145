"""``ankong inspect`` tells which of this computer's ports a page tried, and nothing else."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.browserlog import net_log as net_log_module
from agent.browserlog import reading, tally
from agent.browserlog.known_ports import KNOWN_PORTS
from agent.words import CHOICES, REVIEWED, Language, load
from tests.unit.browserlog.logs import (
    CONSTANTS,
    ERRORS,
    LINE,
    TYPES,
    endpoints,
    event,
    har,
    har_entry,
    inspected,
    net_log,
    request,
    start,
)

REFUSED = "ERR_CONNECTION_REFUSED"
NO_LOG = f"ankong: {load(Language('en'))['cli.error.no_log']}"
MARK = "MaRkEr"
MARKED_URLS = (
    f"https://{MARK}.example/{MARK}?{MARK}#{MARK}",
    f"http://127.0.0.1.{MARK}.example/",
    f"http://localhost.{MARK}.example:17999/",
    f"http://{MARK}localhost:17998/",
    f"http://127.0.0.1:17997@{MARK}.example/",
    f"https://{MARK}.example/http://127.0.0.1:17996/",
    f"http://{MARK}@[::2]:1/",
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.json"


def marked() -> bytes:
    """Make a net log with a marker in every field, of pages and of one attempt at this computer."""
    events: list[Any] = []
    for number, url in enumerate(MARKED_URLS):
        events += request(number, url, 1000 + number)
    secret = f"http://user:{MARK}@127.0.0.1:17999/{MARK}?{MARK}"
    attempt = {**start(50, secret, 2234), MARK: MARK}
    attempt["params"].update(initiator=f"https://{MARK}.example", headers=[MARK], method=MARK)
    attempt["source"].update(start_time=MARK)
    sent = event(50, "HTTP_TRANSACTION_SEND_REQUEST", 2240, headers=[f"Cookie: {MARK}"])
    lines = [f"HTTP/1.1 200 {MARK}", f"Set-Cookie: {MARK}"]
    answer = event(50, "HTTP_TRANSACTION_READ_RESPONSE_HEADERS", 2250, headers=lines)
    tcp = event(60, "TCP_CONNECT", 2260, address="127.0.0.1:18080", address_list=["127.0.0.1:1"])
    events += [attempt, sent, answer, tcp, {MARK: MARK}, MARK, [MARK], None, 1]
    return net_log(events, {**CONSTANTS, "clientInfo": {"name": MARK, "command_line": MARK}})


@pytest.mark.parametrize("packed", [False, True])
def test_of_a_log_full_of_markers_one_endpoint_is_told(log: Path, packed: bool) -> None:
    log.write_bytes(gzip.compress(marked()) if packed else marked())
    status, out, aside = inspected(log, "--language", "en")
    assert status == 0
    assert out == "1. http://127.0.0.1:17999  +1.234 s  ×1\n   answered, HTTP 200\n"
    assert aside == f"{load(Language('en'))['inspect.send_only_these']}\n"
    status, out, aside = inspected(log, "--json")
    assert json.loads(out) == {
        "endpoints": [
            {
                "scheme": "http",
                "host": "127.0.0.1",
                "port": 17999,
                "seconds": 1.234,
                "count": 1,
                "answers": [{"kind": "answered", "status": 200, "count": 1}],
                "family": None,
            }
        ],
        "whole": True,
        "more": False,
    }
    assert aside == ""


def test_of_a_har_full_of_markers_one_endpoint_is_told(log: Path) -> None:
    local = har_entry(f"ws://{MARK}@127.0.0.1:17999/{MARK}", 101, second=3)
    local["response"].update(statusText=MARK, cookies=[{"name": MARK}])
    log.write_bytes(har(*map(har_entry, MARKED_URLS), local, MARK, None, [MARK]))
    _, out, _ = inspected(log, "--language", "en")
    assert out == "1. ws://127.0.0.1:17999  +3.000 s  ×1\n   answered, the WebSocket opened\n"


# Anything in any field.

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([MARK, *MARKED_URLS, f"http://{MARK}.localhost:1/", f"127.0.0.1 {MARK}"])
    | st.text(max_size=8).map(lambda text: f"{MARK}{text}\x1b]0;{MARK}\u202e"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.just(MARK) | st.sampled_from(["url", "id", "headers"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
PLACES = ("logEventTypes", "netError", "type", "source", "id", "time", "params", "url", "headers")
HAR_PLACES = ("startedDateTime", "request", "url", "response", "status", "_error", "entries", "log")


def replaced(value: Any, places: Any, draw: Any) -> Any:
    """Put anything at some of these names, wherever they are."""
    if isinstance(value, list):
        return [replaced(each, places, draw) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: draw(ANYTHING)
        if name in places and draw(st.integers(0, 3)) == 0
        else replaced(each, places, draw)
        for name, each in value.items()
    }


def check_silent_about(path: Path) -> None:
    """Check that no marker comes out, and that each line has one of the forms that there are."""
    words = {f"inspect.{name}" for name in ("nothing", "no_end", "more", "send_only_these")}
    remarks = {str(load(each)[name]).format(limit=500) for each in REVIEWED for name in words}
    status, out, aside = inspected(path)
    assert MARK.lower() not in f"{out}{aside}".lower()
    if status:
        assert aside.startswith((NO_LOG, "ankong: too_large: "))
        return
    assert set(aside.splitlines()) <= remarks
    lines = out.splitlines()
    assert all(line.startswith("   ") or LINE.fullmatch(line) for line in lines)
    assert all(line.isprintable() for line in lines)
    _, out, _ = inspected(path, "--json")
    assert MARK.lower() not in out.lower()
    assert {"endpoints", "whole", "more"} == set(json.loads(out))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_in_a_field_nothing_crashes_and_no_marker_comes_out(
    log: Path, data: Any
) -> None:
    if data.draw(st.booleans()):
        places = data.draw(st.sets(st.sampled_from(PLACES)))
        whole = json.loads(marked())
        made = replaced(whole, places, data.draw)
        content = net_log(made["events"], made["constants"])
    else:
        places = data.draw(st.sets(st.sampled_from(HAR_PLACES)))
        entries = [har_entry("ws://localhost:61161/", 101), *map(har_entry, MARKED_URLS)]
        content = json.dumps(replaced(json.loads(har(*entries)), places, data.draw)).encode()
    cut = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    junk = data.draw(st.binary(max_size=4))
    log.write_bytes(content[:cut] + junk + content[cut + len(junk) :])
    check_silent_about(log)


# What became of a request.


def answered(line: str, source: int = 1) -> dict[str, Any]:
    return event(source, "HTTP_TRANSACTION_READ_RESPONSE_HEADERS", headers=[line])


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        ([], "silent"),
        ([event(1, "URL_REQUEST_START_JOB", net_error=ERRORS[REFUSED])], "refused"),
        ([event(1, "FAILED", net_error=-202)], "untrusted"),
        ([event(1, "REQUEST_ALIVE", net_error=-107)], "tls_failed"),
        ([event(1, "REQUEST_ALIVE", net_error=-385)], "blocked"),
        ([event(1, "REQUEST_ALIVE", net_error=-109)], "failed"),
        ([event(1, "REQUEST_ALIVE", net_error=-999)], "failed"),
        ([event(1, "REQUEST_ALIVE", net_error=-118)], "silent"),
        ([event(1, "HTTP_TRANSACTION_SEND_REQUEST")], "connected"),
        (
            [
                event(1, "HTTP_TRANSACTION_SEND_REQUEST"),
                event(1, "CANCELLED", net_error=-3),
                event(1, "REQUEST_ALIVE", net_error=-3),
            ],
            "connected",
        ),
        (
            [
                answered("HTTP/1.1 101 X"),
                event(1, "REQUEST_ALIVE", net_error=-102),
            ],
            "101",
        ),
        (
            [event(1, "HTTP_TRANSACTION_READ_RESPONSE_HEADERS", headers=["HTTP/1.1 2000"])],
            "unclear",
        ),
        ([event(1, "HTTP_TRANSACTION_READ_RESPONSE_HEADERS", headers=["ICY 200 OK"])], "unclear"),
        (
            [
                event(
                    1,
                    "WEBSOCKET_UPGRADE_FAILURE",
                    message="Error during WebSocket handshake: Unexpected response code: 404",
                ),
                event(1, "URL_REQUEST_START_JOB", net_error=-320),
            ],
            "404",
        ),
        ([event(1, "URL_REQUEST_START_JOB", net_error=-320)], "unclear"),
        ([event(2, "URL_REQUEST_START_JOB", net_error=-102)], "silent"),
    ],
)
def test_what_became_of_a_request(log: Path, told: list[Any], answer: str) -> None:
    log.write_bytes(net_log([start(1, "wss://127.0.0.1:17040/"), *told]))
    assert endpoints(log) == [f"wss://127.0.0.1:17040 1 {answer}"]


@pytest.mark.parametrize(
    ("status", "error", "answer"),
    [
        (200, None, "200"),
        (0, None, "silent"),
        (-1, "net::ERR_CONNECTION_REFUSED", "refused"),
        (0, "net::ERR_CERT_AUTHORITY_INVALID", "untrusted"),
        (0, "net::ERR_BLOCKED_BY_PRIVATE_NETWORK_ACCESS_CHECKS", "blocked"),
        (0, "net::ERR_SOMETHING_NEW", "failed"),
        (99999, None, "silent"),
    ],
)
def test_what_a_har_tells_of_a_request(
    log: Path, status: int, error: str | None, answer: str
) -> None:
    log.write_bytes(har(har_entry("https://localhost/a", status, error)))
    assert endpoints(log) == [f"https://localhost:443 1 {answer}"]


def test_order_and_counts_are_those_of_the_attempts(log: Path) -> None:
    redirected = [
        start(9, "http://site.example/"),
        answered("HTTP/1.1 302 Found", 9),
        start(9, "http://localhost:61161/"),
        answered("HTTP/1.1 200 OK", 9),
        start(9, "http://site.example/"),
        answered("HTTP/1.1 404 No", 9),
    ]
    events = [
        *request(1, "ws://127.0.0.1:17522/", 1500, REFUSED),
        *request(2, "ws://127.0.0.1:17022/", 1600),
        *redirected,
        *request(3, "ws://127.0.0.1:17522/", 2500, REFUSED),
        answered("HTTP/1.1 101 Go", 2),
        *request(4, "ws://127.0.0.1:17522/", 2500),
    ]
    log.write_bytes(net_log(events))
    assert endpoints(log) == [
        "ws://127.0.0.1:17522 2 refused, 1 silent",
        "ws://127.0.0.1:17022 1 101",
        "http://localhost:61161 1 200",
    ]
    _, out, _ = inspected(log, "--language", "en")
    family = " · a port of the JRSYS family of components"
    assert out.splitlines()[:4] == [
        "1. ws://127.0.0.1:17522  +0.000 s  ×3",
        f"   refused: no program listens there ×2 · no answer ×1{family}",
        "2. ws://127.0.0.1:17022  +0.100 s  ×1",
        f"   answered, the WebSocket opened{family}",
    ]


@pytest.mark.parametrize("time", ["x", "-5", "9" * 19, "1" * 5000, "999999999999", 7, None])
def test_an_odd_time_is_no_time(log: Path, time: Any) -> None:
    odd = {**start(2, "ws://127.0.0.1:17999/"), "time": time}
    log.write_bytes(net_log([start(1, "http://site.example/", 1000), odd]))
    _, out, _ = inspected(log, "--json")
    assert all(row["seconds"] is None for row in json.loads(out)["endpoints"])


# Files in any state.


def test_a_log_that_is_cut_off_is_read_as_far_as_it_goes(log: Path) -> None:
    events = [*request(1, "ws://127.0.0.1:1/", 1000, REFUSED), *request(2, "ws://127.0.0.1:2/")]
    whole = net_log(events)
    log.write_bytes(whole[: whole.rindex(b'"url"')])
    assert endpoints(log) == ["ws://127.0.0.1:1 1 refused"]
    _, _, aside = inspected(log, "--language", "en")
    assert str(load(Language("en"))["inspect.no_end"]) in aside
    packed = gzip.compress(whole + b" " * 100_000, mtime=0)
    log.write_bytes(packed[:-20])
    assert endpoints(log)[0] == "ws://127.0.0.1:1 1 refused"


@pytest.mark.parametrize("indent", [None, 2])
def test_a_log_that_another_tool_wrote_anew_is_read(log: Path, indent: int | None) -> None:
    log.write_text(json.dumps(json.loads(marked()), indent=indent), "utf-8")
    assert endpoints(log) == ["http://127.0.0.1:17999 1 200"]


def test_nothing_found_is_no_failure(log: Path) -> None:
    log.write_bytes(net_log(request(1, "https://site.example/")))
    status, out, aside = inspected(log)
    assert (status, out) == (0, "")
    assert aside.splitlines() == [str(load(each)["inspect.nothing"]) for each in REVIEWED]
    assert json.loads(inspected(log, "--json")[1])["endpoints"] == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b"GIF89a",
        b"{}",
        b"[]",
        b'"log"',
        b'{"log": {"pages": []}}',
        b'{"events": []}',
        b'{"events": [{"type": 1}]}',
        b'{"constants": {}, "events": []}',
        b'{"constants": {"logEventTypes": {"A": "1"}}, "events": []}',
        b'{"log": {"entries": {}}}',
        b'{"log": [{"entries": [{}]}]}',
        b"}{",
        b"[" * 100_000,
        gzip.compress(b"PK", mtime=0),
        b"\x1f\x8b\x08",
        "{}".encode("utf-16"),
    ],
)
def test_what_is_neither_is_said_to_be_that(log: Path, content: bytes) -> None:
    log.write_bytes(content)
    status, out, aside = inspected(log)
    assert (status, out) == (1, "")
    assert aside == f"{NO_LOG}\n"


def test_a_missing_file_and_a_folder_are_errors(log: Path) -> None:
    assert inspected(log)[0] == 1
    assert inspected(log.parent)[0] == 1


def test_what_is_too_long_is_refused_with_the_limit(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write_bytes(gzip.compress(b'{"log":{"entries":[' + b" " * (3 << 20) + b"]}}"))
    monkeypatch.setattr(reading, "MAX_LOG", 2 << 20)
    assert inspected(log)[2].startswith("ankong: too_large: the file is longer than 2 MiB")
    log.write_bytes(b" " * (3 << 20))
    assert inspected(log)[2].startswith("ankong: too_large: the file is longer than 2 MiB")


def test_of_very_many_little_is_kept(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MAX_ENDPOINTS", 3)
    monkeypatch.setattr(net_log_module, "MAX_OPEN", 2)
    events = [start(number, f"ws://127.0.0.1:{1 + number % 5}/") for number in range(20)]
    log.write_bytes(net_log(events))
    assert endpoints(log) == [f"ws://127.0.0.1:{port} 4 silent" for port in (1, 2, 3)]
    assert json.loads(inspected(log, "--json")[1])["more"]


def test_numbers_are_the_file_s_own(log: Path) -> None:
    other = {name: number + 1000 for name, number in TYPES.items()}
    moved = [{**each, "type": each["type"] + 1000} for each in request(1, "ws://[::1]:5/")]
    log.write_bytes(net_log([*moved, start(2, "ws://[::1]:6/")], {"logEventTypes": other}))
    assert endpoints(log) == ["ws://[::1]:5 1 silent"]


# What is said beside it.


def test_the_known_ports_are_those_of_our_doors() -> None:
    families = {port: str(family) for port, family in KNOWN_PORTS.items()}
    assert families == {
        **dict.fromkeys((28443, 28444, 28445), "ankong"),
        **dict.fromkeys((61161, 16888), "hipki"),
        **dict.fromkeys((17022, 17040, 17522, 17540), "jrsys"),
    }


@pytest.mark.parametrize("language", CHOICES)
def test_every_answer_and_family_has_words(log: Path, language: str) -> None:
    entries = [har_entry(f"ws://localhost:{port}/", 101) for port in KNOWN_PORTS]
    errors = (
        "REFUSED",
        "CERT_X",
        "SSL_X",
        "LOCAL_NETWORK",
        "INVALID_RESPONSE",
        "CONNECTION_REFUSED",
    )
    entries += [har_entry("ws://localhost:1/", 0, f"net::ERR_{name}") for name in errors]
    log.write_bytes(har(*entries))
    status, out, aside = inspected(log, "--language", language)
    assert status == 0
    assert aside
    assert "inspect." not in out + aside
    assert "{" not in out + aside
