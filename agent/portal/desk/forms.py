"""What a reviewer sends with a decision: points that were checked, a reason, a question."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

from agent.harmless import has_content, is_harmful
from agent.portal.idnumber import has_valid_checksum
from agent.portal.online.states import REASONS, CaseKind, RefusalReason

LONGEST_QUESTION: Final = 500
"""Characters in which a reviewer says what is missing."""

PHRASES: Final = ("blurred", "glare", "cut", "back")
"""What is asked for most often; the words are ``desk.phrase`` and the name."""

_LIKE_ID_NUMBER: Final = re.compile(r"(?=([A-Z][0-9A-D][0-9]{8}))", re.ASCII)
_BETWEEN: Final = re.compile(r"[\s._\-‐-―]+")


@unique
class Point(StrEnum):
    """What a reviewer compares before an approval, in the order of the page."""

    LEGIBLE = "legible"
    SIDES = "sides"
    DATA = "data"
    DOCUMENT = "document"
    VALIDITY = "validity"
    AGE = "age"
    CLOSING = "closing"


POINTS: Final[Mapping[CaseKind, Sequence[Point]]] = MappingProxyType(
    {
        CaseKind.UPGRADE: [each for each in Point if each is not Point.CLOSING],
        CaseKind.CLOSING: [each for each in Point if each is not Point.AGE],
    }
)
"""Those of each kind of application, as many of each."""


@unique
class Problem(StrEnum):
    """Why a decision was not taken; the words are ``desk.problem`` and the code."""

    CHECKS = "checks"
    REASON = "reason"
    QUESTION = "question"
    ID_NUMBER = "id_number"
    CHANGED = "changed"
    TOO_YOUNG = "too_young"
    OTHER_NUMBER = "other_number"


class DecisionError(Exception):
    """A decision that cannot be taken as it was sent; nothing has been changed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem


def check_points(ticked: Collection[str], kind: CaseKind) -> None:
    """Insist on every point of an application of this kind.

    Raises:
        DecisionError: ``checks``, one was not ticked.

    """
    if not set(POINTS[kind]) <= set(ticked):
        raise DecisionError(Problem.CHECKS)


def read_reason(text: str) -> RefusalReason:
    """Return a reason as it was chosen.

    Raises:
        DecisionError: ``reason``, there is no such reason.

    """
    try:
        return RefusalReason(text)
    except ValueError:
        raise DecisionError(Problem.REASON) from None


def check_reason(reason: RefusalReason, kind: CaseKind) -> None:
    """Insist on a reason that an application of this kind may have.

    Raises:
        DecisionError: ``reason``.

    """
    if reason not in REASONS[kind]:
        raise DecisionError(Problem.REASON)


def read_question(text: str) -> str:
    """Return what the applicant is asked for, with line feeds between its lines.

    It travels by e-mail and short message, so that it must not carry anybody's ID number.

    Raises:
        DecisionError: ``question``, it is empty, too long or cannot be read; ``id_number``.

    """
    lines = text.replace("\r\n", "\n").strip().split("\n")
    asked = "\n".join(line.rstrip() for line in lines)
    if not has_content(asked) or len(asked) > LONGEST_QUESTION or _has_harmful(lines):
        raise DecisionError(Problem.QUESTION)
    if any(map(has_valid_checksum, _like_id_numbers(asked))):
        raise DecisionError(Problem.ID_NUMBER)
    return asked


def _has_harmful(lines: Iterable[str]) -> bool:
    return any(is_harmful(character) for line in lines for character in line)


def _like_id_numbers(text: str) -> Iterable[str]:
    """Give whatever has the form of an ID number, also with spaces or dashes in it."""
    normal = unicodedata.normalize("NFKC", text).upper()
    return (found.group(1) for found in _LIKE_ID_NUMBER.finditer(_BETWEEN.sub("", normal)))
