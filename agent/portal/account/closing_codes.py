"""By what a member may close the account, and closing it by a code that was sent to a contact."""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum, unique

from agent.portal import audit, members, otp
from agent.portal.account.card_login import has_card
from agent.portal.account.closing import begin_closing
from agent.portal.asker import Asker
from agent.portal.audit import AuditEvent
from agent.portal.errors import PortalCode
from agent.portal.sessions import MemberSession
from agent.portal.store.transaction import Transaction


@unique
class ClosingProof(StrEnum):
    """By what a member confirms that the account is to be closed."""

    CARD = "card"  # or the case, where it is not at hand
    CASE = "case"  # pictures of a document, which a reviewer looks at
    CODE = "code"  # of any contact


def proof_of(tx: Transaction, member_id: str) -> ClosingProof:
    """Return what proof a member has to give: of a gold one the strongest that there is."""
    if not members.is_gold(tx, member_id):
        return ClosingProof.CODE
    return ClosingProof.CARD if has_card(tx, member_id) else ClosingProof.CASE


def close_by_codes(
    tx: Transaction, session: MemberSession, form: Mapping[str, str], asker: Asker
) -> PortalCode | None:
    """Begin to close the account of the session's member, or return why not.

    A wrong code has spent a try, so the refusal is returned and not raised. Asked for twice, it
    is answered the same.

    Args:
        tx: the transaction.
        session: of the member.
        form: ``code_mobile`` and ``code_email``, as they were typed.
        asker: who asks.

    """
    member_id = session.member
    if member_id is None:
        return PortalCode.NOT_LOGGED_IN
    if members.closing_of(tx, member_id) is not None:
        return None
    refused = _refusal(tx, session, member_id, form, asker)
    if refused is None:
        begin_closing(tx, member_id)
    audit.record(tx, AuditEvent.ACCOUNT_CLOSING, refused or "ok", member=member_id)
    return refused


def _refusal(
    tx: Transaction,
    session: MemberSession,
    member_id: str,
    form: Mapping[str, str],
    asker: Asker,
) -> PortalCode | None:
    """Check the codes that were typed; return the first refusal."""
    if proof_of(tx, member_id) is not ClosingProof.CODE:
        return PortalCode.CARD_PROOF_NEEDED
    typed = {
        each: clean(form.get(f"code_{each.kind}", ""))
        for each in members.contacts_of(tx, member_id)
    }
    codes = {contact: code for contact, code in typed.items() if code}
    if not codes:
        return PortalCode.OTP_INCORRECT
    answers = [otp.confirm(tx, session, each, code, asker) for each, code in codes.items()]
    return next((each for each in answers if isinstance(each, PortalCode)), None)


def clean(typed: str) -> str:
    """Return a code as it was typed, without blanks and with plain digits."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", typed))[:12]
