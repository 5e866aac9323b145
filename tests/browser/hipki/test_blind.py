"""Pages whose documents nobody can show: the popup asks for that permission, once."""

import base64
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from playwright.sync_api import Page, expect

from agent.cms.digest import HashAlgorithm
from agent.history.store import History, read
from agent.virtualcard.card import VirtualCard
from tests.browser.hipki.popups import clicked, outcome, press, say
from tests.browser.hipki.site import Sites
from tests.web.hipki.rig import Rig, base64_text

CardFactory = Callable[..., VirtualCard]
pytestmark = pytest.mark.browser
DOCUMENT = b"document"
UNTRUSTED = 0x76000031
HASHES: dict[HashAlgorithm, hashes.HashAlgorithm] = {
    HashAlgorithm.SHA1: hashes.SHA1(),  # noqa: S303  # pages still ask for it
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}


def visit(page: Page, sites: Sites, rig: Rig, octets: bytes, **query: object) -> None:
    """Open a document system's page that hands over nothing but these bytes."""
    digest = base64_text(octets)
    page.goto(sites.url("documents.html", port=rig.port, digest=digest, budget=600_000, **query))


def check(reply: dict[str, Any], algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> None:
    assert (reply["func"], reply["ret_code"]) == ("sign", 0), reply
    key = x509.load_der_x509_certificate(base64.b64decode(reply["certb64"])).public_key()
    assert isinstance(key, RSAPublicKey)
    signature = base64.b64decode(reply["signature"])
    key.verify(signature, DOCUMENT, padding.PKCS1v15(), HASHES[algorithm])


def digest_info() -> bytes:
    return HashAlgorithm.SHA256.digest_info(HashAlgorithm.SHA256.digest(DOCUMENT))


@pytest.mark.parametrize("answer", ["once", "always"])
def test_an_allowed_site_is_asked_once_for_all_its_forms(
    make_card: CardFactory, tmp_path: Path, page: Page, sites: Sites, answer: str
) -> None:
    path = tmp_path / "history.sqlite"
    with (
        closing(History(path)) as history,
        Rig(make_card(), consent="ask", history=history) as rig,
    ):
        rig.allow(sites.origin())
        visit(page, sites, rig, digest_info())
        popup = press(page, "sign")
        expect(popup.locator("#title")).to_have_text("要為這個網站簽署無法顯示的內容嗎？")
        expect(popup.locator("#origin")).to_have_text(sites.origin())
        expect(popup.locator("#blind")).to_contain_text("連安控也看不到")
        expect(popup.locator("#text")).to_be_hidden()
        say(popup, answer)
        check(outcome(page))
        for algorithm in HashAlgorithm:
            digest = algorithm.digest(DOCUMENT)
            for octets in (digest, algorithm.digest_info(digest)):
                visit(page, sites, rig, octets)
                check(clicked(page, "sign"), algorithm)
    lines = [line.entry for line in read(path)]
    assert {(entry.site, entry.detail) for entry in lines} == {(sites.origin(), "blind")}
    assert len(lines) == 1 + 2 * len(HashAlgorithm)


@pytest.mark.parametrize(("answer", "ret_code"), [("never", UNTRUSTED), ("cancel", 0x76000999)])
def test_a_no_is_a_number_and_what_can_be_shown_is_signed_all_the_same(
    make_card: CardFactory, page: Page, sites: Sites, answer: str, ret_code: int
) -> None:
    card = make_card()
    with Rig(card, consent="ask") as rig:
        rig.allow(sites.origin())
        visit(page, sites, rig, digest_info(), pin="654321")
        say(press(page, "sign"), answer)
        assert outcome(page)["ret_code"] == ret_code
        popup = press(page, "sign")
        if answer == "cancel":
            say(popup, answer)
        assert outcome(page, 1)["ret_code"] == ret_code
        page.goto(sites.url("classic.html", port=rig.port))
        assert clicked(page, "sign")["ret_code"] == 0
    assert card.data.attempts_left == 3


def test_a_new_site_is_asked_about_both_in_one_question(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    with Rig(make_card(), consent="ask") as rig:
        visit(page, sites, rig, digest_info())
        popup = press(page, "sign")
        expect(popup.locator("#title")).to_have_text("允許這個網站使用您的卡片嗎？")
        expect(popup.locator("#blind")).to_contain_text("連安控也看不到")
        say(popup, "always")
        check(outcome(page))
        check(clicked(page, "sign"))


def test_nothing_of_one_question_stays_beside_the_next(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    cards = make_card("gen1"), make_card("gen2")
    with Rig(*cards, consent="ask") as rig:
        for card in cards:
            rig.known.forget(card.data.serial)
        visit(page, sites, rig, digest_info())
        popup = press(page, "sign")
        expect(popup.locator("#more")).to_contain_text("安控會送出一次")
        expect(popup.locator("#blind")).to_be_visible()
        say(popup, "always")
        expect(popup.locator("#title")).to_have_text("要用哪一張卡片？")
        expect(popup.locator("#text")).to_be_visible()
        for gone in ("#blind", "#more"):
            expect(popup.locator(gone)).to_be_hidden()
        popup.locator("[data-answer=once]").nth(1).click()
        reply = outcome(page)
        check(reply)
        assert reply["cardSN"] == cards[1].data.serial
