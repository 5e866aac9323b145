"""What tests may do to an agent, and that nobody else may."""

import gzip
import http.client
import json
import socket
import threading
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import pytest

from agent.testkit.card_bench import CardBench
from agent.testkit.control_client import ControlCallError
from agent.testkit.mistakes import RefusedControlError
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.provider import MAX_READERS, VirtualProvider
from tests.testkit.conftest import SITE, Stand

pytestmark = pytest.mark.xdist_group("testkit-control")  # one agent for all of them
WRONG = "000000"
READER = "Ankong Virtual Reader 0"
READER_PATH = "readers/Ankong%20Virtual%20Reader%200"


def raw(
    stand: Stand, headers: dict[str, str], method: str = "GET", path: str = "/v1/readers"
) -> int:
    connection = http.client.HTTPConnection(urlsplit(stand.agent.control.url).netloc, timeout=60)
    connection.request(method, path, headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_only_a_program_with_the_token_gets_in(stand: Stand) -> None:
    good = {"Authorization": f"Bearer {stand.agent.control.token}"}
    assert raw(stand, good) == 200
    assert raw(stand, {}) == 401
    assert raw(stand, {"Authorization": "Bearer"}) == 401
    assert raw(stand, {"Authorization": good["Authorization"] + "x"}) == 401
    assert raw(stand, {"Authorization": "Bearer \xfc"}) == 401
    for more in (
        {"Origin": SITE},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-origin"},
        {"sec-fetch-mode": "navigate"},
        {"Host": "rebound.example"},
    ):
        assert raw(stand, good | more) == 403, more


def test_what_there_is_not_is_said_so(stand: Stand) -> None:
    good = {"Authorization": f"Bearer {stand.agent.control.token}"}
    assert raw(stand, good, path="/") == 404
    assert raw(stand, good, path="/v1/readers/") == 405
    assert raw(stand, good, path="/v1/cards/TEST/faults") == 404
    assert raw(stand, good, method="DELETE") == 405


@pytest.mark.parametrize(
    ("request_line", "body", "status", "field"),
    [
        ("POST readers", {"nam": "x"}, 400, "$.nam"),
        ("POST readers", {"name": "n" * 128}, 400, "$.name"),
        ("POST readers", {"name": READER}, 409, ""),
        ("DELETE readers/none", None, 404, ""),
        ("POST readers/none/pull", None, 404, ""),
        ("POST readers/none/hold", {"held": True}, 404, ""),
        (f"POST {READER_PATH}/hold", {}, 400, "$.held"),
        (f"POST {READER_PATH}/insert", {}, 409, ""),
        ("GET cards/TEST0", None, 404, ""),
        ("PATCH cards/TEST0", {"tries_left": 4}, 400, "$.tries_left"),
        ("PATCH cards/TEST0", {"faults": {"deaf": True}}, 400, "$.faults.deaf"),
        ("POST service", {"available": 1}, 400, "$.available"),
        ("PUT answers", {}, 400, "$"),
        ("POST reset", {"all": True}, 400, "$.all"),
    ],
)
def test_a_wrong_request_is_refused_with_its_field(
    stand: Stand, request_line: str, body: Any, status: int, field: str
) -> None:
    with pytest.raises(ControlCallError) as refused:
        stand.agent.control.call(*request_line.split(" ", 1), body)
    assert (refused.value.status, refused.value.path) == (status, field)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"scenario": "none"}, 400, "$.scenario"),
        ({"scenario": "gen1", "order": {}}, 400, "$.scenario"),
        ({"file": "/nowhere/at.all"}, 400, "$.file"),
        ({"serial": "TEST0"}, 404, ""),
        ({"order": {"generation": 3}}, 400, "$.order.generation"),
        ({"order": {"pin": "12345"}}, 400, "$.order.pin"),
        ({"order": {"name": ""}}, 400, "$.order.name"),
        ({"order": {"id_number": "Z100000000"}}, 400, "$.order.id_number"),
        ({"order": {"validity": "soon"}}, 400, "$.order.validity"),
    ],
)
def test_a_card_that_cannot_be_is_refused_with_its_field(
    stand: Stand, body: Any, status: int, field: str
) -> None:
    stand.agent.pull()
    with pytest.raises(ControlCallError) as refused:
        stand.agent.control.call("POST", f"{READER_PATH}/insert", body)
    assert (refused.value.status, refused.value.path) == (status, field)


