"""The card by which a gold member logs in: one that is added later, renewed or replaced."""

from sqlalchemy import delete

from agent.portal import members
from agent.portal.contact import LoginKind
from agent.portal.errors import PortalCode
from agent.portal.members import CardLogin
from agent.portal.notices.outbox import NoticeKind, tell
from agent.portal.sessions import MemberSession, end_other_sessions
from agent.portal.store.tables import LOGIN
from agent.portal.store.transaction import Transaction


def set_card(
    tx: Transaction, session: MemberSession, member_id: str, id_number: str, card: CardLogin
) -> PortalCode | None:
    """Make a card the one by which the member logs in, in the place of any before.

    Whoever is logged in elsewhere is logged out then: the old card may be in other hands.

    Args:
        tx: the transaction.
        session: the one that goes on.
        member_id: whose.
        id_number: proven with this card, in normal form.
        card: the new one; the same as before changes nothing.

    Returns:
        None for success; ``not_gold``; ``id_number_mismatch``: the number is not the member's, or
        the card is another member's.

    """
    if not members.is_gold(tx, member_id):
        return PortalCode.NOT_GOLD
    owner = members.member_of_card(tx, card.key)
    if members.member_of_id_number(tx, id_number) != member_id or owner not in {None, member_id}:
        return PortalCode.ID_NUMBER_MISMATCH
    if owner is None:
        _replace(tx, session, member_id, card)
    return None


def has_card(tx: Transaction, member_id: str) -> bool:
    """Return whether the member may log in with a card."""
    member = members.find_member(tx, member_id)
    return member is not None and any(login.kind is LoginKind.CARD for login in member.logins)


def _replace(tx: Transaction, session: MemberSession, member_id: str, card: CardLogin) -> None:
    cards = (LOGIN.c.member == member_id, LOGIN.c.kind == LoginKind.CARD.value)
    had_one = tx.execute(delete(LOGIN).where(*cards)).rowcount > 0
    members.add_login(tx, member_id, LoginKind.CARD, card.key, card.label)
    tell(tx, member_id, NoticeKind.CARD_REPLACED if had_one else NoticeKind.CARD_ADDED)
    if had_one:
        end_other_sessions(tx, session)
