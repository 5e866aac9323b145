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
        assert 'href: "/mac"' in await answer.text()
