"""What an examination found: for people in their words, for programs as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any

from agent.words import SOURCE, Language, say


@unique
class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"  # worth knowing; nothing is broken
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what was looked at.
        level: how it is.
        code: what exactly was found; stable, and the key to the words.
        facts: what the words leave open.
        repair: the name of what would help, if anything here can.

    """

    check: str
    level: Level
    code: str
    facts: Mapping[str, str] = field(default_factory=dict)
    repair: str | None = None

    def message(self, language: Language) -> str:
        """Return the words in a language; ``{reason}`` is the fact named after it or English."""
        facts = {"reason": self.facts.get(language) or self.facts.get(SOURCE, ""), **self.facts}
        return say(language, f"doctor.{self.code}", facts)

    def as_json(self) -> dict[str, Any]:
        """Return the form for programs."""
        return {
            "check": self.check,
            "level": str(self.level),
            "code": self.code,
            "message": {str(language): self.message(language) for language in Language},
            "facts": dict(self.facts),
            "repair": self.repair,
        }


def ok(check: str, code: str, **facts: str) -> Finding:
    """Report what is as it should be."""
    return Finding(check, Level.OK, code, facts)


def note(check: str, code: str, repair: str | None = None, **facts: str) -> Finding:
    """Report what is worth knowing."""
    return Finding(check, Level.NOTE, code, facts, repair)


def fault(check: str, code: str, repair: str | None = None, **facts: str) -> Finding:
    """Report what is broken."""
    return Finding(check, Level.FAULT, code, facts, repair)


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one examination."""

    findings: Sequence[Finding]

    @property
    def clean(self) -> bool:
        """Whether nothing is broken."""
        return all(finding.level is not Level.FAULT for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the form for programs."""
        rows = [finding.as_json() for finding in self.findings]
        return {"clean": self.clean, "findings": rows}
