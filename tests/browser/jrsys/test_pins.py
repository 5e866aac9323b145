"""Whose PIN is sent, when the citizen is asked before, and what never replaces their window."""

from typing import Any

import pytest

from agent.cms.login import LoginPurpose
from agent.consent.questions import EnterPin, LastAttempt
from agent.virtualcard.card import VirtualCard
from tests.browser.jrsys.conftest import CardFactory
from tests.browser.jrsys.kit_pages import KitPage
from tests.browser.jrsys.own_agent import OwnAgent
from tests.browser.jrsys.windows import PIN, WRONG_PIN

pytestmark = pytest.mark.browser
NOT_SENT = "剩餘機會不多或未知，未經使用者確認，沒有送出 PIN 碼"
SIGN = "RsaSignedDataP11"
WANTED = {"IsSilent": 1, "DigestAlg": 7, "Data2BSigned": "challenge", "IsCertChainNeeded": False}


def allowed(agent: OwnAgent, page: KitPage, card: VirtualCard) -> None:
    """Have a site allowed, and the one PIN sent that the window about it gave leave for."""
    agent.put(card)
    assert page.p11(SIGN, **WANTED, PIN=PIN)["rv"] == 0
    agent.windows.begin()
    card.trace.exchanges.clear()


def test_a_wrong_pin_of_the_page_is_sent_once_and_the_tries_are_told(
    make_card: CardFactory, agent: OwnAgent, page: KitPage
) -> None:
    agent.put(make_card())
    told = page.p11(SIGN, **WANTED, PIN=WRONG_PIN)
    assert told["rv"] == 160
    assert told["text"] == told["message"] == "PIN 碼錯誤，剩餘 2 次機會"
    assert page.page.inner_text("#bar") == "PIN 碼錯誤，剩餘 2 次機會 (160)"
    assert (agent.verifies, agent.tries) == (1, 2)
    assert agent.windows.kinds() == ["AllowSite"]


@pytest.mark.parametrize(("left", "is_known"), [(3, False), (1, True)])
def test_an_attempt_that_may_be_the_last_is_asked_about_first(
    make_card: CardFactory, agent: OwnAgent, page: KitPage, left: int, is_known: bool
) -> None:
    allowed(agent, page, make_card())
    agent.put(make_card(attempts_left=left), known=is_known)
    agent.windows.agrees = False
    told = page.p11(SIGN, **WANTED, PIN=PIN)
    assert (told["rv"], told["text"]) == (80, NOT_SENT)
    question = agent.windows.last()
    assert isinstance(question, LastAttempt)
    assert question.attempts_left == (left if is_known else None)
    assert question.pin_given
    assert (agent.verifies, agent.tries) == (0, left)
    agent.windows.agrees = True
    assert page.p11(SIGN, **WANTED, PIN=PIN)["rv"] == 0
    assert agent.windows.kinds() == ["LastAttempt", "LastAttempt"]
    assert (agent.verifies, agent.tries) == (1, 3)


@pytest.mark.parametrize("given", [{}, {"PIN": ""}, {"PIN": None}])
def test_without_a_pin_of_the_page_the_window_asks(
    make_card: CardFactory, agent: OwnAgent, page: KitPage, given: dict[str, Any]
) -> None:
    allowed(agent, page, make_card())
    assert page.p11(SIGN, **WANTED, **given)["rv"] == 0
    assert agent.windows.kinds() == ["EnterPin"]
    assert agent.verifies == 1


def test_neither_silence_nor_the_last_setting_spares_a_window(
    make_card: CardFactory, agent: OwnAgent, page: KitPage
) -> None:
    allowed(agent, page, make_card())
    form = {"IsSilent": 1, "DigestAlg": 7, "Data2BSigned": "challenge", "UseLastSetting": True}
    for _ in range(2):
        assert page.p11("RsaSignedDataP11NetForm", **form, PIN=WRONG_PIN)["rv"] == 0
    assert agent.windows.kinds() == ["EnterPin", "EnterPin"]
    assert (agent.verifies, agent.tries) == (2, 3)  # never the page's, which is wrong


def test_a_login_to_the_card_proves_the_pin_and_keeps_nothing(
    make_card: CardFactory, agent: OwnAgent, page: KitPage
) -> None:
    allowed(agent, page, make_card())
    assert page.p11("LoginSmartCardP11")["message"] == ""
    question = agent.windows.last()
    assert isinstance(question, EnterPin)
    assert question.purpose.login is LoginPurpose.IDENTIFY  # nobody is logged in to the site
    assert page.p11(SIGN, **WANTED)["rv"] == 0
    assert agent.windows.kinds() == ["EnterPin", "EnterPin"]


def test_the_window_shows_the_text_that_is_signed_and_names_the_site(
    make_card: CardFactory, agent: OwnAgent, page: KitPage
) -> None:
    agent.put(make_card())
    assert page.older("SignP11", {"data2BSigned": "登入驗證 42"}, digestAlg4Sign=0)["rv"] == 0
    question = agent.windows.last()
    assert isinstance(question, EnterPin)
    assert str(question.site) == page.origin
    (document,) = question.purpose.documents
    assert (document.text, question.purpose.hash) == ("登入驗證 42", "SHA-1")
