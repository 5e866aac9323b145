"""Every error code, what it means and what to do, made from the code and the catalogues of words.

One source, three forms: ``/v1/errors.json`` for programs, ``/errors`` for people, and a Markdown
file for each language beside the SDK (``python -m agent.web.native.error_catalogue`` writes these).
"""

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from agent import __version__
from agent.errors import AgentError, ErrorCode
from agent.web.front.refusal import status_of
from agent.words.catalogue import section
from agent.words.language import Language

PAGE_PATH: Final = "/errors"
JSON_PATH: Final = "/v1/errors.json"
FOLDER: Final = Path(__file__).parents[1] / "sdk" / "errors"
SDK_CODES: Final[Mapping[str, bool]] = {
    "not_running": True,
    "connection_lost": True,
    "aborted": True,
    "installation_changed": False,
    "installation_unproven": False,
    "site_failed": True,
}
"""The codes that only the SDK and its elements know, and whether they are retriable."""
_TEMPLATE: Final = resources.files("agent.web.native") / "errors.html"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One code.

    Attributes:
        code: stable.
        http_status: of the answer by HTTP where nothing more special applies; None of a code that
            only the SDK knows.
        retriable: whether the same request may succeed once the person has done something.

    """

    code: str
    http_status: int | None
    retriable: bool


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """The page for people in one language: a document, and the policy that lets its style in."""

    body: bytes
    policy: str


def entries() -> list[CatalogueEntry]:
    """Return every code, those of the agent first."""
    errors = [AgentError(code=code) for code in ErrorCode]
    return [
        *(CatalogueEntry(each.code, int(status_of(each)), each.retriable) for each in errors),
        *(CatalogueEntry(code, None, retriable) for code, retriable in SDK_CODES.items()),
    ]


def page_path(language: Language) -> str:
    """Return the path of the page in one language."""
    return f"{PAGE_PATH}/{language}"


@cache
def as_json() -> bytes:
    """Return the catalogue for programs, in every language. Reads files the first time."""
    texts = {str(each): section(each, "errors")["codes"] for each in Language}
    rows: list[dict[str, Any]] = []
    for entry in entries():
        row: dict[str, Any] = {"code": entry.code, "retriable": entry.retriable}
        row["said_by"] = "sdk" if entry.http_status is None else "agent"
        if entry.http_status is not None:
            row["http_status"] = entry.http_status
        row["texts"] = {tag: texts[tag][entry.code] for tag in texts}
        rows.append(row)
    document = {"product": "ankong", "version": __version__, "codes": rows}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


@cache
def as_page(language: Language) -> ErrorPage:
    """Return the page for people. Reads files the first time."""
    document = _TEMPLATE.read_text("utf-8")
    style = document.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    texts = section(language, "errors")
    said = texts["page"]
    values = {name: html.escape(text) for name, text in said.items()}
    values |= {"lang": str(language), "style": style, "json": JSON_PATH}
    values["choices"] = "".join(_choice(each, language) for each in Language)
    for place, of_sdk in (("agent", False), ("sdk", True)):
        values[place] = "".join(
            _article(entry, texts["codes"][entry.code], said)
            for entry in entries()
            if (entry.http_status is None) is of_sdk
        )
    for name, value in values.items():
        document = document.replace(f"{{{name}}}", value)
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"
    return ErrorPage(document.encode(), f"{policy}; base-uri 'none'; form-action 'none'")


def _choice(language: Language, current: Language) -> str:
    mark = ' aria-current="page"' if language is current else ""
    path, name = page_path(language), html.escape(language.endonym)
    return f'<a href="{path}" lang="{language}" hreflang="{language}"{mark}>{name}</a>\n'


def _article(entry: CatalogueEntry, texts: Mapping[str, str], said: Mapping[str, str]) -> str:
    rows = (
        (said["meaning"], texts["meaning"]),
        (said["citizen"], texts["citizen"]),
        (said["again"], _again(entry, said)),
        ("HTTP", "" if entry.http_status is None else str(entry.http_status)),
    )
    facts = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in rows if text
    )
    return (
        f'<article id="{entry.code}"><h3><code>{entry.code}</code></h3><dl>{facts}</dl></article>\n'
    )


def _again(entry: CatalogueEntry, said: Mapping[str, str]) -> str:
    return said["yes"] if entry.retriable else said["no"]


def as_markdown(language: Language) -> str:
    """Return the catalogue as a document beside the SDK."""
    texts = section(language, "errors")
    said = texts["page"]
    head = [said["code"], "HTTP", said["again"], said["meaning"], said["citizen"]]
    lines = [f"# {said['title']}", "", said["lead"], ""]
    links = (f"[{each.endonym}]({each}.md)" for each in Language if each is not language)
    lines += [" · ".join(links), "", _row(head), _row(["---"] * len(head))]
    for entry in entries():
        own = texts["codes"][entry.code]
        status = "SDK" if entry.http_status is None else str(entry.http_status)
        cells = [f"`{entry.code}`", status, _again(entry, said), own["meaning"], own["citizen"]]
        lines.append(_row(cells))
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Write the Markdown files anew."""
    FOLDER.mkdir(exist_ok=True)
    for each in Language:
        # another way: a developer writes files of the source tree
        (FOLDER / f"{each}.md").write_text(as_markdown(each), encoding="utf-8")


if __name__ == "__main__":
    main()
