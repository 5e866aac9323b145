"""Pages with and without ``checkValidity``, before a card that has expired."""

import base64
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import Validity
from tests.browser.hipki.popups import clicked
from tests.browser.hipki.site import Sites
from tests.web.hipki.rig import Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = pytest.mark.browser
EXPIRED = 1984954370  # as pages write it
ANYTHING_ELSE = ({}, *({"checkValidity": said} for said in ("true", True, "", "nein", None, 0)))


def test_an_expired_card_signs_only_where_the_page_says_so(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    card = make_card(validity=Validity.EXPIRED)
    with Rig(card) as rig:
        page.goto(sites.url("classic.html", port=rig.port))
        for fields in ANYTHING_ELSE:
            page.evaluate("fields => { extra = fields; }", fields)
            assert clicked(page, "sign")["ret_code"] == EXPIRED
        for said in ("false", "FALSE", False):
            page.evaluate("said => { extra = { checkValidity: said }; }", said)
            assert clicked(page, "sign")["ret_code"] == 0


def test_the_encryption_key_signs_nothing_whoever_names_it(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    card = make_card()
    key = base64.b64encode(b"KEYX").decode()
    with Rig(card) as rig:
        page.goto(sites.url("classic.html", port=rig.port, pin="654321"))
        for kind in ("PKCS1", "PKCS7"):
            fields = {"keyidb64": key, "signatureType": kind}
            page.evaluate("fields => { extra = fields; }", fields)
            assert clicked(page, "sign")["ret_code"] == 0x7610000D
    assert card.data.attempts_left == 3
