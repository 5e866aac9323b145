"""Members, clerks, reviewers, phones at once over HTTP, in two processes: one gold a number."""

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

import aiohttp
import pytest

from agent.cms.login import LoginPurpose
from agent.pki.reading import read_certificate
from agent.portal.members import card_login
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.transaction import Transaction
from agent.portal.telecom.applying import new_token
from agent.portal.telecom.standin import site as standin
from agent.virtualcard.issuer import TestIssuer
from tests.portal.balanced import ORIGIN, PROXIED, Balanced, BalancedVisitor
from tests.portal.databases import CHOSEN, DatabaseKind
from tests.portal.desk_support import QUEUE, TICKED, picture
from tests.portal.operations.test_all_ways_at_once import exactly, judged
from tests.portal.operations.test_many_processes import become_gold
from tests.portal.programs import running, whole_site
from tests.portal.staff_support import APPLICATION, Page
from tests.portal.support import Person, issue, signed
from tests.portal.telecom_support import FORM, NAME, STYLES, credential, serving_on_loopback

SECONDS = 900  # on a loaded machine
EACH = 20  # applicants of one clerk and one reviewer: who looks up more is limited
TAKEN = "id_number_taken"

pytestmark = [pytest.mark.both_databases, pytest.mark.slow, pytest.mark.timeout(SECONDS)]
_addresses = count(100_000)


def numbers() -> int:
    """Return how many ID numbers: all in the proof, a few in the test run and in a file."""
    is_proof = os.environ.get("ANKONG_TEST_DATABASES") == "both"
    return 100 if is_proof and CHOSEN.kind is DatabaseKind.POSTGRESQL else 8


class Desk(BalancedVisitor):
    """Somebody of the staff, who serves one applicant after the other."""

    def __init__(self, proxy: Balanced, person: Person) -> None:
        super().__init__(proxy, next(_addresses))
        self.person = person
        self.turn = asyncio.Lock()

    async def log_in(self) -> Self:
        status, challenge = await self.post("/staff/login/challenge")
        assert status == 200, challenge
        body = signed(challenge, self.person, ORIGIN, LoginPurpose.LOGIN)
        assert await self.code("/staff/login", body) == "ok"
        return self

    async def send(self, path: str, data: object) -> Page:
        self.address = f"10.9.{next(_addresses) % 250}.{next(_addresses) % 250}"
        return await super().send(path, data)


@dataclass
class Service:
    """The service with its two processes, and everybody who is at a desk."""

    proxy: Balanced
    desks: Sequence[Desk]
    people: Sequence[Person]

    async def attempt(self, stack: AsyncExitStack, number: int, again: int) -> str:
        """Try one ID number by one way, as a new member; give the outcome."""
        contact = f"{number}-{again}@example.test"
        visitor = BalancedVisitor(self.proxy, 2 * number + again)
        await stack.enter_async_context(visitor)
        desk = self.desks[number % len(self.desks)]
        person = self.people[number]
        match (number + again) % 4:
            case 0:
                return await become_gold(visitor, contact, person)
            case 1:
                return await by_counter(desk, contact, person.id_number)
            case 2:
                phone = BalancedVisitor(self.proxy, next(_addresses))
                await stack.enter_async_context(phone)
                return await by_phone(visitor, phone, contact, person.id_number)
            case _:
                return await online(visitor, desk, contact, person.id_number)


async def by_counter(clerk: Desk, contact: str, id_number: str) -> str:
    async with clerk.turn:
        found = await clerk.send("/staff/counter", {"contact": contact})
        assert found.status == 303, found.text
        visit = found.location
        code = (await clerk.send(f"{visit}/code", {})).one(r'id="demo-code">(\d{6})<')
        assert (await clerk.send(f"{visit}/confirm", {"code": code})).status == 303
        done = await clerk.send(visit, APPLICATION | {"id_number": id_number})
    assert done.status in {303, 409}, done.text
    return "ok" if done.status == 303 else TAKEN


