"""Pages that speak the old component's protocol, in Firefox: as they are."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent.cms.digest import HashAlgorithm
from agent.cms.verify import verify
from agent.consent.permissions import Permission
from agent.origin import Origin
from agent.virtualcard.card import VirtualCard
from tests.browser.firefox.marionette import Firefox
from tests.browser.hipki.site import Sites, serve_sites
from tests.web.hipki.rig import WRONG_PIN, Rig, base64_text

CardFactory = Callable[..., VirtualCard]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    with serve_sites() as served:
        yield served


def outcome(firefox: Firefox, number: int = 0) -> Any:
    firefox.wait_for("return window.outcomes.length > arguments[0]", number)
    return firefox.run("return window.outcomes[arguments[0]]", number)


def test_a_page_in_the_classic_style_reads_and_signs(
    firefox: Firefox, sites: Sites, make_card: CardFactory, generation: str
) -> None:
    card = make_card(generation)
    with Rig(card) as rig:
        firefox.go(sites.url("classic.html", port=rig.port))
        firefox.click("#check")
        assert outcome(firefox)["slots"][0]["token"]["serialNumber"] == card.data.serial
        firefox.click("#certificate")
        certificates = outcome(firefox, 1)["slots"][0]["token"]["certs"]
        firefox.click("#sign")
        reply = outcome(firefox, 2)
        assert verify(base64.b64decode(reply["signature"])).content == b"TBS"
        assert reply["certb64"] == certificates[2]["certb64"]


def test_the_popup_asks_about_the_site_once(
    firefox: Firefox, sites: Sites, make_card: CardFactory
) -> None:
    with Rig(make_card(), consent="ask") as rig:
        firefox.go(sites.url("classic.html", port=rig.port, pin=WRONG_PIN))
        (page,) = firefox.windows
        firefox.click("#sign")
        (popup,) = set(firefox.windows) - {page}
        firefox.switch_to(popup)
        yes = "[data-answer=always]"
        firefox.wait_for("return document.querySelector(arguments[0])?.disabled === false", yes)
        assert firefox.run("return document.getElementById('host').textContent") == "service.test"
        firefox.click(yes)
        firefox.switch_to(page)
        assert outcome(firefox)["last_error"] == -2147483646
        assert rig.permissions.find(Origin.parse_any(sites.origin())) is Permission.ALLOWED


def test_the_picture_is_read_from_a_canvas(
    firefox: Firefox, sites: Sites, make_card: CardFactory
) -> None:
    card = make_card()
    with Rig(card, consent="ask") as rig:
        rig.allow(sites.origin("friend"))
        for name, is_friend in (("friend", True), ("stranger", False)):
            firefox.go(sites.url("direct.html", name, port=rig.port))
            seen = firefox.run("return readFile()")
            assert "serverVersion" in seen
            assert (card.data.serial in seen) is is_friend


def test_the_popup_asks_about_what_cannot_be_shown_and_then_which_card(
    firefox: Firefox, sites: Sites, make_card: CardFactory
) -> None:
    cards = make_card("gen1"), make_card("gen2")
    digest = base64_text(HashAlgorithm.SHA256.digest(b"document"))
    with Rig(*cards, consent="ask") as rig:
        rig.allow(sites.origin())
        firefox.go(sites.url("documents.html", port=rig.port, digest=digest, budget=600_000))
        (page,) = firefox.windows
        firefox.click("#sign")
        (popup,) = set(firefox.windows) - {page}
        firefox.switch_to(popup)
        for title, answer in (
            ("要為這個網站簽署無法顯示的內容嗎？", "[data-answer=always]"),
            ("要用哪一張卡片？", "[data-answer=once]:nth-child(2)"),
        ):
            title_is = "return document.getElementById('title')?.textContent === arguments[0]"
            firefox.wait_for(title_is, title)
            enabled = "return document.querySelector(arguments[0])?.disabled === false"
            firefox.wait_for(enabled, answer)
            firefox.click(answer)
        firefox.switch_to(page)
        assert outcome(firefox)["cardSN"] == cards[1].data.serial
