"""Windows about attempts, PINs and cards that the request of a popup leads to."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from agent.consent.questions import (
    ChooseCard,
    EnterPin,
    LastAttempt,
)
from agent.consent.queue import PromptQueue
from agent.secret import SecretBytes
from agent.virtualcard.card import VirtualCard
from tests.web.hipki.desk import Desk, asking, until_window
from tests.web.hipki.rig import PIN, SECONDS, SITE, WRONG_PIN, Rig

CardFactory = Callable[..., VirtualCard]


def sign(rig: Rig, pin: str) -> Any:
    return rig.popup(SITE, func="MakeSignature", tbs="x", hashAlgorithm="SHA256", pin=pin)


def test_attempts_after_a_wrong_pin_are_confirmed_in_windows(card: VirtualCard, desk: Desk) -> None:
    with asking(card, desk) as rig:
        rig.allow(SITE)
        with sign(rig, WRONG_PIN) as popup:
            assert popup.reply()["last_error"] == -2147483646
        for left, answer, ret_code in ((2, False, 0x76000999), (2, True, 0x76100006)):
            with sign(rig, WRONG_PIN) as popup:
                question = desk.seen()
                assert isinstance(question, LastAttempt)
                assert (question.attempts_left, question.pin_given) == (left, True)
                until_window(popup)
                desk.answers.put(answer)
                assert popup.reply()["ret_code"] == ret_code
        with sign(rig, PIN) as popup:
            question = desk.seen()
            assert isinstance(question, LastAttempt)
            assert question.attempts_left == 1
            desk.answers.put(True)
            assert popup.reply()["ret_code"] == 0
        desk.nothing_more()
    assert card.data.attempts_left == 3


def test_closing_the_popup_closes_the_last_attempt_s_window(card: VirtualCard, desk: Desk) -> None:
    with asking(card, desk) as rig:
        rig.allow(SITE)
        with sign(rig, WRONG_PIN) as popup:
            popup.reply()
        with sign(rig, WRONG_PIN) as popup:
            desk.seen()
            until_window(popup)
        assert isinstance(desk.closed.get(timeout=SECONDS), LastAttempt)
    assert card.data.attempts_left == 2


def test_a_pin_that_pages_may_not_hand_over_is_typed_in_a_window(
    card: VirtualCard, desk: Desk
) -> None:
    with asking(card, desk, page_pin=False) as rig:
        rig.allow(SITE)
        with sign(rig, WRONG_PIN) as popup:
            assert isinstance(desk.seen(), EnterPin)
            until_window(popup)
            desk.answers.put(SecretBytes.from_text(PIN))
            assert popup.reply()["ret_code"] == 0
    assert card.data.attempts_left == 3


@pytest.mark.parametrize("place", [0, 1])
def test_which_of_two_cards_is_asked_in_a_window(
    make_card: CardFactory, desk: Desk, place: int
) -> None:
    cards = make_card("gen1"), make_card("gen2")
    with Rig(*cards, consent="ask", prompter=PromptQueue(desk, lambda _: None)) as rig:
        rig.allow(SITE)
        with sign(rig, PIN) as popup:
            question = desk.seen()
            assert isinstance(question, ChooseCard)
            until_window(popup)
            desk.answers.put(question.cards[place])
            assert popup.reply()["cardSN"] == cards[place].data.serial


@pytest.mark.parametrize("place", [0, 1])
def test_where_no_window_opens_the_popup_asks_which_card(
    make_card: CardFactory, desk: Desk, place: int
) -> None:
    cards = make_card("gen1"), make_card("gen2", name="陳另人")
    desk.opens = False
    with Rig(*cards, consent="ask", prompter=PromptQueue(desk, lambda _: None)) as rig:
        rig.allow(SITE)
        with sign(rig, PIN) as popup:
            question = popup.question()
            assert question["kind"] == "card"
            assert [card["serial"] for card in question["cards"]] == [c.data.serial for c in cards]
            assert question["cards"][1]["holder"] == "陳另人"
            time.sleep(0.6)
            for refused in (-1, 2):
                assert popup.answer("once", choice=refused) == 409
            assert popup.answer("always", choice=place) == 409
            assert popup.answer("once", choice=place) == 200
            assert popup.reply()["cardSN"] == cards[place].data.serial
        with sign(rig, WRONG_PIN) as popup:
            popup.question()
            assert popup.answer("cancel") == 200
            assert popup.reply()["ret_code"] == 0x76000999
    assert [card.data.attempts_left for card in cards] == [3, 3]
