"""A signature whose timestamp failed: a button tries again, and a report says what is proven."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.panel.conftest import PanelAgent
from tests.browser.panel.test_documents import NAME, PDF, drop, row, start
from tests.browser.panel.test_views import Opened, keep_picture
from tests.browser.world import World
from tests.documents.proof_world import World as Authorities
from tests.documents.proof_world import world_of, write_settings
from tests.documents.time_authorities import TYPE

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def authorities(world: World, agent_here: PanelAgent, tmp_path: Path) -> Iterator[Authorities]:
    """Return authorities that this computer's settings name."""
    (tmp_path / "authorities").mkdir()
    with world_of(tmp_path / "authorities", world.issuer) as found:
        write_settings(found, agent_here.paths.state, document_level="B-LT")
        yield found


@pytest.mark.timeout(300)
def test_a_failed_timestamp_is_tried_again_and_told_when_verified(
    world: World,
    agent_here: PanelAgent,
    opened: Opened,
    *,
    authorities: Authorities,
    tmp_path: Path,
) -> None:
    honest = authorities.server.reply
    authorities.server.reply = lambda _: (500, TYPE, b"")
    start(world, agent_here, tmp_path)
    page = opened("sign")
    drop(page, {NAME: PDF})
    expect(row(page)).to_contain_text("2 頁 · ")
    with page.expect_download():
        page.locator("#go").click()
    again = row(page).get_by_role("button", name="再試時戳")
    expect(again).to_be_visible()
    keep_picture(page, "documents-sign-lacking")
    again.click()  # in vain
    expect(page.locator("#failure").get_by_role("alert")).to_be_visible()
    authorities.server.reply = honest
    with page.expect_download() as saved:
        again.click()
    expect(again).to_have_count(0)
    expect(page.locator("#failure")).to_have_count(0)
    proven = tmp_path / "proven.pdf"
    saved.value.save_as(proven)

    page.locator("[href='#/verify']").click()
    drop(page, {NAME: proven.read_bytes()})
    expect(page.locator("#verdict")).to_have_attribute("data-verdict", "valid")
    (facts,) = page.locator("[data-signature]").all()
    expect(facts).to_contain_text("以前，有時戳證明")
    expect(facts).to_contain_text("Test Time Authority")
    keep_picture(page, "documents-verify-proven")
