"""Every door tells the recorder what it is asked; no page gets at what was recorded."""

import asyncio
import base64
import json
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.errors import AgentError, ErrorCode
from agent.web.recorder.recorder import CallRecorder
from tests.conftest import CardFactory
from tests.web.conftest import SITE, STRANGER, Agent, AgentFactory
from tests.web.hipki import rig as hipki
from tests.web.hipki.rig import Rig
from tests.web.panel.panel_door import Door, open_door

MARK = "A123456789"
PIN = "135791"
SIGNING: dict[str, Any] = {
    "hash": "SHA-256",
    "format": "cms",
    "data": base64.b64encode(MARK.encode()).decode(),
    "document_name": MARK,
    "pin": PIN,
}
SIGNED = {
    "params": {
        "hash": "SHA-256",
        "format": "cms",
        "signing_certificate": True,
        "signing_time": True,
        "data": "<octets 10>",
        "document_name": "<text 10>",
        "pin": "<pin>",
    }
}


@pytest.fixture
def recorder() -> CallRecorder:
    return CallRecorder(always=True)


@pytest.fixture
async def recorded(start_agent: AgentFactory, recorder: CallRecorder) -> Agent:
    return await start_agent(recorder=recorder)


@pytest.fixture
async def door(
    start_agent: AgentFactory, card_certificate: Any, tmp_path: Path
) -> AsyncIterator[Door]:
    async with open_door(start_agent, card_certificate, tmp_path) as opened:
        yield opened


def told(recorder: CallRecorder) -> list[tuple[Any, ...]]:
    names = ("origin", "door", "transport", "method", "shape", "outcome")
    return [tuple(each[name] for name in names) for each in recorder.calls()]


def is_clean(recorder: CallRecorder, *secrets: str) -> bool:
    text = "".join(recorder.export()) + json.dumps(recorder.calls())
    return not [each for each in (MARK, PIN, *secrets) if each in text]


async def test_calls_by_post_are_recorded(recorded: Agent, recorder: CallRecorder) -> None:
    await recorded.post("sign", {"params": SIGNING})
    await recorded.post("sign", {"params": {**SIGNING, "hash": MARK}})
    recorded.service.failure = AgentError("no", code=ErrorCode.ORIGIN_NOT_ALLOWED)
    await recorded.post("connect", {}, STRANGER)
    native = ("native", "fetch")
    assert told(recorder) == [
        (SITE, *native, "sign", SIGNED, "ok"),
        (SITE, *native, "sign", {}, "bad_request"),
        (STRANGER, *native, "connect", {"params": {"blind": False}}, "origin_not_allowed"),
    ]
    assert is_clean(recorder)


async def test_messages_of_a_socket_are_recorded(recorded: Agent, recorder: CallRecorder) -> None:
    async with recorded.socket() as socket:
        await socket.send_json({"id": MARK, "method": "sign", "params": SIGNING})
        await socket.receive_json()
        await socket.send_str(MARK)
        await socket.receive_json()
    native = (SITE, "native", "socket")
    assert told(recorder) == [
        (*native, "sign", {"id": "<text 10>", **SIGNED}, "ok"),
        (*native, None, {}, "bad_request"),
    ]
    assert is_clean(recorder)


async def test_a_call_that_a_page_gives_up_is_cancelled(
    recorded: Agent, recorder: CallRecorder
) -> None:
    recorded.service.gate = asyncio.Event()
    async with recorded.socket() as socket:
        await socket.send_json({"id": 1, "method": "sign", "params": SIGNING})
        await recorded.service.entered.acquire()
        assert [each["outcome"] for each in recorder.calls()] == [None]
    await recorded.until(lambda: recorder.calls()[0]["outcome"] == "cancelled")


