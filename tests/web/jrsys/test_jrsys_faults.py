"""Errors never hang: every name of both kits, under every fault, has one whole answer.

A page waits for ever for what does not come, and takes the first message that comes for its
answer. So each answer is followed by a ping: its pong is the next thing that comes.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp
import pytest

from agent.consent.permissions import Permission
from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.signing.model import CardPresence
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Faults
from agent.web.front.limits import Limits
from agent.web.jrsys.computing import COMPUTING
from agent.web.jrsys.methods import BY_NAME, Method
from agent.web.jrsys.names import NEWER, OLDER
from tests.signing.attempts_support import Windows, verifies
from tests.web.conftest import SITE
from tests.web.jrsys.conftest import RigFactory
from tests.web.jrsys.rig import FIRST, PIN, JrsysRig, answer_of

Fields = Mapping[str, Any]
CardFactory = Callable[..., VirtualCard]
FAST: Final = Limits(rate=1e6, burst=10**6)
ALL: Final = sorted(NEWER | OLDER)
REFUSED: Final = frozenset(ALL) - BY_NAME.keys()
PROBES: Final = frozenset(
    {
        *(Method.VERSION, Method.TOOL_INFORMATION, Method.METHOD_LIST),
        *(Method.NEW_VERSION, Method.PRESENCE, Method.SET_LICENSE),
    }
)
"""They look at no field and at no card: only a blocked site gets no good answer."""
USES: Final = frozenset(
    {
        *(Method.SIGN, Method.SIGN_IN_WINDOW, Method.SIGN_DIGEST, Method.SIGN_DIGEST_WITH),
        *(Method.SIGN_MATCHING, Method.LOG_IN, Method.DECRYPT),
    }
)
ON_THE_CARD: Final = frozenset(Method) - PROBES - COMPUTING.keys()
"""They need a card that can be read."""
OF_FIELDS: Final = (COMPUTING.keys() | USES | {Method.SELECT}) - {Method.LOG_IN}
"""They need at least one field."""
OF_HEX: Final = OF_FIELDS - {
    *(Method.SIGN, Method.SIGN_IN_WINDOW, Method.TEXT_TO_HEX, Method.DIGEST, Method.SELECT)
}
"""They need hex or base64; of the older kit's names some take a text instead."""
OLD_TEXTS: Final = frozenset({"SignedData", "SignUseCn", "SignUseSn", "SignUseCnOu"})

WELL: Final = {
    **dict.fromkeys(("HexString", "sendString", "HexData", "Data2BSignHex"), "41" * 32),
    **dict.fromkeys(("data2BSigned", "Digest2BSignHex"), "41" * 32),
    "Base64String": "QQ==",
    "UnicodeString": "A",
    "Data2BSigned": "text",
    "DigestAlg": 7,
    "DigestAlgId": 7,
    "digestAlg4Sign": 7,
    "SKeyAlg": 1,
    "alg4Encrypt": 1,
    "Data2BEncrypted": "text",
}
"""What most methods need; certificates and envelopes are no such thing, and are refused."""
NO_HEX: Final = "4x"


def request(method: str, block: object = None, **changed: Any) -> dict[str, Any]:
    """Return a request of either kit, with good fields but for what is changed."""
    fields = {**WELL, **changed} if block is None else block
    return {"MethodSelect": method, "ComPKCS11Para" if method in NEWER else "Data": fields}


async def told(rig: JrsysRig, asked: Mapping[str, Any], site: str = SITE) -> int:
    """Ask; check that the answer is whole, and that nothing but a pong follows it."""
    async with rig.agent.http.ws_connect(rig.address(), origin=site, autoping=False) as socket:
        await socket.send_str(json.dumps(asked))
        answer = await answer_of(socket)
        assert answer["MethodSelect"] == asked["MethodSelect"]
        assert not answer["RV"] or not answer["Signature"]
        await socket.ping(b"still there?")
        assert (await socket.receive(20)).type is aiohttp.WSMsgType.PONG
        return int(answer["RV"])


async def all_told(rig: JrsysRig, **changed: Any) -> dict[str, int]:
    return {name: await told(rig, request(name, **changed)) for name in ALL}


def check(found: Mapping[str, int], failing: frozenset[Method] | set[Method]) -> None:
    """Check that these methods failed, that probes did not, and what is refused."""
    assert {name: found[name] for name in REFUSED} == dict.fromkeys(REFUSED, 84)
    good = [name for name, method in BY_NAME.items() if method in failing and not found[name]]
    assert good == []
    failed = [name for name, method in BY_NAME.items() if method in PROBES and found[name]]
    assert failed == []


async def _no_reader(start: RigFactory, _: CardFactory) -> JrsysRig:
    return await start(limits=FAST)


async def _no_card(start: RigFactory, _: CardFactory) -> JrsysRig:
    return await start(None, limits=FAST)


async def _foreign(start: RigFactory, make_card: CardFactory) -> JrsysRig:
    card = make_card()
    card.faults = Faults(foreign=0x6D00)
    return await start(card, limits=FAST)


async def _mute(start: RigFactory, make_card: CardFactory) -> JrsysRig:
    card = make_card()
    card.faults = Faults(mute=True)
    return await start(card, limits=FAST)


class Refusing(Windows):
    """A citizen who closes every window."""

    def answer(self, prompt: object) -> object:
        super().answer(prompt)
        raise AgentError("closed", code=ErrorCode.USER_CANCELLED)


async def _cancelled(start: RigFactory, make_card: CardFactory) -> JrsysRig:
    return await start(make_card(), limits=FAST, windows=Refusing(), allowed=())


