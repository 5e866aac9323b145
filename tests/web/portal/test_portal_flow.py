"""The flow as a citizen plays it: register, become gold, log in with the card."""

from tests.web.portal.support import MOBILE, Person, Site, Visitor


async def test_an_ordinary_member_becomes_gold_and_logs_in_with_the_card(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    assert await visitor.member() is None
    member = await visitor.register()
    assert member["grade"] == "ordinary"
    assert member["gold_since"] is None
    assert member["logins"] == [{"kind": "mobile", "label": "0900***001"}]

    assert await visitor.upgrade(citizen) == "ok"
    gold = await visitor.member()
    assert gold["id"] == member["id"]
    assert gold["grade"] == "gold"
    assert gold["gold_since"].endswith("Z")
    assert gold["name"] == "王測試"
    assert [login["kind"] for login in gold["logins"]] == ["mobile", "card"]
    assert citizen.subject_serial not in gold["logins"][1]["label"]

    stranger = await site.visitor()
    assert await stranger.login(citizen) == "ok"
    assert (await stranger.member())["id"] == member["id"]

    by_phone = await site.visitor()
    assert (await by_phone.register(MOBILE))["grade"] == "gold"
