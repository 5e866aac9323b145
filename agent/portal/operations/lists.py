"""Whether the revocation lists are there and fresh, without which no card is accepted."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

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
    missing = await in_turn(_without_list, authorities, fresh)
    return f"no fresh list of {'; '.join(missing)}" if missing else ""


def _without_list(
    authorities: Sequence[ChainCertificate], lists: Sequence[RevocationList]
) -> list[str]:
    return [
        each.certificate.subject.rfc4514_string()
        for each in authorities
        if not any(listed.is_signed_by(each.certificate) for listed in lists)
    ]