@pytest.mark.parametrize("make", [_no_reader, _no_card, _foreign, _mute, _cancelled])
async def test_without_what_is_needed(
    start_rig: RigFactory, make_card: CardFactory, make: Any
) -> None:
    rig = await make(start_rig, make_card)
    check(await all_told(rig), ON_THE_CARD)
    if rig.cards and rig.cards[0] is not None:
        assert rig.tries == 3


NO_BLOCKS: Final = {
    "no block": {},
    "a null block": None,
    "a list for a block": [],
    "a text for a block": "text",
    "an empty block": {},
}


@pytest.mark.parametrize("what", NO_BLOCKS)
async def test_without_a_block(start_rig: RigFactory, make_card: CardFactory, what: str) -> None:
    rig = await start_rig(make_card(), limits=FAST)
    found = {}
    for name in ALL:
        asked = {"MethodSelect": name}
        if what != "no block":
            asked |= {"ComPKCS11Para": NO_BLOCKS[what], "Data": NO_BLOCKS[what]}
        found[name] = await told(rig, asked)
    check(found, OF_FIELDS)
    assert set(rig.windows.asked) <= {"pin 3"}  # of LoginSmartCardP11, which has no fields


@pytest.mark.parametrize("value", [True, [], {}, 1.5, [{"a": None}]], ids=str)
async def test_wrong_types(start_rig: RigFactory, make_card: CardFactory, value: object) -> None:
    rig = await start_rig(make_card(), limits=FAST)
    wrong = dict.fromkeys((*WELL, "HexSN", "KeyUsage", "HexDerCertValue"), value)
    check(await all_told(rig, **wrong), OF_FIELDS | {Method.ALL_CERTIFICATES})
    assert rig.tries == 3


async def test_each_wrong_type_by_itself(start_rig: RigFactory, make_card: CardFactory) -> None:
    """Nothing is signed for a field of which nobody can say what it means."""
    rig = await start_rig(make_card(), limits=FAST)
    for field in ("Data2BSigned", "DigestAlg"):
        for value in (True, [], {}, 1.5):
            assert await told(rig, request("RsaSignedDataP11", **{field: value}, PIN=PIN)) == 7
    assert await told(rig, request("RsaSignedData", IsContentDetached="perhaps")) == 7
    assert rig.windows.asked == []
    assert rig.tries == 3


async def test_bad_hex(start_rig: RigFactory, make_card: CardFactory) -> None:
    rig = await start_rig(make_card(), limits=FAST)
    hexes = ("HexString", "sendString", "HexData", "Data2BSignHex", "data2BSigned")
    more = ("Digest2BSignHex", "Base64String", "HexSN", "HexDerCertValue", "HexCert")
    found = await all_told(rig, **dict.fromkeys((*hexes, *more), NO_HEX))
    check({**found, **dict.fromkeys(OLD_TEXTS, 32)}, set(OF_HEX))
    assert found["RsaSignedDataWithContentDigestP11"] == found["DigestData"] == 32


async def test_a_blocked_site(start_rig: RigFactory, make_card: CardFactory) -> None:
    rig = await start_rig(make_card(), limits=FAST, allowed=())
    rig.permissions.remember(Origin.parse(SITE), Permission.BLOCKED)
    sent = rig.card.trace.commands
    assert await all_told(rig, PIN=PIN) == dict.fromkeys(ALL, 512)
    assert (rig.card.trace.commands, rig.windows.asked) == (sent, [])


async def test_what_is_refused_touches_neither_card_nor_citizen(
    start_rig: RigFactory, make_card: CardFactory
) -> None:
    rig = await start_rig(make_card(), limits=FAST)
    assert await told(rig, request("GetSmartCardSnP11")) == 0
    sent = rig.card.trace.commands
    for name in (*REFUSED, "NoSuchMethod", "getcomversion"):
        assert await told(rig, request(name, PIN=PIN, NewPIN="111111")) == 84
    assert (rig.card.trace.commands, rig.windows.asked) == (sent, [])


def _has(rig: JrsysRig, state: CardPresence) -> Callable[[], bool]:
    return lambda: rig.service.snapshot().readers[0].state is state


@pytest.mark.parametrize("after", [1, 3, 6])
async def test_pulled_in_the_middle(
    start_rig: RigFactory, make_card: CardFactory, after: int
) -> None:
    rig = await start_rig(make_card(), limits=FAST)
    names = ("RsaSignedDataP11", "RsaSignedDataWithContentDigestP11")
    for name in names:
        assert await told(rig, request("GetSmartCardSnP11")) == 0
        rig.card.trace.recording = True
        rig.card.faults = Faults(remove_at=rig.card.trace.commands + after)
        assert await told(rig, request(name, PIN=PIN)) in (48, 50, 224)
        await rig.agent.until(_has(rig, CardPresence.EMPTY))
        rig.card.faults = Faults()
        rig.provider.insert(FIRST, rig.card)
        await rig.agent.until(_has(rig, CardPresence.CARD))
    assert verifies(rig.card) <= len(names)


async def test_an_aborted_page_leaves_nothing_behind(
    start_rig: RigFactory, make_card: CardFactory
) -> None:
    rig = await start_rig(make_card(), limits=FAST)
    await told(rig, request("GetSmartCardSnP11"))
    before = asyncio.all_tasks()
    sockets = [await rig.agent.http.ws_connect(rig.address(), origin=SITE) for _ in range(8)]
    for number, socket in enumerate(sockets):
        await socket.send_str(json.dumps(request(ALL[number * 9], PIN=PIN)))
        connection = socket._conn
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()
    await rig.agent.until(
        lambda: not {each for each in asyncio.all_tasks() - before if _ours(each)}
    )


def _ours(task: "asyncio.Task[Any]") -> bool:
    return "jrsys" in repr(task.get_coro())
