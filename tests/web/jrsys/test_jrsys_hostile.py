"""Whatever a page sends: one whole answer for each message, and no exception in the agent."""

import json
from typing import Any, Final

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.errors import AgentError, ErrorCode
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.web.front.limits import Limits
from agent.web.front.web_sockets import SocketChannel
from agent.web.jrsys import component
from agent.web.jrsys.component import JrsysComponent
from agent.web.jrsys.names import NEWER, OLDER
from agent.web.recorder.recorder import CallRecording
from tests.web.conftest import SITE, FakeService
from tests.web.jrsys.conftest import RigFactory
from tests.web.jrsys.rig import answer_of, check_form

FAST: Final = Limits(rate=1e6, burst=10**6)
NAMES: Final = st.sampled_from(sorted(NEWER | OLDER))
BLOCKS: Final = st.sampled_from(["ComPKCS11Para", "ComMSCapiPara", "ComUtilsPara", "Data", "Pro"])
FIELDS: Final = st.sampled_from(
    [
        *(
            "Data2BSigned",
            "data2BSigned",
            "DigestAlg",
            "digestAlg4Sign",
            "PIN",
            "HexSN",
            "KeyUsage",
        ),
        *("HexString", "sendString", "Base64String", "UnicodeString", "HexDerCertValue", "HexCert"),
        *("Data2BEncrypted", "SKeyAlg", "IsContentDetached", "CN", "sn", "Digest2BSignHex"),
    ]
)
SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(["", "\0", "\ud800", "\U000f0001", "41", "QQ==", "7", "<b>", "4" * 3000])
)
VALUES: Final = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=3)
)
REQUESTS: Final = st.builds(
    lambda name, block, fields, more: {"MethodSelect": name, block: fields, **more},
    NAMES | SCALARS,
    BLOCKS,
    st.dictionaries(FIELDS, VALUES, max_size=5) | VALUES,
    st.dictionaries(FIELDS | BLOCKS, VALUES, max_size=2),
)


@pytest.fixture
def door(card_certificate: Any, monkeypatch: pytest.MonkeyPatch) -> JrsysComponent:
    def unexpected(error: Exception) -> Any:
        raise error

    monkeypatch.setattr(component, "unexpected", unexpected)
    return JrsysComponent(FakeService(card_certificate), Settings())


