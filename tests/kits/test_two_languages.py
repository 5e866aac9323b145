"""Each README of a kit says in Chinese what it says in English: one is not changed alone."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from agent.words.language import FIRST, SOURCE
from tests.kits.blocks import MAX_LINES, blocks_of, check

ROOT = Path(__file__).resolve().parents[2]
SUFFIX = f".{FIRST.date_locale}.md"
HEADINGS = (
    "您得到什麼",
    "五分鐘上手",
    "完整的程式",
    "可能出錯的地方",
    "上線之前",
    "限制",
)
PLAIN = ("kits/README", "kits/ADOPTING", "kits/DOTNET", "web/sdk/PDF")
KITS = ("web/sdk", "relying", "validator", "testkit")
KITS += tuple(f"kits/{language}" for language in ("node", "php", "java", "go"))
PAIRS = [*PLAIN, *(f"{kit}/README" for kit in KITS)]
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SWITCH = re.compile(r"\A# .+\n\n\[([^\]]+)\]\(([^)]+)\)\n\n(?=.)")


def english(name: str) -> Path:
    return ROOT / "agent" / f"{name}.md"


def chinese(name: str) -> Path:
    return ROOT / "agent" / f"{name}{SUFFIX}"


def tokens(path: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(path.read_text("utf-8"))


def links(path: Path) -> Iterator[str]:
    """Return where the text below the switch leads, without the language."""
    _, _, text = path.read_text("utf-8").partition("](")
    for target in re.findall(r"\]\(([^)]+)\)", _FENCE.sub("", text)):
        yield re.sub(rf"errors/(?:{FIRST}|{SOURCE})\.md", "errors", target).replace(SUFFIX, ".md")


def test_no_readme_of_a_kit_is_in_one_language_alone() -> None:
    rooms = [ROOT / "agent" / "kits", *(ROOT / "agent" / kit for kit in KITS)]
    found = {path for room in rooms for path in room.glob(f"*{SUFFIX}")}
    assert found == {chinese(name) for name in PAIRS}
    assert {english(name) for name in PAIRS} >= {room / "README.md" for room in rooms}


@pytest.mark.parametrize("name", PAIRS)
def test_each_begins_with_a_link_to_the_other(name: str) -> None:
    for here, there, said in (
        (english(name), chinese(name), "正體中文"),
        (chinese(name), english(name), SOURCE.endonym),
    ):
        found = _SWITCH.match(here.read_text("utf-8"))
        assert found, here
        assert found.groups() == (said, there.name)


@pytest.mark.parametrize("name", PAIRS)
def test_both_have_the_same_parts(name: str) -> None:
    """Headings, paragraphs, lists and tables follow each other alike; so many rows and cells."""
    one, other = (
        [f"{token.type} {token.tag}" for token in tokens(each(name))] for each in (english, chinese)
    )
    assert one == other


@pytest.mark.parametrize("name", PAIRS)
def test_both_show_the_same_blocks(name: str) -> None:
    check(chinese(name))
    one, other = (
        [(block.source, block.text) for block in blocks_of(each(name).read_text("utf-8"))]
        for each in (english, chinese)
    )
    assert one == other


@pytest.mark.parametrize("name", PAIRS)
def test_both_name_the_same_codes_commands_and_settings(name: str) -> None:
    one, other = (
        Counter(_SPAN.findall(_FENCE.sub("", each(name).read_text("utf-8"))))
        for each in (english, chinese)
    )
    assert one == other


@pytest.mark.parametrize("name", PAIRS)
def test_both_lead_to_the_same_places(name: str) -> None:
    assert Counter(links(english(name))) == Counter(links(chinese(name)))


@pytest.mark.parametrize("name", [f"{kit}/README" for kit in KITS])
def test_a_kits_readme_has_the_six_headings_and_is_short(name: str) -> None:
    text = chinese(name).read_text("utf-8")
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == HEADINGS
    assert len(text.splitlines()) <= MAX_LINES


def test_the_languages_warn_of_the_same_traps_in_chinese_too() -> None:
    found = set()
    for language in ("node", "php", "java", "go"):
        text = chinese(f"kits/{language}/README").read_text("utf-8")
        found.add(text[text.index(f"## {HEADINGS[3]}") : text.index(f"## {HEADINGS[5]}")])
    assert len(found) == 1


@pytest.mark.parametrize("name", PAIRS)
def test_no_mark_of_markdown_is_left_over(name: str) -> None:
    """Stars beside full-width marks make nothing bold (CommonMark 0.31.2 §6.2)."""
    for token in tokens(chinese(name)):
        for child in token.children or ():
            text = child.content.removeprefix("[ ] ") if child.type == "text" else ""
            assert not re.search(r"[*`\[]", text), text
