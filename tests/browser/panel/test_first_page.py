"""The first page in real Chromium that trusts us: it waits while it must, else it is a blink."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from agent.host.instance.panel_opening import first_address
from agent.words import load
from agent.words.language import Language
from tests.browser.axe_judge import EVERY_LOOK, Look, faults, show
from tests.browser.keyboard_judge import keyboard_faults
from tests.browser.panel.conftest import PanelAgent, addresses_of, plain_origin
from tests.browser.sight_judge import sight_faults
from tests.browser.world import TIMEOUT
from tests.restart_due import write_down_reader

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("ANKONG_SHOTS")


def test_who_trusts_us_sees_the_panel_at_once(agent_here: PanelAgent, page: Page) -> None:
    agent_here.start()
    seen = addresses_of(page)
    page.goto(first_address(agent_here.paths, "history"))
    page.locator("#view-history h1").wait_for()
    assert page.url == f"{agent_here.origin}/panel/#/history"
    first, *others = seen
    assert first.startswith(f"{plain_origin(agent_here)}/first#")
    # On plain HTTP no address has what opens the panel, and it stands in none for long.
    assert others[0] == f"{plain_origin(agent_here)}/first"
    assert all(each.startswith(f"{agent_here.origin}/panel/") for each in others[1:])
    page.reload()
    page.locator("#view-history h1").wait_for()
    page.go_back()
    assert not page.url.startswith("http://")  # the first page is in no history


def test_a_page_that_waits_goes_on_by_itself(
    agent_here: PanelAgent, page: Page, context: BrowserContext
) -> None:
    agent_here.start()
    # As with a certificate that is refused; which Chromium looks at anew only when it starts.
    context.route("**/panel/trusted", lambda route: route.abort())
    page.goto(first_address(agent_here.paths, "doctor"))
    expect(page.locator("#restart")).to_be_visible()
    page.reload()  # nor does the ticket get lost with the address
    expect(page.locator("#restart")).to_be_visible()
    context.unroute("**/panel/trusted")
    page.locator("#view-doctor h1").wait_for()


def test_where_trust_is_the_organisations_affair_nobody_is_told_to_mend_it(
    agent_here: PanelAgent, page: Page, context: BrowserContext
) -> None:
    agent_here.start()

    def marked(route: Route) -> None:
        """Show it as FirstMount does where the MSI was told so, which is on Windows alone."""
        shown = route.fetch()
        route.fulfill(response=shown, body=shown.text().replace("<main ", '<main class="left" ', 1))

    context.route("**/first", marked)
    context.route("**/panel/trusted", lambda route: route.abort())
    page.goto(first_address(agent_here.paths, "doctor"))
    expect(page.locator("#left h1")).to_have_text("Chromium 還不信任安控的憑證")
    expect(page.locator("#restart")).to_be_hidden()
    assert list(_judged(page, "left", Language.CHINESE)) == []


def test_without_a_ticket_it_says_how_to_open_the_panel(agent_here: PanelAgent, page: Page) -> None:
    agent_here.start()
    for hash_ in ("", "#claim=AAAA&half=AAAA&page=state"):
        page.goto("about:blank")
        page.goto(f"{plain_origin(agent_here)}/first{hash_}")
        expect(page.locator("#ready h1")).to_have_text("Chromium 已經信任安控")
        assert page.url == f"{plain_origin(agent_here)}/first"


def test_a_browser_that_runs_since_before_is_named_wherever_people_look(
    agent_here: PanelAgent, page: Page, context: BrowserContext
) -> None:
    write_down_reader(agent_here.paths)
    agent_here.start()
    context.route("**/panel/trusted", lambda route: route.abort())
    page.goto(first_address(agent_here.paths))
    expect(page.locator("#late")).to_contain_text("安控的憑證是在 Chromium 啟動之後才裝好的")
    expect(page.locator("#unknown")).to_be_hidden()
    context.unroute("**/panel/trusted")
    note = page.locator(
        "#view-state .notice.warning", has_text="Chromium 是在安控的憑證裝好之前啟動的"
    )
    note.wait_for()
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / "panel-restart.png")
    write_down_reader(agent_here.paths, has_ended=True)
    note.wait_for(state="detached")


def test_a_used_ticket_opens_nothing_in_another_tab(
    agent_here: PanelAgent, page: Page, context: BrowserContext
) -> None:
    agent_here.start()
    address = first_address(agent_here.paths)
    page.goto(address)
    page.locator("#view-state h1").wait_for()
    other = context.new_page()
    other.goto(address)
    expect(other.locator("#ready")).to_be_visible()


def test_an_agent_that_ended_is_told_and_one_that_comes_back_is_noticed(
    agent_here: PanelAgent, page: Page
) -> None:
    agent_here.start()
    page.goto(f"{plain_origin(agent_here)}/first")
    expect(page.locator("#ready")).to_be_visible()
    agent_here.stop()
    expect(page.locator("#silent h1")).to_have_text("安控沒有回應")
    agent_here.start()
    expect(page.locator("#ready")).to_be_visible()


def test_a_page_that_leads_a_tab_to_the_way_in_gains_nothing(
    agent_here: PanelAgent, page: Page
) -> None:
    """Not even a sight of the panel, in the tab where it is open."""
    agent_here.start()
    page.goto(first_address(agent_here.paths))
    page.locator("#view-state h1").wait_for()
    for address in ("enter", "enter#token=AAAA", "enter#page=sites"):
        page.goto(agent_here.world.url)
        page.evaluate("(to) => { location.href = to; }", f"{agent_here.origin}/panel/{address}")
        page.locator("#closed[data-why=used]").wait_for()
        assert page.locator(".view").count() == 0


@pytest.mark.parametrize("language", Language)
def test_it_is_good_to_read(agent_here: PanelAgent, browser: Browser, language: Language) -> None:
    agent_here.paths.preferences.write_text(json.dumps({"language": str(language)}))
    agent_here.start()
    context = browser.new_context(locale=str(language))
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    context.route("**/panel/trusted", lambda route: route.abort())
    page.goto(f"{plain_origin(agent_here)}/first")
    page.locator("#restart").wait_for()
    page.locator("summary").click()
    found = list(_judged(page, "restart", language))
    context.route("**/v1/ping", lambda route: route.abort())
    page.locator("#silent").wait_for()
    found += _judged(page, "silent", language)
    context.unroute("**/v1/ping")
    context.unroute("**/panel/trusted")
    page.locator("#ready").wait_for()
    found += _judged(page, "ready", language)
    title = str(load(language)["first.ready.title"]).replace("{browser}", "Chromium")
    expect(page.locator("#ready h1")).to_have_text(title)
    context.close()
    assert found == []


def _judged(page: Page, name: str, language: Language) -> Iterator[str]:
    yield from faults(page, EVERY_LOOK)
    if language is Language.CHINESE:
        yield from keyboard_faults(page) + sight_faults(page)
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        for look in (Look(1280, "light"), Look(390, "dark"), Look(320, "light")):
            show(page, look)
            file = re.sub(r"\W+", "-", f"first-{name}-{language}-{look.width}-{look.scheme}")
            page.screenshot(path=Path(SHOTS) / f"{file}.png")