@given(asked=REQUESTS | VALUES, is_ascii=st.booleans())
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_json_has_one_whole_answer(
    door: JrsysComponent, asked: object, is_ascii: bool
) -> None:
    text = json.dumps(asked, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    await _whole(door, text)


@given(raw=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_octets_have_one_whole_answer(door: JrsysComponent, raw: bytes) -> None:
    await _whole(door, raw)


async def _whole(door: JrsysComponent, raw: bytes) -> None:
    answer, is_named = await door.answer(Origin.parse(SITE), raw, CallRecording())
    told = json.loads(answer)
    if told["RV"]:
        check_form(told)
    assert is_named is bool(told["MethodSelect"])


async def test_what_nobody_expects_while_reading_is_answered_too(
    card_certificate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(component.Call, "parse", fail)
    monkeypatch.setattr(component, "unexpected", lambda _: AgentError(code=ErrorCode.INTERNAL))
    door = JrsysComponent(FakeService(card_certificate), Settings())
    answer, is_named = await door.answer(Origin.parse(SITE), b"{}", CallRecording())
    assert (json.loads(answer)["RV"], is_named) == (6, False)


GOOD: Final = '{"MethodSelect":"GetComVersion","ComPKCS11Para":{"a":%s}}'
CORNERS: Final = {
    "deep": GOOD % ("[" * 90 + "]" * 90),
    "too deep": GOOD % ("[" * 900 + "]" * 900),
    "deeper": GOOD % ("[" * 30_000 + "]" * 30_000),
    "a huge number": GOOD % ("9" * 4000),
    "a larger one": GOOD % ("9" * 20_000),
    "NaN": GOOD % "NaN",
    "infinite": GOOD % "1e999",
    "a long text": GOOD % ('"' + "x" * (3 * 2**20) + '"'),
    "too many texts": GOOD % ("[" + ",".join(['""'] * 5000) + "]"),
    "half a pair, far behind": GOOD % ('"' + "x" * 2000 + '\\ud800"'),
    "a name twice": GOOD % '1,"a":2',
    "zero": GOOD % '"\\u0000"',
    "a mark of byte order": "\ufeff" + GOOD % "1",
}
READ: Final = {"deep", "a huge number", "infinite", "a long text", "zero"}


@pytest.mark.parametrize("what", CORNERS)
async def test_corners_of_json(start_rig: RigFactory, what: str) -> None:
    rig = await start_rig(None, limits=FAST)
    answer = await rig.call(CORNERS[what])
    assert answer["MethodSelect"] == "GetComVersion"
    assert answer["RV"] == (0 if what in READ else 7)


FRAMES: Final = {
    "binary": (b'{"MethodSelect":"GetComVersion"}', aiohttp.WSMsgType.BINARY),
    "no UTF-8": (b'{"a":"' + b"\xff" * 3000 + b'"}', aiohttp.WSMsgType.TEXT),
    "nothing": (b"", aiohttp.WSMsgType.TEXT),
    "zeros": (bytes(100), aiohttp.WSMsgType.TEXT),
    "4 MiB and one": (b" " * (4 * 2**20 + 1), aiohttp.WSMsgType.TEXT),
    "nearly 16 MiB": (b" " * (16 * 2**20 - 1), aiohttp.WSMsgType.TEXT),
}


@pytest.mark.parametrize("what", FRAMES)
async def test_what_names_no_method_ends_cleanly(start_rig: RigFactory, what: str) -> None:
    rig = await start_rig(None, limits=FAST)
    async with rig.socket() as socket:
        await socket.send_frame(*FRAMES[what])
        answer = await answer_of(socket)
        assert (answer["MethodSelect"], answer["RV"]) == ("", 7)
        assert (await socket.receive(20)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == aiohttp.WSCloseCode.OK
    assert await rig.agent.alive()


@pytest.mark.parametrize("size", [17, 20])
async def test_a_message_beyond_every_size_ends_the_websocket(
    start_rig: RigFactory, size: int
) -> None:
    rig = await start_rig(None, limits=FAST)
    async with rig.socket() as socket:
        await socket.send_str("x" * (size * 2**20))
        while not socket.closed:
            await socket.receive(20)
        assert socket.close_code in {1006, 1009}
    assert await rig.agent.alive()


async def test_a_message_in_pieces_has_one_answer(start_rig: RigFactory) -> None:
    rig = await start_rig(None, limits=FAST)
    async with rig.socket() as socket:
        connection = socket._conn
        assert connection is not None
        assert connection.transport is not None
        text = b'{"MethodSelect":"GetComVersion"}'
        pieces = [text[at : at + 1] for at in range(len(text))]
        for number, piece in enumerate(pieces):
            first = (0x80 if number == len(pieces) - 1 else 0) | (0 if number else 1)
            connection.transport.write(bytes([first, 0x80 | len(piece), 0, 0, 0, 0]) + piece)
        assert (await answer_of(socket))["RV"] == 0


async def test_a_page_is_not_left_waiting_where_no_answer_can_be_sent(
    start_rig: RigFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("nobody expected it")

    rig = await start_rig(None, limits=FAST)
    async with rig.socket() as socket:
        with monkeypatch.context() as patch:
            patch.setattr(SocketChannel, "send", fail)
            await socket.send_str('{"MethodSelect":"GetComVersion"}')
            assert (await socket.receive(20)).type is aiohttp.WSMsgType.CLOSE
    assert await rig.agent.alive()
