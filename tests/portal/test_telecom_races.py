"""What two do at the same moment by phone, or with one ID number, on both databases."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select

from agent.portal import members
from agent.portal.contact import parse_contact
from agent.portal.errors import PortalError
from agent.portal.members import Proven, Way
from agent.portal.store.database import PortalDatabase
from agent.portal.store.tables import MEMBER
from agent.portal.store.transaction import Transaction
from agent.portal.telecom import applying, asking, records
from agent.portal.telecom.operator import ConsentQuestion
from agent.portal.telecom.states import TelecomForm, TelecomOutcome
from agent.virtualcard.identity import generate_id_number
from tests.portal.databases import CHOSEN

pytestmark = pytest.mark.both_databases

ROUNDS = 5
QUESTION = ConsentQuestion("https://operator.test/", "s" * 43, "n" * 43, "v" * 43)
Work = Callable[[Transaction], Any]


@dataclass
class Processes:
    """One database, which two processes have open."""

    both: list[PortalDatabase]
    applicants: int = 0

    def do(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.both[0].run_here(work, *args, **kwargs)

    def at_once(self, *works: Work) -> list[Any]:
        """Do all at the same moment; give what each returned, or the code of its refusal."""
        barrier = Barrier(len(works))

        def do(number: int, work: Work) -> Any:
            barrier.wait(20)
            try:
                return self.both[number % 2].run_here(work)
            except PortalError as error:
                return error.code.value

        with ThreadPoolExecutor(len(works)) as pool:
            return list(pool.map(do, range(len(works)), works))

    def applicant(self) -> str:
        self.applicants += 1
        contact = parse_contact(f"09{self.applicants:08}")
        return str(self.do(members.register, contact))

    def link(self, member: str) -> str:
        application = self.do(applying.begin, member)
        return str(self.do(applying.link_token, application))

    def ready(self, id_number: str) -> str:
        """Bring somebody as far as the operator's answer; give their phone's token."""
        phone = secrets.token_urlsafe(32)
        self.do(applying.connect, self.link(self.applicant()), phone)
        form = TelecomForm(
            id_number=id_number,
            name="王測試",
            born=date(1990, 1, 31),
            mobile="0912345678",
            operator="a",
        )
        self.do(applying.write_form, phone, form)
        self.do(applying.begin_device, phone, b"c" * 32)
        assert self.do(applying.finish_device, phone, lambda challenge: challenge == b"c" * 32)
        self.do(asking.begin_question, phone, lambda _: QUESTION)
        return phone


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    both = [CHOSEN.open_in(tmp_path) for _ in range(2)]
    yield Processes(both)
    for each in both:
        each.close_here()


def gold(tx: Transaction) -> int:
    count = select(func.count()).select_from(MEMBER).where(MEMBER.c.grade == "gold")
    return int(tx.execute(count).scalar_one())


def member_of(tx: Transaction, phone: str) -> str:
    return records.of_phone(tx, phone).member


def connecting(link: str) -> Work:
    return lambda tx: applying.connect(tx, link, secrets.token_urlsafe(32))


def taking(phone: str) -> Work:
    return lambda tx: asking.take_answer(tx, phone, QUESTION.state)


def test_two_phones_that_open_one_link_are_one(processes: Processes) -> None:
    for _ in range(ROUNDS):
        link = processes.link(processes.applicant())
        done = processes.at_once(connecting(link), connecting(link))
        assert sorted(map(str, done)) == ["None", "link_over"]


def test_a_member_who_begins_twice_at_once_has_one_application(processes: Processes) -> None:
    for _ in range(ROUNDS):
        member = processes.applicant()
        first, second = processes.at_once(
            lambda tx, member=member: applying.begin(tx, member),
            lambda tx, member=member: applying.begin(tx, member),
        )
        assert first == second


def test_an_answer_that_comes_twice_at_once_is_read_once(processes: Processes) -> None:
    for round_number in range(ROUNDS):
        phone = processes.ready(generate_id_number(100 + round_number))
        read = processes.at_once(taking(phone), taking(phone), taking(phone))
        assert [each is None for each in read].count(False) == 1


def test_one_id_number_by_phone_twice_and_at_the_counter_is_one_gold_member(
    processes: Processes,
) -> None:
    for round_number in range(ROUNDS):
        id_number = generate_id_number(200 + round_number)
        reads = [
            processes.do(asking.take_answer, processes.ready(id_number), QUESTION.state)
            for _ in range(2)
        ]
        proven = Proven(Way.COUNTER, id_number, "王測試", {})
        visitor = processes.applicant()
        processes.at_once(
            *(lambda tx, read=read: asking.finish(tx, read, TelecomOutcome.GOLD) for read in reads),
            lambda tx, visitor=visitor, proven=proven: members.make_gold(tx, visitor, proven),
        )
        assert processes.do(gold) == round_number + 1


def test_stopping_while_the_answer_is_read_makes_nobody_gold(processes: Processes) -> None:
    for round_number in range(ROUNDS):
        before = processes.do(gold)
        phone = processes.ready(generate_id_number(300 + round_number))
        read = processes.do(asking.take_answer, phone, QUESTION.state)
        member = processes.do(lambda tx, phone=phone: member_of(tx, phone))
        processes.at_once(
            lambda tx, member=member: applying.stop(tx, member),
            lambda tx, read=read: asking.finish(tx, read, TelecomOutcome.GOLD),
        )
        application = processes.do(applying.latest_application, member)
        # Whoever came first: the member is gold or the application stopped, never both.
        assert application.outcome in {TelecomOutcome.GOLD, TelecomOutcome.STOPPED}
        became = processes.do(gold) - before
        assert became == (application.outcome is TelecomOutcome.GOLD)
