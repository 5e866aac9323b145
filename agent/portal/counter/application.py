"""What a clerk enters at the counter, read and checked without a database."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum, unique
from typing import Final
from unicodedata import normalize

from agent.portal.birthdate import age_on, check_age, parse_birth_date
from agent.portal.idnumber import parse_id_number
from agent.portal.names import parse_name
from agent.portal.pages.fields import FieldReader

CONSENT_VERSION: Final = "2026-11"
"""Of the consent form for personal data that applicants sign; a decision of ours."""
ADULT: Final = 18
"""Years (Civil Code of Taiwan §12); who is younger needs a legal representative's consent."""
LONGEST_NAME: Final = 64

_LAST4: Final = re.compile(r"[0-9A-Za-z]{4}", re.ASCII)
_BLANKS: Final = re.compile(r"[ \t\r\n]+")


@unique
class SeenDocumentKind(StrEnum):
    """The documents that a clerk may have seen."""

    NATIONAL_ID = "national_id"
    RESIDENCE_PERMIT = "residence_permit"
    PASSPORT = "passport"
    ENTRY_PERMIT = "entry_permit"
    HEALTH_CARD = "health_card"
    HOUSEHOLD_REGISTER = "household_register"
    DRIVING_LICENCE = "driving_licence"


_KINDS: Final = frozenset(each.value for each in SeenDocumentKind)


@dataclass(frozen=True, slots=True)
class SeenDocument:
    """A document that was shown: its kind and the last four characters of its number, no more."""

    kind: SeenDocumentKind
    last4: str


@dataclass(frozen=True, slots=True, repr=False)
class CounterApplication:
    """An application that is complete.

    Attributes:
        id_number: in normal form.
        name: as it stands in the document.
        born: the birth date; looked at for the age, and not kept.
        documents: one or two that were seen.
        has_representative: whether a legal representative of a minor has consented.
        has_proxy: whether somebody else came with both papers.

    """

    id_number: str
    name: str
    born: date
    documents: tuple[SeenDocument, ...]
    has_representative: bool
    has_proxy: bool

    @property
    def evidence(self) -> dict[str, str | int | bool]:
        """What is kept for ever of what was looked at: kinds, never contents."""
        facts: dict[str, str | int | bool] = {
            "consent_form": CONSENT_VERSION,
            "proxy": self.has_proxy,
            "representative": self.has_representative,
        }
        for number, document in enumerate(self.documents, 1):
            facts[f"document_{number}"] = document.kind.value
            facts[f"document_{number}_last4"] = document.last4
        return facts


class ApplicationError(Exception):
    """Something is missing or wrong.

    Attributes:
        fields: for each field of the form the key of what to say, in the catalogue.

    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(", ".join(fields))
        self.fields = dict(fields)


def read_application(form: Mapping[str, str], today: date) -> CounterApplication:
    """Return what the form says; blanks around texts do not count.

    Args:
        form: the fields by their names; those that are absent count as empty.
        today: the day in Taiwan.

    Raises:
        ApplicationError: for all fields at once that are missing or wrong.

    """
    fields = FieldReader(form)
    id_number = fields.read("id_number", parse_id_number)
    name = fields.read("name", _read_name)
    born = fields.read("birth_date", lambda text: _read_birth_date(text, today))
    problems = fields.wrong
    documents = [
        read_document(form, number, problems)
        for number in (1, 2)
        if number == 1 or form.get("document_2")
    ]
    _check_papers(form, born, today, problems)
    if problems or id_number is None or name is None or born is None:
        raise ApplicationError(problems)
    return CounterApplication(
        id_number,
        name,
        born,
        tuple(each for each in documents if each is not None),
        has_representative=age_on(born, today) < ADULT,
        has_proxy=form.get("applicant") == "proxy",
    )


def problem(name: str) -> str:
    """Return the key of what is said about a field of the counter."""
    return f"counter.problem.{name}"


def _read_name(text: str) -> str:
    try:
        return parse_name(text)
    except ValueError:
        raise ValueError(problem("name")) from None


def _read_birth_date(text: str, today: date) -> date:
    born = parse_birth_date(text, today)
    check_age(born, today)
    return born


def read_document(
    form: Mapping[str, str], number: int, problems: dict[str, str]
) -> SeenDocument | None:
    """Return the first or second document that was seen; or None, and note what is wrong."""
    kind, last4 = form.get(f"document_{number}", ""), form.get(f"document_{number}_last4", "")
    shown = normalize("NFKC", last4).strip().upper()
    if kind not in _KINDS:
        problems[f"document_{number}"] = problem("document")
        return None
    if _LAST4.fullmatch(shown) is None:
        problems[f"document_{number}_last4"] = problem("last4")
        return None
    if number == 2 and kind == form.get("document_1"):
        problems["document_2"] = problem("document_twice")
        return None
    return SeenDocument(SeenDocumentKind(kind), shown)


def _check_papers(
    form: Mapping[str, str], born: date | None, today: date, problems: dict[str, str]
) -> None:
    if form.get("consent") != CONSENT_VERSION:
        problems["consent"] = problem("consent")
    applicant = form.get("applicant", "")
    if applicant not in {"self", "proxy"}:
        problems["applicant"] = problem("applicant")
    if applicant == "proxy":
        papers = ("proxy_id", "proxy_letter")
        problems.update({paper: problem(paper) for paper in papers if not form.get(paper)})
    is_minor = born is not None and age_on(born, today) < ADULT
    if is_minor and not form.get("representative"):
        problems["representative"] = problem("representative")
