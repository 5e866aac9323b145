"""One line of the history: what is in it, and how it is tied to the line before it.

A line's link is SHA-256 (FIPS 180-4) over the link of the line before and the line itself as a
compact JSON array of its fields in the order of :data:`FIELDS`, in ASCII. The first line of a
segment follows :data:`NOTHING_BEFORE`.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum, unique
from operator import attrgetter
from typing import Final, TypeAlias

from agent.harmless import shortened

DONE: Final = "done"
"""The outcome of a success; the others are an :class:`~agent.errors.ErrorCode` or one of these."""
UNDELIVERED: Final = "undelivered"
"""The outcome when the card did it after the asker had gone."""
BROKEN: Final = "broken"
"""The outcome of a line that begins a segment because the chain before it is broken."""
BLIND: Final = "blind"
"""The detail of a signature over what could not be shown: its digest alone was known."""
JRSYS: Final = "jrsys"
"""The detail of what a page of the JRSYS family asked for: it expects another program to answer."""
UNWRITTEN: Final = "unwritten"
"""The outcome of a line that stands for entries which could not be written before it."""
NOTHING_BEFORE: Final = bytes(32)
MAX_TEXT: Final = 255  # characters of anything that a page or a card chose

Value: TypeAlias = str | int | None


@unique
class EntryKind(StrEnum):
    """What a line is about."""

    SIGN = "sign"
    AUTHENTICATE = "authenticate"  # document is the purpose, digest that of the challenge
    DECRYPT = "decrypt"
    CONNECT = "connect"  # a site asked to be allowed, and was not
    SEGMENT = "segment"  # the chain had to begin anew, or has a gap; detail says why


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened once; no PIN, no content.

    Attributes:
        at: when it ended, RFC 3339 in UTC with microseconds.
        kind: what was asked for, a :class:`EntryKind` unless somebody changed the file.
        outcome: how it ended.
        site: the origin that asked; empty where none did.
        format: the wrapping.
        hash: the algorithm of ``digest``.
        digest: of the document or the ciphertext, hexadecimal.
        document: what the page calls it, unchecked.
        count: how many documents the line speaks for; above 1 only where none was signed.
        reader: where the card is.
        card_serial: the card's own number.
        thumbprint: SHA-256 of the certificate, hexadecimal.
        holder: the name in the certificate, unchecked.
        detail: why a segment begins, or what could not be written; :data:`BLIND`, :data:`JRSYS` or
            None, where a key was asked for.

    """

    at: str
    kind: str
    outcome: str
    site: str = ""
    format: str | None = None
    hash: str | None = None
    digest: str | None = None
    document: str | None = None
    count: int = 1
    reader: str | None = None
    card_serial: str | None = None
    thumbprint: str | None = None
    holder: str | None = None
    detail: str | None = None


ENTRY_FIELDS: Final = tuple(field.name for field in fields(Entry))
FIELDS: Final = ("seq", "segment", *ENTRY_FIELDS)
"""What is hashed, in this order."""
entry_values: Final[Callable[[Entry], tuple[Value, ...]]] = attrgetter(*ENTRY_FIELDS)
_CANONICAL: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """An entry in its place.

    Attributes:
        seq: its number, from 1 and without gaps.
        segment: the number of its segment, from 1.
        entry: what happened.
        previous: the link of the line before, 32 bytes.
        link: its own, 32 bytes.

    """

    seq: int
    segment: int
    entry: Entry
    previous: bytes
    link: bytes

    @classmethod
    def after(cls, seq: int, segment: int, previous: bytes, entry: Entry) -> "HistoryLine":
        """Return the line that links an entry to the line before it."""
        return cls(seq, segment, entry, previous, _link(previous, seq, segment, entry))

    @property
    def holds(self) -> bool:
        """Whether the line still says what it said when it was written."""
        return self.link == _link(self.previous, self.seq, self.segment, self.entry)


def _link(previous: bytes, seq: int, segment: int, entry: Entry) -> bytes:
    canonical = _CANONICAL.encode((seq, segment, *entry_values(entry)))
    return hashlib.sha256(previous + canonical.encode("ascii")).digest()


def presentable(text: str) -> str:
    """Return foreign text without control and direction characters, in at most ``MAX_TEXT``."""
    return shortened(text, MAX_TEXT)
