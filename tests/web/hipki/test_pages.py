"""Our own pages: in the citizen's language, whole in each, and closed to what a page sends."""

import html
import json
import re
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest

from agent.web.hipki.errors import REASONS, Major, Minor
from agent.web.hipki.pages import Page
from agent.words import Language
from agent.words.browser import PLURAL, browser_texts, page_texts
from agent.words.language import requested_language

FOLDER = resources.files("agent.web.hipki") / "pages"
FIELDS = {
    "popup": {"ready": "getTbs", "opened": ""},
    "adddomain": {"candidates": "[]", "windows": "yes"},
    "selftest": {"version": "1", "product": "2"},
}


class Metas(HTMLParser):
    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "meta" and values.get("name"):
            self.found[str(values["name"])] = str(values["content"])


def filled(name: str, language: Language, token: str = "t") -> bytes:
    return Page.load(name).fill(language, token=token, **FIELDS[name])


def has_text(texts: dict[str, Any], key: str) -> bool:
    found: Any = texts
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return isinstance(found, str) or (isinstance(found, dict) and PLURAL in found)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", FIELDS)
def test_a_page_is_whole_in_every_language(name: str, language: Language) -> None:
    page = filled(name, language)
    assert f'<html lang="{language}">'.encode() in page
    metas = Metas(page).found
    texts = json.loads(metas["texts"])
    assert texts["common"] == page_texts(language, "hipki", "common")["common"]
    script = (FOLDER / "talk.js").read_text("utf-8") + (FOLDER / f"{name}.js").read_text("utf-8")
    keys = re.findall(r'"((?:common|popup|adddomain|selftest)\.[\w.]+)"', script)
    assert keys
    assert [key for key in keys if not has_text(texts, key)] == []
    assert not re.search(rf'"({"|".join(set(FIELDS) - {name})})\.', script)


def test_what_scripts_choose_by_a_name_is_there() -> None:
    texts = browser_texts(Language.ENGLISH, "hipki")
    popup = (FOLDER / "popup.js").read_text("utf-8")
    for doing, wish in re.findall(r'\["\w+", \["(\w+)", "(\w+)"\]\]', popup):
        assert has_text(texts, f"popup.doing.{doing}")
        assert has_text(texts, f"popup.wish.{wish}")
    selftest = (FOLDER / "selftest.js").read_text("utf-8")
    for name in re.findall(r'stop\("\w+", "\w+", "(\w+)"', selftest):
        assert has_text(texts, f"selftest.{name}.text"), name
        assert has_text(texts, f"selftest.{name}.next"), name
    assert set(REASONS.values()) | {"other"} == set(texts["selftest"]["why"])
    assert not {int(each) for each in Major} & {int(each) for each in Minor if each}


def test_what_a_request_brings_is_text_and_no_field() -> None:
    token = '"><script>{say:popup.title}{texts}'
    page = filled("popup", Language.ENGLISH, token)
    assert html.escape(token).encode() in page
    assert Metas(page).found["token"] == token


@pytest.mark.parametrize(
    ("choice", "accepted", "language"),
    [
        ("system", "zh-TW,zh;q=0.9,en;q=0.8", Language.CHINESE),
        ("system", "en-US,en;q=0.9,zh;q=0.8", Language.ENGLISH),
        ("system", "fr", Language.ENGLISH),
        ("system", "", Language.ENGLISH),
        ("system", ";;,\x00", Language.ENGLISH),
        ("zh-Hant", "en", Language.CHINESE),
        ("en", "zh-TW", Language.ENGLISH),
        ("xx", "zh-TW", Language.CHINESE),
    ],
)
def test_the_citizen_s_choice_counts_then_the_browser_s(
    choice: str, accepted: str, language: Language
) -> None:
    assert requested_language(choice, accepted) is language


def test_what_nobody_has_reviewed_is_never_chosen_by_a_browser() -> None:
    for each in Language:
        assert (requested_language("system", each) is each) == each.is_reviewed
        assert requested_language(each, "") is each
