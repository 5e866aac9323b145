"""Register and upgrade members without end, until somebody kills the process.

    python -m tests.portal.hammer DATABASE ROUND [KEY]

Says on standard output, one line each, what has been committed: ``gold MEMBER``.
"""

import hashlib
import sys
from pathlib import Path

from agent.portal import challenges, members, otp, sessions
from agent.portal.accounts import begin_member_session
from agent.portal.asker import Asker
from agent.portal.cards import _Attempt, _claim, _finish_upgrade
from agent.portal.challenges import Challenge, ChallengePurpose, Claimed
from agent.portal.contact import parse_contact
from agent.portal.sessions import MemberSession
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.relying import Holder, PresentedLogin
from agent.virtualcard.identity import generate_id_number


def _register(tx: Transaction, number: int) -> tuple[MemberSession, str]:
    contact = parse_contact(f"{number}@example.test")
    opened = sessions.open_session(tx)
    code = otp.issue(tx, opened.session, contact, Asker())
    assert isinstance(code, str)
    assert isinstance(otp.confirm(tx, opened.session, contact, code, Asker()), otp.Confirmation)
    logged_in = begin_member_session(tx, opened.session, members.register(tx, contact))
    assert logged_in.opened is not None
    return logged_in.opened.session, logged_in.member.id


def _challenge(tx: Transaction, session: MemberSession) -> Challenge:
    return challenges.issue(tx, session, ChallengePurpose.UPGRADE)


def upgrade_by_card(db: PortalDatabase, contact: int, card: int, id_number: str) -> str:
    """Do what one upgrade with a card does, in the same transactions; return what came of it."""
    session, member_id = db.run_here(_register, contact)
    challenge = db.run_here(_challenge, session)
    attempt = _Attempt(session, ChallengePurpose.UPGRADE, challenge.id, b"signature")
    assert isinstance(db.run_here(_claim, attempt), Claimed)
    presented = PresentedLogin(hashlib.sha256(str(card).encode()).digest())
    facts = Holder(None, "0000", f"{card:016}", "C=TW")
    outcome = db.run_here(_finish_upgrade, attempt, presented, facts, id_number)
    return f"gold {member_id}" if outcome == member_id else str(outcome)


def hammer(db: PortalDatabase, number: int) -> None:
    """Make one member gold."""
    outcome = upgrade_by_card(db, number, number, generate_id_number(number))
    assert outcome.startswith("gold "), outcome
    sys.stdout.write(f"{outcome}\n")
    sys.stdout.flush()


def main() -> None:
    """Hammer until killed."""
    address, _, *key = sys.argv[1:]
    db = PortalDatabase(address, key_file=Path(key[0]) if key else None)
    db.open_here()
    number = int(sys.argv[2]) * 100_000
    while True:
        hammer(db, number)
        number += 1


if __name__ == "__main__":
    main()
