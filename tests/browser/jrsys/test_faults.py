"""Whatever goes wrong, the page hears of it: one message with a number, and a text to show.

A sample of names in a browser, where the clients' own defects count; every name and every fault
are played in ``tests/web/jrsys``.
"""

from collections.abc import Callable
from typing import Any

import pytest

from agent.consent.questions import EnterPin, SiteAnswer
from agent.virtualcard.model import Faults
from tests.browser.jrsys.conftest import CardFactory, OpenPage
from tests.browser.jrsys.kit_pages import KitPage
from tests.browser.jrsys.own_agent import OwnAgent
from tests.browser.jrsys.windows import PIN, SECONDS
from tests.web.jrsys.rig import check_form, newer, older, p11

pytestmark = pytest.mark.browser
SIGNING = {"IsSilent": 1, "DigestAlg": 7, "Data2BSigned": "challenge", "PIN": PIN}
TEXT = {"data2BSigned": "challenge"}


def told_about_the_card(page: KitPage) -> list[dict[str, Any]]:
    """Ask for what needs a card, as both kits do."""
    return [
        page.p11("GetSmartCardSnP11"),
        page.p11("RsaSignedDataP11", **SIGNING),
        page.p11("ExportCertToHexP11", IsSilent=1, KeyUsage=0x80),
        page.p11("RsaSignedDataP11NetForm", DigestAlg=7, Data2BSigned="challenge"),
        page.older("SignP11", TEXT, digestAlg4Sign=0),
        page.older("exportCertToHexP11", {"iCertType": 0}),
    ]


def insist_on(told: list[dict[str, Any]], number: int, *texts: str) -> None:
    """Check numbers, and that there is something true to show."""
    assert [each["rv"] for each in told] == [number] * len(told), told
    assert {each["text"] for each in told} <= set(texts), told


def test_without_a_reader(agent: OwnAgent, page: KitPage) -> None:
    with agent.no_reader():
        insist_on(told_about_the_card(page), 48, "找不到讀卡機")
        assert page.newer("IsGCACardPresent")["message"] is False
        assert page.older("isGCACardPresent")["rv"] == 0


@pytest.mark.usefixtures("agent")
def test_without_a_card(page: KitPage) -> None:
    insist_on(told_about_the_card(page), 224, "未插入卡片")
    assert page.newer("IsGCACardPresent")["message"] is False


def test_with_a_card_of_another_kind(
    make_card: CardFactory, agent: OwnAgent, page: KitPage
) -> None:
    foreign = make_card(faults=Faults(foreign=0x6D00))
    agent.put(foreign)
    insist_on(told_about_the_card(page), 225, "不支援這張卡片")


@pytest.mark.parametrize("ask", ["newer", "older"])
def test_with_a_card_that_is_pulled_in_the_middle(
    make_card: CardFactory, agent: OwnAgent, page: KitPage, ask: str
) -> None:
    card = make_card()
    agent.put(card)
    assert page.p11("GetSmartCardSnP11")["rv"] == 0
    card.faults = Faults(remove_at=card.trace.commands + 4)
    if ask == "newer":
        told = page.p11("RsaSignedDataP11", **SIGNING)
    else:
        told = page.older("SignP11", TEXT, digestAlg4Sign=0)
    insist_on([told], 50, "卡片在執行中被取出")


def test_with_a_card_that_is_pulled_under_the_pin_window(
    make_card: CardFactory, agent: OwnAgent, page: KitPage
) -> None:
    agent.put(make_card())
    agent.windows.holds = EnterPin
    page.start_older("SignP11", TEXT, digestAlg4Sign=0)
    agent.windows.opened.get(timeout=SECONDS)
    agent.pull()
    agent.windows.closed.get(timeout=SECONDS)
    insist_on([page.outcome(0)], 50, "卡片在執行中被取出")


def test_with_a_card_that_is_locked(make_card: CardFactory, agent: OwnAgent, page: KitPage) -> None:
    agent.put(make_card(attempts_left=0))
    told = [page.p11("RsaSignedDataP11", **SIGNING), page.older("SignP11", TEXT)]
    insist_on(told, 164, "PIN 碼已鎖定")


def test_what_the_citizen_does_not_want(
    make_card: CardFactory, agent: OwnAgent, open_page: OpenPage
) -> None:
    agent.put(make_card())
    agent.windows.site = SiteAnswer.CANCEL
    page = open_page()
    told = [page.p11("GetSmartCardSnP11"), page.older("SignP11", TEXT, digestAlg4Sign=0)]
    insist_on(told, 80, "使用者已取消")
    agent.windows.site, agent.windows.pin = SiteAnswer.ALWAYS, None
    page = open_page()
    told = [page.older("SignP11", TEXT, digestAlg4Sign=0), page.p11("LoginSmartCardP11")]
    insist_on(told, 80, "使用者已取消")
    assert agent.verifies == 0


