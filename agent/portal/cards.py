"""Use cases with the card: become a gold member, log in, take a new card, close the account.

Requests with the same challenge and signature share one attempt while it runs, and its answer
afterwards.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from agent.portal import audit, challenges, members
from agent.portal.account.card_login import set_card
from agent.portal.account.closing import begin_closing
from agent.portal.accounts import (
    LoggedIn,
    begin_member_session,
    load_member,
    require_member,
    require_session,
    session_of,
)
from agent.portal.audit import AuditEvent
from agent.portal.challenges import OK, Challenge, ChallengePurpose, Claimed, Repeated, UnderWay
from agent.portal.errors import PortalCode, PortalError
from agent.portal.idnumber import parse_id_number
from agent.portal.members import CardLogin, Member, Proven, Way
from agent.portal.sessions import MemberSession, OpenedSession
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.portal.verification import PURPOSES, CardVerifier, refusal
from agent.relying.errors import NOTHING, PresentedLogin, VerificationError
from agent.relying.holder import Holder
from agent.relying.ics import IdentityCheck, IdentityServiceError, IdentityVerdict

_REFUSED_BY_ICS: Final = {
    IdentityVerdict.NO_SUCH_PAIR: PortalCode.IDENTITY_NOT_CONFIRMED,
    IdentityVerdict.NO_CERTIFICATE: PortalCode.IDENTITY_NOT_CONFIRMED,
    IdentityVerdict.NOT_ACTIVATED: PortalCode.CERTIFICATE_NOT_ACTIVATED,
    IdentityVerdict.EXPIRED: PortalCode.CERTIFICATE_EXPIRED,
    IdentityVerdict.REVOKED: PortalCode.CERTIFICATE_REVOKED,
}

_PAUSES_S: Final = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 4.0, 5.0)
"""Together as long as the identity service may take, and some more."""

_EVENT: Final = {
    ChallengePurpose.UPGRADE: AuditEvent.UPGRADE_CARD,
    ChallengePurpose.LOGIN: AuditEvent.LOGIN_CARD,
    ChallengePurpose.RENEW: AuditEvent.CARD_CHANGED,
    ChallengePurpose.CLOSE: AuditEvent.ACCOUNT_CLOSING,
}


_OVER_ID_NUMBERS: Final = frozenset({ChallengePurpose.UPGRADE, ChallengePurpose.RENEW})
"""The purposes for which a card has to belong to an ID number that was typed."""


@dataclass(frozen=True, slots=True, repr=False)
class _Attempt:
    """One signature over one challenge, from one session."""

    session: MemberSession
    purpose: ChallengePurpose
    challenge: str
    signature: bytes

    @property
    def signature_hash(self) -> bytes:
        return hashlib.sha256(self.signature).digest()

    @property
    def key(self) -> tuple[int, ChallengePurpose, str, bytes]:
        return (self.session.id, self.purpose, self.challenge, self.signature_hash)


class Cards:
    """The use cases with a card."""

    def __init__(self, db: PortalDatabase, verifier: CardVerifier, identity: IdentityCheck) -> None:
        """Verify logins by ``verifier`` and identities by ``identity``."""
        self._db = db
        self._verifier = verifier
        self._identity = identity
        self._running: dict[tuple[int, ChallengePurpose, str, bytes], asyncio.Task[str]] = {}

    async def upgrade_challenge(self, token: str | None, typed: str) -> Challenge:
        """Make a challenge for becoming a gold member with this ID number, as it was typed.

        Whether the number is taken is not said here: before the card has signed, that would tell
        any member about anybody.

        Raises:
            PortalError: ``not_logged_in``, ``already_gold``, ``id_number_invalid``.

        """
        return await self._db.run(_upgrade_challenge, token, typed)

    async def login_challenge(self, token: str | None) -> tuple[Challenge, OpenedSession | None]:
        """Make a challenge for logging in; with the session begun for it, if there was none."""
        return await self._db.run(_login_challenge, token)

    async def renew_challenge(self, token: str | None, typed: str) -> Challenge:
        """Make a challenge for logging in with a new card of the same ID number.

        Whether the number is the member's own is said after the card has signed.

        Raises:
            PortalError: ``not_logged_in``, ``not_gold``, ``id_number_invalid``.

        """
        return await self._db.run(_renew_challenge, token, typed)

    async def close_challenge(self, token: str | None) -> Challenge:
        """Make a challenge for closing the account.

        Raises:
            PortalError: ``not_logged_in``.

        """
        return await self._db.run(_close_challenge, token)

    async def prove(
        self, token: str | None, purpose: ChallengePurpose, challenge: str, signature: bytes
    ) -> Member:
        """Do for the member who is logged in what the challenge is for, if the card proves it.

        Raises:
            PortalError: it does not; the code says why.

        """
        session, _ = await self._db.run(require_member, token)
        attempt = _Attempt(session, purpose, challenge, signature)
        return await self._db.run(load_member, await self._once(attempt))

    async def login(self, token: str | None, challenge: str, signature: bytes) -> LoggedIn:
        """Log in the member whose card signed.

        Raises:
            PortalError: the code says why not.

        """
        session = await self._db.run(session_of, token)
        if session is None:
            raise PortalError(PortalCode.CHALLENGE_UNKNOWN)
        attempt = _Attempt(session, ChallengePurpose.LOGIN, challenge, signature)
        return await self._db.run(_begin_session, token, await self._once(attempt))

    async def close(self) -> None:
        """Wait for the attempts under way."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _once(self, attempt: _Attempt) -> str:
        """Join the attempt under way, or begin it; it is not cancelled with its requests."""
        task = self._running.get(attempt.key)
        if task is None:
            task = asyncio.create_task(self._attempt(attempt))
            self._running[attempt.key] = task
            task.add_done_callback(lambda done: self._forget(attempt, done))
        return await asyncio.shield(task)

    def _forget(self, attempt: _Attempt, task: asyncio.Task[str]) -> None:
        del self._running[attempt.key]
        if not task.cancelled():
            task.exception()  # seen, even when everybody who waited has gone

    async def _attempt(self, attempt: _Attempt) -> str:
        """Consume the challenge, verify the signature, record the result; return the member."""
        claimed = await self._claim(attempt)
        if isinstance(claimed, Repeated):
            return claimed.member
        if isinstance(claimed, PortalCode):
            raise PortalError(claimed)
        presented = NOTHING
        try:
            login = await self._verifier.verify(
                attempt.signature, challenge=claimed.content, purpose=PURPOSES[attempt.purpose]
            )
            presented = login.presented
            return await self._finish(attempt, presented, login.holder, claimed.id_number)
        except VerificationError as error:
            refused = refusal(error)
            await self._db.run(_settle_refused, attempt, refused.code, error.presented)
            raise refused from error
        except PortalError as error:
            await self._db.run(_settle_refused, attempt, error.code, presented)
            raise
        except Exception:
            await self._db.run(_settle_refused, attempt, PortalCode.INTERNAL, presented)
            raise

    async def _claim(self, attempt: _Attempt) -> Claimed | Repeated | PortalCode:
        """Consume the challenge; wait for another process that looks at the same signature."""
        for pause in _PAUSES_S:
            claimed = await self._db.run(_claim, attempt)
            if not isinstance(claimed, UnderWay):
                return claimed
            await asyncio.sleep(pause)
        return PortalCode.CHALLENGE_USED

    async def _finish(
        self,
        attempt: _Attempt,
        presented: PresentedLogin,
        card: Holder,
        id_number: str | None,
    ) -> str:
        if attempt.purpose in _OVER_ID_NUMBERS:
            if id_number is None:  # somebody has written in the database
                raise PortalError(PortalCode.CHALLENGE_EXPIRED)
            if card.id_last4 != id_number[-4:]:
                raise PortalError(PortalCode.ID_NUMBER_MISMATCH)
            await self._ask_identity(card.subject_serial, id_number)
        finish = _FINISHES[attempt.purpose]
        result = await self._db.run(finish, attempt, presented, card, id_number or "")
        if isinstance(result, PortalCode):
            raise PortalError(result, contact=await self._taken_by(result, id_number))
        return result

    async def _taken_by(self, code: PortalCode, id_number: str | None) -> str | None:
        """Return the masked contact of the account that has a proven ID number already."""
        if code is not PortalCode.ID_NUMBER_TAKEN or id_number is None:
            return None
        return await self._db.read(members.masked_contact_of_id_number, id_number)

    async def _ask_identity(self, subject_serial: str, id_number: str) -> None:
        try:
            verdict = await self._identity.check(subject_serial, id_number)
        except IdentityServiceError as error:
            raise PortalError(PortalCode.IDENTITY_SERVICE_UNAVAILABLE, str(error)) from error
        refused = _REFUSED_BY_ICS.get(verdict)
        if refused is not None:
            raise PortalError(refused, f"identity service: {verdict.name}")


