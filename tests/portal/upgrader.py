"""Make members gold by every way at once: card, counter, phone, application online.

    python -m tests.portal.upgrader DATABASE KEY FIRST NUMBERS STAFF

tries each of the first so many invented ID numbers once, by ways in turn, each for a new member
whose contacts are counted from FIRST on; STAFF is the number of a clerk who reviews, too. Begins at
a line on standard input, and says of each number what came of it.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path

from sqlalchemy.exc import OperationalError

from agent.portal import members
from agent.portal.contact import parse_contact
from agent.portal.counter import visits
from agent.portal.counter.application import read_application
from agent.portal.errors import PortalCode
from agent.portal.online import applying, reviewing
from agent.portal.online.states import CaseForm, CaseRules, CaseState, DocumentKind, Side
from agent.portal.staff.register import StaffMember, find_staff
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.portal.telecom import applying as linking
from agent.portal.telecom import asking
from agent.portal.telecom.operator import ConsentQuestion
from agent.portal.telecom.states import TelecomForm, TelecomOutcome
from agent.virtualcard.identity import generate_id_number
from tests.portal.hammer import upgrade_by_card
from tests.portal.staff_support import APPLICATION

THREADS = 8
TRIES = 100
BORN = date(1990, 2, 28)
RULES = CaseRules()


def _register(tx: Transaction, contact: int) -> str:
    return members.register(tx, parse_contact(f"{contact}@example.test"))


def _begin_visit(tx: Transaction, staff: StaffMember, contact: int) -> str:
    member = _register(tx, contact)
    address = parse_contact(f"{contact}@example.test")
    visit = visits.begin(tx, staff, visits.VisitPurpose.COUNTER, contact=address)
    visits.change_visit(tx, visit, member=member, confirmed_at=tx.now)
    return visit


def by_counter(db: PortalDatabase, staff: StaffMember, contact: int, id_number: str) -> str:
    visit = db.run_here(_begin_visit, staff, contact)
    application = read_application({**APPLICATION, "id_number": id_number}, date(2026, 11, 28))
    refused = db.run_here(visits.upgrade, staff, visit, application)
    return "gold" if refused is None else str(refused.code)


def _apply(tx: Transaction, contact: int, id_number: str) -> str:
    member = _register(tx, contact)
    applying.begin(tx, member)
    form = CaseForm(id_number=id_number, name="王測試", born=BORN, document=DocumentKind.ID_CARD)
    applying.write_form(tx, member, form)
    for side in Side:
        applying.add_picture(tx, member, side, b"picture")
    return str(applying.send(tx, member).number)


def online(db: PortalDatabase, staff: StaffMember, contact: int, id_number: str) -> str:
    case = db.run_here(_apply, contact, id_number)
    db.run_here(reviewing.claim, staff.id, case)
    decided = db.run_here(reviewing.approve, staff.id, case, RULES)
    return "gold" if decided.state is CaseState.APPROVED else str(PortalCode.ID_NUMBER_TAKEN)


def by_phone(db: PortalDatabase, contact: int, id_number: str) -> str:
    member = db.run_here(_register, contact)
    phone = linking.new_token()
    link = db.run_here(linking.link_token, db.run_here(linking.begin, member))
    db.run_here(linking.connect, link, phone)
    form = TelecomForm(
        id_number=id_number, name="王測試", born=BORN, mobile="0912345678", operator="a"
    )
    db.run_here(linking.write_form, phone, form)
    db.run_here(linking.begin_device, phone, b"challenge")
    db.run_here(linking.finish_device, phone, lambda challenge: challenge == b"challenge")
    question = ConsentQuestion("https://operator.test/", *(linking.new_token() for _ in range(3)))
    db.run_here(asking.begin_question, phone, lambda _: question)
    read = db.run_here(asking.take_answer, phone, question.state)
    db.run_here(asking.finish, read, TelecomOutcome.GOLD)
    found = db.run_here(linking.latest_application, member)
    return str(found.outcome)


def attempt(db: PortalDatabase, staff: StaffMember, first: int, number: int) -> str:
    """Try one number, from the beginning where the database had no time for us."""
    id_number = generate_id_number(number)
    for again in range(TRIES):
        contact = (first + number) * TRIES + again
        try:
            match (first + number) % 4:
                case 0:
                    return upgrade_by_card(db, contact, contact, id_number).partition(" ")[0]
                case 1:
                    return by_counter(db, staff, contact, id_number)
                case 2:
                    return by_phone(db, contact, id_number)
                case _:
                    return online(db, staff, contact, id_number)
        except OperationalError:
            continue
    return "never"


def main() -> None:
    """Try all of them."""
    address, key, first, numbers, staff_number = sys.argv[1:]
    db = PortalDatabase(address, key_file=Path(key))
    db.open_here()
    staff = db.read_here(find_staff, int(staff_number))
    assert staff is not None
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with ThreadPoolExecutor(THREADS) as threads:
        work = partial(attempt, db, staff, int(first))
        for outcome in threads.map(work, range(1, int(numbers) + 1)):
            sys.stdout.write(f"{outcome}\n")
            sys.stdout.flush()
    db.close_here()


if __name__ == "__main__":
    main()
