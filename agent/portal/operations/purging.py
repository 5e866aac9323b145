"""Delete what is over: sessions, codes, notices, accounts that their owners closed."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from agent.portal.account.closing import end_closed_accounts
from agent.portal.challenges import purge_challenges
from agent.portal.counter.visits import purge_visits
from agent.portal.notices.claims import purge_notices
from agent.portal.online.applying import expire
from agent.portal.online.restored import end_lost_cases
from agent.portal.otp import purge_otps
from agent.portal.sessions import purge_sessions
from agent.portal.store.database import PortalDatabase
from agent.portal.store.rates import purge_rates
from agent.portal.store.transaction import Transaction
from agent.portal.telecom.applying import purge_telecom

PURGES: Final[Mapping[str, Callable[[Transaction], int]]] = {
    "sessions": purge_sessions,
    "codes": purge_otps,
    "challenges": purge_challenges,
    "rates": purge_rates,
    "visits": purge_visits,
    "cases": expire,
    "lost cases": end_lost_cases,
    "applications by phone": purge_telecom,
    "notices": purge_notices,
    "closed accounts": end_closed_accounts,
}
"""What is deleted. Each works in transactions that are short, until it returns that nothing is."""

_EVERY_S: Final = 600
_LOG: Final = logging.getLogger(__name__)


def purge_here(db: PortalDatabase) -> Mapping[str, int]:
    """Delete all of it in the calling thread; return how much of each kind."""
    return {name: sum(_rounds(partial(db.run_here, purge))) for name, purge in PURGES.items()}


def _rounds(purge: Callable[[], int]) -> Iterator[int]:
    while count := purge():
        yield count


async def purge_for_ever(db: PortalDatabase) -> None:
    """Delete now and every ten minutes; several processes may do so at once."""
    while True:
        for name, purge in PURGES.items():
            try:
                while count := await db.run(purge):
                    _LOG.info("purged %d %s", count, name)
            except SQLAlchemyError as error:  # a full disk, perhaps; the next round may do better
                _LOG.warning("%s not purged: %s", name, type(error).__name__)
        await asyncio.sleep(_EVERY_S)
