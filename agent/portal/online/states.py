"""The states of an application online, and the facts that it is looked at by."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

import msgspec


@unique
class CaseState(StrEnum):
    """Where an application stands."""

    DRAFT = "draft"
    SENT = "sent"
    IN_REVIEW = "in_review"
    NEEDS_MORE = "needs_more"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@unique
class CaseKind(StrEnum):
    """What an application is for."""

    UPGRADE = "upgrade"
    CLOSING = "closing"  # of a gold member's account: it bears the remark that says so


OPEN: Final = frozenset(
    {CaseState.DRAFT, CaseState.SENT, CaseState.IN_REVIEW, CaseState.NEEDS_MORE}
)
"""An application in one of these may still change; a member has at most one."""


@unique
class RefusalReason(StrEnum):
    """Why an application is refused; its words are ``online.reason`` and the code."""

    NOT_LEGIBLE = "not_legible"
    SIDE_MISSING = "side_missing"
    DATA_DIFFER = "data_differ"
    DOCUMENT_NOT_ACCEPTED = "document_not_accepted"
    PERMIT_EXPIRED = "permit_expired"
    TOO_YOUNG = "too_young"
    ID_NUMBER_TAKEN = "id_number_taken"
    OTHER_NUMBER = "other_number"
    SUSPECTED_MISUSE = "suspected_misuse"


_OF_UPGRADES: Final = frozenset({RefusalReason.TOO_YOUNG, RefusalReason.ID_NUMBER_TAKEN})
_OF_CLOSINGS: Final = frozenset({RefusalReason.OTHER_NUMBER})
REASONS: Final[Mapping[CaseKind, Sequence[RefusalReason]]] = MappingProxyType(
    {
        CaseKind.UPGRADE: [each for each in RefusalReason if each not in _OF_CLOSINGS],
        CaseKind.CLOSING: [each for each in RefusalReason if each not in _OF_UPGRADES],
    }
)
"""Why a reviewer may refuse an application of each kind."""


@unique
class DocumentKind(StrEnum):
    """What the pictures show; its words are ``online.document`` and the code."""

    ID_CARD = "id_card"
    HEALTH_CARD = "health_card"
    HOUSEHOLD_REGISTER = "household_register"
    RESIDENT_PERMIT = "resident_permit"
    ENTRY_PERMIT = "entry_permit"


@unique
class Side(StrEnum):
    """Which side of a document a picture shows."""

    FRONT = "front"
    BACK = "back"


class CaseForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the applicant wrote; kept sealed, and gone with the decision.

    Attributes:
        id_number: in normal form.
        name: as on the document.
        born: the birth date.
        document: what the pictures show.
        message: what the applicant answers to a reviewer who needs more; "" for nothing.

    """

    id_number: str
    name: str
    born: date
    document: DocumentKind
    message: str = ""


@dataclass(frozen=True, slots=True)
class CaseRules:
    """What an operator decides about applications.

    Attributes:
        holidays: days on which nobody works, besides Saturdays and Sundays.
        two_reviewers: whether a second reviewer has to agree to each decision.

    """

    holidays: Collection[date] = field(default_factory=frozenset)
    two_reviewers: bool = False


CLAIM_LIFETIME: Final = 20 * 60
"""Seconds after which a case that nobody works on is free again."""
ANSWER_WORKDAYS: Final = 7
"""Working days in which more has to be sent."""
DRAFT_LIFETIME: Final = 7 * 24 * 60 * 60
"""Seconds after which a draft is thrown away."""
