"""The flow as a citizen plays it: register, become gold, log in with the card."""

from pathlib import Path

import pytest
from aiohttp import web

from agent.portal.serving import listen, serving
from agent.virtualcard.issuer import TestIssuer
from tests.odd_names import NAMES, REFUSED, SAME_AS_TYPED, TYPED
from tests.portal.support import (
    MOBILE,
    Person,
    Site,
    SiteOptions,
    Visitor,
    issue,
    running_site,
)

pytestmark = pytest.mark.both_databases


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


async def test_revocation_lists_may_come_from_a_configured_address(
    test_issuer: TestIssuer, citizen: Person, tmp_path: Path
) -> None:
    lists = {"/root.crl": test_issuer.root_crl(), "/ca.crl": test_issuer.crl()}

    async def serve(request: web.Request) -> web.Response:
        if not is_up:
            raise web.HTTPServiceUnavailable
        return web.Response(body=lists[request.path])

    app = web.Application()
    app.router.add_get("/{name}", serve)
    is_up = False
    with listen("127.0.0.1", 0) as sock:
        async with serving(app, sock):
            base = f"http://127.0.0.1:{sock.getsockname()[1]}"
            options = SiteOptions(settings={"crl": tuple(f"{base}{path}" for path in lists)})
            async with running_site(test_issuer, tmp_path, options) as site:
                visitor = await site.visitor()
                await visitor.register()
                assert await visitor.upgrade(citizen) == "revocation_unknown"
            is_up = True
            async with running_site(test_issuer, tmp_path, options) as site:
                visitor = await site.visitor()
                await visitor.register()
                assert await visitor.upgrade(citizen) == "ok"


async def test_without_any_list_nobody_becomes_gold(
    test_issuer: TestIssuer, citizen: Person, tmp_path: Path
) -> None:
    options = SiteOptions(settings={"crl": ()})
    async with running_site(test_issuer, tmp_path, options) as site:
        visitor = await site.visitor()
        await visitor.register()
        assert await visitor.upgrade(citizen) == "revocation_unknown"
        assert (await visitor.member())["grade"] == "ordinary"


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_a_rare_name_is_kept_from_the_card_and_from_the_keyboard(
    test_issuer: TestIssuer, site: Site, visitor: Visitor, name: str
) -> None:
    person = issue(test_issuer, 7, name=name)
    site.publish()
    await visitor.register()
    assert await visitor.upgrade(person) == "ok"
    assert (await visitor.member())["name"] == name
    assert await visitor.code("/api/profile", {"name": f" {name} "}) == "ok"
    assert (await visitor.member())["name"] == name


async def test_a_typed_name_is_kept_as_it_is(visitor: Visitor) -> None:
    await visitor.register()
    for typed, kept in [*((name, name) for name in TYPED), *SAME_AS_TYPED.items()]:
        assert (await visitor.code("/api/profile", {"name": typed}), typed) == ("ok", typed)
        assert (await visitor.member())["name"] == kept


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
async def test_a_name_that_shows_nothing_or_plays_tricks_is_refused(
    visitor: Visitor, name: str
) -> None:
    await visitor.register()
    assert await visitor.code("/api/profile", {"name": name}) == "bad_request"
