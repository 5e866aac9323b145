"""Pages that go away before they have their answer, and come again."""

import pytest

from agent.consent import joining
from agent.consent.questions import AllowSite, EnterPin
from tests.browser.jrsys.conftest import CardFactory, OpenPage
from tests.browser.jrsys.kit_pages import KitPage
from tests.browser.jrsys.own_agent import OwnAgent
from tests.browser.jrsys.windows import SECONDS, WRONG_PIN

pytestmark = pytest.mark.browser
TEXT = {"data2BSigned": "challenge"}


def test_closing_the_tab_closes_the_pin_window_and_the_next_one_is_one(
    make_card: CardFactory, agent: OwnAgent, open_page: OpenPage
) -> None:
    agent.put(make_card())
    windows = agent.windows
    windows.holds = EnterPin
    page = open_page()
    page.start_older("SignP11", TEXT, digestAlg4Sign=0)
    windows.opened.get(timeout=SECONDS)
    page.page.close()
    windows.closed.get(timeout=SECONDS)
    assert agent.verifies == 0
    windows.holds = None
    again = open_page()
    assert again.older("SignP11", TEXT, digestAlg4Sign=0)["rv"] == 0
    assert agent.verifies == 1
    assert windows.kinds() == ["AllowSite", "EnterPin"] * 2


def test_the_same_site_comes_again_with_the_same_call(
    make_card: CardFactory, agent: OwnAgent, open_page: OpenPage
) -> None:
    agent.put(make_card())
    windows = agent.windows
    windows.holds = EnterPin
    page = open_page()
    page.start_older("SignP11", TEXT, digestAlg4Sign=0)
    windows.opened.get(timeout=SECONDS)
    page.load(agent)  # reloaded, as with F5
    windows.closed.get(timeout=SECONDS)
    windows.holds = None
    assert page.older("SignP11", TEXT, digestAlg4Sign=0)["rv"] == 0
    assert windows.kinds() == ["AllowSite", "EnterPin", "EnterPin"]
    assert agent.verifies == 1


def test_closing_the_tab_closes_the_window_about_the_site(
    make_card: CardFactory, agent: OwnAgent, page: KitPage
) -> None:
    agent.put(make_card())
    agent.windows.holds = AllowSite
    page.start_newer("GetSmartCardSnP11", "ComPKCS11Para")
    agent.windows.opened.get(timeout=SECONDS)
    page.page.close()
    agent.windows.closed.get(timeout=SECONDS)
    assert agent.windows.kinds() == ["AllowSite"]


def test_a_page_that_is_loaded_again_finds_the_window_about_its_site(
    make_card: CardFactory, agent: OwnAgent, page: KitPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "LINGER_SECONDS", 3600.0)  # however slow this machine is
    agent.put(make_card())
    agent.windows.holds = AllowSite
    page.start_newer("GetSmartCardSnP11", "ComPKCS11Para")
    agent.windows.opened.get(timeout=SECONDS)
    page.load(agent)
    page.start_older("SignP11", TEXT, digestAlg4Sign=0)
    assert page.newer("GetComVersion")["rv"] == 0
    agent.windows.holds = None
    assert page.outcome(1)["rv"] == 0
    assert agent.windows.kinds() == ["AllowSite", "EnterPin"]


def test_a_double_click_makes_one_window_and_both_calls_have_the_signature(
    make_card: CardFactory, agent: OwnAgent, page: KitPage
) -> None:
    agent.put(make_card())
    windows = agent.windows
    windows.holds = EnterPin
    for _ in range(2):
        page.start_newer("RsaSignedDataP11", "ComPKCS11Para", DigestAlg=7, Data2BSigned="a")
    windows.opened.get(timeout=SECONDS)
    other = page.p11("RsaSignedDataP11", DigestAlg=7, Data2BSigned="b")
    assert (other["rv"], other["text"]) == (6, "執行失敗或元件忙碌中，請稍後再試")
    assert windows.kinds() == ["AllowSite", "EnterPin"]
    windows.holds = None
    first, second = page.outcome(1), page.outcome(2)
    assert first["rv"] == second["rv"] == 0
    assert first["message"] == second["message"]
    assert windows.kinds() == ["AllowSite", "EnterPin"]
    assert agent.verifies == 1


def test_a_signature_before_the_versions_answer_is_lost_and_asks_nothing(
    make_card: CardFactory, agent: OwnAgent, page: KitPage
) -> None:
    agent.put(make_card())
    request = {"MethodSelect": "SignP11", "Data": TEXT, "Pro": {"digestAlg4Sign": 0}}
    # Which of two timers finds the socket open first is left to chance by the kit, not by a test.
    page.page.evaluate(
        """(request) => {
            older.start();
            const { socket } = older, { send } = socket;
            socket.send = (text) => {
                send.call(socket, text);
                send.call(socket, JSON.stringify(request));
            };
        }""",
        request,
    )
    page.page.wait_for_function("older.socket.readyState === WebSocket.CLOSED")
    assert page.page.evaluate("older.version") == "3.0.2.0"
    assert page.newer("GetComVersion")["rv"] == 0
    assert page.told == 1
    assert agent.windows.kinds() == []
    assert agent.verifies == 0


def test_of_two_signatures_on_one_older_socket_one_takes_a_pin(
    make_card: CardFactory, agent: OwnAgent, open_page: OpenPage
) -> None:
    agent.put(make_card())
    page = open_page()
    page.older("Version")
    agent.windows.pin = WRONG_PIN
    page.start_older("SignP11", TEXT, digestAlg4Sign=0)
    page.start_older("SignP11", {"data2BSigned": "another"}, digestAlg4Sign=0)
    assert page.outcome(1)["rv"] == 80  # after the wrong one, no other was typed
    page.page.wait_for_function("older.socket.readyState === WebSocket.CLOSED")
    agent.windows.pin = None
    assert page.p11("GetSmartCardSnP11")["rv"] == 0
    assert agent.windows.kinds() == ["AllowSite", "EnterPin", "EnterPin"]
    assert agent.verifies == 1
    assert agent.tries == 2
    assert page.told == 3
