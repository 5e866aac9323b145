"""The outbox and its delivery: nothing lost, nothing twice, nothing kept longer than needed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

from agent.portal import members
from agent.portal.contact import Contact, LoginKind, parse_contact
from agent.portal.members import Proven, Way
from agent.portal.notices import claims
from agent.portal.notices.claims import LEASE, TRIED_FOR, ClaimedNotice
from agent.portal.notices.delivery import Delivery, DeliveryOptions
from agent.portal.notices.mail import MailSender
from agent.portal.notices.outbox import NoticeKind, tell, tell_contacts
from agent.portal.notices.sending import DeliveryError, Parcel, Sender
from agent.portal.store.database import PortalDatabase
from agent.portal.store.tables import NOTICE
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number
from agent.words import Language, load
from tests.portal.databases import CHOSEN
from tests.portal.smtp_server import mail_server
from tests.portal.test_notice_mail import plain

MAIL = parse_contact("tester@example.test")
MOBILE = parse_contact("0900000001")
KINDS = (LoginKind.EMAIL, LoginKind.MOBILE)
START = 1_790_000_000


@pytest.fixture(autouse=True)
def _texts_are_read() -> None:
    for language in Language:
        assert load(language)


@dataclass
class Recorder:
    """A sender that keeps what it was given, and fails as it is told."""

    parcels: list[Parcel] = field(default_factory=list)
    failure: Exception | None = None
    on_sending: Callable[[], Any] | None = None
    holds: asyncio.Event | None = None

    async def send(self, parcel: Parcel) -> None:
        if self.on_sending is not None:
            self.on_sending()
        if self.holds is not None:
            await self.holds.wait()
        if self.failure is not None:
            raise self.failure
        self.parcels.append(parcel)


class Outbox:
    """A database with a clock of its own, and one member."""

    def __init__(self, folder: Path) -> None:
        self.now = float(START)
        self._folder = folder
        self.db = self.open_once_more()
        self.member = self.db.run_here(members.register, MAIL)

    def open_once_more(self) -> PortalDatabase:
        """Open the database as another process would; blocks."""
        return CHOSEN.open_in(self._folder, clock=lambda: self.now)

    def delivery(
        self, sender: Sender, db: PortalDatabase | None = None, **options: Any
    ) -> Delivery:
        senders: Mapping[LoginKind, Sender] = dict.fromkeys(KINDS, sender)
        return Delivery(db or self.db, DeliveryOptions(senders, "1999", **options))

    async def tell(self, kind: NoticeKind = NoticeKind.KEPT, **facts: str) -> None:
        await self.db.run(tell, self.member, kind, **facts)

    async def rows(self) -> list[Any]:
        def work(tx: Transaction) -> list[Any]:
            return list(tx.execute(select(NOTICE).order_by(NOTICE.c.id)))

        return await self.db.read(work)

    async def wait_until_due(self) -> None:
        """Let the clock go on to when something is to be tried again, a second at least."""
        waiting = [row.due for row in await self.rows() if row.state == "waiting"]
        self.now = max(self.now + 1, min(waiting, default=0))

    async def claim(self) -> list[ClaimedNotice]:
        return await self.db.run(claims.claim, KINDS)


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    box = await asyncio.to_thread(Outbox, tmp_path)
    yield box
    await box.db.close()


@pytest.mark.both_databases
async def test_what_is_told_arrives_once_and_is_forgotten(outbox: Outbox) -> None:
    await outbox.tell()
    sender = Recorder()
    delivery = outbox.delivery(sender)
    assert await delivery.deliver_due() == 1
    assert await delivery.deliver_due() == 0
    (parcel,) = sender.parcels
    assert parcel.contact == MAIL
    (row,) = await outbox.rows()
    assert (row.state, row.contact, row.facts) == ("sent", "", "{}")
    assert await outbox.db.run(claims.purge_notices) == 0
    outbox.now += claims.ROWS_KEPT
    assert await outbox.db.run(claims.purge_notices) == 1
    assert await outbox.rows() == []


@pytest.mark.both_databases
async def test_the_same_thing_is_told_once_in_a_transaction(outbox: Outbox) -> None:
    def twice(tx: Transaction) -> None:
        tell(tx, outbox.member, NoticeKind.GOLD, way="counter")
        tell(tx, outbox.member, NoticeKind.GOLD, way="counter")
        tell(tx, outbox.member, NoticeKind.TAKEN_BACK)

    await outbox.db.run(twice)
    assert [row.kind for row in await outbox.rows()] == ["gold", "taken_back"]


async def test_who_becomes_gold_is_told_by_which_way(outbox: Outbox) -> None:
    proven = Proven(Way.ONLINE, generate_id_number(1), "王測試", {})
    assert await outbox.db.run(members.make_gold, outbox.member, proven) is None
    sender = Recorder()
    await outbox.delivery(sender).deliver_due()
    (parcel,) = sender.parcels
    assert "線上申請" in parcel.message.short
    assert proven.id_number not in str(await outbox.rows())


async def test_the_contact_before_and_the_one_after_are_told(outbox: Outbox) -> None:
    def change(tx: Transaction) -> None:
        both = [*members.contacts_of(tx, outbox.member), MOBILE]
        tell_contacts(tx, outbox.member, both, NoticeKind.CONTACT_CHANGED, contact=MOBILE.masked)

    await outbox.db.run(change)
    sender = Recorder()
    await outbox.delivery(sender).deliver_due()
    assert {parcel.contact for parcel in sender.parcels} == {MAIL, MOBILE}
    assert all(MOBILE.value not in parcel.message.short for parcel in sender.parcels)


@pytest.mark.both_databases
async def test_a_member_is_told_in_the_language_they_chose(outbox: Outbox) -> None:
    await outbox.db.run(members.speak, outbox.member, Language.ENGLISH, was_chosen=False)
    await outbox.db.run(members.speak, outbox.member, Language.CHINESE, was_chosen=False)
    await outbox.tell()
    await outbox.db.run(members.speak, outbox.member, Language.VIETNAMESE, was_chosen=True)
    outbox.now += 1
    await outbox.tell()
    sender = Recorder()
    await outbox.delivery(sender).deliver_due()
    told = [parcel.message.language for parcel in sender.parcels]
    assert told == [Language.ENGLISH, Language.VIETNAMESE]


async def test_a_wrong_fact_undoes_the_event_that_it_tells_of(outbox: Outbox) -> None:
    with pytest.raises(ValueError, match="needs the facts"):
        await outbox.tell(NoticeKind.KEPT, id_number=generate_id_number(1))
    assert await outbox.rows() == []


async def test_a_mail_server_that_is_down_for_an_hour_loses_nothing_and_nothing_comes_twice(
    outbox: Outbox,
) -> None:
    for number in range(20):
        outbox.now += 1
        await outbox.tell(NoticeKind.CASE_SENT, case=f"C-{number:04}")
    async with mail_server() as server:
        settings = plain(server)
    delivery = outbox.delivery(await asyncio.to_thread(MailSender, settings))
    began, attempts = outbox.now, 0
    while outbox.now < began + 3600:
        attempts += await delivery.deliver_due()
        await outbox.wait_until_due()
    assert 5 * 20 <= attempts <= 9 * 20  # pauses grow
    assert {row.state for row in await outbox.rows()} == {"waiting"}
    assert {row.failure for row in await outbox.rows()} == {"smtp connect: SMTPConnectError"}
    async with mail_server(port=server.port) as server:
        while {row.state for row in await outbox.rows()} != {"sent"}:
            await delivery.deliver_due()
            await outbox.wait_until_due()
    said = [mail.get_body(("plain",)).get_content() for mail in server.mails]  # type: ignore[union-attr]  # a test fails on None as well
    assert sorted(text.partition("C-")[2][:4] for text in said) == [
        f"{number:04}" for number in range(20)
    ]
    assert len({mail["Message-ID"] for mail in server.mails}) == 20
    assert outbox.now < began + 2 * 3600 + 20 * 60


async def test_after_a_day_a_notice_is_given_up_and_counted(outbox: Outbox) -> None:
    await outbox.tell()
    sender = Recorder(failure=DeliveryError("smtp rcpt: 450"))
    counted: Counter[tuple[str, str]] = Counter()

    def count(channel: str, outcome: str, number: int) -> None:
        counted[channel, outcome] += number

    delivery = outbox.delivery(sender, count=count)
    attempts = 0
    while outbox.now < START + TRIED_FOR + 2:
        attempts += await delivery.deliver_due()
        await outbox.wait_until_due()
    assert 20 <= attempts <= 40
    assert await delivery.deliver_due() == 0
    (row,) = await outbox.rows()
    assert (row.state, row.contact, row.failure) == ("given_up", "", "smtp rcpt: 450")
    assert counted == {("email", "failed"): attempts, ("email", "given_up"): 1}


@pytest.mark.both_databases
async def test_what_will_never_arrive_is_given_up_at_once(outbox: Outbox) -> None:
    await outbox.tell()
    sender = Recorder(failure=DeliveryError("smtp rcpt: 550", is_final=True))
    await outbox.delivery(sender).deliver_due()
    assert [row.state for row in await outbox.rows()] == ["given_up"]


async def test_a_bug_in_a_sender_loses_nothing(outbox: Outbox) -> None:
    await outbox.tell()
    sender = Recorder(failure=RuntimeError(MAIL.value))
    delivery = outbox.delivery(sender)
    await delivery.deliver_due()
    (row,) = await outbox.rows()
    assert (row.state, row.failure) == ("waiting", "RuntimeError")
    sender.failure = None
    outbox.now += 60
    await delivery.deliver_due()
    assert len(sender.parcels) == 1


async def test_what_a_later_version_wrote_harms_nobody_else(outbox: Outbox) -> None:
    await outbox.tell()
    outbox.now += 1
    await outbox.tell()
    await outbox.db.run(
        lambda tx: tx.execute(update(NOTICE).where(NOTICE.c.id == 1).values(kind="later"))
    )
    sender = Recorder()
    await outbox.delivery(sender).deliver_due()
    assert [row.state for row in await outbox.rows()] == ["given_up", "sent"]
    assert len(sender.parcels) == 1


async def test_a_slow_sender_is_ended_before_its_lease(outbox: Outbox) -> None:
    await outbox.tell()
    sender = Recorder(holds=asyncio.Event())
    await outbox.delivery(sender, sending_s=0.05).deliver_due()
    (row,) = await outbox.rows()
    assert (row.state, row.failure, row.leased_until) == ("waiting", "timeout", None)


@pytest.mark.both_databases
async def test_what_has_no_sender_waits(outbox: Outbox) -> None:
    await outbox.db.run(tell_contacts, outbox.member, [MOBILE, MAIL], NoticeKind.KEPT)
    sender = Recorder()
    delivery = Delivery(outbox.db, DeliveryOptions({LoginKind.EMAIL: sender}, "1999"))
    assert await delivery.deliver_due() == 1
    assert await delivery.deliver_due() == 0
    assert [row.state for row in await outbox.rows()] == ["waiting", "sent"]
    outbox.now += TRIED_FOR
    await delivery.deliver_due()
    assert [row.state for row in await outbox.rows()] == ["given_up", "sent"]


@pytest.mark.both_databases
async def test_a_killed_process_leaves_its_notices_to_the_others(outbox: Outbox) -> None:
    await outbox.tell()
    (claimed,) = await outbox.claim()  # and then the process ends
    sender = Recorder()
    delivery = outbox.delivery(sender)
    outbox.now += LEASE - 1
    assert await delivery.deliver_due() == 0
    outbox.now += 1
    assert await delivery.deliver_due() == 1
    assert sender.parcels[0].identity == claimed.identity  # a receiver can tell a repetition
    # The result of a process that was thought dead changes nothing any more.
    await outbox.db.run(claims.note_failed, claimed, "late", is_final=True)
    assert [(row.state, row.failure) for row in await outbox.rows()] == [("sent", None)]


@pytest.mark.both_databases
async def test_a_clock_that_is_set_back_holds_up_nothing(outbox: Outbox) -> None:
    outbox.now += 30 * 24 * 60 * 60
    await outbox.tell()
    await outbox.claim()
    outbox.now = START
    sender = Recorder()
    assert await outbox.delivery(sender).deliver_due() == 1
    assert len(sender.parcels) == 1


async def test_a_result_is_written_even_when_the_database_is_gone_for_a_while(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await outbox.tell()
    failures = [OperationalError("", {}, Exception()), OSError()]
    really = outbox.db.run

    async def run(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if work not in {claims.give_up, claims.claim} and failures:
            raise failures.pop()
        return await really(work, *args, **kwargs)

    monkeypatch.setattr(outbox.db, "run", run)
    monkeypatch.setattr("agent.portal.notices.delivery._FIRST_RETRY_S", 0.01)
    sender = Recorder()
    await outbox.delivery(sender).deliver_due()
    assert not failures
    assert [row.state for row in await outbox.rows()] == ["sent"]
    assert len(sender.parcels) == 1


@asynccontextmanager
async def other_process(outbox: Outbox) -> AsyncIterator[PortalDatabase]:
    db = await asyncio.to_thread(outbox.open_once_more)
    try:
        yield db
    finally:
        await db.close()


@pytest.mark.both_databases
async def test_two_that_deliver_from_one_database_send_nothing_twice(outbox: Outbox) -> None:
    for number in range(60):
        outbox.now += 1
        await outbox.tell(NoticeKind.CASE_DECIDED, case=f"C-{number:04}")
    senders = Recorder(), Recorder()
    async with other_process(outbox) as other:
        deliveries = outbox.delivery(senders[0]), outbox.delivery(senders[1], other)

        async def drain(delivery: Delivery) -> None:
            while await delivery.deliver_due():
                pass

        await asyncio.gather(*map(drain, deliveries))
    sent = [parcel.message.paragraphs[0] for sender in senders for parcel in sender.parcels]
    assert len(sent) == len(set(sent)) == 60
    assert {row.state for row in await outbox.rows()} == {"sent"}


async def test_it_delivers_by_itself_and_ends_when_it_is_told_to(outbox: Outbox) -> None:
    arrived = asyncio.Event()
    sender = Recorder(on_sending=arrived.set)
    delivery = outbox.delivery(sender)
    delivery.start()
    await outbox.tell()
    await asyncio.wait_for(arrived.wait(), 30)
    await delivery.stop()
    assert [row.state for row in await outbox.rows()] == ["sent"]


@pytest.mark.both_databases
async def test_codes_of_the_demonstration_go_when_they_expire(outbox: Outbox) -> None:
    from agent.portal.notices.codes import MailboxNotifier
    from agent.portal.otp import LIFETIME

    await MailboxNotifier(outbox.db).send(Contact(LoginKind.MOBILE, MOBILE.value), "012345")
    assert [row.state for row in await outbox.rows()] == ["sent"]
    outbox.now += LIFETIME
    assert await outbox.delivery(Recorder(), keeps_content=True).deliver_due() == 0
    assert await outbox.rows() == []


@pytest.mark.sqlite
async def test_a_look_for_work_reads_no_whole_table(outbox: Outbox) -> None:
    looked: list[str] = []

    def work(tx: Transaction) -> None:
        def note(statement: str, parameters: Any) -> None:
            plan = tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            looked.extend(row[3] for row in plan)

        seen: list[tuple[str, Any]] = []
        event.listen(
            tx.connection,
            "before_cursor_execute",
            lambda _, __, statement, parameters, *___: seen.append((statement, parameters)),
        )
        assert not claims.has_work(tx, KINDS)
        for statement, parameters in seen[:]:
            note(statement, parameters)

    await outbox.db.read(work)
    assert looked
    assert not [step for step in looked if step.startswith("SCAN")]
