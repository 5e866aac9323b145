"""Make the handbook of the panel from the READMEs of the kits, for reading without a network.

``make docs`` writes it into the panel's files, and a test compares what is committed. A page in
another language than :data:`SOURCE` has its README beside the first one, by the name that the
language has there: ``README.zh-TW.md``.
"""

import html
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from agent.words.catalogue import section
from agent.words.language import BY_TAG, SOURCE, Language

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "agent" / "web" / "panel" / "static" / "handbook"
TEMPLATE = Path(__file__).with_name("handbook.html")
WORDS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("handbook.toml").read_text("utf-8")
)
SOURCES = {
    "index": "agent/kits/README.md",
    "adopting": "agent/kits/ADOPTING.md",
    "page": "agent/web/sdk/README.md",
    "pdf": "agent/web/sdk/PDF.md",
    "python": "agent/relying/README.md",
    "node": "agent/kits/node/README.md",
    "php": "agent/kits/php/README.md",
    "java": "agent/kits/java/README.md",
    "go": "agent/kits/go/README.md",
    "dotnet": "agent/kits/DOTNET.md",
    "service": "agent/validator/README.md",
    "testing": "agent/testkit/README.md",
}
"""The README of each page, in the language of the source."""
CODES = "codes"
"""The page of which there is one in every language."""
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_TO_DO = "[ ] "
_BOX = "\u2610 "


@dataclass(frozen=True, slots=True)
class HandbookPage:
    """A page in one language.

    Attributes:
        stem: what it has in common with the same page in other languages.
        language: its own.
        source: the README, below the root of the checkout.
        title: what it is called in the list.

    """

    stem: str
    language: Language
    source: str
    title: str

    @property
    def name(self) -> str:
        """The name of its file."""
        own = "" if self.language is SOURCE else f"-{self}"
        return f"{self.stem}{own}.html"

    @property
    def frame(self) -> Language:
        """The language of the list beside it."""
        return self.language if self.language in WORDS else SOURCE

    def __str__(self) -> str:
        return str(self.language)


def pages() -> Iterator[HandbookPage]:
    """Return every page, in the order of the list."""
    for tag, words in WORDS.items():
        language = BY_TAG[tag]
        kind = ".md" if language is SOURCE else f".{language.date_locale}.md"
        for stem, source in SOURCES.items():
            own = source.removesuffix(".md") + kind
            yield HandbookPage(stem, language, own, words["pages"][stem])
    for each in Language:
        source = f"agent/kits/errors/{each}.md"
        yield HandbookPage(CODES, each, source, section(each, "kits")["title"])


PAGES = tuple(pages())
HOMES = {page.source: page for page in PAGES}


def make() -> dict[str, str]:
    """Return every page by its name."""
    return {page.name: _document(page) for page in PAGES}


def _document(page: HandbookPage) -> str:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(_COMMENT.sub("", (ROOT / page.source).read_text("utf-8")))
    tokens = _without_switch(tokens, page)
    _prepare(tokens, page.source)
    values = {key: html.escape(text) for key, text in _words(page).items()}
    values |= {
        "pages": _list(page),
        "tongues": _tongues(page),
        "text": reader.renderer.render(tokens, reader.options, {}),
    }
    # In one go: what a README says about braces is not replaced.
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], TEMPLATE.read_text("utf-8"))


def _words(page: HandbookPage) -> dict[str, str]:
    words = {key: text for key, text in WORDS[page.frame].items() if isinstance(text, str)}
    return {**words, "title": page.title, "language": str(page), "frame": str(page.frame)}


def _list(current: HandbookPage) -> str:
    here = [page for page in PAGES if page.frame is current.frame]
    return "\n".join(_item(page, page.title, current, "page") for page in here)


def _tongues(current: HandbookPage) -> str:
    same = {page.language: page for page in PAGES if page.stem == current.stem}
    here = [same[each] for each in Language if each in same]
    return "\n".join(_item(page, page.language.endonym, current, "true") for page in here)


def _item(page: HandbookPage, text: str, current: HandbookPage, kind: str) -> str:
    mark = f' aria-current="{kind}"' if page is current else ""
    if page.language is not current.frame:
        mark += f' lang="{page}" hreflang="{page}"'
    return f'      <li><a href="{page.name}"{mark}>{html.escape(text)}</a></li>'


def _without_switch(tokens: list[Token], page: HandbookPage) -> list[Token]:
    """Leave out the line of links to the same page in other languages: the list has it."""
    for at, token in enumerate(tokens):
        if token.type == "paragraph_open" and _is_switch(tokens[at + 1], page):
            return tokens[:at] + tokens[at + 3 :]
    return tokens


def _is_switch(inline: Token, page: HandbookPage) -> bool:
    targets = [
        HOMES.get(_place(str(child.attrGet("href")), page.source))
        for child in inline.children or ()
        if child.type == "link_open"
    ]
    return bool(targets) and all(target and target.stem == page.stem for target in targets)


def _prepare(tokens: list[Token], source: str) -> None:
    """Point links at the handbook's own pages, name the headings, let wide things scroll."""
    _name_cells(tokens)
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _anchor(tokens[at + 1].content))
        if token.type in {"fence", "table_open"}:
            token.attrSet("tabindex", "0")  # what scrolls sideways is reached by the keyboard
        if token.children:
            token.children = _linked(token.children, source)
            first = token.children[0]
            if first.type == "text" and first.content.startswith(_TO_DO):
                first.content = _BOX + first.content.removeprefix(_TO_DO)


def _name_cells(tokens: list[Token]) -> None:
    """Give each cell its column's head: a narrow window shows one cell below the other."""
    heads: list[str] = []
    column = 0
    for at, token in enumerate(tokens):
        match token.type:
            case "thead_open":
                heads = []
            case "th_open":
                heads.append(tokens[at + 1].content.replace("`", ""))
            case "tr_open":
                column = 0
            case "td_open":
                if column and heads[column]:
                    token.attrSet("data-head", heads[column])
                column += 1
            case _:
                pass


def _anchor(text: str) -> str:
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-")


def _linked(children: list[Token], source: str) -> list[Token]:
    """Leave out links to files that nobody has who reads this, but not their text."""
    kept, inside_dropped = [], False
    for child in children:
        if child.type == "link_open":
            target = _target(str(child.attrGet("href") or ""), source)
            inside_dropped = target is None
            if target is not None:
                child.attrSet("href", target)
        if child.type in {"link_open", "link_close"} and inside_dropped:
            inside_dropped = child.type == "link_open"
            continue
        kept.append(child)
    return kept


def _target(href: str, source: str) -> str | None:
    if href.startswith(("https://", "http://localhost", "#")):
        return href
    _, mark, anchor = href.partition("#")
    home = HOMES.get(_place(href, source))
    return None if home is None else home.name + mark + anchor


def _place(href: str, source: str) -> str:
    return normpath(f"{source.rpartition('/')[0]}/{href.partition('#')[0]}")


def main() -> None:
    """Write the pages anew, and take away those that are no more."""
    OUT.mkdir(exist_ok=True)
    made = make()
    for name, text in made.items():
        (OUT / name).write_text(text, "utf-8")
    for path in OUT.iterdir():
        if path.name not in made:
            path.unlink()


if __name__ == "__main__":
    main()
