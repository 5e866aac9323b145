"""The customer's flow in a browser: first questions, and a signature for OpenSSL."""

from pathlib import Path

import pytest

from agent.consent.questions import SiteAnswer
from agent.size_limits import MAX_JRSYS_TEXT
from tests.browser.jrsys.conftest import CardFactory, OpenPage
from tests.browser.jrsys.kit_pages import KitPage
from tests.browser.jrsys.openssl import digest_name, signed_content
from tests.browser.jrsys.own_agent import OwnAgent
from tests.browser.jrsys.windows import PIN

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("answer", [SiteAnswer.ALWAYS, SiteAnswer.THIS_TIME])
def test_a_newer_page_goes_from_the_version_to_the_signature(
    make_card: CardFactory, agent: OwnAgent, page: KitPage, tmp_path: Path, answer: SiteAnswer
) -> None:
    agent.put(make_card("gen2"), known=False)
    agent.windows.site = answer  # each lasts for all of them, though each has its own WebSocket
    assert agent.card is not None
    assert page.newer("GetComVersion")["message"] == "3.0.2.0"
    assert page.newer("IsGCACardPresent")["message"] is True
    assert page.p11("GetSmartCardSnP11")["message"] == agent.card.data.serial
    signing = {"IsSilent": 1, "DigestAlg": 7, "PIN": PIN, "IsCertChainNeeded": False}
    signed = page.p11("RsaSignedDataP11", Data2BSigned="challenge-20261129", **signing)
    exported = page.p11("ExportCertToHexP11", IsSilent=1, KeyUsage=0x80)["message"]
    assert [page.outcome(number)["rv"] for number in range(5)] == [0] * 5
    assert agent.windows.kinds() == ["AllowSite"]
    assert agent.verifies == 1
    assert signed_content(signed["message"], tmp_path) == b"challenge-20261129"
    assert signed["message"].endswith(signed["signature"])
    assert signed["signer"] == exported


@pytest.mark.parametrize("generation", ["gen1", "gen2"])
def test_an_older_page_looks_at_its_load_and_signs_a_moment_later(
    make_card: CardFactory,
    agent: OwnAgent,
    open_page: OpenPage,
    tmp_path: Path,
    generation: str,
) -> None:
    agent.put(make_card(generation))
    page = open_page(start=1)
    page.page.wait_for_function("older.version !== ''")
    assert page.page.evaluate("older.version") == "3.0.2.0"
    assert page.told == 0  # the first socket has no listener
    signed = page.older("SignP11", {"data2BSigned": "挑戰 2"}, digestAlg4Sign=0)
    assert (signed["rv"], signed["text"]) == (0, "")
    assert agent.windows.kinds() == ["AllowSite", "EnterPin"]
    assert signed_content(signed["message"], tmp_path) == "挑戰 2".encode()
    assert digest_name(signed["message"]) == "sha1"
    exported = page.older("exportCertToHexP11", {"iCertType": 0}, p11dll="anything.dll")
    assert signed["signer"] == exported["message"]


def test_a_long_text_is_signed_whole_and_a_longer_one_not_at_all(
    make_card: CardFactory, agent: OwnAgent, page: KitPage, tmp_path: Path
) -> None:
    agent.put(make_card())
    signing = {"IsSilent": 1, "DigestAlg": 7, "PIN": PIN}
    text = "字" * (MAX_JRSYS_TEXT // 3)
    signed = page.p11("RsaSignedDataP11", Data2BSigned=text, **signing)
    assert signed["rv"] == 0
    assert signed_content(signed["message"], tmp_path) == text.encode()
    longer = page.p11("RsaSignedDataP11", Data2BSigned=text + "字", **signing)
    assert (longer["rv"], longer["text"]) == (33, "資料過長")
    assert agent.verifies == 1
