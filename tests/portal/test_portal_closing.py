"""Closing an account: who may, who may change their mind, and what is left."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select, update

from agent.portal.account.closing import GRACE_S, end_closed_accounts
from agent.portal.contact import Contact, LoginKind
from agent.portal.members import register
from agent.portal.store.tables import MEMBER
from agent.portal.store.transaction import Transaction
from agent.virtualcard.issuer import TestIssuer
from tests.portal.account_support import (
    MAIL,
    become_gold,
    change_contact,
    close_body,
    close_codes,
    in_database,
    in_folder,
    mentions,
    notices,
    page,
    refusal,
    submit,
)
from tests.portal.support import MOBILE, Clock, Person, Site, Visitor, running_site


async def test_an_ordinary_member_closes_by_a_code_and_may_keep_the_account(
    site: Site, visitor: Visitor
) -> None:
    await visitor.register()
    (code,) = await close_codes(visitor)
    fields = {"code_mobile": code}
    assert [await submit(visitor, "/account/close", fields) for _ in range(2)] == [
        (303, "/account/close")
    ] * 2
    elsewhere = await site.visitor()
    assert (await elsewhere.register())["closing"].endswith("Z")  # seen at every login
    assert "/account/keep" in (await page(visitor, "/account/close"))[1]
    for _ in range(2):
        assert (await visitor.post("/api/account/keep"))[1]["member"]["closing"] is None
    assert [kind for kind, _ in await in_database(site, notices)] == ["closing", "kept"]
    site.clock.offset = GRACE_S + 1
    assert await in_database(site, end_closed_accounts) == 0


async def test_without_a_script_the_account_is_kept_by_a_form(visitor: Visitor) -> None:
    await visitor.register()
    (code,) = await close_codes(visitor)
    await submit(visitor, "/account/close", {"code_mobile": code})
    assert await submit(visitor, "/account/keep", {}) == (303, "/account/close?kept")
    assert (await visitor.member())["closing"] is None


@pytest.mark.parametrize("typed", ["", "1", "12 34 56 78"])
async def test_a_wrong_code_closes_nothing(visitor: Visitor, typed: str) -> None:
    await visitor.register()
    await close_codes(visitor)
    answer = await submit(visitor, "/account/close", {"code_mobile": typed})
    assert refusal(answer) == "otp_incorrect"
    assert (await visitor.member())["closing"] is None


async def test_a_gold_member_closes_by_card_only(
    site: Site, visitor: Visitor, citizen: Person, other_citizen: Person
) -> None:
    await visitor.register()
    (code,) = await close_codes(visitor)
    assert await visitor.upgrade(citizen) == "ok"  # in another tab
    answer = await submit(visitor, "/account/close", {"code_mobile": code})
    assert refusal(answer) == "card_proof_needed"
    assert refusal(await submit(visitor, "/account/close/code", {})) == "card_proof_needed"
    body = await close_body(visitor, other_citizen)
    assert await visitor.code("/api/account/close", body) == "card_not_yours"
    assert (await visitor.member())["closing"] is None
    body = await close_body(visitor, citizen)
    assert [await visitor.code("/api/account/close", body) for _ in range(2)] == ["ok", "ok"]
    assert [kind for kind, _ in await in_database(site, notices)] == ["closing"]


async def test_a_gold_member_without_a_card_does_not_close_by_codes(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    member = await visitor.register()
    await change_contact(visitor, MAIL)
    mobile, mail = await close_codes(visitor)
    await in_database(site, become_gold, member["id"], citizen.id_number)
    fields = {"code_mobile": mobile, "code_email": mail}
    assert refusal(await submit(visitor, "/account/close", fields)) == "card_proof_needed"
    assert refusal(await submit(visitor, "/account/close/code", {})) == "card_proof_needed"
    assert (await visitor.member())["closing"] is None


async def test_an_account_that_is_being_closed_does_not_become_gold(
    visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    (code,) = await close_codes(visitor)
    await submit(visitor, "/account/close", {"code_mobile": code})
    assert await visitor.code("/api/upgrade/card", body) == "account_closing"
    await visitor.post("/api/account/keep")
    assert await visitor.upgrade(citizen) == "ok"


@pytest.mark.both_databases
async def test_a_closed_account_leaves_only_its_number_in_the_audit(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    member = await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    assert await visitor.code("/api/account/close", await close_body(visitor, citizen)) == "ok"
    site.clock.offset = GRACE_S - 60
    assert await in_database(site, end_closed_accounts) == 0
    site.clock.offset = GRACE_S + 60
    assert [await in_database(site, end_closed_accounts) for _ in range(2)] == [1, 0]
    assert await in_database(site, mentions, member["id"], "王測試") == {"audit"}
    # The last notice still has to reach somebody; it belongs to no member.
    assert await in_database(site, mentions, MOBILE) == {"notice"}
    assert [kind for kind, _ in await in_database(site, notices)] == ["closed"]
    assert await visitor.member() is None
    assert await visitor.login(citizen) == "card_not_registered"
    again = await site.visitor()
    assert (await again.register())["id"] != member["id"]
    assert await again.upgrade(citizen) == "ok"


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("portal.db*"))


@pytest.mark.sqlite
async def test_nothing_of_a_closed_account_stays_in_the_file(
    test_issuer: TestIssuer, tmp_path: Path
) -> None:
    marker = "王測試甲乙丙丁戊己庚辛"
    for after, remains in ((0, True), (GRACE_S + 60, False)):
        async with running_site(test_issuer, tmp_path) as site:
            visitor = await site.visitor()
            await visitor.register()
            if remains:
                assert await visitor.code("/api/profile", {"name": marker}) == "ok"
                (code,) = await close_codes(visitor)
                await submit(visitor, "/account/close", {"code_mobile": code})
            site.clock.offset = after
            await in_database(site, end_closed_accounts)  # unless the site has done it
        kept = await asyncio.to_thread(all_bytes, tmp_path)
        assert (marker.encode() in kept) is remains


@pytest.mark.both_databases
async def test_closing_and_becoming_gold_at_once_end_in_one_of_both(
    visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    (code,) = await close_codes(visitor)
    upgrading = visitor.code("/api/upgrade/card", body)
    closing = submit(visitor, "/account/close", {"code_mobile": code})
    upgraded, closed = await asyncio.gather(upgrading, closing)
    member = await visitor.member()
    ends = [upgraded == "ok", closed == (303, "/account/close")]
    assert ends == [member["grade"] == "gold", member["closing"] is not None]
    assert sum(ends) == 1


def close_many(tx: Transaction, number: int) -> None:
    for which in range(number):
        member_id = register(tx, Contact(LoginKind.MOBILE, f"09{which:08}"))
        tx.execute(update(MEMBER).where(MEMBER.c.id == member_id).values(closing=tx.now))


@pytest.mark.both_databases
async def test_many_accounts_end_a_few_at_a_time_by_any_process(tmp_path: Path) -> None:
    here = (tmp_path, Clock())
    await in_folder(*here, close_many, 45)
    ended = await asyncio.gather(*(in_folder(*here, end_closed_accounts) for _ in range(4)))
    assert sorted(ended) == [0, 5, 20, 20]
    assert await in_folder(*here, lambda tx: len(tx.execute(select(MEMBER)).all())) == 0
