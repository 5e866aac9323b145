"""Who gets in among the staff's pages, and who does not: roles, sessions, forgery, networks."""

from pathlib import Path

import pytest
from yarl import URL

from agent.portal.app import create_app
from agent.portal.operations.proxies import parse_networks
from agent.portal.staff.access import is_inside, own_path
from agent.portal.staff.register import Role, StaffError, list_staff, remove_staff
from agent.portal.staff.sessions import IDLE, LONGEST
from agent.virtualcard.issuer import TestIssuer
from tests.portal.staff_support import (
    StaffBrowser,
    audit_of,
    events,
    hire,
    staff_browser,
    transact,
)
from tests.portal.support import (
    Person,
    Site,
    SiteOptions,
    Visitor,
    issue,
    revoke,
    running_site,
    site_config,
)

EVERYBODY = frozenset(Role)
CLERK = frozenset({Role.CLERK})
SUPERVISOR = frozenset({Role.SUPERVISOR})
AUDIT = frozenset({Role.SUPERVISOR, Role.AUDITOR})
ROUTES: dict[tuple[str, str], frozenset[Role] | None] = {
    ("GET", "/staff"): EVERYBODY,
    ("GET", "/staff/login"): None,
    ("POST", "/staff/login"): None,
    ("POST", "/staff/login/challenge"): None,
    ("POST", "/staff/logout"): None,
    ("POST", "/staff/stay"): EVERYBODY,
    ("GET", "/staff/counter"): CLERK,
    ("POST", "/staff/counter"): CLERK,
    ("GET", "/staff/counter/contact"): CLERK,
    ("POST", "/staff/counter/contact"): CLERK,
    ("GET", "/staff/counter/contact/{visit}"): CLERK,
    ("POST", "/staff/counter/contact/{visit}/code"): CLERK,
    ("POST", "/staff/counter/contact/{visit}/confirm"): CLERK,
    ("GET", "/staff/counter/{visit}"): CLERK,
    ("POST", "/staff/counter/{visit}"): CLERK,
    ("POST", "/staff/counter/{visit}/code"): CLERK,
    ("POST", "/staff/counter/{visit}/confirm"): CLERK,
    ("GET", "/staff/counter/{visit}/receipt"): CLERK,
    ("GET", "/staff/upgrades"): SUPERVISOR,
    ("POST", "/staff/upgrades"): SUPERVISOR,
    ("GET", "/staff/upgrades/{visit}"): SUPERVISOR,
    ("POST", "/staff/upgrades/{visit}"): SUPERVISOR,
    ("GET", "/staff/audit"): AUDIT,
    ("POST", "/staff/audit/check"): AUDIT,
    ("GET", "/staff/audit/export"): AUDIT,
}
"""Who may use each route; None for everybody in the world."""
OURS = ("/staff/counter", "/staff/upgrades", "/staff/audit", "/staff/login")


