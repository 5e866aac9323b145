"""A second request on one WebSocket: nobody would hear its answer, so it begins late or never."""

import json
from collections.abc import Callable

import pytest

from agent.virtualcard.card import VirtualCard
from agent.web.jrsys import session
from agent.web.recorder.recorder import CallRecorder
from tests.web.jrsys.conftest import RigFactory
from tests.web.jrsys.rig import JrsysRig, answer_of, newer, older

SIGNING = older("SignP11", {"data2BSigned": "text"}, digestAlg4Sign=0)


async def test_what_comes_just_before_the_page_closes_is_not_begun(
    start_rig: RigFactory, make_card: Callable[..., VirtualCard]
) -> None:
    rig: JrsysRig = await start_rig(make_card(), allowed=())
    async with rig.socket() as socket:
        await socket.send_str(json.dumps(older("isComRegister")))
        assert (await answer_of(socket))["RV"] == 0
        await socket.send_str(json.dumps(SIGNING))
    assert (await rig.call(newer("GetComVersion")))["RV"] == 0
    assert rig.windows.asked == []


async def test_a_page_that_does_not_close_has_its_second_answer(
    start_rig: RigFactory, make_card: Callable[..., VirtualCard]
) -> None:
    rig: JrsysRig = await start_rig(make_card())
    async with rig.socket() as socket:
        for request in (older("isComRegister"), SIGNING, older("isGCACardPresent")):
            await socket.send_str(json.dumps(request))
        assert [(await answer_of(socket))["RV"] for _ in range(3)] == [0, 0, 0]
    assert rig.windows.asked == ["pin 3"]


async def test_what_waits_is_not_begun_once_the_websocket_ends(
    start_rig: RigFactory,
    make_card: Callable[..., VirtualCard],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page that does not answer the closing handshake leaves it open for seconds."""
    monkeypatch.setattr(session, "GRACE_SECONDS", 0.0)
    recorder = CallRecorder(always=True)
    rig: JrsysRig = await start_rig(make_card(), recorder=recorder)
    async with rig.socket() as socket:
        await socket.send_str("no JSON")
        await socket.send_str(json.dumps(SIGNING))
        assert (await answer_of(socket))["RV"] == 7
        assert (await rig.call(newer("GetComVersion")))["RV"] == 0
    assert [each["method"] for each in recorder.calls()] == [None, "GetComVersion"]
