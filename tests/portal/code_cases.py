"""Ways to reach each code: the registry, and what needs no card."""

from collections.abc import Awaitable, Callable

from agent.portal.errors import PortalCode
from tests.portal.support import (
    MOBILE,
    Person,
    Site,
    Visitor,
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


@reaches(PortalCode.TOO_MANY_ATTEMPTS)
async def guessed_code(_: Site, visitor: Visitor, __: Person) -> str:
    right, wrong = await wrong_code(visitor)
    body = {"contact": MOBILE, "code": wrong}
    codes = [await visitor.code("/api/otp/confirm", body) for _attempt in range(5)]
    assert codes == ["otp_incorrect"] * 4 + ["too_many_tries"]
    return await visitor.code("/api/otp/confirm", {"contact": MOBILE, "code": right})


@reaches(PortalCode.TOO_MANY_ATTEMPTS)
async def too_many_codes_to_one_contact(_: Site, visitor: Visitor, __: Person) -> str:
    for _attempt in range(5):
        assert await visitor.code("/api/otp", {"contact": MOBILE}) == "ok"
    return await visitor.code("/api/otp", {"contact": MOBILE})
