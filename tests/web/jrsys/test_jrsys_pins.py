"""A page's PIN costs at most the one attempt that the page itself asked for."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from agent.secret import SecretBytes
from agent.virtualcard.card import VirtualCard
from agent.web.front.limits import Limits
from agent.web.jrsys import session
from tests.signing.attempts_support import Windows, verifies
from tests.web.jrsys.conftest import RigFactory
from tests.web.jrsys.rig import PIN, WRONG_PIN, JrsysRig, answer_of, p11

CardFactory = Callable[..., VirtualCard]


def signing(pin: object, method: str = "RsaSignedDataP11", **more: Any) -> dict[str, Any]:
    return p11(method, DigestAlg=7, Data2BSigned="text", PIN=pin, **more)


def watched(card: VirtualCard) -> VirtualCard:
    card.trace.recording = True
    return card


async def test_a_wrong_pin_costs_one_attempt_and_says_what_is_left(
    start_rig: RigFactory, make_card: CardFactory, secrets_made: list[SecretBytes]
) -> None:
    rig: JrsysRig = await start_rig(watched(make_card()))
    answer = await rig.call(signing(WRONG_PIN))
    assert answer["RV"] == 160
    assert "2" in answer["Message"]
    assert verifies(rig.card) == 1
    assert rig.windows.asked == []
    assert secrets_made
    assert not any(any(each.buffer) for each in secrets_made)


@pytest.mark.parametrize("left", [None, 1])
@pytest.mark.parametrize("agrees", [True, False])
async def test_what_may_be_the_last_attempt_is_asked_first(
    start_rig: RigFactory, make_card: CardFactory, left: int | None, agrees: bool
) -> None:
    card = watched(make_card())
    card.data.attempts_left = left or 3
    windows = Windows(agrees=agrees)
    rig: JrsysRig = await start_rig(card, known=left is not None, windows=windows)
    answer = await rig.call(signing(PIN))
    assert windows.asked == [f"last {left}"]
    assert (answer["RV"], verifies(card)) == ((0, 1) if agrees else (80, 0))


async def test_of_two_requests_on_one_websocket_the_second_goes_with_the_page(
    start_rig: RigFactory, make_card: CardFactory
) -> None:
    rig: JrsysRig = await start_rig(watched(make_card()))
    async with rig.socket() as socket:
        await socket.send_str(json.dumps(signing(WRONG_PIN)))
        await socket.send_str(json.dumps(signing(WRONG_PIN, IsSilent=1)))
        assert (await answer_of(socket))["RV"] == 160
    assert (await rig.call(p11("GetSmartCardSnP11")))["RV"] == 0
    assert verifies(rig.card) == 1


async def test_the_same_wrong_pin_on_two_websockets_is_sent_once(
    start_rig: RigFactory, make_card: CardFactory
) -> None:
    card = watched(make_card())
    rig: JrsysRig = await start_rig(card, windows=_Waiting(), known=False)
    windows: Any = rig.windows
    async with rig.socket() as first, rig.socket() as second:
        for socket in (first, second):
            await socket.send_str(json.dumps(signing(WRONG_PIN)))
            await asyncio.wait_for(windows.shown.wait(), 20)
        assert (await rig.call(signing(WRONG_PIN, IsSilent=1)))["RV"] == 6
        windows.go_on.set()
        answers = [await answer_of(socket) for socket in (first, second)]
    assert [each["RV"] for each in answers] == [160, 160]
    assert verifies(card) == 1


class _Waiting(Windows):
    """Answers when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.shown, self.go_on = asyncio.Event(), asyncio.Event()

    async def ask(self, prompt: Any) -> Any:
        self.shown.set()
        await self.go_on.wait()
        return await super().ask(prompt)


@pytest.mark.parametrize("pin", ["", None])
async def test_no_pin_is_typed_in_our_window(
    start_rig: RigFactory, make_card: CardFactory, pin: str | None
) -> None:
    rig: JrsysRig = await start_rig(watched(make_card()))
    assert (await rig.call(signing(pin, IsSilent=1)))["RV"] == 0
    assert rig.windows.asked == ["pin 3"]


@pytest.mark.parametrize("pin", [123456, [PIN], {"a": PIN}, True, "1" * 65, "1", "12345678901"])
async def test_what_can_be_no_pin_is_never_sent(
    start_rig: RigFactory, make_card: CardFactory, pin: object
) -> None:
    rig: JrsysRig = await start_rig(watched(make_card()))
    answer = await rig.call(signing(pin))
    assert answer["MethodSelect"] == "RsaSignedDataP11"
    assert answer["RV"] in (7, 162)
    assert (verifies(rig.card), rig.windows.asked) == (0, [])


@pytest.mark.parametrize(
    ("method", "settings"),
    [("RsaSignedDataP11NetForm", {}), ("RsaSignedDataP11", {"page_pin": False})],
)
async def test_a_pin_that_is_not_wanted_is_dropped(
    start_rig: RigFactory, make_card: CardFactory, method: str, settings: dict[str, Any]
) -> None:
    rig: JrsysRig = await start_rig(watched(make_card()), **settings)
    answer = await rig.call(signing(WRONG_PIN, method, UseLastSetting=True, IsSilent=1))
    assert (answer["RV"], rig.windows.asked, verifies(rig.card)) == (0, ["pin 3"], 1)


async def test_a_message_beyond_the_rate_is_wiped(
    start_rig: RigFactory, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is dropped unanswered, and with it the PIN."""
    wiped: list[bytes] = []
    monkeypatch.setattr(session, "wipe_received", lambda raw: wiped.append(bytes(raw)))
    rig: JrsysRig = await start_rig(make_card(), limits=Limits(rate=0.001, burst=2))
    text = json.dumps(signing(PIN, "NoSuchMethod"))
    async with rig.socket() as socket:
        for _ in range(3):
            await socket.send_str(text)
        while not socket.closed:
            await socket.receive(20)
    await rig.agent.until(lambda: wiped.count(text.encode()) == 3)
