"""What the panel says of a PIV card, in words."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from agent.virtualcard.piv_key import PivKeyKind
from agent.words import load
from agent.words.language import Language
from tests.browser.panel.conftest import PanelAgent

pytestmark = pytest.mark.browser


def test_the_page_of_readers_names_the_card_and_its_certificates(
    agent_here: PanelAgent, page: Page
) -> None:
    card = agent_here.world.card("piv", key=PivKeyKind.P256)
    agent_here.start(card, consent="allow")
    (own, *_) = agent_here.request("certificates", {})()["result"]["certificates"]
    agent_here.sign(certificate=own["thumbprint"])
    page.goto(agent_here.address("readers"))
    view = page.locator("#view-readers")
    expect(view).to_contain_text(str(load(Language.CHINESE)["panel.readers.generation_piv"]))
    view.get_by_role("button").first.click()
    for purpose in ("forSigning", "forIdentity", "forDecrypting"):
        expect(view).to_contain_text(str(load(Language.CHINESE)[f"panel.readers.{purpose}"]))
    if folder := os.environ.get("ANKONG_SHOTS"):
        page.screenshot(path=Path(folder) / "piv-readers.png", full_page=True)