def test_readers_come_and_go_and_a_card_is_in_one_of_them(stand: Stand) -> None:
    agent = stand.agent
    assert agent.control.call("POST", "readers", {"name": "Second"}) == {"name": "Second"}
    stand.ask("connect")
    assert [each["name"] for each in stand.ask("readers")["readers"]] == [READER, "Second"]
    first, second = agent.readers
    with pytest.raises(ControlCallError) as refused:
        second.insert(stand.card)
    assert refused.value.status == 409
    first.pull()
    assert second.insert(stand.card).reader == "Second"
    assert [each["state"] for each in stand.ask("readers")["readers"]] == ["empty", "card"]
    agent.control.call("DELETE", "readers/Second")
    assert [each["name"] for each in stand.ask("readers")["readers"]] == [READER]


def test_a_wrong_pin_costs_one_try_and_the_window_asks_again(stand: Stand) -> None:
    agent = stand.agent
    agent.answer("enter_pin", {"pin": WRONG}, times=1)
    agent.answer("enter_pin", {"pin": "card"}, after_ms=1)
    assert stand.sign() == "ok"
    card = agent.readers[0].card
    assert (card.verifies, card.wrong_pins, card.signatures, card.tries_left) == (2, 1, 1, 3)
    told = [(each["kind"], each["answer"], each.get("was_wrong")) for each in agent.questions]
    assert told == [
        ("allow_site", "always", None),
        ("enter_pin", {"pin": "<pin>"}, False),
        ("enter_pin", {"pin": "card"}, True),
    ]
    assert WRONG not in json.dumps(agent.questions)


def test_an_unanswered_window_tells_the_page_at_once(stand: Stand) -> None:
    assert stand.sign() == "pin_required"
    (asked,) = stand.agent.unanswered
    assert (asked["kind"], asked["site"]) == ("enter_pin", SITE)
    assert stand.agent.readers[0].card.verifies == 0


def test_a_page_that_is_cancelled_or_blocked_hears_so(stand: Stand) -> None:
    stand.agent.answer("enter_pin", "cancel", times=1)
    stand.agent.answer("enter_pin", "never")
    assert [stand.sign(), stand.sign(), stand.sign()] == [
        "user_cancelled",
        "origin_blocked",
        "origin_blocked",
    ]


def test_a_site_may_be_refused_and_another_allowed(stand: Stand) -> None:
    stand.agent.answer("allow_site", "cancel")
    stand.agent.allow("https://friend.example")
    assert stand.ask("connect")["error"]["code"] == "user_cancelled"
    assert "error" not in stand.ask("connect", origin="https://friend.example")


def test_the_last_try_is_asked_about_and_a_locked_card_says_so(stand: Stand) -> None:
    agent = stand.agent
    agent.insert(tries_left=2)
    agent.answer("enter_pin", {"pin": WRONG})
    agent.answer("last_try", "yes")
    agent.answer("locked", "seen")
    assert stand.sign() == "pin_locked"
    card = agent.readers[0].card
    assert (card.wrong_pins, card.tries_left) == (2, 0)
    assert not agent.unanswered


def test_faults_count_from_now_on(stand: Stand) -> None:
    reader = stand.agent.readers[0]
    stand.agent.answer("enter_pin", {"pin": "card"})
    assert stand.sign() == "ok"
    reader.change(remove_at=1)
    assert stand.sign() == "card_removed"
    assert reader.serial is None
    assert reader.insert().serial == stand.card.serial
    assert stand.sign() == "ok"


def test_another_program_holds_the_card_or_there_is_no_service(stand: Stand) -> None:
    agent = stand.agent
    agent.answer("enter_pin", {"pin": "card"})
    agent.readers[0].hold()
    assert stand.sign() == "busy"
    agent.readers[0].hold(held=False)
    agent.control.call("POST", "service", {"available": False})
    assert stand.sign() == "pcsc_unavailable"
    agent.control.call("POST", "service", {"available": True})
    assert stand.sign() == "ok"


@pytest.mark.parametrize(
    "wanted", [{"scenario": "revoked"}, {"validity": "revoked", "generation": 1}]
)
def test_new_cards_are_of_the_issuer_that_the_site_trusts(
    stand: Stand, wanted: dict[str, Any]
) -> None:
    before = stand.issuer.lists
    stand.agent.insert(**wanted)
    assert stand.issuer.lists[1] != before[1], "the revoked card stands in the list"
    stand.ask("connect")
    listed = stand.ask("certificates")["certificates"]
    assert listed[0]["reader"] == READER


