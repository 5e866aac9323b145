"""Write the documents as pages: no scripts, nothing from elsewhere, fit for paper of size A4."""

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final

from devkit.procurement.claim_rows import ClaimRow, PackDocument, PackSection
from devkit.procurement.kept_files import FOLDER, KeptFile

_STYLE: Final = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 62rem; background: #fff; color: #1b1f24;
  font: 1rem/1.65 "Noto Sans TC", "Noto Sans CJK TC", "Microsoft JhengHei", "PingFang TC",
  sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.3; margin: .25rem 0 .5rem; }
h2 { font-size: 1.2rem; line-height: 1.4; margin: 2rem 0 .5rem; padding-bottom: .2rem;
  border-bottom: 2px solid #1f4e79; break-after: avoid; }
p { margin: .5rem 0; overflow-wrap: anywhere; }
a { color: #0b4f9e; }
a:focus-visible { outline: 3px solid #0b4f9e; outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; background: #fff; padding: .25rem .5rem; }
.kind { color: #4a5560; margin: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 1rem 0;
  padding: .75rem 1rem; background: #f3f6f9; border-left: 4px solid #1f4e79; }
dt { font-weight: 700; }
dd { margin: 0; overflow-wrap: anywhere; }
.warn { padding: .6rem 1rem; background: #fff4e0; border-left: 4px solid #a35200; }
.wide { overflow-x: auto; }
.wide:focus-visible { outline: 3px solid #0b4f9e; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; line-height: 1.5; }
th, td { padding: .35rem .5rem; border: 1px solid #a9b4bf; text-align: left; vertical-align: top;
  overflow-wrap: break-word; }
.long, .sum { overflow-wrap: anywhere; }
thead th { background: #e6edf4; }
.whole { white-space: nowrap; }
tbody th { font-weight: 600; min-width: 8.5rem; }
tbody th.short { min-width: 0; white-space: nowrap; }
tr { break-inside: avoid; }
thead { display: table-header-group; }
.how { white-space: nowrap; width: 6.2rem; }
.proof { width: 5.4rem; }
.proof a { white-space: nowrap; }
.passed { color: #0b5d2a; font-weight: 700; }
.failed { color: #a3141b; font-weight: 700; }
.not_run, .blank { color: #6b3f00; font-weight: 600; }
.shown { color: #1b1f24; }
code, .sum { font-family: "Noto Sans Mono", "DejaVu Sans Mono", Consolas, monospace;
  font-size: .85em; }
.toc { padding-left: 1.5rem; }
footer { overflow-wrap: anywhere; margin-top: 2.5rem; padding-top: .5rem;
  border-top: 1px solid #a9b4bf; font-size: .85rem; }
@page { size: A4; margin: 16mm 14mm; }
@media print {
  body { padding: 0; max-width: none; font-size: 10pt; }
  .skip, nav { display: none; }
  a { color: inherit; text-decoration: none; }
  .wide { overflow: visible; }
  table { font-size: 8.5pt; line-height: 1.4; }
  th, td { padding: .2rem .35rem; }
  tbody th { min-width: 6.5rem; }
  .how { width: 5rem; }
  dl, .warn, thead th { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
@media (max-width: 40rem) {
  body { padding: .75rem; }
  table { min-width: 36rem; }
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: .4rem; }
}
"""

_WORD: Final = 17
"""Letters of a word that stands on one line."""
_LONG: Final = 24
"""Letters of a word that may be broken anywhere."""
_SHORT: Final = 5
"""Letters that always stand on one line."""


class Sheets:
    """Writes pages about one build, in the words of the prose."""

    def __init__(
        self, words: Mapping[str, Any], build: Mapping[str, str], kept: Mapping[str, KeptFile]
    ) -> None:
        self._words = words
        self._build = build
        self._kept = kept
        self._numbers = {name: f"E{number:02}" for number, name in enumerate(kept, 1)}

    def page(self, document: PackDocument) -> str:
        """Return the page of a document, which ends with the sums of all that it links."""
        parts = [self._head(document.title, document.purpose, is_index=False)]
        parts += [self._section(number, each) for number, each in enumerate(document.sections, 1)]
        used = {name for part in document.sections for row in part.rows for name in row.evidence}
        parts.append(self._sums(sorted(used)))
        return self._whole(document.title, parts)

    def index(self, documents: Sequence[PackDocument], counts: Sequence[Mapping[str, int]]) -> str:
        """Return the page that leads to all documents; of each, how many rows stand how."""
        words = self._words["index"]
        parts = [self._head(words["title"], words["purpose"], is_index=True)]
        states = self._words["status"]
        columns = "".join(_heading(each) for each in (words["document"], *states.values()))
        rows = []
        for document, count in zip(documents, counts, strict=True):
            link = f'<a href="{document.name}.html">{_safe(document.title)}</a>'
            numbers = "".join(f"<td>{count[name]}</td>" for name in states)
            rows.append(f'<tr><th scope="row">{link}</th>{numbers}</tr>')
        parts.append(f'<section>\n<h2 id="toc">{_safe(words["contents"])}</h2>')
        parts.append(_table(words["contents"], columns, rows) + "\n</section>")
        meaning = "".join(
            f"<dt>{_safe(states[name])}</dt><dd>{_safe(text)}</dd>"
            for name, text in self._words["meaning"].items()
        )
        parts.append(
            f"<section>\n<h2>{_safe(words['legend'])}</h2>\n<dl>{meaning}</dl>\n</section>"
        )
        checks = "".join(f"<p>{_marked(each)}</p>" for each in words["check"])
        parts.append(f"<section>\n<h2>{_safe(words['checking'])}</h2>\n{checks}\n</section>")
        parts.append(self._sums(sorted(self._kept)))
        return self._whole(words["title"], parts)

    def _whole(self, title: str, parts: Sequence[str]) -> str:
        product = self._words["product"]
        footer = self._words["footer"].format_map(self._build)
        return (
            f'<!doctype html>\n<html lang="{_safe(self._words["tag"])}">\n<head>\n'
            '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "style-src 'unsafe-inline'\">\n"
            f"<title>{_safe(title)} – {_safe(product)}</title>\n<style>{_STYLE}</style>\n</head>\n"
            f'<body>\n<a class="skip" href="#main">{_safe(self._words["skip"])}</a>\n'
            + "\n".join(parts)
            + f"\n</main>\n<footer>{_safe(footer)}</footer>\n</body>\n</html>\n"
        )

    def _head(self, title: str, purpose: str, *, is_index: bool) -> str:
        words = self._words
        facts = "".join(
            f"<dt>{_safe(label)}</dt><dd>{_safe(self._build[name])}</dd>"
            for name, label in words["build"].items()
        )
        nav = (
            ""
            if is_index
            else (
                f'<nav aria-label="{_safe(words["way_label"])}">'
                f'<a href="index.html">{_safe(words["way"])}</a></nav>\n'
            )
        )
        warnings = [
            words["warning"][name].format_map(self._build)
            for name in ("dirty", "no_installers", "other_commit")
            if self._build.get(name)
        ]
        warned = "".join(f'\n<p class="warn">{_marked(each)}</p>' for each in warnings)
        return (
            f'<header>\n{nav}<p class="kind">{_safe(words["kind"])}</p>\n'
            f"<h1>{_safe(title)}</h1>\n</header>\n"
            f'<main id="main">\n<p>{_safe(purpose)}</p>\n<dl>{facts}</dl>{warned}'
        )

    def _section(self, number: int, section: PackSection) -> str:
        named = (self._words["status_column"], self._words["evidence_column"])
        columns = "".join(_heading(each) for each in (*section.columns, *named))
        rows = [self._row(row) for row in section.rows]
        title = f"{number}. {section.title}"
        return (
            f'<section>\n<h2 id="s{number}">{_safe(title)}</h2>\n'
            f"{_table(section.title, columns, rows)}\n</section>"
        )

    def _row(self, row: ClaimRow) -> str:
        first, *others = row.cells
        cells = f'<th scope="row"{_kind(first, "short", _SHORT)}>{_marked(first)}</th>'
        cells += "".join(_cell(each) for each in others)
        status = self._words["status"][row.status]
        links = " ".join(
            f'<a href="{_safe(name)}">{self._numbers[name]}</a>' for name in row.evidence
        )
        return (
            f'<tr data-status="{row.status}">{cells}'
            f'<td class="how {row.status}">{_safe(status)}</td><td class="proof">{links}</td></tr>'
        )

    def _sums(self, names: Sequence[str]) -> str:
        words = self._words["sums"]
        columns = "".join(_heading(each) for each in words["columns"])
        rows = []
        for name in names:
            kept = self._kept[name]
            shown = name.removeprefix(f"{FOLDER}/")
            rows.append(
                f'<tr><th scope="row" class="short">{self._numbers[name]}</th>'
                f'<td class="long"><a href="{_safe(name)}">{_safe(shown)}</a></td>'
                f'<td class="long">{_safe(kept.origin)}</td>'
                f'<td class="sum">{kept.sha256}</td></tr>'
            )
        table = _table(words["title"], columns, rows)
        return f"<section>\n<h2>{_safe(words['title'])}</h2>\n{table}\n</section>"


def _safe(text: str) -> str:
    """Return a text that is nothing but text on a page, on one line and in one direction."""
    plain = "".join(each if each.isprintable() else "�" for each in text)
    return html.escape(plain)


def _marked(text: str) -> str:
    """Return a text whose parts between backquotes are shown as code."""
    parts = _safe(text).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(
        f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)
    )


def _kind(text: str, short: str, letters: int) -> str:
    """Return the class of a cell: a short word is not broken, and a long one may be anywhere."""
    if 0 < len(text) <= letters and " " not in text:
        return f' class="{short}"'
    longest = max(map(len, text.split()), default=0)
    return ' class="long"' if longest > _LONG else ""


def _cell(text: str) -> str:
    kind = _kind(text, "whole", _WORD if text.isascii() else 0)
    return f"<td{kind}>{_marked(text)}</td>"


def _heading(text: str) -> str:
    return f'<th scope="col"{_kind(text, "whole", _SHORT)}>{_safe(text)}</th>'


def _table(label: str, columns: str, rows: Sequence[str]) -> str:
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{_safe(label)}">\n'
        f"<table>\n<thead><tr>{columns}</tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody>\n</table>\n</div>"
    )
