"""Popups while windows can be opened: one question, in a window; the popup says where it is."""

import asyncio
import html
import json
import time
from queue import Empty
from typing import cast

import pytest

from agent.consent import joining
from agent.consent.permissions import Permission
from agent.consent.questions import (
    AllowBlind,
    AllowSite,
    Scope,
    SiteAnswer,
)
from agent.errors import AgentError, ErrorCode
from agent.origin import LOCAL_PROGRAM, Origin
from agent.virtualcard.card import VirtualCard
from tests.web.hipki.desk import Desk, asking, until_window
from tests.web.hipki.rig import PIN, SECONDS, SITE, STRANGER, Rig, base64_text


def about(origin: str) -> AllowSite:
    """Return the question about a site, while no card was read."""
    return AllowSite(Origin.parse_any(origin), attempts_unknown=True)


@pytest.mark.parametrize(
    ("answer", "ret_code", "kept"),
    [
        (SiteAnswer.ALWAYS, 0, Permission.ALLOWED),
        (SiteAnswer.THIS_TIME, 0, Permission.ALLOWED),
        (SiteAnswer.NEVER, 0x76000031, Permission.BLOCKED),
        (SiteAnswer.CANCEL, 0x76000999, None),
    ],
)
def test_an_unknown_site_is_asked_about_in_a_window(
    card: VirtualCard, desk: Desk, answer: SiteAnswer, ret_code: int, kept: Permission | None
) -> None:
    with asking(card, desk) as rig, rig.popup(SITE, func="CheckEnvir") as popup:
        assert desk.seen() == about(SITE)
        until_window(popup)
        assert popup.answer("always") == 409  # there is nothing to be answered in the popup
        desk.answers.put(answer)
        assert popup.reply()["ret_code"] == ret_code
        assert rig.permissions.find(Origin.parse_any(SITE)) is kept
        desk.nothing_more()


@pytest.mark.parametrize("origin", [SITE, None])
def test_who_reads_certificates_without_a_popup_is_asked_about_too(
    card: VirtualCard, desk: Desk, origin: str | None
) -> None:
    with asking(card, desk) as rig:
        assert rig.get("/pkcs11info", origin).json["slots"][0]["token"]["serialNumber"] == ""
        desk.nothing_more()
        desk.answers.put(SiteAnswer.CANCEL)
        assert rig.get("/pkcs11info?withcert=true", origin).json["ret_code"] == 0x76000999
        desk.answers.put(SiteAnswer.THIS_TIME)
        found = rig.get("/pkcs11info?withcert=true", origin).json
        assert found["slots"][0]["token"]["serialNumber"] == card.data.serial
        assert desk.seen() == desk.seen() == about(origin or str(LOCAL_PROGRAM))


def test_many_popups_and_calls_of_a_site_share_one_window(card: VirtualCard, desk: Desk) -> None:
    with (
        asking(card, desk) as rig,
        rig.popup(SITE, func="CheckEnvir") as first,
        rig.popup(SITE, func="GetUserCert") as second,
        rig.popup(SITE, func="CheckEnvir") as same,
    ):
        desk.seen()
        for popup in (first, second, same):
            until_window(popup)
        other_way = asyncio.run_coroutine_threadsafe(
            rig.service.connect(Origin.parse_any(SITE)),
            rig._loop,
        )
        desk.nothing_more()
        desk.answers.put(SiteAnswer.THIS_TIME)
        assert [each.reply()["ret_code"] for each in (first, second, same)] == [0, 0, 0]
        other_way.result(SECONDS)
        desk.nothing_more()


RAW = {
    "func": "MakeSignature",
    "tbs": base64_text(bytes(32)),
    "tbsEncoding": "base64",
    "signatureType": "RAW",
    "pin": PIN,
}


@pytest.mark.parametrize("answer", [SiteAnswer.ALWAYS, SiteAnswer.THIS_TIME])
def test_a_new_site_with_raw_is_asked_about_in_one_window(
    card: VirtualCard, desk: Desk, answer: SiteAnswer
) -> None:
    with asking(card, desk) as rig:
        with rig.popup(SITE, **RAW) as popup:
            asked = AllowSite(Origin.parse_any(SITE), attempts_unknown=True, blind=True)
            assert desk.seen() == asked
            desk.answers.put(answer)
            assert popup.reply()["ret_code"] == 0
        with rig.popup(SITE, **RAW) as popup:
            assert popup.reply()["ret_code"] == 0
        assert rig.sign(SITE, **RAW)["ret_code"] == 0
        desk.nothing_more()


@pytest.mark.parametrize(
    ("answer", "ret_code", "again"),
    [
        (SiteAnswer.ALWAYS, 0, 0),
        (SiteAnswer.NEVER, 0x76000031, 0x76000031),
        (SiteAnswer.CANCEL, 0x76000999, None),
    ],
)
def test_an_allowed_site_is_asked_about_raw_alone(
    card: VirtualCard, desk: Desk, answer: SiteAnswer, ret_code: int, again: int | None
) -> None:
    with asking(card, desk) as rig:
        rig.allow(SITE)
        desk.answers.put(answer)
        assert rig.sign(SITE, **RAW)["ret_code"] == ret_code
        assert desk.seen() == AllowBlind(Origin.parse_any(SITE))
        if again is not None:
            assert rig.sign(SITE, **RAW)["ret_code"] == again
        assert rig.sign(SITE)["ret_code"] == 0  # what can be read needs no such permission
        desk.nothing_more()
    assert card.data.attempts_left == 3


