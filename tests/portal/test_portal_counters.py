"""Counters for each asker and each target: strangers cannot lock a member out."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.portal import otp
from agent.portal.app import Rates
from agent.portal.asker import Asker, network_of, recognise_browser, remember_browser
from agent.portal.contact import parse_contact
from agent.portal.errors import PortalCode
from agent.portal.sessions import open_session
from agent.portal.store.database import PortalDatabase
from agent.portal.store.keyring import Keyring
from agent.portal.store.transaction import Transaction
from agent.rate import Rate
from agent.virtualcard.issuer import TestIssuer
from tests.portal.support import MOBILE, Person, Site, SiteOptions, running_site

OTP = "/api/otp"
ASKED = {"contact": MOBILE}


async def strangers_ask(site: Site, count: int) -> list[str]:
    """Ask for codes to the member's contact, each time as somebody else."""
    return [await (await site.visitor()).code(OTP, ASKED) for _ in range(count)]


async def test_five_anonymous_requests_lock_nobody_out(site: Site) -> None:
    assert await strangers_ask(site, 5) == ["ok"] * 5
    member = await site.visitor()
    assert await member.register()


async def test_a_browser_that_logged_in_before_is_not_locked_out_by_any_number(site: Site) -> None:
    member = await site.visitor()
    await member.register()
    assert await member.code("/api/logout") == "ok"
    assert "too_many_tries" in await strangers_ask(site, 30)
    assert await member.register()
    for _ in range(4):
        assert await member.code(OTP, ASKED) == "ok"
    assert await member.code(OTP, ASKED) == "too_many_tries"  # it has a limit of its own


async def test_a_cookie_is_for_one_contact_and_not_made_up(site: Site) -> None:
    other = await site.visitor()
    await other.register("0900000002")
    assert "too_many_tries" in await strangers_ask(site, 30)
    assert await other.code(OTP, ASKED) == "too_many_tries"
    forger = await site.visitor()
    forger.set_cookies({"browser": "x.y", "session": "made-up"})
    assert await forger.code(OTP, ASKED) == "too_many_tries"


async def test_a_newcomer_s_code_works_while_strangers_ask(tmp_path: Path) -> None:
    """From a network that has not asked today, even when the strangers' share is spent."""
    contact = parse_contact(MOBILE)

    def spend(tx: Transaction) -> None:
        for _ in range(30):
            otp.issue(tx, open_session(tx).session, contact, Asker())
        assert otp.issue(tx, open_session(tx).session, contact, Asker()) == (
            PortalCode.TOO_MANY_ATTEMPTS
        )

    def newcomer(tx: Transaction) -> None:
        asker = Asker(is_first_today=True)
        session = open_session(tx).session
        code = otp.issue(tx, session, contact, asker)
        assert not isinstance(code, PortalCode)
        wrong = "000000" if code != "000000" else "111111"
        # One attempt, so that many networks together do not guess.
        found = otp.confirm(tx, session, contact, wrong, asker)
        assert found is PortalCode.TOO_MANY_ATTEMPTS
        code = otp.issue(tx, session, contact, asker)
        assert isinstance(code, str)
        assert isinstance(otp.confirm(tx, session, contact, code, asker), otp.Confirmation)

    db = PortalDatabase(tmp_path / "portal.db")
    await db.open()
    try:
        await db.run(spend)
        await db.run(newcomer)
    finally:
        await db.close()


@pytest.mark.parametrize("fresh", [lambda number: f"made-up-{number}", lambda _: "one"])
async def test_a_made_up_cookie_is_no_new_asker(
    test_issuer: TestIssuer, tmp_path: Path, fresh: Callable[[int], str]
) -> None:
    rates = Rates(Rate(1_000, 0), card_attempts=Rate(20, 0), newcomers=Rate(7, 0))
    options = SiteOptions(replacements={"rates": rates})
    async with running_site(test_issuer, tmp_path, options) as site:
        visitor = await site.visitor()
        answers = []
        for number in range(10):
            visitor.set_cookies({"session": fresh(number)})
            answers.append(await visitor.code("/api/login/card/challenge"))
        assert answers == ["ok"] * 7 + ["rate_limited"] * 3


async def test_visitors_behind_one_address_do_not_share_twenty_tries(
    site: Site, citizen: Person
) -> None:
    for _ in range(25):
        visitor = await site.visitor()
        assert await visitor.login(citizen) == "card_not_registered"


@pytest.mark.parametrize(
    ("remote", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, ""),
        ("unix", "unix"),
    ],
)
def test_an_asker_s_network(remote: str | None, network: str) -> None:
    assert network_of(remote) == network


def test_a_browser_is_known_for_what_it_entered_a_code_for() -> None:
    keyring, contact = Keyring(bytes(32)), parse_contact(MOBILE)
    cookie = remember_browser(keyring, contact)
    assert recognise_browser(keyring, contact, cookie)
    for wrong in (None, "", ".", "國.字", cookie + "x", cookie.partition(".")[0], "x" + cookie):
        assert recognise_browser(keyring, contact, wrong) is None
    assert recognise_browser(keyring, parse_contact("0900000002"), cookie) is None
    assert recognise_browser(Keyring(b"1" * 32), contact, cookie) is None
