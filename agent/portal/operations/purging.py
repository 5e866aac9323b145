"""Delete what is over: sessions, codes, challenges, counters."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from agent.portal.account.closing import end_closed_accounts
from agent.portal.challenges import purge_challenges
from agent.portal.counter.visits import purge_visits
from agent.portal.notices.claims import purge_notices
from agent.portal.otp import purge_otps
from agent.portal.sessions import purge_sessions
from agent.portal.store.database import PortalDatabase
from agent.portal.store.rates import purge_rates
from agent.portal.store.transaction import Transaction

PURGES: Final[Mapping[str, Callable[[Transaction], int]]] = {
    "sessions": purge_sessions,
    "codes": purge_otps,
    "challenges": purge_challenges,
    "rates": purge_rates,
    "notices": purge_notices,
    "accounts": end_closed_accounts,
    "visits": purge_visits,
}
"""What is deleted, each in a transaction of its own; each returns how many rows."""

_EVERY_S: Final = 600
_LOG: Final = logging.getLogger(__name__)


def purge_here(db: PortalDatabase) -> Mapping[str, int]:
    """Delete all of it in the calling thread; return how many rows of each kind."""
    return {name: db.run_here(purge) for name, purge in PURGES.items()}


async def purge_for_ever(db: PortalDatabase) -> None:
    """Delete now and every ten minutes; several processes may do so at once."""
    while True:
        for name, purge in PURGES.items():
            try:
                count = await db.run(purge)
            except SQLAlchemyError as error:  # a full disk, perhaps; the next round may do better
                _LOG.warning("%s not purged: %s", name, type(error).__name__)
            else:
                if count:
                    _LOG.info("purged %d %s", count, name)
        await asyncio.sleep(_EVERY_S)