@pytest.mark.parametrize(("answer", "ret_code"), [("always", 0), ("never", 0x76000031)])
@pytest.mark.parametrize("is_allowed", [True, False])
def test_where_no_window_opens_the_popup_asks_about_raw(
    card: VirtualCard, answer: str, ret_code: int, is_allowed: bool
) -> None:
    with Rig(card, consent="ask") as rig:
        if is_allowed:
            rig.allow(SITE)
        with rig.popup(SITE, **RAW) as popup:
            question = popup.question()
            assert question["kind"] == ("blind" if is_allowed else "site")
            assert question["blind"]
            while popup.answer(answer) != 200:  # too soon for a yes, against double clicks
                pass
            assert popup.reply()["ret_code"] == ret_code
        # Who calls directly has no popup: what was said there stands for them too.
        assert rig.sign(SITE, **RAW)["ret_code"] == ret_code


def test_two_sites_have_their_turns(card: VirtualCard, desk: Desk) -> None:
    with (
        asking(card, desk) as rig,
        rig.popup(SITE, func="CheckEnvir") as first,
        rig.popup(STRANGER, func="CheckEnvir") as second,
    ):
        assert desk.seen().site == Origin.parse_any(SITE)
        desk.nothing_more()
        desk.answers.put(SiteAnswer.CANCEL)
        assert first.reply()["ret_code"] == 0x76000999
        assert desk.seen().site == Origin.parse_any(STRANGER)
        desk.answers.put(SiteAnswer.THIS_TIME)
        assert second.reply()["ret_code"] == 0


def test_closing_the_last_popup_closes_the_window(card: VirtualCard, desk: Desk) -> None:
    with asking(card, desk) as rig:
        with rig.popup(SITE, func="CheckEnvir") as first:
            with rig.popup(SITE, func="CheckEnvir") as second:
                desk.seen()
                until_window(first)
                until_window(second)
            with pytest.raises(Empty):
                desk.closed.get(timeout=joining.LINGER_SECONDS + 0.5)
        assert desk.closed.get(timeout=SECONDS) == about(SITE)
        assert rig.permissions.find(Origin.parse_any(SITE)) is None


def test_an_impatient_page_that_comes_again_finds_the_same_window(
    card: VirtualCard, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "LINGER_SECONDS", 30.0)
    with asking(card, desk) as rig:
        for _ in range(5):  # more often than a site may be refused
            with rig.popup(SITE, func="CheckEnvir") as popup:
                until_window(popup)
        with rig.popup(SITE, func="CheckEnvir") as popup:
            until_window(popup)
            desk.seen()
            desk.nothing_more()
            desk.answers.put(SiteAnswer.ALWAYS)
            assert popup.reply()["ret_code"] == 0


def test_an_answer_counts_also_after_the_page_gave_up(
    card: VirtualCard, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "LINGER_SECONDS", 30.0)
    with asking(card, desk) as rig:
        with rig.popup(SITE, func="CheckEnvir") as popup:
            desk.seen()
            until_window(popup)
        desk.answers.put(SiteAnswer.ALWAYS)
        site, until = Origin.parse_any(SITE), time.monotonic() + SECONDS
        while rig.permissions.find(site) is None and time.monotonic() < until:
            time.sleep(0.01)
        assert rig.permissions.find(site) is Permission.ALLOWED


def test_a_window_that_does_not_open_leaves_the_question_to_the_popup(
    card: VirtualCard, desk: Desk
) -> None:
    desk.opens = False
    with asking(card, desk) as rig, rig.popup(SITE, func="CheckEnvir") as popup:
        assert popup.question()["kind"] == "site"
        while popup.answer("once") != 200:
            pass  # it counts only after it could be read
        assert popup.reply()["ret_code"] == 0


@pytest.mark.parametrize(
    ("answer", "ret_code", "kept"),
    [
        (SiteAnswer.ALWAYS, 0, Permission.ALLOWED),
        (SiteAnswer.CANCEL, 0x76000999, Permission.BLOCKED),
        (SiteAnswer.NEVER, 0x76000031, Permission.BLOCKED),
    ],
)
def test_a_site_that_is_added_on_our_page_is_decided_about_in_a_window(
    card: VirtualCard, desk: Desk, answer: SiteAnswer, ret_code: int, kept: Permission
) -> None:
    with asking(card, desk) as rig:
        rig.permissions.remember(Origin.parse_any(SITE), Permission.BLOCKED)
        token = rig.token("/addDomain?domain=service.example")
        time.sleep(0.6)  # a yes counts only after it could be read
        desk.answers.put(answer)
        said = {"token": token, "site": SITE, "answer": "always"}
        assert rig.own_post("/popup/domain", said).json["ret_code"] == ret_code
        assert desk.seen() == about(SITE)
        assert rig.permissions.find(Origin.parse_any(SITE)) is kept