def _card_login(tx: Transaction, card: Holder) -> CardLogin:
    """Return by what a card is recognised: issuer and subject serial, not its key.

    A renewed certificate that keeps both is the same card to us. One with a new subject serial is a
    new card.
    """
    return members.card_login(tx, card.issuer, card.subject_serial)


def _upgrade_challenge(tx: Transaction, token: str | None, typed: str) -> Challenge:
    session, member_id = require_member(tx, token)
    if members.is_gold(tx, member_id):
        raise PortalError(PortalCode.ALREADY_GOLD)
    if members.closing_of(tx, member_id) is not None:
        raise PortalError(PortalCode.ACCOUNT_CLOSING)
    return challenges.issue(tx, session, ChallengePurpose.UPGRADE, parse_id_number(typed))


def _renew_challenge(tx: Transaction, token: str | None, typed: str) -> Challenge:
    session, member_id = require_member(tx, token)
    if not members.is_gold(tx, member_id):
        raise PortalError(PortalCode.NOT_GOLD)
    return challenges.issue(tx, session, ChallengePurpose.RENEW, parse_id_number(typed))


def _close_challenge(tx: Transaction, token: str | None) -> Challenge:
    session, _ = require_member(tx, token)
    return challenges.issue(tx, session, ChallengePurpose.CLOSE)


