"""The error catalogue has every code, says it in every language, and is what the agent serves."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from agent.errors import RETRIABLE, ErrorCode
from agent.web.native import error_catalogue, kit_words
from agent.web.native.error_catalogue import FOLDER, SDK_CODES, as_json, as_markdown, as_page
from agent.words.catalogue import section
from agent.words.language import Language

SDK = Path(error_catalogue.__file__).parents[1] / "sdk" / "ankong.js"


def codes() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(as_json())["codes"]
    return found


def test_every_code_of_the_agent_and_none_besides_is_there() -> None:
    listed = [row["code"] for row in codes()]
    assert listed == [*ErrorCode, *SDK_CODES]
    for language in Language:
        assert sorted(section(language, "errors")["codes"]) == sorted(listed)


def test_what_the_catalogue_says_of_trying_again_is_what_an_error_says() -> None:
    for row in codes():
        if row["said_by"] == "agent":
            assert row["retriable"] == (row["code"] in RETRIABLE)
            assert 400 <= row["http_status"] <= 599
        else:
            assert "http_status" not in row


def test_the_codes_of_the_sdk_are_those_that_its_source_throws() -> None:
    source = SDK.read_text("utf-8")
    thrown = set(
        re.findall(r'AnkongError\("(\w+)"', (FOLDER.parent / "element.js").read_text("utf-8"))
    )
    thrown |= set(re.findall(r'AnkongError\("(\w+)"', source))
    thrown |= set(re.findall(r'verdict === "changed"\) throw new AnkongError\("(\w+)"', source))
    assert thrown - set(ErrorCode) == set(SDK_CODES)
    found = re.search(r"OWN_RETRIABLE = new Set\(\[(.*?)\]\)", source)
    assert found is not None
    retriable = set(re.findall(r'"(\w+)"', found[1]))
    of_elements = {"site_failed"}
    assert {code for code, again in SDK_CODES.items() if again} - of_elements == (
        retriable & set(SDK_CODES)
    )


def test_what_the_page_kit_says_is_made_of_the_catalogues() -> None:
    assert kit_words.WORDS.read_text("utf-8") == kit_words.as_words()
    assert kit_words.ERRORS.read_text("utf-8") == kit_words.as_errors()
    assert json.loads(kit_words.as_errors()) == json.loads(as_json())


def test_every_language_says_every_code_in_its_own_words() -> None:
    for row in codes():
        assert set(row["texts"]) == set(map(str, Language))
        for name in ("meaning", "citizen"):
            said = [texts[name] for texts in row["texts"].values()]
            assert all(said), row["code"]
            assert len(set(said)) == len(said), (row["code"], name)


@pytest.mark.parametrize("language", Language)
def test_the_committed_documents_are_generated(language: Language) -> None:
    hint = "run python -m agent.web.native.error_catalogue"
    assert (FOLDER / f"{language}.md").read_text("utf-8") == as_markdown(language), hint


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.lang: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        self.ids += [str(found["id"])] if "id" in found else []
        self.links += [str(found["href"])] if "href" in found else []
        if tag == "html":
            self.lang = found.get("lang")


@pytest.mark.parametrize("language", Language)
def test_the_page_has_a_place_for_each_code_and_nothing_that_runs(language: Language) -> None:
    page = _Page()
    page.feed(as_page(language).body.decode())
    assert page.ids == [row["code"] for row in codes()]
    assert page.lang == language
    assert not page.tags & {"script", "img", "iframe", "form", "link"}
    assert page.links == [
        *(error_catalogue.page_path(each) for each in Language),
        error_catalogue.JSON_PATH,
    ]
    assert not re.search(r"\{[a-z_]+\}", as_page(language).body.decode())


async def test_anybody_may_read_it_in_the_language_of_the_browser(agent: Any) -> None:
    asked = {"Accept-Language": "zh-TW,zh;q=0.9,en;q=0.8", "Sec-Fetch-Mode": "navigate"}
    async with agent.http.get(f"{agent.url}/errors", headers=asked) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert await response.read() == as_page(Language.CHINESE).body
        assert "script-src" not in response.headers["Content-Security-Policy"]
    async with agent.http.get(f"{agent.url}/errors/vi", headers=asked) as response:
        assert await response.read() == as_page(Language.VIETNAMESE).body
    headers = {"Origin": "https://stranger.example"}
    async with agent.http.get(f"{agent.url}/v1/errors.json", headers=headers) as response:
        assert await response.json() == json.loads(as_json())
        assert response.headers["Access-Control-Allow-Origin"] == "https://stranger.example"
    async with agent.http.get(f"{agent.url}/errors/../../etc/passwd") as response:
        assert response.status == 404
