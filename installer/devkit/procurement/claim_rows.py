"""What a document of the pack is made of: rows that claim something, with what shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any, Final


@unique
class Status(StrEnum):
    """How a row stands."""

    SHOWN = "shown"  # the file that is linked says it
    PASSED = "passed"  # it was run on these sources or this very file, and went well
    FAILED = "failed"  # likewise, and did not
    NOT_RUN = "not_run"  # it was not run here; nothing is claimed
    BLANK = "blank"  # a box for a person or another party; nothing is claimed


CLAIMING: Final = frozenset({Status.SHOWN, Status.PASSED, Status.FAILED})
"""Rows that claim something, which a file has to show."""


@dataclass(frozen=True)
class ClaimRow:
    """A row of a table.

    Attributes:
        cells: texts, one for each column of the section.
        status: how it stands.
        evidence: names of kept files that show it, as :mod:`kept_files` calls them.

    """

    cells: tuple[str, ...]
    status: Status
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class PackSection:
    """A table with a title.

    Attributes:
        title: what it is about.
        columns: headings of the cells.
        rows: what it says.

    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[ClaimRow, ...]


@dataclass(frozen=True)
class PackDocument:
    """A document.

    Attributes:
        name: of its files, without an ending.
        title: for people.
        purpose: what it is for; claims nothing.
        sections: what it says.

    """

    name: str
    title: str
    purpose: str
    sections: tuple[PackSection, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "name": self.name,
            "title": self.title,
            "purpose": self.purpose,
            "sections": [
                {
                    "title": section.title,
                    "columns": list(section.columns),
                    "rows": [
                        {
                            "cells": list(row.cells),
                            "status": str(row.status),
                            "evidence": list(row.evidence),
                        }
                        for row in section.rows
                    ],
                }
                for section in self.sections
            ],
        }


@dataclass(frozen=True)
class FactSheet:
    """What was found out about one thing.

    Attributes:
        values: for the gaps of sentences.
        evidence: the kept files that it is from.
        tables: rows by name.
        absent: where it could not be found out: the name of the sentence that says why.

    """

    values: Mapping[str, str | int] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    tables: Mapping[str, Sequence[ClaimRow]] = field(default_factory=dict)
    absent: str = ""
