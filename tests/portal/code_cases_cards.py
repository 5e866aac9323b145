"""Ways to reach each code: cards, people and accounts that cannot be let in."""

import json
from unittest.mock import patch

from cryptography.x509 import Name

from agent.portal.errors import PortalCode
from agent.virtualcard.issuer import Validity
from agent.virtualcard.profile import Use, citizen_name
from tests.portal.code_cases import reaches
from tests.portal.code_cases_signatures import foreign_issuer
from tests.portal.support import (
    Person,
    Site,
    Visitor,
    issue,
    revoke,
)


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


@reaches(PortalCode.PROFILE_MISMATCH)
async def certificate_of_no_citizen(site: Site, visitor: Visitor, __: Person) -> str:
    def named(name: str, subject_serial: str) -> Name:
        return citizen_name(name, subject_serial[1:])

    with patch("agent.virtualcard.profile.citizen_name", named):
        person = issue(site.issuer, 1)
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


@reaches(PortalCode.NOT_GOLD)
async def card_of_an_ordinary_member(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    body = {"id_number": citizen.id_number}
    return await visitor.code("/api/account/card/challenge", body)
