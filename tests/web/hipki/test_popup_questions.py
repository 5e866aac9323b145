"""Questions in popups, and a site's popups: answered once, joined, bounded, closed in time."""

import http.client
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Faults
from agent.web.hipki import popup as popup_routes
from tests.web.hipki.rig import PIN, SITE, STRANGER, WRONG_PIN, Rig, base64_text

CardFactory = Callable[..., VirtualCard]


def test_a_question_is_answered_in_its_own_time_only(card: VirtualCard) -> None:
    with Rig(card, consent="ask") as rig, rig.popup(SITE, func="CheckEnvir") as popup:
        question = popup.question()
        assert (question["kind"], question["origin"]) == ("site", SITE)
        assert popup.answer("always") == 409  # too soon
        assert rig.own_post("/popup/answer", {"token": rig.token(), "answer": "once"}).status == 409
        time.sleep(0.6)
        assert popup.answer("once") == 200
        assert popup.reply()["ret_code"] == 0
        assert popup.answer("once") == 409  # nothing is asked any more


def test_an_answer_that_was_not_offered_is_refused(card: VirtualCard) -> None:
    with Rig(card, consent="ask") as rig:
        rig.allow(SITE)
        rig.sign(origin=SITE, pin=WRONG_PIN)
        with rig.popup(SITE, func="MakeSignature", tbs="x", pin=PIN) as popup:
            question = popup.question()
            assert (question["kind"], question["attemptsLeft"]) == ("pin", 2)
            time.sleep(0.6)
            assert popup.answer("always") == 409
            assert popup.answer("cancel") == 200
            assert popup.reply()["ret_code"] == 0x76000999
    assert card.data.attempts_left == 2


def test_odd_names_are_pointed_out(card: VirtualCard) -> None:
    odd = "http://xn--80ak6aa92e.example"
    with Rig(card, consent="ask") as rig, rig.popup(odd, func="CheckEnvir") as popup:
        question = popup.question()
        assert (question["unicode"], question["insecure"]) == ("аррӏе.example", True)


def test_one_answer_serves_all_popups_of_a_site(card: VirtualCard) -> None:
    with (
        Rig(card, consent="ask") as rig,
        rig.popup(SITE, func="CheckEnvir") as first,
        rig.popup(SITE, func="GetUserCert") as second,
        rig.popup(STRANGER, func="GetUserCert") as other,
    ):
        for popup in (first, second, other):
            popup.question()
        time.sleep(0.6)
        assert second.answer("once") == 200
        assert [popup.reply()["ret_code"] for popup in (first, second)] == [0, 0]
        assert other.answer("never") == 200
        assert other.reply()["ret_code"] == 0x76000031


def test_a_question_outlives_the_popup_that_began_it(card: VirtualCard) -> None:
    with Rig(card, consent="ask") as rig, rig.popup(SITE, func="CheckEnvir") as first:
        first.question()
        second = rig.popup(SITE, func="CheckEnvir")
        with second as popup:
            popup.question()
            first.close()
            time.sleep(0.6)
            assert popup.answer("once") == 200
            assert popup.reply()["ret_code"] == 0


def test_the_same_request_again_joins_the_one_under_way(make_card: CardFactory) -> None:
    card = make_card(faults=Faults(rsa_delay_ms=700))
    fields = {"func": "MakeSignature", "tbs": "x", "signatureType": "PKCS1"}
    wrong = {**fields, "pin": WRONG_PIN}
    with Rig(card) as rig, rig.popup(SITE, **fields, pin=PIN) as busy:
        assert "working" in busy.state()
        with rig.popup(SITE, **wrong) as first, rig.popup(SITE, **wrong) as second:
            assert first.reply() == second.reply()
        assert card.data.attempts_left == 2  # the two were one request
        with rig.popup(STRANGER, **wrong) as other:
            other.reply()
        assert card.data.attempts_left == 1


def test_a_closed_popup_sends_no_pin(make_card: CardFactory) -> None:
    card = make_card(faults=Faults(rsa_delay_ms=500))
    fields = {"func": "MakeSignature", "tbs": "x"}
    with Rig(card) as rig:
        with rig.popup(SITE, **fields, pin=PIN) as first:
            with rig.popup(SITE, **fields, pin=WRONG_PIN) as second:
                assert "working" in second.state()
            assert first.reply()["ret_code"] == 0
        with rig.popup(SITE, **fields, pin=PIN) as third:
            assert third.reply()["ret_code"] == 0
    assert card.data.attempts_left == 3


def test_an_allowed_site_has_a_few_popups_at_once(card: VirtualCard) -> None:
    fields = {"func": "MakeSignature", "tbs": base64_text(bytes(32)), "signatureType": "RAW"}
    with Rig(card, consent="ask") as rig, ExitStack() as popups:
        rig.allow(SITE)
        for number in range(4):
            asked = rig.popup(SITE, **fields, tbsEncoding="base64", pin=PIN, number=number)
            popups.enter_context(asked).question()
        with rig.popup(SITE, func="CheckEnvir") as fifth:
            assert fifth.reply()["ret_code"] == 0x76100005
        with rig.popup(STRANGER, func="CheckEnvir") as other:
            other.question()


def test_of_a_stranger_s_popups_the_oldest_gives_way(card: VirtualCard) -> None:
    with Rig(card, consent="ask") as rig, ExitStack() as popups:
        honest = popups.enter_context(rig.popup(SITE, func="CheckEnvir"))
        honest.question()
        oldest, *others = [
            popups.enter_context(rig.popup(f"https://{name}.evil.example", func="CheckEnvir"))
            for name in "abc"
        ]
        for popup in (oldest, *others):
            popup.question()
        others.append(popups.enter_context(rig.popup("https://d.evil.example", func="CheckEnvir")))
        others[-1].question()
        with pytest.raises((OSError, http.client.HTTPException, ValueError)):
            oldest.reply()  # hung up; the popup's script then gives its page a number
        for popup in (honest, *others):
            assert popup.answer("cancel") == 200
            assert popup.reply()["ret_code"] == 0x76000999


def test_little_of_what_strangers_want_is_held_while_the_citizen_is_asked(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(popup_routes, "_UNASKED", 256 * 1024)
    long = {"func": "MakeSignature", "tbs": "x" * 100 * 1024, "pin": PIN}
    with Rig(card, consent="ask") as rig, ExitStack() as popups:
        rig.allow(SITE)
        for name in "ab":
            asked = rig.popup(f"https://{name}.example", **long)
            popups.enter_context(asked).question()
        with rig.popup("https://c.example", **long) as third:
            assert third.reply()["ret_code"] == 0x76100005
        with rig.popup("https://c.example", func="CheckEnvir") as short:
            short.question()
        with rig.popup(SITE, **long) as allowed:
            assert allowed.reply()["ret_code"] == 0


@pytest.mark.parametrize("site", ["null", "", "chrome-extension://abc", "https://a.example/path"])
def test_a_popup_of_nobody_gets_a_number(card: VirtualCard, site: str) -> None:
    with Rig(card) as rig, rig.popup(site, func="MakeSignature", tbs="x", pin=WRONG_PIN) as popup:
        assert popup.reply()["ret_code"] == 0x76000031
    assert card.data.attempts_left == 3
