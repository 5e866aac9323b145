"""When a revocation list is looked for again, and which list takes another one's place."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from agent.pki.chain import ChainCertificate
from agent.pki.crl import RevocationList

SHORTEST: Final = 600.0
"""Seconds between two looks while there is a fresh list."""
LONGEST: Final = 24 * 3600.0
"""Seconds after which an address is asked in any case: a list may be replaced before its time."""
FIRST_RETRY: Final = 60.0
"""Seconds to the next look where there is no fresh list; doubled at each failure, up to ten
minutes."""
EARLIEST: Final = 0.7
LATEST: Final = 0.9
"""Between these parts of a list's time it is looked for again: by chance, so that not all of an
authority's servers are asked in the same second by everybody."""
_CLOCKS_DIFFER: Final = 60.0  # seconds


Kind: TypeAlias = tuple[bytes, bytes, bool]
"""Whose list it is (SHA-256 of the certificate), about which certificates, and whether complete."""


@dataclass(frozen=True, slots=True)
class SignedList:
    """A list with the configured authority that signed it."""

    listed: RevocationList
    authority: bytes
    """SHA-256 of its certificate."""

    @property
    def kind(self) -> Kind:
        """What it can be compared with: numbers of other authorities mean nothing here."""
        return self.authority, self.listed.scope.identity, self.listed.base is None


def signed_list(listed: RevocationList, authorities: Sequence[ChainCertificate]) -> SignedList:
    """Find who signed a list.

    Raises:
        ValueError: none of the authorities did.
        CmsError: the list is malformed.

    """
    for each in authorities:
        if listed.is_signed_by(each.certificate):
            return SignedList(listed, each.facts.thumbprint)
    raise ValueError("a list that no configured authority signed")


def is_due(
    lists: Iterable[SignedList], asked_at: float, failures: int, part: float, now: datetime
) -> bool:
    """Return whether an address is to be asked.

    Args:
        lists: what is there, one of each kind.
        asked_at: when it was asked last, in seconds since 1970; minus infinity for never.
        failures: how many looks in turn ended without a fresh list.
        part: of a list's time after which the next one is looked for, 0 to 1.
        now: timezone-aware.

    """
    seconds = now.timestamp()
    if asked_at == -math.inf or asked_at > seconds + _CLOCKS_DIFFER:
        return True  # never, or the clock was set back since
    found = [each.listed for each in lists]
    if not found or not all(each.is_fresh(now) for each in found):
        return seconds >= asked_at + min(FIRST_RETRY * (1 << min(failures, 10)), SHORTEST)
    wanted = min(_wanted_at(each, part) for each in found)
    return seconds >= min(max(wanted, asked_at + SHORTEST), asked_at + LONGEST)


def _wanted_at(listed: RevocationList, part: float) -> float:
    whole = listed.next_update - listed.this_update
    return (listed.this_update + part * whole).timestamp()


def why_not(new: SignedList, old: SignedList | None, now: datetime) -> str:
    """Return why a list may not take the place of one of its kind; nothing where it may.

    Whoever sits on the line can send any list that an authority ever signed, and must not win by
    one from before a revocation.
    """
    if old is None:
        return ""
    if old.listed.is_fresh(now) and not new.listed.is_fresh(now):
        return "a list that is not valid now, and the old one is"
    if new.listed.this_update < old.listed.this_update:
        return "an older list"
    if old.listed.next_update < now:
        return ""  # worth nothing any more, so that an authority may count anew
    number, before = new.listed.number, old.listed.number
    if before is not None and (number is None or number < before):
        return "a list with a lower number, or with none"
    return ""
