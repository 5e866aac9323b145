"""Every code of the API is reached, by doing what it is for."""

import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.cms.signed import Content, prepare
from agent.portal.errors import REFUSALS, PortalCode
from agent.portal.limits import Rate
from agent.virtualcard.issuer import TestIssuer, Validity
from agent.virtualcard.profile import Use
from tests.web.portal.support import (
    MOBILE,
    Person,
    Rates,
    Site,
    SiteOptions,
    Visitor,
    issue,
    revoke,
    running_site,
)

Case = Callable[[Site, Visitor, Person], Awaitable[str]]
CASES: dict[PortalCode, list[Case]] = {code: [] for code in PortalCode}


def reaches(code: PortalCode) -> Callable[[Case], Case]:
    def note(case: Case) -> Case:
        CASES[code].append(case)
        return case

    return note


@reaches(PortalCode.BAD_REQUEST)
async def unknown_field(_: Site, visitor: Visitor, __: Person) -> str:
    return await visitor.code("/api/otp", {"contact": MOBILE, "admin": True})


@reaches(PortalCode.BAD_REQUEST)
async def invisible_name(_: Site, visitor: Visitor, __: Person) -> str:
    await visitor.register()
    return await visitor.code("/api/profile", {"name": "\u202e測試"})


@reaches(PortalCode.NOT_FOUND)
async def no_such_page(_: Site, visitor: Visitor, __: Person) -> str:
    status, answer = await visitor.get("/api/no-such-thing")
    assert status == 404
    return str(answer["error"]["code"])


@reaches(PortalCode.ORIGIN_NOT_ALLOWED)
async def foreign_page(_: Site, visitor: Visitor, __: Person) -> str:
    visitor.origin = "http://localhost.evil.test"
    return await visitor.code("/api/otp", {"contact": MOBILE})


@reaches(PortalCode.NOT_LOGGED_IN)
async def challenge_without_login(_: Site, visitor: Visitor, citizen: Person) -> str:
    body = {"id_number": citizen.id_number}
    return await visitor.code("/api/upgrade/card/challenge", body)


@reaches(PortalCode.NOT_LOGGED_IN)
async def name_without_login(_: Site, visitor: Visitor, __: Person) -> str:
    return await visitor.code("/api/profile", {"name": "王測試"})


