"""What tests of the staff's pages share: people of the staff, and their browsers."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select
from yarl import URL

from agent.cms.login import LoginPurpose
from agent.pki.reading import read_certificate
from agent.portal.audit import AuditLine, lines
from agent.portal.members import card_login
from agent.portal.staff.register import Role, StaffMember, add_staff
from agent.portal.store.tables import NOTICE
from agent.portal.store.transaction import Transaction
from tests.portal.databases import CHOSEN
from tests.portal.support import Person, Site, Visitor, signed

T = TypeVar("T")


@dataclass
class Page:
    """An answer as a browser gets it."""

    status: int
    location: str
    text: str
    headers: Mapping[str, str]

    def one(self, pattern: str) -> str:
        """Find the one place where a pattern matches, and give its group."""
        found = re.findall(pattern, self.text)
        assert len(found) == 1, (pattern, found, self.text)
        return str(found[0])


class StaffBrowser(Visitor):
    """A browser at a desk of the staff."""

    async def staff_login_body(self, person: Person) -> dict[str, str]:
        """Get a challenge and have it signed."""
        status, challenge = await self.post("/staff/login/challenge")
        assert status == 200, challenge
        return signed(challenge, person, self.origin, LoginPurpose.LOGIN)

    async def log_in(self, person: Person) -> str:
        return await self.code("/staff/login", await self.staff_login_body(person))

    async def code(self, path: str, body: Any = None) -> str:
        status, answer = await self.post(path, body)
        return "ok" if status == 200 else str(answer["error"]["code"])

    async def open(self, path: str | URL, **headers: str) -> Page:
        return await self._page("GET", path, None, headers)

    async def send(self, path: str | URL, fields: Mapping[str, str], **headers: str) -> Page:
        return await self._page("POST", path, fields, {"Origin": self.origin} | headers)

    async def _page(
        self,
        method: str,
        path: str | URL,
        fields: Mapping[str, str] | None,
        headers: Mapping[str, str],
    ) -> Page:
        wanted = {"Accept": "text/html", "Accept-Language": "en"} | dict(headers)
        async with self.http.request(
            method, path, data=fields, headers=wanted, allow_redirects=False
        ) as response:
            text = await response.text()
            location = response.headers.get("Location", "")
            return Page(response.status, location, text, dict(response.headers))

    async def begin(self, contact: str) -> str:
        """Begin a visit at the counter; give its path."""
        found = await self.send("/staff/counter", {"contact": contact})
        assert found.status == 303, found.text
        return found.location

    async def confirm(self, visit: str) -> None:
        """Have the code sent and read out."""
        sent = await self.send(f"{visit}/code", {})
        code = sent.one(r'id="demo-code">(\d{6})<')
        done = await self.send(f"{visit}/confirm", {"code": code})
        assert (done.status, done.location) == (303, visit), done.text


APPLICATION = {
    "name": "陳測試",
    "birth_date": "79-01-31",
    "document_1": "national_id",
    "document_1_last4": "ab12",
    "applicant": "self",
    "consent": "2026-11",
}


async def transact(site: Site, work: Callable[[Transaction], T]) -> T:
    """Run a transaction beside the site, as the operator's command does."""

    def run() -> T:
        database = CHOSEN.open_in(site.folder, clock=site.clock)
        try:
            return database.run_here(work)
        finally:
            database.close_here()

    return await asyncio.to_thread(run)


async def hire(site: Site, person: Person, *roles: Role, name: str = "林測試") -> StaffMember:
    """Put somebody on the register."""
    facts = read_certificate(person.der)

    def work(tx: Transaction) -> StaffMember:
        card = card_login(tx, facts.issuer, facts.subject_serial or "")
        return add_staff(tx, name, card, roles)

    return await transact(site, work)


async def staff_browser(site: Site, person: Person, *roles: Role) -> StaffBrowser:
    """Hire somebody, and let them log in."""
    await hire(site, person, *roles)
    browser = await site.visitors.enter_async_context(StaffBrowser(site.origin))
    assert await browser.log_in(person) == "ok"
    return browser


async def audit_of(site: Site) -> list[AuditLine]:
    """Return the audit, oldest line first."""
    return await transact(site, lambda tx: [line for line, _ in lines(tx)])


async def events(site: Site, *wanted: str) -> list[tuple[str, str]]:
    """Return the events of these kinds with their outcomes."""
    return [(each.event, each.outcome) for each in await audit_of(site) if each.event in wanted]


async def notices(site: Site) -> list[tuple[str, str]]:
    """Return what is told, and to whom."""

    def work(tx: Transaction) -> list[tuple[str, str]]:
        rows = tx.execute(select(NOTICE.c.kind, NOTICE.c.contact).order_by(NOTICE.c.id))
        return [(row.kind, row.contact) for row in rows]

    return await transact(site, work)
