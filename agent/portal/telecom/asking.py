"""Ask the operator about an application, and do what comes of its answer, each in a transaction."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select

from agent.portal import audit, members
from agent.portal.audit import AuditEvent
from agent.portal.errors import PortalCode
from agent.portal.members import Proven, Way
from agent.portal.store.transaction import Transaction
from agent.portal.telecom import records
from agent.portal.telecom.operator import ConsentQuestion
from agent.portal.telecom.records import PhoneApplication
from agent.portal.telecom.states import (
    ASK_AGAIN,
    MOST_NUMBERS,
    MOST_TRIES,
    TRIES_S,
    TelecomForm,
    TelecomOutcome,
    TelecomState,
)
from agent.portal.telecom.tables import TELECOM, TELECOM_TRY


@dataclass(frozen=True, slots=True, repr=False)
class ReadAnswer:
    """What is needed to read an operator's answer.

    Attributes:
        application: the number of the application.
        question: to which it is the answer.
        form: what was written.

    """

    application: int
    question: ConsentQuestion
    form: TelecomForm


def begin_question(
    tx: Transaction, phone: str | None, ask: Callable[[TelecomForm], ConsentQuestion | None]
) -> ConsentQuestion | None:
    """Keep a new question to the operator, in the place of an earlier one.

    Args:
        tx: the transaction.
        phone: of the phone's cookie.
        ask: makes the question to the operator of a form; it has no effects.

    Returns:
        the question; None where nobody is to be asked now.

    Raises:
        PortalError: ``link_over``.

    """
    found = records.of_phone(tx, phone)
    form = records.form_of(tx, found) if found.state is TelecomState.OPERATOR else None
    question = None if form is None else ask(form)
    if question is None:
        return None
    sealed = records.seal_part(tx, found.id, "question", question)
    records.change(tx, found.id, TelecomState.OPERATOR, question=sealed, outcome=None)
    return question


def take_answer(tx: Transaction, phone: str | None, state: str) -> ReadAnswer | None:
    """Take the question out to which an answer came; nobody else reads that answer again.

    Args:
        tx: the transaction.
        phone: of the phone's cookie.
        state: with which the browser came back.

    Returns:
        None where no such question is open, or too many answers were read today already.

    Raises:
        PortalError: ``link_over``.

    """
    found = records.of_phone(tx, phone)
    row = tx.first(select(TELECOM.c.question, TELECOM.c.form).where(TELECOM.c.id == found.id))
    if found.state is not TelecomState.OPERATOR or row is None or row.question is None:
        return None
    question = records.unseal_part(tx, found.id, "question", row.question, ConsentQuestion)
    if not hmac.compare_digest(question.state.encode(), state.encode()):
        return None  # of an earlier question, or of somebody else: this one stays open
    form = records.unseal_part(tx, found.id, "form", row.form, TelecomForm)
    if not may_try(tx, found.member, form.mobile):
        records.change(
            tx,
            found.id,
            TelecomState.CONNECTED,
            question=None,
            outcome=TelecomOutcome.TOO_MANY_TRIES.value,
        )
        return None
    hashed = _number_hash(tx, form.mobile)
    tx.execute(insert(TELECOM_TRY).values(member=found.member, number_hash=hashed, at=tx.now))
    records.change(tx, found.id, TelecomState.READING, question=None, reading_since=tx.now)
    return ReadAnswer(found.id, question, form)


def finish(tx: Transaction, read: ReadAnswer, outcome: TelecomOutcome) -> None:
    """Do what an answer comes to; one that was read for too long, or stopped, changes nothing.

    Args:
        tx: the transaction.
        read: what was taken out.
        outcome: ``GOLD`` for a match.

    """
    found = records.one(tx, TELECOM.c.id == read.application)
    if found.state is not TelecomState.READING:
        return
    if outcome in ASK_AGAIN:
        _give_try_back(tx, found.member, read.form.mobile)
    if outcome is TelecomOutcome.GOLD:
        _make_gold(tx, found, read.form)
        return
    audit.record(tx, AuditEvent.UPGRADE_TELECOM, outcome.value, member=found.member)
    state = TelecomState.OPERATOR if outcome in ASK_AGAIN else TelecomState.CONNECTED
    records.change(tx, found.id, state, reading_since=None, outcome=outcome.value)


def _make_gold(tx: Transaction, found: PhoneApplication, form: TelecomForm) -> None:
    evidence: dict[str, str | int | bool] = {
        "operator": form.operator,
        "number_holder": True,
        "device_holder": True,
    }
    proven = Proven(Way.TELECOM, form.id_number, form.name, evidence)
    refused = members.make_gold(tx, found.member, proven)
    taken_by = None
    if refused is PortalCode.ID_NUMBER_TAKEN:  # proven, so that it may be told whose it is
        taken_by = members.masked_contact_of_id_number(tx, form.id_number)
    audit.record(tx, AuditEvent.UPGRADE_TELECOM, refused or "ok", member=found.member)
    outcome = TelecomOutcome.GOLD if refused is None else TelecomOutcome(refused.value)
    records.end(tx, found.id, outcome, taken_by)


def may_try(tx: Transaction, member: str, mobile: str) -> bool:
    """Return whether one more answer may be read for this applicant about this number."""
    recent = (TELECOM_TRY.c.member == member, TELECOM_TRY.c.at > tx.now - TRIES_S)
    same = TELECOM_TRY.c.number_hash == _number_hash(tx, mobile)
    count = select(func.count()).select_from(TELECOM_TRY)
    of_number = tx.execute(count.where(*recent, same)).scalar_one()
    of_all = tx.execute(count.where(*recent)).scalar_one()
    return int(of_number) < MOST_TRIES and int(of_all) < MOST_NUMBERS


def _give_try_back(tx: Transaction, member: str, mobile: str) -> None:
    same = (
        TELECOM_TRY.c.member == member,
        TELECOM_TRY.c.number_hash == _number_hash(tx, mobile),
    )
    newest = select(func.max(TELECOM_TRY.c.id)).where(*same).scalar_subquery()
    tx.execute(delete(TELECOM_TRY).where(TELECOM_TRY.c.id == newest))


def _number_hash(tx: Transaction, mobile: str) -> bytes:
    return tx.keyring.digest("mobile-number", mobile.encode())
