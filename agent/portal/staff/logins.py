"""Staff log in with their own card; the agent's own window asks for the PIN."""

import hashlib
from dataclasses import dataclass

from agent.portal import audit, challenges
from agent.portal.audit import AuditEvent
from agent.portal.challenges import OK, Challenge, ChallengePurpose, Claimed, Repeated
from agent.portal.errors import PortalCode, PortalError
from agent.portal.members import card_login
from agent.portal.staff import sessions
from agent.portal.staff.register import find_staff_by_card
from agent.portal.staff.sessions import OpenedStaffSession, StaffSession
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.portal.verification import PURPOSES, CardVerifier, refusal
from agent.relying.errors import NOTHING, PresentedLogin, VerificationError
from agent.relying.login import Login


@dataclass(frozen=True, slots=True, repr=False)
class _Signed:
    """A signature over a challenge of an anonymous session."""

    session: StaffSession
    challenge: str
    signature_hash: bytes


class StaffLogins:
    """The use cases of logging in and out."""

    def __init__(self, db: PortalDatabase, verifier: CardVerifier) -> None:
        """Verify logins by ``verifier``."""
        self._db = db
        self._verifier = verifier

    async def challenge(self, token: str | None) -> tuple[Challenge, OpenedStaffSession | None]:
        """Make a challenge; with the session begun for it, if there was none."""
        return await self._db.run(_challenge, token)

    async def log_in(
        self, token: str | None, challenge: str, signature: bytes
    ) -> OpenedStaffSession:
        """Log in whose card signed: certificate and revocation are looked at each time.

        The same signature sent again by the same browser logs in the same person again.

        Raises:
            PortalError: the code says why not; ``not_staff`` for the card of a stranger.

        """
        session = await self._db.read(sessions.find_session, token)
        if session is None:
            raise PortalError(PortalCode.CHALLENGE_UNKNOWN)
        signed = _Signed(session, challenge, hashlib.sha256(signature).digest())
        claimed = await self._db.run(_claim, signed)
        if isinstance(claimed, OpenedStaffSession):
            return claimed
        try:
            login = await self._verifier.verify(
                signature, challenge=claimed.content, purpose=PURPOSES[ChallengePurpose.STAFF]
            )
        except VerificationError as error:
            refused = refusal(error)
            await self._db.run(_refuse, signed, refused.code, error.presented)
            raise refused from error
        except Exception:
            await self._db.run(_refuse, signed, PortalCode.INTERNAL, NOTHING)
            raise
        opened = await self._db.run(_finish, signed, login)
        if opened is None:
            raise PortalError(PortalCode.NOT_STAFF)
        return opened

    async def log_out(self, token: str | None) -> None:
        """End the session; does nothing without one."""
        await self._db.run(_log_out, token)


def _challenge(tx: Transaction, token: str | None) -> tuple[Challenge, OpenedStaffSession | None]:
    session, opened = sessions.find_session(tx, token), None
    if session is None or session.staff is not None:
        opened = sessions.open_session(tx)
        session = opened.session
    return challenges.issue(tx, session.for_challenges, ChallengePurpose.STAFF), opened


def _claim(tx: Transaction, signed: _Signed) -> Claimed | OpenedStaffSession:
    claimed = challenges.claim(
        tx,
        signed.session.for_challenges,
        ChallengePurpose.STAFF,
        signed.challenge,
        signed.signature_hash,
    )
    if isinstance(claimed, Claimed):
        return claimed
    if isinstance(claimed, Repeated):
        begun = signed.session
        if begun.staff is None:
            begun = sessions.session_begun_by(tx, signed.session) or begun
        if begun.staff is not None and begun.certificate is not None:
            return sessions.log_in(tx, signed.session, begun.staff, begun.certificate)
    raise PortalError(
        claimed if isinstance(claimed, PortalCode) else PortalCode.CHALLENGE_USED, "staff"
    )


def _refuse(tx: Transaction, signed: _Signed, code: PortalCode, presented: PresentedLogin) -> None:
    challenges.settle(tx, signed.challenge, code, None)
    audit.record(tx, AuditEvent.STAFF_LOGIN, code, presented=presented)


def _finish(tx: Transaction, signed: _Signed, login: Login) -> OpenedStaffSession | None:
    card = card_login(tx, login.holder.issuer, login.holder.subject_serial)
    staff = find_staff_by_card(tx, card.key)
    if staff is None:
        _refuse(tx, signed, PortalCode.NOT_STAFF, login.presented)
        return None
    challenges.settle(tx, signed.challenge, OK, None)
    audit.record(tx, AuditEvent.STAFF_LOGIN, OK, staff=staff.id, presented=login.presented)
    return sessions.log_in(tx, signed.session, staff, login.certificate.der)


def _log_out(tx: Transaction, token: str | None) -> None:
    session = sessions.find_session(tx, token)
    if session is None:
        return
    if session.staff is not None:
        audit.record(tx, AuditEvent.STAFF_LOGOUT, OK, staff=session.staff.id)
    sessions.end_session(tx, session)
