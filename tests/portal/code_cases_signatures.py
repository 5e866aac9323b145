"""Ways to reach each code: challenges and signatures that are not what they should be."""

import base64

from agent.cms.document import Document
from agent.cms.signed import prepare
from agent.portal.errors import PortalCode
from agent.virtualcard.issuer import TestIssuer
from tests.portal.code_cases import reaches
from tests.portal.support import (
    Person,
    Site,
    Visitor,
    issue,
)


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
    document = Document(base64.b64decode(challenge["challenge"]))
    prepared = prepare(citizen.der, document, attached=False)
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
