"""Pages that read nothing but the image, each in its own style: the citizen can be asked."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from agent.consent.questions import SiteAnswer
from agent.virtualcard.card import VirtualCard
from tests.browser.hipki.site import Sites
from tests.web.hipki.desk import Desk
from tests.web.hipki.rig import SECONDS, Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = pytest.mark.browser
LAST_NUMBER = "seen.at(-1)?.slots[0]?.token?.serialNumber"


@pytest.mark.parametrize("style", ["once", "again", "text"])
def test_a_new_site_gets_the_card_s_number_after_a_yes(
    make_card: CardFactory, page: Page, sites: Sites, style: str
) -> None:
    card, desk = make_card(), Desk()
    with Rig(card, consent="ask", prompter=desk) as rig:
        page.goto(sites.url("image.html", port=rig.port, style=style))
        page.wait_for_function("seen.length")
        assert page.evaluate(LAST_NUMBER) == ""
        site = rig.waiting.get(timeout=SECONDS)
        assert str(site) == sites.origin()
        desk.answers.put(SiteAnswer.ALWAYS)
        rig.call(rig.door.ask_about(site))
        if style != "again":
            page.evaluate("look()")
        page.wait_for_function(f"{LAST_NUMBER} === '{card.data.serial}'")
        assert rig.waiting.empty()


def test_a_site_that_was_refused_reads_that_it_is_not_trusted(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    desk = Desk()
    with Rig(make_card(), consent="ask", prompter=desk) as rig:
        page.goto(sites.url("image.html", port=rig.port, style="again"))
        site = rig.waiting.get(timeout=SECONDS)
        desk.answers.put(SiteAnswer.CANCEL)
        rig.call(rig.door.ask_about(site))
        page.wait_for_function("seen.at(-1).ret_code === 0x76000031")
