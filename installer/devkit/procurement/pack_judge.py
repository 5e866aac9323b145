"""Judge a pack as it lies in its folder, from nothing but its files.

A row that claims something has a link to a file of the pack, which is there and has the sum that
the pack states; the pages say what the JSON says; the sums cover everything.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from devkit.procurement.claim_rows import CLAIMING, Status

INDEX: Final = "procurement.json"
SUMS: Final = "SHA256SUMS"


def faults(folder: Path, wanted: Sequence[str]) -> list[str]:
    """Return a sentence for each fault of a pack.

    Args:
        folder: where it lies.
        wanted: names of the documents that have to be there.

    """
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
        files = {each["name"]: each["sha256"] for each in index["evidence"]}
        named = [each["name"] for each in index["documents"]]
        found = [f"there is no document {each}" for each in wanted if each not in named]
        found += _changed(folder, files)
        for name in named:
            document = json.loads((folder / f"{name}.json").read_text("utf-8"))
            found += _unproven(document, files)
            found += _page_differs(folder, document)
        return [*found, *_sums(folder)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"the pack cannot be read: {error!r}"]


def _changed(folder: Path, files: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with the files that show something."""
    for name, stated in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            yield f"{name} is outside the pack"
        elif not path.is_file():
            yield f"{name} is not there"
        elif _sha256(path) != stated:
            yield f"{name} has another sum than the pack states"


def _unproven(document: Mapping[str, Any], files: Mapping[str, str]) -> Iterator[str]:
    """Yield the rows that claim something and show nothing."""
    for section in document["sections"]:
        for row in section["rows"]:
            where = f"{document['name']}, {section['title']}, {row['cells'][0]}"
            if Status(row["status"]) in CLAIMING and not row["evidence"]:
                yield f"{where}: no file shows it"
            yield from (
                f"{where}: {name} is no file of the pack"
                for name in row["evidence"]
                if name not in files
            )


class RowReader(HTMLParser):
    """Reads of a page how its rows stand and where they lead.

    Attributes:
        rows: status and links of each row that has a status.

    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, list[str]]] = []
        self._is_within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a row's status, or a link within one."""
        found = dict(attrs)
        if tag == "tr":
            self._is_within = "data-status" in found
            if self._is_within:
                self.rows.append((found["data-status"] or "", []))
        elif tag == "a" and self._is_within:
            self.rows[-1][1].append(found.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        """Leave a row."""
        if tag == "tr":
            self._is_within = False


def _page_differs(folder: Path, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield whether a page has other rows or links than the JSON."""
    reader = RowReader()
    reader.feed((folder / f"{document['name']}.html").read_text("utf-8"))
    said = [
        (row["status"], row["evidence"]) for each in document["sections"] for row in each["rows"]
    ]
    if reader.rows != said:
        yield f"{document['name']}.html and {document['name']}.json differ"


def _sums(folder: Path) -> Iterator[str]:
    stated = {}
    for line in (folder / SUMS).read_text("utf-8").splitlines():
        sha256, _, name = line.partition("  ")
        stated[name] = sha256
    there = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and path != folder / SUMS
    }
    for name in sorted(there.keys() | stated.keys()):
        if name not in there or stated.get(name) != _sha256(there[name]):
            yield f"{SUMS} is wrong about {name}"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
