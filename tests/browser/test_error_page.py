"""The page that explains error codes, judged by axe in every language, and found by its anchors."""

import pytest
from playwright.sync_api import Browser

from agent.web.native.error_catalogue import as_page
from agent.words.language import Language
from tests.browser import axe_judge


@pytest.mark.browser
@pytest.mark.parametrize("language", Language)
def test_nothing_is_wrong_on_the_page_about_errors(language: Language, browser: Browser) -> None:
    page = browser.new_page(bypass_csp=True)  # axe is put into the page
    try:
        page.set_content(as_page(language).body.decode())
        assert page.locator("#pin_locked h3").inner_text() == "pin_locked"
        found = list(axe_judge.faults(page, axe_judge.FEW_LOOKS))
    finally:
        page.close()
    assert not found, "\n".join(found)
