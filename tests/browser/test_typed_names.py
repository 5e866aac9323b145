"""A member's name typed by hand in the portal: kept as it is, or refused with words."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.world import World, go, register
from tests.odd_names import TYPED

pytestmark = pytest.mark.browser


def test_a_typed_name_is_kept_and_shown_as_it_is(page: Page, world: World) -> None:
    register(page, world.url)
    for name in TYPED:
        go(page, "profile")
        page.fill("#name", f" {name} ")
        with page.expect_response("**/api/profile") as answered:
            page.click("#save-profile")
        assert answered.value.json()["member"]["name"] == name
        expect(page.locator("#who")).to_contain_text(name)


@pytest.mark.parametrize("name", ["", "\u3000", "王\u202e明", "王\u200b明", "\u3164", "a" * 65])
def test_another_name_is_refused_with_words_about_it(page: Page, world: World, name: str) -> None:
    register(page, world.url)
    go(page, "profile")
    page.fill("#name", name)
    page.click("#save-profile")
    expect(page.locator("#name-error")).to_have_text(re.compile("1 到 64 個字.*看不見"))
    expect(page.locator("#name")).to_have_attribute("aria-invalid", "true")