@reaches(PortalCode.NOT_LOGGED_IN)
async def session_over(site: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    site.clock.offset = 9 * 60 * 60
    assert await visitor.member() is None
    return await visitor.code("/api/upgrade/card", body)


@reaches(PortalCode.CONTACT_INVALID)
async def no_contact(_: Site, visitor: Visitor, __: Person) -> str:
    return await visitor.code("/api/otp", {"contact": "somewhere"})


async def wrong_code(visitor: Visitor) -> tuple[str, str]:
    """Ask for a code and give a right and a wrong one."""
    _, sent = await visitor.post("/api/otp", {"contact": MOBILE})
    right = sent["demo_code"]
    return right, f"{(int(right) + 1) % 10**6:06}"


@reaches(PortalCode.OTP_INCORRECT)
async def mistyped_code(_: Site, visitor: Visitor, __: Person) -> str:
    _, wrong = await wrong_code(visitor)
    return await visitor.code("/api/otp/confirm", {"contact": MOBILE, "code": wrong})


@reaches(PortalCode.OTP_EXPIRED)
async def late_code(site: Site, visitor: Visitor, _: Person) -> str:
    right, _wrong = await wrong_code(visitor)
    site.clock.offset = 301
    return await visitor.code("/api/otp/confirm", {"contact": MOBILE, "code": right})


@reaches(PortalCode.OTP_EXPIRED)
async def code_of_another_browser(site: Site, visitor: Visitor, _: Person) -> str:
    right, _wrong = await wrong_code(await site.visitor())
    await visitor.post("/api/otp", {"contact": "tester@example.test"})
    return await visitor.code("/api/otp/confirm", {"contact": MOBILE, "code": right})


@reaches(PortalCode.TOO_MANY_TRIES)
async def guessed_code(_: Site, visitor: Visitor, __: Person) -> str:
    right, wrong = await wrong_code(visitor)
    body = {"contact": MOBILE, "code": wrong}
    codes = [await visitor.code("/api/otp/confirm", body) for _try in range(5)]
    assert codes == ["otp_incorrect"] * 4 + ["too_many_tries"]
    return await visitor.code("/api/otp/confirm", {"contact": MOBILE, "code": right})


@reaches(PortalCode.TOO_MANY_TRIES)
async def too_many_codes_to_one_contact(site: Site, _: Visitor, __: Person) -> str:
    for _try in range(5):
        assert await (await site.visitor()).code("/api/otp", {"contact": MOBILE}) == "ok"
    return await (await site.visitor()).code("/api/otp", {"contact": MOBILE})


@reaches(PortalCode.ID_NUMBER_INVALID)
async def mistyped_id_number(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    number = citizen.id_number[:-1] + str((int(citizen.id_number[-1]) + 1) % 10)
    return await visitor.code("/api/upgrade/card/challenge", {"id_number": number})


@reaches(PortalCode.CHALLENGE_UNKNOWN)
async def invented_challenge(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    return await visitor.code("/api/upgrade/card", body | {"challenge_id": "invented"})


@reaches(PortalCode.CHALLENGE_UNKNOWN)
async def challenge_of_another_session(site: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    thief = await site.visitor()
    await thief.register("0900000002")
    return await thief.code("/api/upgrade/card", body)


@reaches(PortalCode.CHALLENGE_UNKNOWN)
async def upgrade_with_a_signature_for_login(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    return await visitor.code("/api/upgrade/card", await visitor.login_body(citizen))


@reaches(PortalCode.CHALLENGE_UNKNOWN)
async def login_with_a_signature_for_upgrade(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    return await visitor.code("/api/login/card", await visitor.upgrade_body(citizen))


@reaches(PortalCode.CHALLENGE_UNKNOWN)
async def login_without_a_session(site: Site, visitor: Visitor, citizen: Person) -> str:
    body = await visitor.login_body(citizen)
    return await (await site.visitor()).code("/api/login/card", body)


@reaches(PortalCode.CHALLENGE_EXPIRED)
async def slow_citizen(site: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    site.clock.offset = 301
    return await visitor.code("/api/upgrade/card", body)


@reaches(PortalCode.CHALLENGE_USED)
async def second_signature_over_one_challenge(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    other = base64.b64encode(b"\x30\x03\x02\x01\x01").decode()
    assert await visitor.code("/api/upgrade/card", body | {"signature": other}) != "ok"
    return await visitor.code("/api/upgrade/card", body)


async def with_signature(visitor: Visitor, signature: bytes) -> str:
    """Answer a challenge of a new member with any octets."""
    await visitor.register()
    _, challenge = await visitor.post("/api/login/card/challenge")
    body = {
        "challenge_id": challenge["challenge_id"],
        "signature": base64.b64encode(signature).decode(),
    }
    return await visitor.code("/api/login/card", body)


@reaches(PortalCode.SIGNATURE_INVALID)
async def signature_over_something_else(_: Site, visitor: Visitor, citizen: Person) -> str:
    return await with_signature(visitor, citizen.sign(b"something else"))


@reaches(PortalCode.SIGNATURE_INVALID)
async def signature_over_an_older_challenge(_: Site, visitor: Visitor, citizen: Person) -> str:
    older = base64.b64decode((await visitor.login_body(citizen))["signature"])
    return await with_signature(visitor, older)


@reaches(PortalCode.SIGNATURE_INVALID)
async def garbage(_: Site, visitor: Visitor, __: Person) -> str:
    return await with_signature(visitor, b"\x30\x80" + bytes(50))


@reaches(PortalCode.SIGNATURE_INVALID)
async def detached_signature(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    _, challenge = await visitor.post("/api/login/card/challenge")
    content = Content(base64.b64decode(challenge["challenge"]), attached=False)
    prepared = prepare(citizen.der, content)
    signature = prepared.finish(citizen.sign_digest(prepared.digest))
    encoded = base64.b64encode(signature).decode()
    body = {"challenge_id": challenge["challenge_id"], "signature": encoded}
    return await visitor.code("/api/login/card", body)


@reaches(PortalCode.SIGNATURE_INVALID)
async def changed_octet(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    signature = bytearray(base64.b64decode(body["signature"]))
    signature[-1] ^= 1
    changed = base64.b64encode(signature).decode()
    return await visitor.code("/api/upgrade/card", body | {"signature": changed})


@reaches(PortalCode.CERTIFICATE_UNTRUSTED)
async def card_of_another_issuer(_: Site, visitor: Visitor, __: Person) -> str:
    await visitor.register()
    return await visitor.upgrade(issue(foreign_issuer(), 1))


_FOREIGN: list[TestIssuer] = []


def foreign_issuer() -> TestIssuer:
    """An issuer of the same names, whom nobody trusts."""
    if not _FOREIGN:
        _FOREIGN.append(TestIssuer.create(key_size=2048))
    return _FOREIGN[0]


@reaches(PortalCode.CERTIFICATE_EXPIRED)
async def expired_card(site: Site, visitor: Visitor, __: Person) -> str:
    await visitor.register()
    return await visitor.upgrade(issue(site.issuer, 1, Validity.EXPIRED))


@reaches(PortalCode.CERTIFICATE_EXPIRED)
async def card_that_the_identity_service_calls_expired(
    site: Site, visitor: Visitor, citizen: Person
) -> str:
    return await judged_by_ics(site, visitor, citizen, not_after="2020-01-01T00:00:00+00:00")


@reaches(PortalCode.CERTIFICATE_NOT_YET_VALID)
async def early_card(site: Site, visitor: Visitor, __: Person) -> str:
    await visitor.register()
    return await visitor.upgrade(issue(site.issuer, 1, Validity.NOT_YET))


@reaches(PortalCode.CERTIFICATE_REVOKED)
async def revoked_card(site: Site, visitor: Visitor, __: Person) -> str:
    person = issue(site.issuer, 1)
    revoke(site.issuer, person)
    site.publish()
    await visitor.register()
    return await visitor.upgrade(person)


@reaches(PortalCode.CERTIFICATE_REVOKED)
async def gold_member_whose_card_was_revoked_later(site: Site, visitor: Visitor, __: Person) -> str:
    person = issue(site.issuer, 1)
    site.publish()
    await visitor.register()
    assert await visitor.upgrade(person) == "ok"
    revoke(site.issuer, person)
    site.publish()
    return await (await site.visitor()).login(person)


@reaches(PortalCode.CERTIFICATE_REVOKED)
async def card_that_the_identity_service_calls_revoked(
    site: Site, visitor: Visitor, citizen: Person
) -> str:
    return await judged_by_ics(site, visitor, citizen, revoked_at="2026-01-01T00:00:00+00:00")


@reaches(PortalCode.CERTIFICATE_NOT_ACTIVATED)
async def card_that_was_never_activated(site: Site, visitor: Visitor, citizen: Person) -> str:
    return await judged_by_ics(site, visitor, citizen, activated=False)


async def judged_by_ics(site: Site, visitor: Visitor, person: Person, **facts: object) -> str:
    """Upgrade while the identity service says something particular about the card."""
    record = {"subject_serial": person.subject_serial, "id_number": person.id_number} | facts
    (site.folder / "issued.json").write_text(json.dumps([record]), encoding="utf-8")
    await visitor.register()
    return await visitor.upgrade(person)


@reaches(PortalCode.REVOCATION_UNKNOWN)
async def no_list_at_hand(site: Site, visitor: Visitor, citizen: Person) -> str:
    (site.folder / "ca.crl").unlink()
    await visitor.register()
    return await visitor.upgrade(citizen)


@reaches(PortalCode.REVOCATION_UNKNOWN)
async def no_list_of_the_root(site: Site, visitor: Visitor, citizen: Person) -> str:
    (site.folder / "root.crl").write_bytes(b"no list")
    await visitor.register()
    return await visitor.upgrade(citizen)


@reaches(PortalCode.REVOCATION_UNKNOWN)
async def list_of_a_namesake(site: Site, visitor: Visitor, citizen: Person) -> str:
    (site.folder / "ca.crl").write_bytes(foreign_issuer().crl())
    await visitor.register()
    return await visitor.upgrade(citizen)


@reaches(PortalCode.REVOCATION_UNKNOWN)
async def outdated_list(site: Site, visitor: Visitor, citizen: Person) -> str:
    site.clock.offset = 40 * 24 * 60 * 60
    await visitor.register()
    return await visitor.upgrade(citizen)


@reaches(PortalCode.WRONG_KEY_USAGE)
async def certificate_for_encryption(site: Site, visitor: Visitor, __: Person) -> str:
    person = issue(site.issuer, 1, use=Use.KEYX)
    await visitor.register()
    return await visitor.upgrade(person)


@reaches(PortalCode.ID_NUMBER_MISMATCH)
async def card_of_somebody_else(site: Site, visitor: Visitor, citizen: Person) -> str:
    other = issue(site.issuer, 2)
    await visitor.register()
    return await visitor.upgrade(citizen, id_number=other.id_number)


@reaches(PortalCode.IDENTITY_NOT_CONFIRMED)
async def id_number_with_the_same_end(_: Site, visitor: Visitor, citizen: Person) -> str:
    namesake = same_last_four(citizen.id_number)
    await visitor.register()
    return await visitor.upgrade(citizen, id_number=namesake)


def same_last_four(number: str) -> str:
    """Find another valid ID number with the same last four characters."""
    weights = {"A": 1, "B": 10, "C": 19, "D": 28, "E": 37}
    for middle in range(10_000):
        body = f"1{middle:04}{number[-4:]}"
        total = sum(
            int(digit) * weight
            for digit, weight in zip(body, (8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)
        )
        for letter, weight in weights.items():
            if (total + weight) % 10 == 0 and letter + body != number:
                return letter + body
    raise AssertionError


@reaches(PortalCode.IDENTITY_NOT_CONFIRMED)
async def pair_that_the_service_does_not_know(site: Site, visitor: Visitor, citizen: Person) -> str:
    return await judged_by_ics(site, visitor, citizen, subject_serial="0" * 16)


@reaches(PortalCode.IDENTITY_SERVICE_UNAVAILABLE)
async def service_in_trouble(site: Site, visitor: Visitor, citizen: Person) -> str:
    (site.folder / "issued.json").write_text("not a list", encoding="utf-8")
    await visitor.register()
    return await visitor.upgrade(citizen)


@reaches(PortalCode.ALREADY_GOLD)
async def second_upgrade(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    body = {"id_number": citizen.id_number}
    return await visitor.code("/api/upgrade/card/challenge", body)


@reaches(PortalCode.ALREADY_GOLD)
async def second_upgrade_from_another_tab(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    one, other = [await visitor.upgrade_body(citizen) for _tab in range(2)]
    assert await visitor.code("/api/upgrade/card", one) == "ok"
    return await visitor.code("/api/upgrade/card", other)


@reaches(PortalCode.ID_NUMBER_TAKEN)
async def second_account_of_one_person(site: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    second = await site.visitor()
    await second.register("0900000002")
    return await second.upgrade(citizen)


@reaches(PortalCode.ID_NUMBER_TAKEN)
async def second_account_with_a_renewed_card(site: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    renewed = issue(site.issuer, 1)
    site.publish()
    second = await site.visitor()
    await second.register("0900000002")
    return await second.upgrade(renewed)


@reaches(PortalCode.CARD_NOT_REGISTERED)
async def login_before_upgrade(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    return await visitor.login(citizen)


@reaches(PortalCode.CARD_NOT_REGISTERED)
async def login_with_a_new_card(site: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    return await (await site.visitor()).login(issue(site.issuer, 1))


OWN_SITE = {PortalCode.RATE_LIMITED, PortalCode.INTERNAL}


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
    rates = Rates(posts=Rate(3, 0.0), card_tries=Rate(100, 0.0))
    options = SiteOptions(replacements={"rates": rates})
    async with running_site(test_issuer, tmp_path, options) as site:
        visitor = await site.visitor()
        codes = [await visitor.code("/api/logout") for _ in range(4)]
        assert codes == ["ok", "ok", "ok", "rate_limited"]
        assert (await visitor.get("/api/session"))[0] == 200


async def test_card_tries_are_counted_by_session(
    test_issuer: TestIssuer, citizen: Person, tmp_path: Path
) -> None:
    rates = Rates(posts=Rate(1_000, 0.0), card_tries=Rate(4, 0.0))
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


class BrokenVerifier:
    """Fails in a way that nobody has thought of."""

    async def open(self, signature: bytes, content: bytes) -> object:
        raise RuntimeError(f"{signature!r} {content!r}")


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


async def test_a_refusal_speaks_both_languages(visitor: Visitor) -> None:
    _, answer = await visitor.post("/api/otp", {"contact": "?"})
    refusal = REFUSALS[PortalCode.CONTACT_INVALID]
    assert answer == {
        "error": {
            "code": "contact_invalid",
            "message": {"zh-Hant": refusal.zh_hant, "en": refusal.en},
            "retriable": True,
        }
    }


def test_every_code_has_its_own_words() -> None:
    assert set(REFUSALS) == set(PortalCode)
    for texts in ([item.zh_hant for item in REFUSALS.values()], [i.en for i in REFUSALS.values()]):
        assert len(set(texts)) == len(texts)
        assert all(10 < len(text) < 140 for text in texts)
    assert all(item.zh_hant.endswith("。") for item in REFUSALS.values())
    assert all(item.en.endswith(".") for item in REFUSALS.values())
    assert all(400 <= item.status < 600 for item in REFUSALS.values())
