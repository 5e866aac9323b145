"""The popup's first message: heard by pages that are busy, and sent again where it was lost."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from agent.virtualcard.card import VirtualCard
from tests.browser.hipki.site import Sites
from tests.web.hipki.rig import Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = pytest.mark.browser
READY = '{"func":"getTbs"}'


@pytest.mark.parametrize("busy", [0, 2.5, 5, 10])
def test_a_busy_page_finds_one_message(
    make_card: CardFactory, page: Page, sites: Sites, busy: float
) -> None:
    with Rig(make_card()) as rig:
        page.goto(sites.url("busy.html", port=rig.port, busy=busy))
        with page.expect_popup():
            page.click("#open")
        page.wait_for_function("outcomes.length", timeout=30_000)
        assert page.evaluate("heard.filter(each => each.includes('getTbs'))") == [READY]
        assert page.evaluate("outcomes[0].func") == "pkcs11info"


def test_a_page_that_ignored_the_message_is_called_again(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    with Rig(make_card()) as rig:
        page.goto(sites.url("busy.html", port=rig.port, busy=0, lost=1))
        with page.expect_popup():
            page.click("#open")
        page.wait_for_function("outcomes.length", timeout=30_000)
        assert page.evaluate("heard.filter(each => each.includes('getTbs')).length") == 2


def opened_under(policy: str, context: BrowserContext, page: Page, url: str) -> Page:
    """Open a page with a Cross-Origin-Opener-Policy, and its popup."""

    def with_policy(route: Route) -> None:
        answer = route.fetch()
        headers = {**answer.headers, "Cross-Origin-Opener-Policy": policy}
        route.fulfill(response=answer, headers=headers)

    context.route("**/busy.html*", with_policy)
    # Such a policy counts only where a page is trustworthy: on this computer.
    page.goto(url.replace("service.test", "localhost"))
    with context.expect_page() as opened:
        page.click("#open")
    return opened.value


def test_a_page_that_cuts_its_popups_off_is_told_the_truth(
    make_card: CardFactory, context: BrowserContext, page: Page, sites: Sites
) -> None:
    with Rig(make_card()) as rig:
        url = sites.url("busy.html", port=rig.port, busy=0)
        said = opened_under("same-origin", context, page, url).locator("#doing")
        expect(said).to_contain_text("切斷")
        expect(said).to_contain_text("same-origin-allow-popups")


@pytest.mark.parametrize("policy", ["same-origin-allow-popups", "noopener-allow-popups"])
def test_a_page_that_allows_its_popups_works(
    make_card: CardFactory, context: BrowserContext, page: Page, sites: Sites, policy: str
) -> None:
    with Rig(make_card()) as rig:
        url = sites.url("busy.html", port=rig.port, busy=0)
        opened_under(policy, context, page, url)
        page.wait_for_function("outcomes.length")


def test_a_link_to_the_popup_is_not_cut_off(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    with Rig(make_card()) as rig:
        page.goto(sites.url("smallest.html"))
        page.evaluate("(url) => { location.href = url; }", f"{rig.own}/popupForm")
        expect(page.locator("#doing")).to_have_text("這個視窗要由網頁開啟。")


def test_a_message_that_the_browser_lost_is_sent_again(
    make_card: CardFactory, context: BrowserContext, page: Page, sites: Sites
) -> None:
    def losing_the_first(route: Route) -> None:
        answer = route.fetch()
        # Addressed to somebody else: the browser drops it on its way.
        lost = '}), (window.sent = (window.sent ?? 0) + 1) === 1 ? "https://lost.test" : "*")'
        body = answer.text().replace('}), "*")', lost).replace("11_000", "Infinity")
        assert "lost.test" in body
        route.fulfill(status=200, content_type="text/html", body=body)

    with Rig(make_card()) as rig:
        context.route("**/popupForm", losing_the_first)
        page.goto(sites.url("busy.html", port=rig.port, busy=0))
        with page.expect_popup() as opened:
            page.click("#open")
        popup = opened.value
        popup.wait_for_function("window.sent === 1")
        popup.evaluate("dispatchEvent(new Event('blur'))")  # the page opens another window
        page.wait_for_function("outcomes.length")
        assert page.evaluate("heard.filter(each => each.includes('getTbs'))") == [READY]
