"""A card that is good no more while its owner is logged in: the session ends, and it is told."""

import asyncio
import time
from pathlib import Path

import pytest
from sqlalchemy import update

from agent.pki.certificate import CertificateFacts
from agent.portal.staff import card_watch
from agent.portal.staff.register import Role
from agent.portal.store.tables import SESSION
from agent.relying import Login, Purpose, VerificationCode, VerificationError
from agent.virtualcard.issuer import TestIssuer
from tests.portal.databases import CHOSEN
from tests.portal.staff_support import (
    StaffBrowser,
    audit_of,
    events,
    hire,
    staff_browser,
    transact,
)
from tests.portal.support import Person, Site, issue, revoke, running_site

pytestmark = pytest.mark.both_databases
SECONDS = 60  # for what a fault would hold up


class Says:
    """A verifier that says the same of every certificate."""

    def __init__(self, code: VerificationCode | None) -> None:
        self.code = code
        self.judged = 0

    async def verify(self, token: bytes, *, challenge: bytes, purpose: Purpose) -> Login:
        raise AssertionError(token, challenge, purpose)

    async def judge(self, certificate: CertificateFacts) -> None:
        assert certificate.subject_serial
        self.judged += 1
        if self.code is not None:
            raise VerificationError(self.code)


async def look(site: Site, verifier: Says) -> None:
    """Look once, as another process of the same service does."""
    database = await asyncio.to_thread(CHOSEN.open_in, site.folder, clock=site.clock)
    try:
        await card_watch.end_sessions_of_bad_cards(database, verifier)
    finally:
        await database.close()


async def test_a_revoked_card_ends_its_owner_s_session_and_no_other(
    test_issuer: TestIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_watch, "_EVERY_S", 0.02)
    person, colleague = (issue(test_issuer, number) for number in (32, 33))
    async with running_site(test_issuer, tmp_path) as site:
        browser = await staff_browser(site, person, Role.CLERK)
        other = await staff_browser(site, colleague, Role.CLERK)
        visit = await browser.begin("0900000001")
        revoke(test_issuer, person)
        site.publish()
        page = await browser.open(visit)
        end = time.monotonic() + SECONDS
        while page.status == 200 and time.monotonic() < end:
            await asyncio.sleep(0.02)
            page = await browser.open(visit)
        assert page.status == 303
        assert page.location.startswith("/staff/login?ended=1&")
        assert "Your session has ended" in (await browser.open(page.location)).text
        assert (await other.open("/staff")).status == 200
        lines = [each for each in await audit_of(site) if each.event == "staff_logout"]
        assert [(each.outcome, each.staff) for each in lines] == [("certificate_revoked", 1)]
        assert await browser.log_in(person) == "certificate_revoked"


@pytest.mark.parametrize(
    ("code", "goes_on"),
    [
        (None, True),
        (VerificationCode.REVOCATION_UNKNOWN, True),
        (VerificationCode.CERTIFICATE_REVOKED, False),
        (VerificationCode.CERTIFICATE_EXPIRED, False),
        (VerificationCode.CERTIFICATE_UNTRUSTED, False),
    ],
)
async def test_all_that_is_said_against_a_card_ends_it_but_not_silence(
    site: Site, citizen: Person, code: VerificationCode | None, *, goes_on: bool
) -> None:
    browser = await staff_browser(site, citizen, Role.CLERK)
    await look(site, Says(code))
    assert (await browser.open("/staff")).status == (200 if goes_on else 303)
    told = [] if goes_on else [("staff_logout", str(code))]
    assert await events(site, "staff_logout") == told


async def test_a_login_that_is_sent_again_brings_no_ended_session_back(
    site: Site, citizen: Person
) -> None:
    await hire(site, citizen, Role.CLERK)
    browser = await site.visitors.enter_async_context(StaffBrowser(site.origin))
    body = await browser.staff_login_body(citizen)
    before = browser.cookies()
    for code in ("ok", "ok"):  # the second is a repetition, which has to be judged as the first
        browser.set_cookies(before)
        assert await browser.code("/staff/login", body) == code
    verifier = Says(VerificationCode.CERTIFICATE_REVOKED)
    await look(site, verifier)
    assert verifier.judged == 1
    assert (await browser.open("/staff")).status == 303
    browser.set_cookies(before)
    assert await browser.code("/staff/login", body) == "challenge_unknown"


async def test_two_processes_that_look_at_once_tell_it_once(site: Site, citizen: Person) -> None:
    browser = await staff_browser(site, citizen, Role.CLERK)
    again = await site.visitors.enter_async_context(StaffBrowser(site.origin))
    assert await again.log_in(citizen) == "ok"
    verifier = Says(VerificationCode.CERTIFICATE_REVOKED)
    await asyncio.gather(*(look(site, verifier) for _ in range(3)))
    for each in (browser, again):
        assert (await each.open("/staff")).status == 303
    told = [("staff_logout", "certificate_revoked")] * 2  # each of the two sessions once
    assert await events(site, "staff_logout") == told


async def test_a_certificate_that_cannot_be_read_holds_up_no_other(
    site: Site, citizen: Person, other_citizen: Person
) -> None:
    broken = await staff_browser(site, citizen, Role.CLERK)
    spoilt = update(SESSION).where(SESSION.c.staff.is_not(None)).values(certificate=b"no DER")
    await transact(site, lambda tx: tx.execute(spoilt) and None)
    revoked = await staff_browser(site, other_citizen, Role.CLERK)
    await look(site, Says(VerificationCode.CERTIFICATE_REVOKED))
    for browser in (broken, revoked):
        assert (await browser.open("/staff")).status == 303
