"""What the tests of members' own accounts share."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select

from agent.portal.members import Proven, Way, make_gold
from agent.portal.store.tables import METADATA, NOTICE
from agent.portal.store.transaction import Transaction
from tests.portal.databases import CHOSEN
from tests.portal.support import Clock, Person, Site, Visitor, signed

MAIL = "tester@example.test"
OTHER_MOBILE = "0900000002"
HTML = {"Accept": "text/html", "Accept-Language": "en"}
DEMO_CODE = re.compile(r'class="demo-code">([0-9]{6})<')
REFUSED = re.compile(r'data-code="([a-z_]+)"')


async def page(visitor: Visitor, path: str) -> tuple[int, str]:
    async with visitor.http.get(path, headers=HTML, allow_redirects=False) as response:
        return response.status, await response.text()


async def submit(visitor: Visitor, path: str, fields: Mapping[str, str]) -> tuple[int, str]:
    """Post a form; give the status and the page, or where it leads."""
    headers = {**HTML, "Origin": visitor.origin}
    async with visitor.http.post(
        path, data=fields, headers=headers, allow_redirects=False
    ) as response:
        body = await response.text()
        return response.status, response.headers.get("Location", body)


def refusal(answer: tuple[int, str]) -> str:
    found = REFUSED.search(answer[1])
    assert found is not None, answer
    return found[1]


async def contact_code(visitor: Visitor, contact: str) -> str:
    status, shown = await submit(visitor, "/account/contacts/code", {"contact": contact})
    found = DEMO_CODE.search(shown)
    assert status == 200, shown
    assert found is not None, shown
    return found[1]


async def change_contact(visitor: Visitor, contact: str) -> tuple[int, str]:
    fields = {"contact": contact, "code": await contact_code(visitor, contact)}
    return await submit(visitor, "/account/contacts", fields)


async def logins(visitor: Visitor) -> list[str]:
    return [login["label"] for login in (await visitor.member())["logins"]]


async def in_database(site: Site, work: Any, *arguments: Any) -> Any:
    """Run a transaction on the site's database, as another process does."""
    return await in_folder(site.folder, site.clock, work, *arguments)


async def in_folder(folder: Path, clock: Clock, work: Any, *arguments: Any) -> Any:
    """Run a transaction on the database of a folder."""

    def run() -> Any:
        db = CHOSEN.open_in(folder, clock=clock)
        try:
            return db.run_here(work, *arguments)
        finally:
            db.close_here()

    return await asyncio.to_thread(run)


def notices(tx: Transaction) -> list[tuple[str, str]]:
    rows = tx.execute(select(NOTICE.c.kind, NOTICE.c.contact).order_by(NOTICE.c.id))
    return [
        (row.kind, row.contact) for row in rows if row.kind not in {"code", "gold", "registered"}
    ]


async def card_body(visitor: Visitor, person: Person, id_number: str = "") -> dict[str, str]:
    typed = {"id_number": id_number or person.id_number}
    status, challenge = await visitor.post("/api/account/card/challenge", typed)
    assert status == 200, challenge
    return signed(challenge, person, visitor.origin)


async def close_body(visitor: Visitor, person: Person) -> dict[str, str]:
    status, challenge = await visitor.post("/api/account/close/challenge")
    assert status == 200, challenge
    return signed(challenge, person, visitor.origin)


def become_gold(tx: Transaction, member_id: str, id_number: str) -> None:
    proven = Proven(Way.COUNTER, id_number, "王測試", {"national_id": True})
    assert make_gold(tx, member_id, proven) is None


async def close_codes(visitor: Visitor) -> list[str]:
    status, shown = await submit(visitor, "/account/close/code", {})
    assert status == 200, shown
    return DEMO_CODE.findall(shown)


def mentions(tx: Transaction, *marks: str) -> set[str]:
    """Name the tables in which one of these stands in any column."""
    found = set()
    for table in METADATA.sorted_tables:
        for row in tx.execute(select(table)):
            if any(mark in str(value) for value in row for mark in marks):
                found.add(table.name)
    return found
