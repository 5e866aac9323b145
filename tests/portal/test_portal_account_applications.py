"""Open applications on the member's own page, and what becomes of them with the account."""

import pytest
from sqlalchemy import select

from agent.portal.account.closing import GRACE_S, end_closed_accounts
from agent.portal.store.tables import METADATA
from agent.portal.store.transaction import Transaction
from tests.portal import test_online_pages as online
from tests.portal.account_support import close_codes, in_database, mentions, submit
from tests.portal.support import Site, Visitor


async def test_an_application_is_shown_from_its_draft_to_its_end(visitor: Visitor) -> None:
    await visitor.register()
    await online.post(visitor, "/ways/online/begin")
    _, answer = await visitor.get("/api/account/applications")
    (draft,) = answer["applications"]
    assert (draft["way"], draft["number"]) == ("online", None)
    assert [step["state"] for step in draft["steps"]] == ["now", "later", "later", "later"]
    number = await online.sent(visitor)
    _, answer = await visitor.get("/api/account/applications")
    (case,) = answer["applications"]
    assert case["number"] == number
    assert case["href"].endswith(number)
    assert [step["state"] for step in case["steps"]] == ["now", "later", "later"]
    assert case["steps"][0]["name"].keys() >= {"zh-Hant", "en"}
    await online.post(visitor, "/ways/online/withdraw")
    assert (await visitor.get("/api/account/applications"))[1] == {"applications": []}


async def test_nobody_sees_anothers_application(site: Site, visitor: Visitor) -> None:
    await visitor.register()
    await online.sent(visitor)
    other = await site.visitor()
    assert (await other.get("/api/account/applications"))[0] == 401
    await other.register("0900000002")
    assert (await other.get("/api/account/applications"))[1] == {"applications": []}


@pytest.mark.both_databases
async def test_an_open_application_goes_with_the_account(site: Site, visitor: Visitor) -> None:
    await visitor.register()
    number = await online.sent(visitor)
    status, data = await visitor.get("/account/data.json")
    assert status == 200
    assert [case["number"] for case in data["applications"]["online_case"]] == [number]
    (code,) = await close_codes(visitor)
    await submit(visitor, "/account/close", {"code_mobile": code})
    site.clock.offset = GRACE_S + 60
    assert await in_database(site, end_closed_accounts) == 1
    assert await in_database(site, mentions, number) == {"audit"}
    assert not [name for name in await in_database(site, rows_left) if name.startswith("online")]


def rows_left(tx: Transaction) -> set[str]:
    """Name the tables that have any row."""
    return {table.name for table in METADATA.sorted_tables if tx.first(select(table)) is not None}
