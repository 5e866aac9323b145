"""Whether the revocation lists are there and fresh, and for how long; without them no card is good.

The same for the certificates of the authorities themselves, which nobody renews by themselves.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts
from agent.pki.chain import ChainCertificate
from agent.pki.crl import RevocationList
from agent.pki.revocation import RevocationSource
from agent.turns import in_turn


@dataclass(frozen=True, slots=True)
class ListHealth:
    """What an operator and a balancer want to know about the lists.

    Attributes:
        fault: which authorities have no fresh list, for the operator; nothing where none lacks it.
        expires_seconds: as :func:`list_expires_seconds` has it.

    """

    fault: str
    expires_seconds: Mapping[str, float]


async def list_health(
    authorities: Sequence[ChainCertificate], source: RevocationSource, now: datetime
) -> ListHealth:
    """Look at the lists of a source.

    Args:
        authorities: each has to have a list of its own that is fresh.
        source: of the lists.
        now: timezone-aware.

    Raises:
        CmsError: a list or certificate is malformed.

    """
    data = await source.current()
    return await in_turn(_health, authorities, data.crls, now)


def _health(
    authorities: Sequence[ChainCertificate], lists: Sequence[RevocationList], now: datetime
) -> ListHealth:
    fresh = [listed for listed in lists if listed.is_fresh(now)]
    seconds = list_expires_seconds(authorities, fresh, now)
    missing = [name for name, left in seconds.items() if left == -math.inf]
    fault = f"no fresh list of {'; '.join(missing)}" if missing else ""
    return ListHealth(fault, list_expires_seconds(authorities, lists, now))


def list_expires_seconds(
    authorities: Sequence[ChainCertificate], lists: Sequence[RevocationList], now: datetime
) -> Mapping[str, float]:
    """Return in how many seconds each authority's lists are out of date.

    Where an authority has several, for different certificates, the first that will be counts. A
    negative number says for how long one has been; minus infinity that there is none at all that
    would clear anybody. It computes for milliseconds: not for an event loop.

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
    read = [each for each in lists if each.is_understood and not each.scope.is_partial]
    if all(each.base is not None for each in read):
        return -math.inf  # changes of a list that is not there
    newest: dict[tuple[bytes, bool], datetime] = {}
    for listed in read:
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
