"""The page that explains error codes, judged by axe in every language, and found by its anchors."""

import pytest
from playwright.sync_api import Browser

from agent.web.native.error_catalogue import as_page
from agent.words.language import Language
from tests.browser import axe_judge
from tests.browser.keyboard_judge import keyboard_faults
from tests.browser.sight_judge import sight_faults


@pytest.mark.browser
@pytest.mark.parametrize("language", Language)
def test_nothing_is_wrong_on_the_page_about_errors(language: Language, browser: Browser) -> None:
    page = browser.new_page(bypass_csp=True)  # axe is put into the page
    try:
        page.set_content(as_page(language).body.decode())
        assert page.locator("#pin_locked h3").inner_text() == "pin_locked"
        found = list(axe_judge.faults(page, axe_judge.FEW_LOOKS))
        if language is Language.CHINESE:
            found += keyboard_faults(page) + sight_faults(page)
    finally:
        page.close()
    assert not found, "\n".join(found)
