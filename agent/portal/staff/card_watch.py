"""End the sessions of staff whose cards are good no more: revoked or expired since the login."""

import asyncio
import logging
from collections import defaultdict
from typing import Final

from agent.cms.errors import CmsError
from agent.pki.reading import read_certificate
from agent.portal import audit
from agent.portal.audit import AuditEvent
from agent.portal.errors import PortalCode
from agent.portal.staff import sessions
from agent.portal.staff.sessions import StaffSession
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.portal.verification import CardVerifier, refusal
from agent.relying.errors import VerificationError
from agent.turns import in_turn

_EVERY_S: Final = 60
_LOG: Final = logging.getLogger(__name__)


async def watch_cards(db: PortalDatabase, verifier: CardVerifier) -> None:
    """Look every minute at the cards of who is logged in; several processes may do so at once."""
    while True:
        try:
            await end_sessions_of_bad_cards(db, verifier)
        except Exception as error:  # noqa: BLE001  # without a next look no card would be noticed
            _LOG.warning("the cards of the staff not looked at: %s", type(error).__name__)
        await asyncio.sleep(_EVERY_S)


async def end_sessions_of_bad_cards(db: PortalDatabase, verifier: CardVerifier) -> None:
    """Judge each card by the revocation lists of now; end its owner's sessions if it is not good.

    A list that cannot be had ends none: nobody logs in without it, but who serves an applicant
    goes on.
    """
    by_card: dict[bytes, list[StaffSession]] = defaultdict(list)
    for session in await db.read(sessions.list_logged_in):
        by_card[session.certificate or b""].append(session)
    for certificate, theirs in by_card.items():
        code = await _fault(verifier, certificate)
        if code is not None and code is not PortalCode.REVOCATION_UNKNOWN:
            await db.run(_end, theirs, code)


async def _fault(verifier: CardVerifier, certificate: bytes) -> PortalCode | None:
    try:
        await verifier.judge(await in_turn(read_certificate, certificate))
    except VerificationError as error:
        return refusal(error).code
    except CmsError:  # somebody has written in the database
        return PortalCode.CERTIFICATE_UNTRUSTED
    return None


def _end(tx: Transaction, ended: list[StaffSession], code: PortalCode) -> None:
    for session in ended:
        if sessions.end_session(tx, session) and session.staff is not None:
            audit.record(tx, AuditEvent.STAFF_LOGOUT, code, staff=session.staff.id)
