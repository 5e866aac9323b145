"""The page for people with a Mac: everybody may read it, in every language."""

import re

import pytest

from agent.words import Language, load
from agent.words.mac_page import mac_parts
from tests.portal.support import Visitor


@pytest.mark.parametrize("language", Language)
async def test_a_stranger_may_read_it_in_every_language(
    language: Language, visitor: Visitor
) -> None:
    headers = {"Accept": "text/html", "Cookie": f"language={language}"}
    async with visitor.http.get("/mac", headers=headers) as answer:
        assert answer.status == 200
        text = await answer.text()
    assert f'<html lang="{language}">' in text
    assert load(language)["mac.untried"] in text
    plain = re.sub(r"</?code>", "`", text).replace("&amp;", "&").replace("&#39;", "'")
    for part in mac_parts(language):
        for sentence in (part.title, part.text, *part.steps):
            assert sentence in plain
    assert plain.count("<h2") == len(mac_parts(language))


async def test_the_page_with_the_downloads_leads_there(visitor: Visitor) -> None:
    async with visitor.http.get("/js/screens/component.js") as answer:
        assert "href: `/mac?from=${location.hash" in await answer.text()


async def test_its_way_back_is_to_the_screen_that_led_there_and_nowhere_else(
    visitor: Visitor,
) -> None:
    """Who is no member yet, or one already, would be sent elsewhere from the others' screen."""
    screens = re.findall(r'"(\w+/component)": ', await _text(visitor, "/js/screens/index.js"))
    assert sorted(screens) == ["account/component", "login/component", "upgrade/component"]
    for screen in screens:
        page = await _text(visitor, f"/mac?from={screen}")
        assert f'<a class="back" href="/#/{screen}">' in page
    for asked in ("", "?from=", "?from=upgrade/pin", "?from=//other.example", '?from="><b>'):
        page = await _text(visitor, f"/mac{asked}")
        assert 'class="back"' not in page
        assert "/#//other.example" not in page


async def _text(visitor: Visitor, address: str) -> str:
    async with visitor.http.get(address, headers={"Accept": "text/html"}) as answer:
        assert answer.status == 200
        return await answer.text()
