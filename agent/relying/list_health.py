"""Whether the revocation lists are there and fresh, and for how long; without them no card is good.

The same for the certificates of the authorities themselves, which nobody renews by themselves.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts
from agent.pki.chain import ChainCertificate
from agent.pki.crl import RevocationList
from agent.pki.revocation import RevocationSource
from agent.turns import in_turn


async def lists_fault(
    authorities: Sequence[ChainCertificate],
    source: RevocationSource,
    clock: Callable[[], float],
) -> str:
    """Return what is wrong with the lists, for the operator; nothing where none is missing.

    Args:
        authorities: each has to have a list of its own that is fresh.
        source: of the lists.
        clock: seconds since 1970.

    """
    data = await source.current()
    now = datetime.fromtimestamp(clock(), UTC)
    fresh = [listed for listed in data.crls if listed.is_fresh(now)]
    expiries = await in_turn(list_expires_seconds, authorities, fresh, now)
    missing = [name for name, seconds in expiries.items() if seconds == -math.inf]
    return f"no fresh list of {'; '.join(missing)}" if missing else ""


def list_expires_seconds(
    authorities: Sequence[ChainCertificate], lists: Sequence[RevocationList], now: datetime
) -> Mapping[str, float]:
    """Return in how many seconds each authority's lists are out of date.

    Where an authority has several, for different certificates, the first that will be counts. A
    negative number says for how long one has been; minus infinity that there is none at all. It
    computes for milliseconds: not for an event loop.

    Args:
        authorities: by :func:`authority_name` in the answer.
        lists: of whomever.
        now: timezone-aware.

    Raises:
        CmsError: a list or certificate is malformed.

    """
    return {
        authority_name(each.facts): _seconds_left(
            [listed for listed in lists if listed.is_signed_by(each.certificate)], now
        )
        for each in authorities
    }


def _seconds_left(lists: Sequence[RevocationList], now: datetime) -> float:
    newest: dict[tuple[bytes, bool], datetime] = {}
    for listed in lists:
        about = listed.scope.identity, listed.base is None
        newest[about] = max(listed.next_update, newest.get(about, listed.next_update))
    return min(((each - now).total_seconds() for each in newest.values()), default=-math.inf)


def trust_expires_seconds(trust: TrustStore, now: datetime) -> Mapping[str, float]:
    """Return in how many seconds each authority's own certificate ends; negative since when.

    Args:
        trust: anchors and intermediates, by :func:`authority_name` in the answer.
        now: timezone-aware.

    """
    return {
        authority_name(facts): (facts.not_after - now).total_seconds()
        for facts in (*trust.anchors, *trust.intermediates)
    }


def authority_name(facts: CertificateFacts) -> str:
    """Return an authority's name with its certificate's: all generations are called the same."""
    return f"{facts.subject} ({facts.thumbprint.hex()[:8]})"
