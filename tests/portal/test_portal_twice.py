"""Double clicks, reloads, the back button, two tabs: nothing is lost and nothing is done twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from agent.relying.ics import IdentityVerdict
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.profile import Applicant, Signer, Use, citizen_certificate
from tests.portal.databases import CHOSEN
from tests.portal.support import (
    MOBILE,
    NOON,
    Person,
    Site,
    SiteOptions,
    Visitor,
    issue,
    rsa_key,
    running_site,
    signed,
)

pytestmark = pytest.mark.both_databases
WAIT = 10.0  # seconds for what a fault would keep from happening


def rows(site: Site, sql: str) -> Sequence[Sequence[object]]:
    return CHOSEN.rows_in(site.folder, sql)


async def test_a_double_click_upgrades_once_and_both_hear_success(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    codes = await asyncio.gather(*(visitor.code("/api/upgrade/card", body) for _ in range(5)))
    assert codes == ["ok"] * 5
    assert await visitor.code("/api/upgrade/card", body) == "ok"
    upgrades = "SELECT outcome FROM audit WHERE event = 'upgrade_card'"
    assert await asyncio.to_thread(rows, site, upgrades) == [("ok",)]


async def test_a_challenge_is_used_once_under_twenty_different_signatures(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    _, challenge = await visitor.post(
        "/api/upgrade/card/challenge", {"id_number": citizen.id_number}
    )
    # An RSA signature is always the same; a certificate of another serial number is not.
    people = [issue(site.issuer, 1) for _ in range(20)]
    await asyncio.to_thread(site.publish)
    bodies = [signed(challenge, person, visitor.origin) for person in people]
    codes = await asyncio.gather(*(visitor.code("/api/upgrade/card", body) for body in bodies))
    assert Counter(codes) == {"ok": 1, "challenge_used": 19}
    card_logins = "SELECT count(*) FROM login WHERE kind = 'card'"
    assert await asyncio.to_thread(rows, site, card_logins) == [(1,)]


async def test_two_tabs_upgrade_once(site: Site, visitor: Visitor, citizen: Person) -> None:
    await visitor.register()
    bodies = [await visitor.upgrade_body(citizen) for _ in range(6)]
    codes = await asyncio.gather(*(visitor.code("/api/upgrade/card", body) for body in bodies))
    assert Counter(codes) == {"ok": 1, "already_gold": 5}
    assert len((await visitor.member())["logins"]) == 2
    assert (await asyncio.to_thread(rows, site, "SELECT count(*) FROM member")) == [(1,)]


async def test_one_id_number_makes_one_gold_member_of_many_accounts_at_once(
    site: Site, citizen: Person
) -> None:
    visitors = [await site.visitor() for _ in range(8)]
    bodies = []
    for index, visitor in enumerate(visitors):
        await visitor.register(f"09000001{index:02}")
        bodies.append(await visitor.upgrade_body(citizen))
    codes = await asyncio.gather(
        *(
            visitor.code("/api/upgrade/card", body)
            for visitor, body in zip(visitors, bodies, strict=True)
        )
    )
    assert Counter(codes) == {"ok": 1, "id_number_taken": 7}
    gold = "SELECT count(*) FROM member WHERE grade = 'gold'"
    assert await asyncio.to_thread(rows, site, gold) == [(1,)]


async def test_a_failed_attempt_sent_again_says_the_same(
    visitor: Visitor, citizen: Person, other_citizen: Person
) -> None:
    await visitor.register()
    body = await visitor.upgrade_body(citizen, id_number=other_citizen.id_number)
    assert [await visitor.code("/api/upgrade/card", body) for _ in range(3)] == [
        "id_number_mismatch"
    ] * 3


async def test_a_double_click_on_a_code_registers_once(visitor: Visitor) -> None:
    _, sent = await visitor.post("/api/otp", {"contact": MOBILE})
    body = {"contact": MOBILE, "code": sent["demo_code"]}
    answers = await asyncio.gather(*(visitor.post("/api/otp/confirm", body) for _ in range(5)))
    assert {status for status, _ in answers} == {200}
    assert len({answer["member"]["id"] for _, answer in answers}) == 1
    assert {answer["created"] for _, answer in answers} == {True}
    status, again = await visitor.post("/api/otp/confirm", body)
    assert (status, again["created"]) == (200, True)


async def test_a_double_click_on_a_login_is_one_login(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    stranger = await site.visitor()
    body = await stranger.login_body(citizen)
    codes = await asyncio.gather(*(stranger.code("/api/login/card", body) for _ in range(3)))
    assert codes == ["ok"] * 3
    assert await stranger.code("/api/login/card", body) == "ok"
    assert (await stranger.member())["grade"] == "gold"
    logins = "SELECT count(*) FROM audit WHERE event = 'login_card'"
    assert await asyncio.to_thread(rows, site, logins) == [(1,)]


async def test_the_audit_log_keeps_the_time_that_a_login_claims(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    """Of a refused one too; what was no login claims none."""
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    stranger = await site.visitor()
    body = await stranger.login_body(citizen)
    assert await stranger.code("/api/login/card", body) == "ok"
    again = {**await stranger.login_body(citizen), "token": body["token"]}
    assert await stranger.code("/api/login/card", again) == "challenge_mismatch"
    kept = "SELECT outcome, claimed_time FROM audit WHERE event = 'login_card' ORDER BY id"
    assert await asyncio.to_thread(rows, site, kept) == [
        ("ok", NOON),
        ("challenge_mismatch", NOON),
    ]
    unread = "SELECT DISTINCT claimed_time FROM audit WHERE event = 'registered'"
    assert await asyncio.to_thread(rows, site, unread) == [(None,)]


async def test_an_accepted_login_is_worth_nothing_in_another_session(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    owner, thief, member = [await site.visitor() for _ in range(3)]
    body = await owner.login_body(citizen)
    await thief.login_body(citizen)  # begins a session
    before = await member.register("0900000002")
    assert await thief.code("/api/login/card", body) == "challenge_unknown"
    assert await owner.code("/api/login/card", body) == "ok"
    for other in (thief, member):
        assert await other.code("/api/login/card", body) == "challenge_unknown"
    assert await thief.member() is None
    assert (await member.member())["id"] == before["id"]
    assert await owner.code("/api/login/card", body) == "ok"


async def test_an_accepted_login_is_repeated_for_five_minutes_only(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    back = await site.visitor()
    body = await back.login_body(citizen)
    before = back.cookies()
    assert await back.code("/api/login/card", body) == "ok"
    back.set_cookies(before)
    site.clock.offset = 301
    assert await back.code("/api/login/card", body) == "challenge_expired"
    assert await back.member() is None


async def test_a_challenge_of_before_the_login_is_not_answered_after_it(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    """The session that a login begins may repeat what began it, and nothing else."""
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    other = await site.visitor()
    body = await other.login_body(citizen)
    member = await other.register("0900000002")
    assert await other.code("/api/login/card", body) == "challenge_unknown"
    assert (await other.member())["id"] == member["id"]


async def test_an_answer_that_got_lost_is_given_again(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    stranger = await site.visitor()
    body = await stranger.login_body(citizen)
    before = stranger.cookies()
    assert await stranger.code("/api/login/card", body) == "ok"
    stranger.set_cookies(before)  # as if the answer, and its cookie, had never arrived
    assert await stranger.member() is None
    assert await stranger.code("/api/login/card", body) == "ok"
    assert (await stranger.member())["grade"] == "gold"


@pytest.mark.parametrize("way", ["card", "code"])
async def test_nothing_that_is_sent_again_undoes_a_logout(
    way: str, site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    back = await site.visitor()
    if way == "card":
        path, body = "/api/login/card", await back.login_body(citizen)
    else:
        _, sent = await back.post("/api/otp", {"contact": MOBILE})
        path, body = "/api/otp/confirm", {"contact": MOBILE, "code": sent["demo_code"]}
    before = back.cookies()
    assert await back.code(path, body) == "ok"
    after = back.cookies()
    assert before != after
    assert await back.code("/api/logout") == "ok"
    for cookies in (before, after, {}):
        back.set_cookies(cookies)
        assert await back.code(path, body) in {"challenge_unknown", "otp_expired"}
        assert await back.member() is None


async def test_a_login_gives_a_new_token_and_the_old_one_is_nobodys(visitor: Visitor) -> None:
    _, sent = await visitor.post("/api/otp", {"contact": MOBILE})
    fixed = visitor.cookies()
    body = {"contact": MOBILE, "code": sent["demo_code"]}
    assert await visitor.code("/api/otp/confirm", body) == "ok"
    assert await visitor.member() is not None
    visitor.set_cookies(fixed)
    assert await visitor.member() is None


async def test_another_member_on_the_same_browser_takes_over_wholly(visitor: Visitor) -> None:
    first = await visitor.register("0900000001")
    cookies = visitor.cookies()
    second = await visitor.register("tester@example.test")
    assert first["id"] != second["id"]
    assert (await visitor.member())["id"] == second["id"]
    visitor.set_cookies(cookies)
    assert await visitor.member() is None


async def test_the_newest_code_counts(visitor: Visitor) -> None:
    _, older = await visitor.post("/api/otp", {"contact": MOBILE})
    _, newer = await visitor.post("/api/otp", {"contact": MOBILE})
    if older["demo_code"] != newer["demo_code"]:
        body = {"contact": MOBILE, "code": older["demo_code"]}
        assert await visitor.code("/api/otp/confirm", body) == "otp_incorrect"
    body = {"contact": MOBILE, "code": newer["demo_code"]}
    assert await visitor.code("/api/otp/confirm", body) == "ok"


async def test_attempts_do_not_multiply_when_sent_at_once(visitor: Visitor) -> None:
    _, sent = await visitor.post("/api/otp", {"contact": MOBILE})
    wrong = [f"{(int(sent['demo_code']) + step) % 10**6:06}" for step in range(1, 21)]
    codes = await asyncio.gather(
        *(visitor.code("/api/otp/confirm", {"contact": MOBILE, "code": code}) for code in wrong)
    )
    assert Counter(codes) == {"otp_incorrect": 4, "too_many_tries": 16}


class SlowIdentity:
    """Answers when it is told to, within ten seconds."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def check(self, subject_serial: str, id_number: str) -> IdentityVerdict:
        assert len(subject_serial) == 16
        assert len(id_number) == 10
        self.asked.set()
        await asyncio.wait_for(self.go_on.wait(), WAIT)
        return IdentityVerdict.MATCH

    async def is_asked(self) -> None:
        """Return when the service is asked; TimeoutError where it never is."""
        await asyncio.wait_for(self.asked.wait(), WAIT)


