"""Make the handbook of the panel from the READMEs of the kits, for reading without a network.

``make docs`` writes it into the panel's files, and a test compares what is committed.
"""

import html
import re
from collections.abc import Mapping
from pathlib import Path
from posixpath import normpath

from markdown_it import MarkdownIt
from markdown_it.token import Token

from agent.words.catalogue import section
from agent.words.language import Language

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "agent" / "web" / "panel" / "static" / "handbook"
TEMPLATE = Path(__file__).with_name("handbook.html")
PAGES = {
    "index.html": ("agent/kits/README.md", "Verify a login"),
    "adopting.html": ("agent/kits/ADOPTING.md", "From the old component"),
    "page.html": ("agent/web/sdk/README.md", "Page kit"),
    "python.html": ("agent/relying/README.md", "Server: Python"),
    "node.html": ("agent/kits/node/README.md", "Server: Node.js"),
    "php.html": ("agent/kits/php/README.md", "Server: PHP"),
    "java.html": ("agent/kits/java/README.md", "Server: Java"),
    "go.html": ("agent/kits/go/README.md", "Server: Go"),
    "service.html": ("agent/validator/README.md", "Validation service"),
    "testing.html": ("agent/testkit/README.md", "Test kit"),
    **{
        f"codes-{each}.html": (f"agent/kits/errors/{each}.md", section(each, "kits")["title"])
        for each in Language
    },
}
"""Each page: its source, and what it is called in the list. A source that is not there has none."""
LANGUAGES = {f"codes-{each}.html": str(each) for each in Language}
"""The language of each page that is not in English."""
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)


def make() -> dict[str, str]:
    """Return every page by its name."""
    there = {name: each for name, each in PAGES.items() if (ROOT / each[0]).is_file()}
    homes = {source: name for name, (source, _) in there.items()}
    return {name: _page(name, there, homes) for name in there}


def _page(name: str, there: Mapping[str, tuple[str, str]], homes: Mapping[str, str]) -> str:
    source = there[name][0]
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(_COMMENT.sub("", (ROOT / source).read_text("utf-8")))
    _prepare(tokens, source, homes)
    text = reader.renderer.render(tokens, reader.options, {})
    if name in LANGUAGES:
        text = f'<div lang="{LANGUAGES[name]}">\n{text}</div>\n'
    values = {"title": html.escape(there[name][1]), "pages": _list(name, there), "text": text}
    document = TEMPLATE.read_text("utf-8")
    for key, value in values.items():
        document = document.replace(f"{{{key}}}", value)
    return document


def _list(current: str, there: Mapping[str, tuple[str, str]]) -> str:
    lines = []
    for name, (_, title) in there.items():
        mark = ' aria-current="page"' if name == current else ""
        mark += f' lang="{LANGUAGES[name]}"' if name in LANGUAGES else ""
        lines.append(f'      <li><a href="{name}"{mark}>{html.escape(title)}</a></li>')
    return "\n".join(lines)


def _prepare(tokens: list[Token], source: str, homes: Mapping[str, str]) -> None:
    """Point links at the handbook's own pages, name the headings, let wide things scroll."""
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _anchor(tokens[at + 1].content))
        if token.type in {"fence", "table_open"}:
            token.attrSet("tabindex", "0")  # what scrolls sideways is reached by the keyboard
        if token.children:
            token.children = _linked(token.children, source, homes)


def _anchor(text: str) -> str:
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-")


def _linked(children: list[Token], source: str, homes: Mapping[str, str]) -> list[Token]:
    """Leave out links to files that nobody has who reads this, but not their text."""
    kept, inside_dropped = [], False
    for child in children:
        if child.type == "link_open":
            target = _target(str(child.attrGet("href") or ""), source, homes)
            inside_dropped = target is None
            if target is not None:
                child.attrSet("href", target)
        if child.type in {"link_open", "link_close"} and inside_dropped:
            inside_dropped = child.type == "link_open"
            continue
        kept.append(child)
    return kept


def _target(href: str, source: str, homes: Mapping[str, str]) -> str | None:
    if href.startswith(("https://", "http://localhost", "#")):
        return href
    path, mark, anchor = href.partition("#")
    place = normpath(f"{source.rpartition('/')[0]}/{path}")
    home = homes.get(place)
    return None if home is None else home + mark + anchor


def main() -> None:
    """Write the pages anew, and take away those that are no more."""
    OUT.mkdir(exist_ok=True)
    pages = make()
    for name, text in pages.items():
        (OUT / name).write_text(text, "utf-8")
    for path in OUT.iterdir():
        if path.name not in pages:
            path.unlink()


if __name__ == "__main__":
    main()