def test_requests_are_recorded_by_their_shape(stand: Stand) -> None:
    stand.sign()
    stand.ask("status", origin="https://other.example")
    connected, asked = stand.agent.requests(SITE)
    assert (connected["method"], connected["outcome"]) == ("connect", "ok")
    assert (asked["method"], asked["outcome"]) == ("sign", "pin_required")
    assert (connected["asked"], asked["asked"]) == (["allow_site"], ["enter_pin"])
    assert asked["shape"]["params"]["hash"] == "SHA-256"
    assert "aGVsbG8" not in json.dumps(asked)
    assert len(stand.agent.requests()) == 3


def test_reset_brings_everything_back(stand: Stand) -> None:
    agent = stand.agent
    agent.control.call("POST", "readers", {"name": "Second"})
    agent.readers[0].change(tries_left=1, foreign=0x6D00)
    agent.readers[0].hold()
    agent.readers[0].pull()
    agent.control.call("POST", "service", {"available": False})
    agent.answer("allow_site", "never")
    assert stand.ask("connect")["error"]["code"] == "origin_blocked"
    agent.reset()
    assert agent.control.call("GET", "answers") == {"answers": []}
    assert (agent.questions, agent.requests()) == ([], [])
    (reader,) = agent.readers
    assert (reader.name, reader.serial, reader.card.tries_left) == (READER, stand.card.serial, 3)
    agent.answer("enter_pin", {"pin": "card"})
    assert stand.sign() == "ok"
    assert agent.readers[0].card.signatures == 1


def test_a_file_whose_name_no_file_can_have_is_refused(stand: Stand) -> None:
    stand.agent.pull()
    with pytest.raises(ControlCallError) as refused:
        stand.agent.control.call("POST", f"{READER_PATH}/insert", {"file": "a\0b"})
    assert (refused.value.status, refused.value.path) == (400, "$.file")


def test_no_reader_too_many_makes_every_later_request_wait() -> None:
    bench = CardBench(VirtualProvider(readers=MAX_READERS), lambda: TestIssuer.create(2048))
    for name in (None, "One more"):
        with pytest.raises(RefusedControlError) as refused:
            bench.plug(name)
        assert refused.value.status is HTTPStatus.CONFLICT
    bench.unplug(READER)
    assert bench.plug(None) == {"name": READER}


def octets(stand: Stand, request: bytes) -> tuple[bytes, Any]:
    """Send octets; return the first line of the answer, and its JSON."""
    with socket.create_connection(("127.0.0.1", urlsplit(stand.agent.control.url).port)) as sock:
        sock.sendall(request)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0], json.loads(body)


def test_what_is_no_http_is_answered_in_one_form_and_quoted_nowhere(stand: Stand) -> None:
    token = stand.agent.control.token
    good = f"GET /v1/readers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    for bad in (
        good.replace("Authorization:", "Authorization :"),
        good.replace("Bearer ", "Bearer \r" + "A" * 9000),
        good + "Content-Length: 1\r\nContent-Length: 2\r\n",
        good + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        good.replace("HTTP/1.1", "HTTP/9"),
    ):
        line, said = octets(stand, bad.encode() + b"\r\n")
        assert (line.split()[1], said) == (b"400", {"error": {"message": "not HTTP/1.1"}}), bad
    for log in (stand.state / "logs").iterdir():
        assert token not in log.read_text("utf-8"), log


def test_a_packed_body_is_not_unpacked(stand: Stand) -> None:
    control = stand.agent.control
    host = urlsplit(control.url).netloc
    for body in (gzip.compress(b"[]"), b"garbage"):
        head = (
            f"PUT /v1/answers HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {control.token}\r\n"
            "Content-Encoding: gzip\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        line, said = octets(stand, head.encode() + body)
        assert (line.split()[1], said["error"]["path"]) == (b"400", "$")


def test_what_a_test_left_open_does_nothing_in_the_next_one(stand: Stand) -> None:
    agent, said = stand.agent, []
    agent.answer("allow_site", "always", after_ms=60_000)
    asking = threading.Thread(target=lambda: said.append(stand.ask("connect")))
    asking.start()
    while not agent.questions:
        time.sleep(0.01)
    agent.reset()
    asking.join(30)
    assert "error" in said[0]
    assert agent.questions == []
    agent.answer("allow_site", "never")
    assert stand.ask("connect")["error"]["code"] == "origin_blocked"


def test_refusals_are_forgiven_by_a_reset(stand: Stand) -> None:
    for _ in range(6):
        stand.agent.answer("allow_site", "cancel")
        assert stand.ask("connect")["error"]["code"] == "user_cancelled"
        stand.agent.reset()


def test_the_agent_says_that_it_is_virtual(stand: Stand) -> None:
    stand.ask("connect")
    assert stand.ask("status")["virtual"] is True
