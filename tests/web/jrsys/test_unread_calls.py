"""Requests that cannot be read whole: the answer names their method, or no page would hear it."""

import json

import pytest

from tests.web.jrsys.conftest import RigFactory
from tests.web.jrsys.rig import PIN, JrsysRig, answer_of, p11

ASKED = p11("RsaSignedDataP11", DigestAlg=7, Data2BSigned="text", PIN=PIN)
UNREAD = {
    "a PIN that is a number": json.dumps(p11("RsaSignedDataP11", PIN=int(PIN))),
    "a PIN longer than any": json.dumps(p11("RsaSignedDataP11", PIN="1" * 65)),
    "half a surrogate pair": json.dumps(p11("RsaSignedDataP11", Data2BSigned="\ud800")),
    "a field with two values": json.dumps({**ASKED, "Data2BSigned": "another"}),
    "a field twice": json.dumps(ASKED).replace('"DigestAlg"', '"DigestAlg": 0, "DigestAlg"'),
    "an end too early": json.dumps(ASKED)[:-1],
}


@pytest.mark.parametrize("text", UNREAD.values(), ids=UNREAD)
async def test_the_method_is_named_and_the_page_ends_the_websocket(
    start_rig: RigFactory, make_card: object, text: str
) -> None:
    assert callable(make_card)
    rig: JrsysRig = await start_rig(make_card())
    async with rig.socket() as socket:
        await socket.send_str(text)
        answer = await answer_of(socket)
        assert answer["MethodSelect"] == "RsaSignedDataP11"
        assert answer["RV"] in (7, 162)
        assert answer["Message"] == answer["ErrorMessage"]
        await socket.send_str(json.dumps(p11("GetSmartCardSnP11")))
        assert (await answer_of(socket))["Message"] == rig.card.data.serial
    assert rig.windows.asked == []
    assert rig.tries == 3


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"MethodSelect": 7}', '{"MethodSelect": "<b>"}'])
async def test_what_names_no_method_is_answered_and_the_websocket_ends(
    start_rig: RigFactory, text: str
) -> None:
    rig: JrsysRig = await start_rig(None)
    async with rig.socket() as socket:
        await socket.send_str(text)
        answer = await answer_of(socket)
        assert (answer["MethodSelect"], answer["RV"]) == ("", 7)
        await socket.receive(20)
        assert socket.closed
