"""What is left of a picture on the whole machine: temporary files, logs, a backup from before."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import pytest
from sqlalchemy import select

from agent.pki.reading import read_certificate
from agent.portal.members import card_login
from agent.portal.online import reviewing
from agent.portal.online.states import Side
from agent.portal.online.tables import CASE_KEY, PICTURE
from agent.portal.operations import command
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.transaction import Transaction
from agent.virtualcard.issuer import TestIssuer
from tests.portal.databases import CHOSEN, DatabaseKind
from tests.portal.desk_support import TICKED, Reviewer
from tests.portal.postgres import find_program
from tests.portal.programs import database_arguments, running, whole_site
from tests.portal.support import Person, Visitor
from tests.portal.test_online_pages import FORM, noise, post, upload

pytestmark = pytest.mark.both_databases
PIECE = 32  # octets that are found nowhere by chance
PIECES = 8  # of a picture


@dataclass
class Secrets:
    """What may be found nowhere, and where one looks: in what was written since the beginning."""

    folders: list[Path]
    begun: float = field(default_factory=time.time)
    plain: list[bytes] = field(default_factory=list)
    sealed: list[bytes] = field(default_factory=list)

    def found(self, needles: list[bytes], *paths: Path) -> list[bytes]:
        """Return which of them are in these files, or anywhere on the machine."""
        files = paths or [
            path
            for folder in self.folders
            for path in folder.rglob("*")
            if path.is_file() and path.stat().st_mtime > self.begun - 1
        ]
        everything = b"\n".join(path.read_bytes() for path in files)
        return [needle for needle in needles if needle in everything]


def pieces(content: bytes) -> list[bytes]:
    """Return octets from all parts of a picture, without its head, which many have."""
    step = len(content) // PIECES
    return [content[start : start + PIECE] for start in range(700, len(content) - PIECE, step)]


def hire(tx: Transaction, person: Person) -> int:
    facts = read_certificate(person.der)
    card = card_login(tx, facts.issuer, facts.subject_serial or "")
    return add_staff(tx, "林測試", card, [Role.REVIEWER]).id


def sealed(tx: Transaction) -> list[bytes]:
    """Return octets of what is kept of the pictures, and the wrapped keys."""
    pictures = [bytes(each) for each in tx.execute(select(PICTURE.c.sealed)).scalars()]
    keys = [bytes(each) for each in tx.execute(select(CASE_KEY.c.wrapped)).scalars()]
    return [*chain(*map(pieces, pictures)), *keys]


async def apply(visitor: Visitor, sent: Sequence[bytes]) -> str:
    """Apply with pictures; return the case number."""
    await visitor.register()
    await post(visitor, "/ways/online/begin")
    await post(visitor, "/ways/online/form", FORM)
    for side, content in zip(Side, sent, strict=True):
        assert (await upload(visitor, side.value, content)).code is None
    page = await post(visitor, "/ways/online/check", {"consent": "yes"})
    return page.path.rpartition("/")[2]


async def test_nothing_of_a_picture_is_left_on_the_machine(
    test_issuer: TestIssuer,
    citizen: Person,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporary, backup = tmp_path / "temporary", tmp_path / "portal.backup"
    temporary.mkdir()
    machine = Secrets([tmp_path])
    is_file = CHOSEN.kind is DatabaseKind.SQLITE
    if not is_file:
        machine.folders.append(request.getfixturevalue("cluster").folder)
        pg_dump = find_program("pg_dump")
        assert pg_dump is not None
        monkeypatch.setenv("PATH", str(Path(pg_dump).parent), prepend=":")
    environment = {"TMPDIR": str(temporary)}
    async with (
        whole_site(test_issuer, tmp_path) as arguments,
        running("agent.portal", tmp_path / "log", *arguments, environment=environment) as portal,
        Visitor(portal.ready["origins"][1]) as visitor,
        Reviewer(portal.ready["origins"][1]) as reviewer,
    ):
        pictures = [noise(), noise()]
        number = await apply(visitor, pictures)
        db = await asyncio.to_thread(CHOSEN.open_in, tmp_path)
        staff = await db.run(hire, citizen)
        machine.sealed = await db.read(sealed)
        assert await reviewer.log_in(citizen) == "ok"
        page = await reviewer.claim(number)
        for side in Side:
            pictures.append(await db.run(reviewing.read_picture, staff, number, side))
            status, shown = await reviewer.picture(number, side.value)
            assert status == 200
            pictures.append(shown)
        await db.close()
        machine.plain = [FORM["id_number"].encode(), *chain(*map(pieces, pictures))]
        assert len(machine.plain) > 6 * PIECES
        words = ["backup", *database_arguments(tmp_path), str(backup)]
        assert await asyncio.to_thread(command.main, words) == 0
        assert machine.found(machine.plain) == []  # even while the case is open
        assert machine.found(machine.sealed, backup) == []
        if is_file:
            assert machine.found(machine.sealed) == machine.sealed  # one looks where they are
        done = await reviewer.decide(number, page, "approve", **TICKED)
        assert done.status == 303, done.text
        gone = machine.sealed if is_file else []
        assert machine.found([*machine.plain, *gone]) == []  # while the portal still runs
    assert machine.found([*machine.plain, *gone]) == []
    assert [path for path in temporary.rglob("*") if path.is_file()] == []