def look_without_trust(port: int | None) -> None:
    """Begin TLS as a browser does that does not know our authority, alert and all."""
    trust = ssl.create_default_context()
    with (
        socket.create_connection(("127.0.0.1", port or 0)) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        trust.wrap_socket(plain, server_hostname="localhost")


async def test_what_never_becomes_a_call_is_counted_by_port(
    recorded: Agent, recorder: CallRecorder
) -> None:
    await recorded.post("sign", {"params": SIGNING}, STRANGER)
    await recorded.post("sign", {"params": SIGNING}, "null")
    port = recorded.serving.port
    for _ in range(3):
        await asyncio.to_thread(look_without_trust, port)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await recorded.until(lambda: len(recorder.never_calls()) == 3)
    writer.close()
    await recorded.until(lambda: [each["times"] for each in recorder.never_calls()] == [2, 3, 1])
    assert [(each["port"], each["outcome"]) for each in recorder.never_calls()] == [
        (port, "refused"),
        (port, "tls_untrusted"),
        (port, "tls_failed"),
    ]
    assert recorder.calls() == []


def test_the_old_component_is_recorded_in_each_of_its_ways(make_card: CardFactory) -> None:
    card = make_card()
    with Rig(card, consent="ask") as rig:
        rig.allow(hipki.SITE)
        rig.recorder.start()
        rig.sign(hipki.SITE, tbs=MARK, cardid=MARK)
        rig.get("/pkcs11info?withcert=true", hipki.SITE)
        rig.get("/p11Image.bmp", hipki.SITE)
        rig.get("/p11Image.bmp", hipki.SITE)
        asked = {"func": "MakeSignature", "tbs": MARK, "pin": hipki.PIN, "withCardSN": "true"}
        with rig.popup(hipki.SITE, **asked) as popup:
            assert popup.reply()["ret_code"] == 0
        rig.sign(None)
        calls = rig.recorder.calls()
        assert is_clean(rig.recorder, hipki.PIN, card.data.serial)
    assert [
        (each["transport"], each["method"], each["outcome"], each["times"]) for each in calls
    ] == [
        ("direct", "MakeSignature", "0x82000116", 1),
        ("direct", "pkcs11info", "ok", 1),
        ("image", "p11Image", "ok", 2),
        ("popup", "MakeSignature", "ok", 1),
        ("direct", "MakeSignature", "0x76000031", 1),
    ]
    assert {each["port"] for each in calls if each["transport"] != "popup"} == {rig.port}
    assert calls[0]["shape"] == {
        "tbs": "<text 10>",
        "pin": "<pin>",
        "hashAlgorithm": "SHA256",
        "cardid": "<text 10>",
    }
    assert calls[3]["shape"]["func"] == "MakeSignature"
    assert calls[3]["shape"]["withCardSN"] == "true"


async def test_the_panel_switches_it_shows_it_and_forgets_it(door: Door) -> None:
    assert (await door.get("state"))["recorder"] == {"on": False, "until": None}
    await door.agent.post("sign", {"params": SIGNING})
    answer = await door.post("record", {"action": "start"})
    assert (answer["on"], answer["calls"]) == (True, [])
    assert (await door.get("state"))["recorder"]["on"]
    await door.agent.post("sign", {"params": SIGNING})
    (found,) = (await door.get("record"))["calls"]
    assert (found["method"], found["shape"], found["outcome"]) == ("sign", SIGNED, "ok")
    answer = await door.post("record", {"action": "stop"})
    assert not answer["on"]
    answer = await door.post("record", {"action": "clear"})
    assert answer["calls"] == []


@pytest.mark.parametrize("path", ["record", "record/export", "record/test"])
async def test_no_page_gets_at_what_was_recorded(door: Door, path: str) -> None:
    door.recorder.start()
    await door.agent.post("sign", {"params": SIGNING})
    for origin in (SITE, "null", "http://localhost:1"):
        response, body = await door.ask("GET", f"api/{path}", Origin=origin)
        assert response.status == 403
        assert b"sign" not in body
    for missing in ({"Cookie": None}, {"X-Ankong-Panel": "A" * 43}):
        response, body = await door.ask("GET", f"api/{path}", **missing)
        assert response.status == 401
        response, _ = await door.ask("POST", "api/record", {"action": "clear"}, **missing)
        assert response.status == 401
    assert [each["method"] for each in door.recorder.calls()] == ["sign"]


async def test_what_the_panel_asks_is_not_recorded(door: Door) -> None:
    door.recorder.start()
    await door.get("state")
    await door.ask("GET", "api/state", Cookie=None)
    assert door.recorder.calls() == door.recorder.never_calls() == []


async def test_a_page_that_is_refused_for_its_rate_is_counted(
    start_agent: AgentFactory, recorder: CallRecorder
) -> None:
    agent = await start_agent(recorder=recorder)
    while (await agent.post("status", {}, STRANGER))[0] == 200:
        pass
    (counted,) = recorder.never_calls()
    assert (counted["outcome"], counted["times"]) == ("refused", 1)
    (calls,) = recorder.calls()
    assert calls["times"] > 1
    assert ErrorCode.RATE_LIMITED not in "".join(recorder.export())
