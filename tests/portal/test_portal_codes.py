"""Every code of the API is reached, by doing what it is for."""

import json
import sqlite3
from pathlib import Path

import pytest

from agent.portal.errors import REFUSALS, PortalCode
from agent.portal.store import database
from agent.rate import Rate
from agent.relying import CertificateFacts, Login, Purpose
from agent.virtualcard.issuer import TestIssuer
from agent.words import Language, say
from tests.portal import code_cases_cards, code_cases_signatures  # noqa: F401  # they note their cases
from tests.portal.code_cases import CASES, Case
from tests.portal.support import (
    Person,
    Rates,
    Site,
    SiteOptions,
    Visitor,
    running_site,
)

OWN_SITE = {
    PortalCode.RATE_LIMITED,
    PortalCode.INTERNAL,
    PortalCode.UNAVAILABLE,
    # What is typed in forms: see test_portal_birthdate.py.
    PortalCode.BIRTH_DATE_INVALID,
    PortalCode.TOO_YOUNG,
    # Files: see test_portal_pictures*.py.
    *(code for code in PortalCode if code.startswith("picture_")),
    # See test_online_cases.py and test_online_pages.py.
    PortalCode.CASE_UNKNOWN,
    PortalCode.CASE_CHANGED,
    PortalCode.CASE_INCOMPLETE,
    PortalCode.CASE_OPEN,
    PortalCode.CASE_CLAIMED,
    PortalCode.CLAIM_ENDED,
    PortalCode.ASKED_BEFORE,
    PortalCode.SECOND_REVIEWER,
    # See test_portal_account.py.
    PortalCode.CONTACT_YOURS,
    PortalCode.CONTACT_TAKEN,
    PortalCode.CONTACT_NEEDED,
    PortalCode.CARD_PROOF_NEEDED,
    PortalCode.CARD_NOT_YOURS,
    PortalCode.ACCOUNT_CLOSING,
    # See test_telecom_pages.py.
    PortalCode.DEVICE_NOT_PROVEN,
    PortalCode.LINK_OVER,
    # The staff's pages: see test_staff_access.py, test_staff_counter.py, test_staff_contact.py, and
    # test_staff_takeback.py.
    PortalCode.NOT_STAFF,
    PortalCode.ROLE_MISSING,
    PortalCode.OWN_ACCOUNT,
    PortalCode.NO_SUCH_MEMBER,
    PortalCode.MEMBER_NOT_PROVEN,
}


@pytest.mark.parametrize(
    ("code", "case"),
    [pytest.param(code, case, id=case.__name__) for code, found in CASES.items() for case in found],
)
async def test_it_is_refused_with_its_code(
    code: PortalCode, case: Case, site: Site, visitor: Visitor, citizen: Person
) -> None:
    assert await case(site, visitor, citizen) == code


def test_every_code_has_a_case() -> None:
    assert {code for code, found in CASES.items() if not found} == OWN_SITE


async def test_rate_limited(test_issuer: TestIssuer, tmp_path: Path) -> None:
    rates = Rates(posts=Rate(3, 0.0), card_attempts=Rate(100, 0.0))
    options = SiteOptions(replacements={"rates": rates})
    async with running_site(test_issuer, tmp_path, options) as site:
        visitor = await site.visitor()
        codes = [await visitor.code("/api/logout") for _ in range(4)]
        assert codes == ["ok", "ok", "ok", "rate_limited"]
        assert (await visitor.get("/api/session"))[0] == 200


async def test_card_attempts_are_counted_by_session(
    test_issuer: TestIssuer, citizen: Person, tmp_path: Path
) -> None:
    rates = Rates(posts=Rate(1_000, 0.0), card_attempts=Rate(4, 0.0))
    options = SiteOptions(replacements={"rates": rates})
    async with running_site(test_issuer, tmp_path, options) as site:
        visitor = await site.visitor()
        await visitor.register()
        assert await visitor.login(citizen) == "card_not_registered"
        assert await visitor.login(citizen) == "card_not_registered"
        assert await visitor.code("/api/login/card/challenge") == "rate_limited"
        other = await site.visitor()
        await other.register("0900000002")
        assert await other.code("/api/login/card/challenge") == "ok"


@pytest.mark.sqlite
async def test_a_database_that_others_hold_too_long_is_said_to_be_unavailable(
    test_issuer: TestIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_S", 0.1)
    async with running_site(test_issuer, tmp_path) as site:
        visitor = await site.visitor()
        with sqlite3.connect(tmp_path / "portal.db") as other:
            other.execute("BEGIN IMMEDIATE")
            status, answer = await visitor.post("/api/otp", {"contact": "0900000001"})
            assert (status, answer["error"]["code"]) == (503, "unavailable")
            assert answer["error"]["retriable"]
            other.rollback()
        assert (await visitor.register())["grade"] == "ordinary"


class BrokenVerifier:
    """Fails in a way that nobody has thought of."""

    async def verify(self, token: bytes, *, challenge: bytes, purpose: Purpose) -> Login:
        raise RuntimeError(f"{token!r} {challenge!r} {purpose}")

    async def judge(self, certificate: CertificateFacts) -> None:
        raise AssertionError(certificate)


async def test_internal(
    test_issuer: TestIssuer,
    citizen: Person,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    options = SiteOptions(replacements={"verifier": BrokenVerifier()})
    async with running_site(test_issuer, tmp_path, options) as site:
        visitor = await site.visitor()
        await visitor.register()
        body = await visitor.upgrade_body(citizen)
        status, answer = await visitor.post("/api/upgrade/card", body)
        assert (status, answer["error"]["code"]) == (500, "internal")
        assert "RuntimeError" not in json.dumps(answer)
        assert await visitor.code("/api/upgrade/card", body) == "internal"
        assert (await visitor.member())["grade"] == "ordinary"
    assert "RuntimeError" in caplog.text
    assert "purpose" not in caplog.text


async def test_a_refusal_speaks_every_language(visitor: Visitor) -> None:
    _, answer = await visitor.post("/api/otp", {"contact": "?"})
    assert answer == {
        "error": {
            "code": "contact_invalid",
            "message": {
                each: say(each, "portal.refusals.contact_invalid", {}) for each in Language
            },
            "retriable": True,
        }
    }


def test_every_code_has_its_own_words() -> None:
    assert set(REFUSALS) == set(PortalCode)
    for language in Language:
        texts = [say(language, f"portal.refusals.{code}", {}) for code in PortalCode]
        assert len(set(texts)) == len(texts)
        assert all(10 < len(text) < 200 for text in texts)
        assert all(text.endswith((".", "。")) for text in texts)
    assert all(400 <= item.status < 600 for item in REFUSALS.values())
