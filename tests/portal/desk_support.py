"""What tests of the desk share: applications that were sent, and reviewers at their browsers."""

import io
import re
from dataclasses import dataclass
from datetime import date

from PIL import Image

from agent.portal import members
from agent.portal.contact import parse_contact
from agent.portal.desk.forms import POINTS
from agent.portal.online import applying
from agent.portal.online.records import Case, case_of_number
from agent.portal.online.states import CaseForm, CaseKind, DocumentKind, Side
from agent.portal.staff.register import Role
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number
from tests.portal.staff_support import Page, StaffBrowser, hire, transact
from tests.portal.support import Person, Site

QUEUE = "/staff/desk"
TICKED = {f"check_{each.value}": "1" for each in POINTS[CaseKind.UPGRADE]}


def picture(colour: str = "white") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 200), colour).save(out, "JPEG")
    return out.getvalue()


_FIRST_NUMBER = 6_000_000  # far from those of cards, which other tests make gold


@dataclass(frozen=True)
class Applicant:
    """An invented person who applies; the number makes contact and ID number."""

    number: int
    name: str = "陳測試"
    born: date = date(1990, 1, 31)

    @property
    def id_number(self) -> str:
        return generate_id_number(_FIRST_NUMBER + self.number)

    @property
    def contact(self) -> str:
        return f"0910{self.number:06}"

    def send(self, tx: Transaction) -> str:
        """Send an application with both pictures; give its number."""
        contact = parse_contact(self.contact)
        member = members.member_of_contact(tx, contact) or members.register(tx, contact)
        applying.begin(tx, member)
        form = CaseForm(
            id_number=self.id_number, name=self.name, born=self.born, document=DocumentKind.ID_CARD
        )
        applying.write_form(tx, member, form)
        applying.add_picture(tx, member, Side.FRONT, picture())
        applying.add_picture(tx, member, Side.BACK, picture("gray"))
        return str(applying.send(tx, member).number)

    def member(self, tx: Transaction) -> str:
        return str(members.member_of_contact(tx, parse_contact(self.contact)))


async def apply(site: Site, number: int = 1, **facts: str | date) -> str:
    """Send an application; give its number."""
    return await transact(site, Applicant(number, **facts).send)  # type: ignore[arg-type]  # its fields


async def case_of(site: Site, number: str) -> Case:
    return await transact(site, lambda tx: case_of_number(tx, number))


class Reviewer(StaffBrowser):
    """A reviewer at their browser."""

    person: Person

    async def come_back(self) -> None:
        """Log in again, since ten idle minutes end a session before a claim ends."""
        assert await self.log_in(self.person) == "ok"

    async def claim(self, number: str) -> Page:
        """Claim a case; give its page."""
        claimed = await self.send(f"{QUEUE}/cases/{number}/claim", {})
        assert claimed.status == 303, claimed.text
        return await self.open(claimed.location)

    async def decide(self, number: str, page: Page, how: str, **fields: str) -> Page:
        """Send a decision from a page."""
        seen = set(re.findall(r'name="seen" value="([^"]*)"', page.text))
        assert len(seen) == 1, page.text
        return await self.send(f"{QUEUE}/cases/{number}/{how}", {"seen": seen.pop(), **fields})

    async def picture(self, number: str, side: str = "front", **headers: str) -> tuple[int, bytes]:
        path = f"{QUEUE}/cases/{number}/pictures/{side}"
        async with self.http.get(path, headers=headers, allow_redirects=False) as response:
            return response.status, await response.read()


async def reviewer(site: Site, person: Person, *roles: Role, name: str = "林測試") -> Reviewer:
    """Hire somebody, and let them log in; a reviewer, where no roles are given."""
    await hire(site, person, *(roles or (Role.REVIEWER,)), name=name)
    browser = await site.visitors.enter_async_context(Reviewer(site.origin))
    browser.person = person
    await browser.come_back()
    return browser