def test_the_table_has_every_route_of_these_pages(tmp_path: Path) -> None:
    router = create_app(site_config(tmp_path), ("http://localhost",)).router
    found = {
        (route.method, route.resource.canonical)
        for route in router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    single = {"/staff", "/staff/logout", "/staff/stay"}
    own = {each for each in found if each[1] in single or each[1].startswith(OURS)}
    assert own == set(ROUTES)


@pytest.mark.parametrize("role", Role)
async def test_each_role_opens_its_own_pages_and_no_others(
    site: Site, other_citizen: Person, role: Role
) -> None:
    browser = await staff_browser(site, other_citizen, role)
    for (method, path), roles in ROUTES.items():
        if roles is None or path == "/staff/stay":
            continue
        address = path.format(visit="guessed")
        answer = await (
            browser.open(address) if method == "GET" else browser.send(address, {"who": "?"})
        )
        allowed = role in roles
        assert (answer.status != 403) == allowed, (method, path, answer.status)
        if not allowed:
            assert "role" in answer.text
            assert answer.headers["Cache-Control"] == "no-store"


async def test_nobody_and_a_member_are_sent_to_the_login(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    await visitor.upgrade(citizen)
    stranger = await site.visitors.enter_async_context(StaffBrowser(site.origin))
    member = await site.visitors.enter_async_context(StaffBrowser(site.origin))
    token = visitor.cookies()["session"]
    member.set_cookies({"session": token, "staff": token})  # a member's session is none of staff
    for browser in (stranger, member):
        for (method, path), roles in ROUTES.items():
            if roles is None or path == "/staff/stay":
                continue
            address = path.format(visit="guessed")
            answer = await (browser.open(address) if method == "GET" else browser.send(address, {}))
            assert answer.status == 303, (method, path)
            assert answer.location.startswith("/staff/login?"), (method, path)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "visit", ["%00", "a%00b", "%FF", "%ED%A0%80", "..%2F..%2Fstaff", "a" * 5000]
)
async def test_a_visit_that_cannot_be_one_is_refused_in_words(
    site: Site, other_citizen: Person, visit: str
) -> None:
    browser = await staff_browser(site, other_citizen, Role.CLERK, Role.SUPERVISOR)
    for area in ("counter", "upgrades"):
        address = URL(f"/staff/{area}/{visit}", encoded=True)
        answer = await browser.open(address)
        assert answer.status in {400, 404}
        assert (await browser.send(address, {"who": "?"})).status in {400, 404, 422}
    assert (await browser.post("/staff/login", {"challenge_id": "\0", "token": "AAAA"}))[0] == 400


async def test_a_staff_session_is_no_member_s_session(site: Site, other_citizen: Person) -> None:
    browser = await staff_browser(site, other_citizen, Role.CLERK)
    token = browser.cookies()["staff"]
    browser.set_cookies({"session": token})
    assert await browser.member() is None


async def test_a_stranger_s_card_and_a_removed_one_do_not_log_in(
    site: Site, citizen: Person, other_citizen: Person
) -> None:
    browser = await site.visitors.enter_async_context(StaffBrowser(site.origin))
    assert await browser.log_in(citizen) == "not_staff"
    staff = await hire(site, other_citizen, Role.CLERK)
    assert await browser.log_in(other_citizen) == "ok"
    assert (await browser.open("/staff")).status == 200
    assert await transact(site, lambda tx: remove_staff(tx, staff.id))
    assert (await browser.open("/staff")).status == 303
    assert await browser.log_in(other_citizen) == "not_staff"
    assert await events(site, "staff_login") == [
        ("staff_login", "not_staff"),
        ("staff_login", "ok"),
        ("staff_login", "not_staff"),
    ]


async def test_a_revoked_card_does_not_log_in(test_issuer: TestIssuer, site: Site) -> None:
    person = issue(test_issuer, 31, name="黃測試")
    browser = await staff_browser(site, person, Role.CLERK)
    revoke(test_issuer, person)
    site.publish()
    assert await browser.log_in(person) == "certificate_revoked"


async def test_roles_that_were_taken_away_end_the_session(
    site: Site, other_citizen: Person
) -> None:
    browser = await staff_browser(site, other_citizen, Role.CLERK, Role.AUDITOR)
    await hire(site, other_citizen, Role.AUDITOR)
    assert (await browser.open("/staff/audit")).status == 303
    assert await browser.log_in(other_citizen) == "ok"
    assert (await browser.open("/staff/counter")).status == 403


@pytest.mark.both_databases
async def test_ten_idle_minutes_end_the_session_and_ten_hours_in_any_case(
    site: Site, other_citizen: Person
) -> None:
    browser = await staff_browser(site, other_citizen, Role.CLERK)
    for _ in range(LONGEST // (IDLE - 60)):
        site.clock.offset += IDLE - 60
        assert (await browser.open("/staff")).status == 200
    site.clock.offset += IDLE - 60
    assert (await browser.open("/staff")).status == 303
    assert await browser.log_in(other_citizen) == "ok"
    site.clock.offset += IDLE + 1
    assert (await browser.open("/staff")).status == 303


async def test_a_clock_that_is_set_back_makes_no_session_longer(
    site: Site, other_citizen: Person
) -> None:
    browser = await staff_browser(site, other_citizen, Role.CLERK)
    site.clock.offset -= 24 * 60 * 60
    assert (await browser.open("/staff")).status == 303


async def test_logging_out_ends_the_session_for_every_tab_and_repeated_request(
    site: Site, other_citizen: Person
) -> None:
    browser = await staff_browser(site, other_citizen, Role.CLERK)
    cookies = browser.cookies()
    answer = await browser.send("/staff/logout", {"why": "card"})
    assert answer.location == "/staff/login?ended=card"
    browser.set_cookies(cookies)
    assert (await browser.open("/staff")).status == 303


@pytest.mark.both_databases
async def test_the_same_signature_again_is_the_same_login_and_another_browser_s_is_none(
    site: Site, other_citizen: Person
) -> None:
    await hire(site, other_citizen, Role.CLERK)
    browser = await site.visitors.enter_async_context(StaffBrowser(site.origin))
    other = await site.visitors.enter_async_context(StaffBrowser(site.origin))
    body = await browser.staff_login_body(other_citizen)
    assert await other.code("/staff/login", body) == "challenge_unknown"
    await other.post("/staff/login/challenge")
    assert await other.code("/staff/login", body) == "challenge_unknown"
    before = browser.cookies()
    assert await browser.code("/staff/login", body) == "ok"
    browser.set_cookies(before)  # the first answer was lost
    assert await browser.code("/staff/login", body) == "ok"
    assert (await browser.open("/staff")).status == 200
    assert (await events(site, "staff_login")) == [("staff_login", "ok")]


async def test_a_member_s_login_is_no_login_of_the_staff(
    site: Site, visitor: Visitor, other_citizen: Person
) -> None:
    await hire(site, other_citizen, Role.CLERK)
    browser = await site.visitors.enter_async_context(StaffBrowser(site.origin))
    await browser.post("/staff/login/challenge")
    body = await visitor.login_body(other_citizen)
    assert await browser.code("/staff/login", body) == "challenge_unknown"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://other.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
async def test_a_form_of_another_site_is_refused(
    site: Site, other_citizen: Person, headers: dict[str, str]
) -> None:
    browser = await staff_browser(site, other_citizen, Role.CLERK)
    answer = await browser.send("/staff/counter", {"contact": "0900000001"}, **headers)
    assert answer.status == 403
    assert await events(site, "member_looked_up") == []


async def test_the_cookie_is_for_these_pages_only_and_the_policy_is_their_own(
    site: Site, other_citizen: Person
) -> None:
    browser = await staff_browser(site, other_citizen, Role.CLERK)
    async with browser.http.post(
        "/staff/login/challenge", json={}, headers={"Origin": site.origin}
    ) as response:
        cookie = response.headers["Set-Cookie"]
    assert {"Path=/staff", "HttpOnly", "SameSite=Strict"} <= {
        part.strip() for part in cookie.split(";")
    }
    page = await browser.open("/staff/login")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "<script>" not in page.text
    assert " style=" not in page.text


async def test_pages_can_be_bound_to_networks(test_issuer: TestIssuer, tmp_path: Path) -> None:
    options = SiteOptions(settings={"staff_networks": ("10.0.0.0/8",)})
    async with running_site(test_issuer, tmp_path, options) as site:
        browser = await site.visitors.enter_async_context(StaffBrowser(site.origin))
        assert (await browser.open("/staff/login")).status == 404
        assert (await browser.send("/staff/logout", {})).status == 404
        assert (await browser.open("/")).status == 200


@pytest.mark.parametrize(
    ("remote", "networks", "inside"),
    [
        ("10.1.2.3", (), True),
        (None, (), True),
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",), True),
        ("11.1.2.3", ("10.0.0.0/8", "2001:db8::/32"), False),
        ("2001:db8::1%eth0", ("2001:db8::/32",), True),
        ("somebody", ("10.0.0.0/8",), False),
        (None, ("0.0.0.0/0",), False),
    ],
)
def test_an_address_is_in_a_network_or_not(
    remote: str | None, networks: tuple[str, ...], *, inside: bool
) -> None:
    assert is_inside(remote, parse_networks(networks)) == inside


@pytest.mark.parametrize(
    "wanted",
    [
        "https://other.example/staff",
        "//other.example",
        "/\\other.example",
        "/staffing",
        "/staff/login?next=/staff/login",
        "/",
        "/staff/\r\nSet-Cookie: a=b",
    ],
)
def test_after_the_login_nobody_is_sent_elsewhere(wanted: str) -> None:
    assert own_path(wanted) == "/staff"


def test_after_the_login_one_goes_on_where_one_was() -> None:
    assert own_path("/staff/counter/abc") == "/staff/counter/abc"


async def test_the_register_takes_readable_names_and_real_roles(
    site: Site, citizen: Person
) -> None:
    staff = await hire(site, citizen, Role.CLERK)
    for name, roles in (("", [Role.CLERK]), ("\u3164", [Role.CLERK]), ("林測試", [])):
        with pytest.raises(StaffError):
            await hire(site, citizen, *roles, name=name)
    again = await hire(site, citizen, Role.AUDITOR, name="林測試二")
    assert again.id == staff.id
    assert await transact(site, lambda tx: remove_staff(tx, staff.id))
    assert not await transact(site, lambda tx: remove_staff(tx, staff.id))
    assert await transact(site, list_staff) == []
    (gone,) = await transact(site, lambda tx: list_staff(tx, with_removed=True))
    assert gone.removed_at is not None
    assert (await hire(site, citizen, Role.CLERK)).id == staff.id


async def test_the_audit_says_who_was_refused(site: Site, citizen: Person) -> None:
    browser = await site.visitors.enter_async_context(StaffBrowser(site.origin))
    await browser.log_in(citizen)
    (line,) = [each for each in await audit_of(site) if each.event == "staff_login"]
    assert line.certificate is not None
    assert (line.outcome, line.staff, line.claimed_time) == (
        "not_staff",
        None,
        "2026-06-15T12:00:00Z",
    )