@dataclass(frozen=True)
class SlowSite:
    """A portal whose identity service takes its time."""

    site: Site
    identity: SlowIdentity


@pytest.fixture
async def slow(
    test_issuer: TestIssuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SlowSite]:
    identity = SlowIdentity()
    options = SiteOptions(replacements={"identity": identity})
    async with running_site(test_issuer, tmp_path_factory.mktemp("site"), options) as site:
        yield SlowSite(site, identity)


async def test_a_page_that_goes_away_in_the_middle_finds_the_member_gold(
    slow: SlowSite, citizen: Person
) -> None:
    visitor = await slow.site.visitor()
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    click = asyncio.create_task(visitor.code("/api/upgrade/card", body))
    await slow.identity.is_asked()
    click.cancel()  # a reload: the connection is gone
    await asyncio.wait([click])
    again = asyncio.create_task(visitor.code("/api/upgrade/card", body))
    other = asyncio.create_task(visitor.code("/api/upgrade/card", body | {"token": "AAAA"}))
    assert await other == "challenge_used"
    slow.identity.go_on.set()
    assert await again == "ok"
    assert (await visitor.member())["grade"] == "gold"


async def test_a_login_under_way_is_joined_by_its_own_session_only(
    slow: SlowSite, citizen: Person
) -> None:
    owner, thief = await slow.site.visitor(), await slow.site.visitor()
    await owner.register()
    await thief.register("0900000002")
    body = await owner.upgrade_body(citizen)
    click = asyncio.create_task(owner.code("/api/upgrade/card", body))
    await slow.identity.is_asked()
    assert await thief.code("/api/upgrade/card", body) == "challenge_unknown"
    slow.identity.go_on.set()
    assert await click == "ok"
    assert (await thief.member())["grade"] == "ordinary"