def _login_challenge(tx: Transaction, token: str | None) -> tuple[Challenge, OpenedSession | None]:
    session, opened = require_session(tx, token)
    return challenges.issue(tx, session, ChallengePurpose.LOGIN), opened


def _claim(tx: Transaction, attempt: _Attempt) -> Claimed | Repeated | UnderWay | PortalCode:
    claimed = challenges.claim(
        tx, attempt.session, attempt.purpose, attempt.challenge, attempt.signature_hash
    )
    member_id = attempt.session.member
    is_upgrade = isinstance(claimed, Claimed) and attempt.purpose is ChallengePurpose.UPGRADE
    if is_upgrade and member_id is not None and members.is_gold(tx, member_id):
        _settle_refused(tx, attempt, PortalCode.ALREADY_GOLD, NOTHING)
        return PortalCode.ALREADY_GOLD
    return claimed


def _settle_refused(
    tx: Transaction, attempt: _Attempt, code: PortalCode, presented: PresentedLogin
) -> None:
    _settle(tx, attempt, code, attempt.session.member, presented)


def _settle(
    tx: Transaction,
    attempt: _Attempt,
    outcome: str,
    member_id: str | None,
    presented: PresentedLogin,
) -> None:
    challenges.settle(tx, attempt.challenge, outcome, member_id)
    audit.record(tx, _EVENT[attempt.purpose], outcome, member=member_id, presented=presented)


def _finish_upgrade(
    tx: Transaction, attempt: _Attempt, presented: PresentedLogin, card: Holder, id_number: str
) -> str | PortalCode:
    member_id = attempt.session.member
    if member_id is None:
        return PortalCode.NOT_LOGGED_IN
    proven = Proven(
        way=Way.CARD,
        id_number=id_number,
        name=card.name,
        evidence={"card": True},
        card=_card_login(tx, card),
    )
    refused = members.make_gold(tx, member_id, proven)
    if refused is not None:
        return refused
    _settle(tx, attempt, OK, member_id, presented)
    return member_id


def _finish_login(
    tx: Transaction, attempt: _Attempt, presented: PresentedLogin, card: Holder, _: str
) -> str | PortalCode:
    member_id = members.member_of_card(tx, _card_login(tx, card).key)
    if member_id is None:
        return PortalCode.CARD_NOT_REGISTERED
    if members.last4_of(tx, member_id) != card.id_last4:  # a subject serial given to another
        return PortalCode.ID_NUMBER_MISMATCH
    _settle(tx, attempt, OK, member_id, presented)
    return member_id


def _finish_renewal(
    tx: Transaction, attempt: _Attempt, presented: PresentedLogin, card: Holder, id_number: str
) -> str | PortalCode:
    member_id = attempt.session.member
    if member_id is None:
        return PortalCode.NOT_LOGGED_IN
    refused = set_card(tx, attempt.session, member_id, id_number, _card_login(tx, card))
    if refused is not None:
        return refused
    _settle(tx, attempt, OK, member_id, presented)
    return member_id


def _finish_closing(
    tx: Transaction, attempt: _Attempt, presented: PresentedLogin, card: Holder, _: str
) -> str | PortalCode:
    member_id = attempt.session.member
    if member_id is None:
        return PortalCode.NOT_LOGGED_IN
    if members.member_of_card(tx, _card_login(tx, card).key) != member_id:
        return PortalCode.CARD_NOT_YOURS
    if members.last4_of(tx, member_id) != card.id_last4:  # a subject serial given to another
        return PortalCode.ID_NUMBER_MISMATCH
    begin_closing(tx, member_id)
    _settle(tx, attempt, OK, member_id, presented)
    return member_id


_FINISHES: Final[
    Mapping[
        ChallengePurpose,
        Callable[[Transaction, _Attempt, PresentedLogin, Holder, str], str | PortalCode],
    ]
] = {
    ChallengePurpose.UPGRADE: _finish_upgrade,
    ChallengePurpose.LOGIN: _finish_login,
    ChallengePurpose.RENEW: _finish_renewal,
    ChallengePurpose.CLOSE: _finish_closing,
}


def _begin_session(tx: Transaction, token: str | None, member_id: str) -> LoggedIn:
    session = session_of(tx, token)
    if session is None:  # logged out in another tab in the meantime
        raise PortalError(PortalCode.CHALLENGE_UNKNOWN)
    return begin_member_session(tx, session, member_id)
