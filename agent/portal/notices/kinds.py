"""What members are told, and what facts each kind of notice needs."""

import re
from collections.abc import Mapping
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final, TypeAlias

Facts: TypeAlias = Mapping[str, str | int]
"""What stands in the words of one notice: of each kind's own names, and nothing about the person
but a contact, masked."""


@unique
class NoticeKind(StrEnum):
    """What is told; its words are ``notice.KIND.subject`` and ``notice.KIND.text``."""

    CODE = "code"
    REGISTERED = "registered"
    GOLD = "gold"
    CARD_ADDED = "card_added"
    CARD_REPLACED = "card_replaced"
    CONTACT_CHANGED = "contact_changed"
    CONTACT_REMOVED = "contact_removed"
    CASE_SENT = "case_sent"
    CASE_NEEDS_MORE = "case_needs_more"
    CASE_DECIDED = "case_decided"
    CASE_WITHDRAWN = "case_withdrawn"
    CASE_EXPIRED = "case_expired"
    CASE_LOST = "case_lost"
    TAKEN_BACK = "taken_back"
    CLOSING = "closing"
    CLOSED = "closed"
    KEPT = "kept"


_PATTERNS: Final = {
    "code": re.compile(r"[0-9]{6}", re.ASCII),
    "minutes": re.compile(r"[0-9]{1,2}", re.ASCII),
    "way": re.compile(r"card|counter|telecom|online"),
    "contact": re.compile(r"[!-~]{1,4}\*\*\*[!-~]{3,253}", re.ASCII),  # as Contact.masked writes it
    # A case number that could be somebody's ID number would be taken for one.
    "case": re.compile(r"(?![A-Z][0-9A-D][0-9]{8}\Z)[0-9A-Z][0-9A-Z-]{3,31}", re.ASCII),
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII),
}

NEEDED: Final[Mapping[NoticeKind, frozenset[str]]] = MappingProxyType(
    {kind: frozenset[str]() for kind in NoticeKind}
    | {
        NoticeKind.CODE: frozenset({"code", "minutes"}),
        NoticeKind.GOLD: frozenset({"way"}),
        NoticeKind.CONTACT_CHANGED: frozenset({"contact"}),
        NoticeKind.CONTACT_REMOVED: frozenset({"contact"}),
        NoticeKind.CASE_SENT: frozenset({"case"}),
        NoticeKind.CASE_NEEDS_MORE: frozenset({"case", "date"}),
        NoticeKind.CASE_DECIDED: frozenset({"case"}),
        NoticeKind.CASE_WITHDRAWN: frozenset({"case"}),
        NoticeKind.CASE_EXPIRED: frozenset({"case"}),
        NoticeKind.CASE_LOST: frozenset({"case"}),
        NoticeKind.CLOSING: frozenset({"date"}),
    }
)
"""The facts of each kind."""


def check_facts(kind: NoticeKind, facts: Facts) -> None:
    """Refuse facts that a notice must not carry: others than its own, and what is no such fact.

    Raises:
        ValueError: a room tells it wrongly; the text never quotes a value.

    """
    if facts.keys() != NEEDED[kind]:
        raise ValueError(f"the notice {kind} needs the facts {sorted(NEEDED[kind])}")
    for name, value in facts.items():
        if _PATTERNS[name].fullmatch(str(value)) is None:
            raise ValueError(f"{name} of the notice {kind} is none")