def test_a_site_that_was_blocked(
    make_card: CardFactory, agent: OwnAgent, open_page: OpenPage
) -> None:
    agent.put(make_card())
    page = open_page()
    agent.block(page.origin)
    insist_on(told_about_the_card(page), 512, "此網站已被封鎖，或管理政策不允許")
    page.load(agent, start=1)
    page.page.wait_for_function("older.alerts.length === 1")
    assert page.page.evaluate("older.alerts") == ["此網站已被封鎖，或管理政策不允許"]
    assert agent.windows.kinds() == []


def test_a_login_to_the_card_on_a_page_without_tls(
    make_card: CardFactory, agent: OwnAgent, open_page: OpenPage
) -> None:
    agent.put(make_card())
    told = [open_page(secure=False).p11("LoginSmartCardP11")]
    insist_on(told, 512, "網頁連線未加密，不能使用這項功能")


WRONG: list[tuple[str, Callable[[KitPage], Any], int]] = [
    ("hex", lambda page: page.newer("HexToBase64", "ComUtilsPara", HexString="0g"), 32),
    ("digest", lambda page: page.newer("DigestData", "ComCryptoPara", HexData="z"), 7),
    ("older hex", lambda page: page.convert("hexToB64", "0g"), 32),
    ("envelope", lambda page: page.p11("RsaDecryptP11", HexP7EnvelopedData="zz", PIN=PIN), 32),
    ("older envelope", lambda page: page.older("DecryptP11", {"data2BSigned": "3000"}), 64),
    ("no block", lambda page: page.newer("RsaSignedDataP11"), 7),
    ("no fields", lambda page: page.newer("RsaSignedDataP11", "ComPKCS11Para"), 7),
    ("a list", lambda page: page.p11("RsaSignedDataP11", **{**SIGNING, "Data2BSigned": []}), 7),
    ("a PIN's number", lambda page: page.p11("RsaSignedDataP11", PIN=int(PIN)), 7),
    ("a PIN's length", lambda page: page.p11("RsaSignedDataP11", **{**SIGNING, "PIN": "1"}), 162),
    ("MD5", lambda page: page.p11("RsaSignedDataP11", **{**SIGNING, "DigestAlg": 3}), 112),
    ("older MD5", lambda page: page.older("SignP11", TEXT, digestAlg4Sign=3), 112),
    ("nothing to sign", lambda page: page.older("SignP11", {}, digestAlg4Sign=0), 7),
    ("no older blocks", lambda page: page.older("SignP11"), 7),
    ("cipher", lambda page: page.p11("RsaEncryptP11", SKeyAlg=0, Data2BEncrypted="x"), 112),
]


def test_requests_that_are_wrong(make_card: CardFactory, agent: OwnAgent, page: KitPage) -> None:
    agent.put(make_card())
    assert page.p11("GetSmartCardSnP11")["rv"] == 0
    for what, ask, number in WRONG:
        told = ask(page)
        assert told["rv"] == number, what
        assert told["text"], what
        assert page.page.locator("#bar *").count() == 0, what  # no markup came with the text
    assert agent.verifies == 0


REFUSED = [
    *(newer("DigestFile", "ComCryptoPara", DigestAlgId=7), newer("GenKeyAndCsrSD")),
    *(p11("ChangeUserPinP11", PIN="111111", NewPIN="222222"), p11("DeleteKeyAndCertP11")),
    *(p11("ImportKeyPairAndCertFromPFXP11", HexPfx="00", PfxPassword="x"), p11("GetSInfoP11")),
    *(older("OpenStoreUser", {"sn": "1"}), older("StoreExportPFX"), older("containerGenCSR")),
    *(older("EncryptFileByP11", {}), newer("NoSuchMethod"), {"MethodSelect": "SignP11x"}),
]


def test_what_is_refused_on_purpose(make_card: CardFactory, agent: OwnAgent, page: KitPage) -> None:
    agent.put(make_card())
    for request in REFUSED:
        answer = page.watch(request)
        check_form(answer)
        assert (answer["MethodSelect"], answer["RV"]) == (request["MethodSelect"], 84)
        assert answer["ErrorMessage"] == "本元件不提供這項功能"
    assert agent.windows.kinds() == []


def test_a_null_block_is_answered_once_and_the_websocket_stays(
    make_card: CardFactory, agent: OwnAgent, page: KitPage
) -> None:
    agent.put(make_card())
    for request in (
        {"MethodSelect": "RsaSignedDataP11", "ComPKCS11Para": None},
        {"MethodSelect": "SignP11", "Data": None, "Pro": None},
        {"MethodSelect": "DecodeCertificate", "ComCertificatePara": None},
        {"MethodSelect": "decodeCertificate", "Data": [], "Pro": 7},
        {"MethodSelect": "hexToB64"},
    ):
        answer = page.watch(request)
        check_form(answer)
        assert (answer["MethodSelect"], answer["RV"]) == (request["MethodSelect"], 7)
        assert page.newer("GetComVersion")["rv"] == 0  # meanwhile nothing more came
        assert page.page.evaluate("[watched.messages.length, watched.closed]") == [1, None]
        page.page.evaluate("stopWatching()")