async def by_phone(
    visitor: BalancedVisitor, phone: BalancedVisitor, contact: str, id_number: str
) -> str:
    await visitor.register(contact)
    assert (await visitor.send("/ways/telecom/begin", {"sent": "yes"})).status == 303
    link = (await visitor.led("/ways/telecom/phone")).one(r'href="https://[^"/]+(/phone/[^"]+)"')
    phone.tokens["__Host-phone"] = new_token()
    assert (await phone.send(link, {"consent": "yes"})).location == "/phone"
    written = await phone.send("/phone/form", FORM | {"id_number": id_number})
    assert written.location == "/phone", written.text
    _, asked = await phone.post("/api/phone/device/options")
    made = credential(asked["options"], ORIGIN)
    assert await phone.code("/api/phone/device", {"credential": made}) == "ok"
    question = await phone.led("/phone/operator")
    consent = {"play": "match", "agree": "1"}
    async with phone.http.post(question.location, data=consent, allow_redirects=False) as agreed:
        back = agreed.headers["Location"].removeprefix(ORIGIN)
    assert (await phone.led(back)).location == "/phone"
    outcome = (await phone.led("/phone")).one(r'data-outcome="(\w+)"')
    return "ok" if outcome == "gold" else outcome


async def online(visitor: BalancedVisitor, reviewer: Desk, contact: str, id_number: str) -> str:
    await visitor.register(contact)
    await visitor.send("/ways/online/begin", {"sent": "yes"})
    form = {"id_number": id_number, "name": "王測試", "born": "1990-01-31", "document": "id_card"}
    assert (await visitor.send("/ways/online/form", form)).status == 303
    for side in ("front", "back"):
        upload = aiohttp.FormData()
        upload.add_field("picture", picture(), filename="card.jpg", content_type="image/jpeg")
        taken = await visitor.send(f"/ways/online/pictures/{side}", upload)
        assert taken.status == 303, taken.text
    sent = await visitor.send("/ways/online/check", {"consent": "yes"})
    assert sent.status == 303, sent.text
    case = f"{QUEUE}/cases/{sent.location.rpartition('/')[2]}"
    async with reviewer.turn:
        claimed = await reviewer.send(f"{case}/claim", {})
        assert (claimed.status, claimed.location) == (303, case), claimed.text
        _, page = await reviewer.page(case)
        seen = re.search(r'name="seen" value="([^"]*)"', page)
        assert seen, page
        decided = await reviewer.send(
            f"{case}/approve", {"seen": seen[1], "then": "queue", **TICKED}
        )
    assert decided.status == 303, decided.text
    _, session = await visitor.page("/api/session")
    return "ok" if json.loads(session)["member"]["grade"] == "gold" else TAKEN


def hire(tx: Transaction, staff: Sequence[Person]) -> None:
    for number, person in enumerate(staff):
        facts = read_certificate(person.der)
        card = card_login(tx, facts.issuer, facts.subject_serial or "")
        add_staff(tx, f"櫃員測試{number}", card, [Role.CLERK, Role.REVIEWER])


@pytest.fixture
async def service(
    test_issuer: TestIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    wanted = numbers()
    people = [issue(test_issuer, 3000 + number) for number in range(wanted)]
    staff = [issue(test_issuer, 5000 + number) for number in range(1 + wanted // EACH)]
    monkeypatch.setattr(standin, "is_this_computer", lambda _: True)  # the portal has a name
    async with AsyncExitStack() as stack:
        arguments = await stack.enter_async_context(whole_site(test_issuer, tmp_path))
        operator = await stack.enter_async_context(
            serving_on_loopback(lambda url: standin.create_operator(url, 0, STYLES))
        )
        settings = tmp_path / "portal.toml"
        known = f'name = "{NAME}"\nissuer = "{operator}"\nclient_id = "portal"\n'
        settings.write_text(f"[[operators]]\n{known}", encoding="utf-8")
        words = ("agent.portal", tmp_path / "log", "--config", str(settings))
        words += (*arguments, *PROXIED)
        both = [await stack.enter_async_context(running(*words)) for _ in range(2)]
        db = await asyncio.to_thread(CHOSEN.open_in, tmp_path)
        await db.run(hire, staff)
        await db.close()
        proxy = Balanced(both)
        desks = [await stack.enter_async_context(Desk(proxy, person)) for person in staff]
        yield Service(proxy, [await each.log_in() for each in desks], people)


async def test_every_number_makes_one_gold_member_whichever_way(
    service: Service, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        attempts = [
            service.attempt(stack, number, again)
            for number in range(len(service.people))
            for again in range(2)
        ]
        found = Counter(await asyncio.gather(*attempts))
    wanted = len(service.people)
    assert found == {"ok": wanted, TAKEN: wanted}
    assert await asyncio.to_thread(judged, tmp_path) == exactly(wanted)
