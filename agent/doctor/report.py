"""The findings of an examination: for people in words, for programs as JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from typing import Any

from agent.words import SOURCE, Language, say


@unique
class Level(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    NOTE = "note"  # worth knowing; nothing is broken
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check.

    Attributes:
        check: a short name of what was looked at, as programs read it.
        level: how bad it is.
        code: what was found, as programs read it; it never changes its meaning.
        facts: what fills the places in the words, by the name of the place. A reason that differs
            by language stands under the tag of each language.
        spoken: likewise, of places that are filled with words of the language itself; a fact of
            the same name is for programs.
        unsure: whether something was not seen to be as it should: nothing may be called well.
        repair: the name of the repair that would help (see :mod:`agent.doctor.repairs`); None
            where none would.
        key: where the words stand in the catalogue; empty for ``doctor.`` and the code.

    """

    check: str
    level: Level
    code: str
    facts: Mapping[str, str] = field(default_factory=dict)
    repair: str | None = None
    key: str = ""
    spoken: Mapping[str, Callable[[Language], str]] = field(default_factory=dict)
    unsure: bool = False

    def saying(self, **spoken: Callable[[Language], str]) -> "Finding":
        """Return the finding with places that are filled with words of each language."""
        return replace(self, spoken=spoken)

    def message(self, language: Language) -> str:
        """Return the words in a language, with the facts in their places.

        The place ``{reason}`` takes the fact under the language's tag, or else the English one.

        Args:
            language: of the words.

        """
        facts = {"reason": self.facts.get(language) or self.facts.get(SOURCE, ""), **self.facts}
        facts |= {place: words(language) for place, words in self.spoken.items()}
        return say(language, self.key or f"doctor.{self.code}", facts)

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object, with each message in every language."""
        return {
            "check": self.check,
            "level": str(self.level),
            "code": self.code,
            "message": {str(language): self.message(language) for language in Language},
            "facts": dict(self.facts),
            "repair": self.repair,
        }


def ok(check: str, code: str, **facts: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding(check, Level.OK, code, facts)


def note(
    check: str, code: str, repair: str | None = None, *, unsure: bool = False, **facts: str
) -> Finding:
    """Return a finding of something that is worth knowing (see :attr:`Finding.unsure`)."""
    return Finding(check, Level.NOTE, code, facts, repair, unsure=unsure)


def fault(check: str, code: str, repair: str | None = None, **facts: str) -> Finding:
    """Return a finding of something that is broken."""
    return Finding(check, Level.FAULT, code, facts, repair)


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one examination."""

    findings: Sequence[Finding]

    @property
    def clean(self) -> bool:
        """Whether nothing is broken."""
        return all(finding.level is not Level.FAULT for finding in self.findings)

    @property
    def complete(self) -> bool:
        """Whether everything was seen to be as it should, or to be broken."""
        return not any(finding.unsure for finding in self.findings)

    @property
    def verdict(self) -> str:
        """The key of the sentence at the end."""
        if not self.clean:
            return "command.broken"
        return "common.all_well" if self.complete else "common.nothing_broken"

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object, with each message in every language."""
        rows = [finding.as_json() for finding in self.findings]
        return {"clean": self.clean, "complete": self.complete, "findings": rows}