async def test_a_logout_in_another_tab_does_not_harm_an_upgrade_under_way(
    slow: SlowSite, citizen: Person
) -> None:
    visitor = await slow.site.visitor()
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    click = asyncio.create_task(visitor.code("/api/upgrade/card", body))
    await slow.identity.is_asked()
    assert await visitor.code("/api/logout") == "ok"
    slow.identity.go_on.set()
    assert await click == "ok"
    assert await visitor.member() is None
    assert (await visitor.register())["grade"] == "gold"


async def test_a_renewed_certificate_with_the_same_subject_is_the_same_card(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    now = datetime.now(UTC)
    key = rsa_key("renewed")
    applicant = Applicant(
        citizen.certificate.subject,
        key.public_key(),
        (now - timedelta(hours=1), now + timedelta(days=1)),
    )
    ca = site.issuer.ca
    signer = Signer(ca.certificate.subject, ca.key, "http://crl.ankong-test.invalid/ca.crl")
    certificate = citizen_certificate(applicant, signer, Use.SIGN, citizen.id_number)
    renewed = Person(citizen.id_number, certificate, key)
    assert await (await site.visitor()).login(renewed) == "ok"
    stolen = citizen_certificate(applicant, signer, Use.SIGN, generate_id_number(12))
    assert await (await site.visitor()).login(Person("", stolen, key)) == "id_number_mismatch"


async def test_a_server_that_was_started_anew_knows_the_id_number_that_was_typed(
    test_issuer: TestIssuer, citizen: Person, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("site")
    async with running_site(test_issuer, folder) as site:
        visitor = await site.visitor()
        member = await visitor.register()
        _, challenge = await visitor.post(
            "/api/upgrade/card/challenge", {"id_number": citizen.id_number}
        )
        cookies = visitor.cookies()
    async with running_site(test_issuer, folder) as site:
        visitor = await site.visitor()
        visitor.set_cookies(cookies)
        assert (await visitor.member())["id"] == member["id"]
        body = signed(challenge, citizen, visitor.origin)
        assert await visitor.code("/api/upgrade/card", body) == "ok"
    everything = b"".join(path.read_bytes() for path in folder.glob("portal.db*"))
    assert citizen.id_number.encode() not in everything
