"""Fixtures: pages of others, a browser for each file, and a new profile for each test."""

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser, BrowserContext, Page

from agent.portal.demo import browser as demo_browser
from tests.browser.hipki.site import ARGUMENTS, Sites, serve_sites
from tests.browser.world import engine


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    with serve_sites() as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a browser; for one file, because Playwright's loop runs as long as it does."""
    if demo_browser.find_chromium() is None:
        pytest.skip("chromium is needed")
    with engine(None, *ARGUMENTS) as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="zh-TW")
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