def test_a_site_is_added_on_our_page_alone_where_no_window_opens(
    card: VirtualCard, desk: Desk
) -> None:
    desk.opens = False
    with asking(card, desk) as rig:
        token = rig.token("/addDomain?domain=service.example")
        time.sleep(0.6)
        said = {"token": token, "site": SITE, "answer": "always"}
        assert rig.own_post("/popup/domain", said).json["ret_code"] == 0
        assert rig.permissions.find(Origin.parse_any(SITE)) is Permission.ALLOWED


def offered(rig: Rig) -> tuple[str, bool]:
    """Return what the page by which a site is added sends, and whether it speaks of RAW."""
    page = rig.get("/addDomain?domain=service.example").body.decode()
    token = page.partition('name="token" content="')[2].partition('"')[0]
    shown = html.unescape(page.partition('name="candidates" content="')[2].partition('">')[0])
    (blind,) = (each["blind"] for each in json.loads(shown) if each["origin"] == SITE)
    time.sleep(0.6)  # a yes counts only after it could be read
    return token, blind


@pytest.mark.parametrize("opens", [True, False])
def test_who_refused_raw_for_good_may_add_the_site_with_it(
    card: VirtualCard, desk: Desk, *, opens: bool
) -> None:
    desk.opens = opens
    site = Origin.parse_any(SITE)
    with asking(card, desk) as rig:
        rig.permissions.remember(site, Permission.ALLOWED)
        rig.permissions.remember(site, Permission.BLOCKED, Scope.BLIND)
        assert rig.sign(SITE, **RAW)["ret_code"] == 0x76000031
        token, blind = offered(rig)
        assert blind
        desk.answers.put(SiteAnswer.ALWAYS)
        said = {"token": token, "site": SITE, "answer": "always", "blind": blind}
        assert rig.own_post("/popup/domain", said).json["ret_code"] == 0
        if opens:
            assert cast("AllowSite", desk.seen()).blind
        assert rig.sign(SITE, **RAW)["ret_code"] == 0
        desk.nothing_more()
        assert not offered(rig)[1]


def test_the_site_of_another_port_comes_first_where_raw_was_refused(
    card: VirtualCard, desk: Desk
) -> None:
    odd = f"{SITE}:8443"
    with asking(card, desk) as rig:
        rig.permissions.remember(Origin.parse_any(odd), Permission.ALLOWED)
        rig.permissions.remember(Origin.parse_any(odd), Permission.BLOCKED, Scope.BLIND)
        assert rig.sign(odd, **RAW)["ret_code"] == 0x76000031
        page = html.unescape(rig.get("/addDomain?domain=service.example").body.decode())
        assert page.index(odd) < page.index(f'"{SITE}"')


@pytest.mark.parametrize("opens", [True, False])
def test_a_yes_to_a_page_that_did_not_speak_of_raw_does_not_cover_it(
    card: VirtualCard, desk: Desk, *, opens: bool
) -> None:
    desk.opens = opens
    site = Origin.parse_any(SITE)
    with asking(card, desk) as rig:
        token, blind = offered(rig)
        assert not blind
        rig.permissions.remember(site, Permission.BLOCKED, Scope.BLIND)
        desk.answers.put(SiteAnswer.ALWAYS)
        said = {"token": token, "site": SITE, "answer": "always", "blind": blind}
        assert rig.own_post("/popup/domain", said).json["ret_code"] == 0
        assert rig.permissions.find(site, Scope.BLIND) is Permission.BLOCKED


def test_what_an_administrator_refused_cannot_be_added(card: VirtualCard, desk: Desk) -> None:
    site = Origin.parse_any(SITE)
    with asking(card, desk) as rig:
        rig.permissions.remember(site, Permission.BLOCKED, Scope.BLIND)
        rig.permissions.ruled.add((site, Scope.BLIND))
        token, blind = offered(rig)
        assert not blind
        desk.answers.put(SiteAnswer.ALWAYS)
        said = {"token": token, "site": SITE, "answer": "always", "blind": True}
        assert rig.own_post("/popup/domain", said).json["ret_code"] == 0
        assert desk.seen() == about(SITE)


def test_a_site_that_was_refused_too_often_is_not_asked_about_in_the_popup_instead(
    card: VirtualCard, desk: Desk
) -> None:
    with asking(card, desk) as rig:
        for _ in range(2):
            with rig.popup(SITE, func="CheckEnvir") as popup:
                desk.seen()
                desk.answers.put(AgentError("closed", code=ErrorCode.USER_CANCELLED))
                popup.reply()
        with rig.popup(SITE, func="CheckEnvir") as popup:
            state = popup.state()
            while "reply" not in state:
                assert "question" not in state
                state = popup.state()
            assert json.loads(state["reply"])["ret_code"] == 0x7600000D
        desk.nothing_more()
