"""Ways to reach each code: challenges and signatures that are not what they should be."""

import base64
from collections.abc import Callable
from unittest.mock import patch

from agent.cms.document import Document
from agent.cms.login import LoginPurpose, LoginStatement
from agent.cms.signed import prepare
from agent.portal.errors import PortalCode
from agent.virtualcard.issuer import TestIssuer
from tests.portal.code_cases import reaches
from tests.portal.support import (
    NOON,
    Person,
    Site,
    Visitor,
    issue,
    submission,
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
    assert await visitor.code("/api/upgrade/card", body | {"token": other}) != "ok"
    return await visitor.code("/api/upgrade/card", body)


@reaches(PortalCode.CHALLENGE_USED)
async def login_after_the_same_challenge_was_wasted(
    _: Site, visitor: Visitor, citizen: Person
) -> str:
    body = await visitor.login_body(citizen)
    wasted = body | {"token": "AAAA"}
    assert await visitor.code("/api/login/card", wasted) == "signature_invalid"
    return await visitor.code("/api/login/card", body)


async def with_token(visitor: Visitor, make: Callable[[str], bytes]) -> str:
    """Answer a challenge for logging in with any octets."""
    await visitor.register()
    _, challenge = await visitor.post("/api/login/card/challenge")
    made = make(challenge["challenge"])
    return await visitor.code("/api/login/card", submission(challenge, made))


def stated(citizen: Person, challenge: str, origin: str, purpose: str = "login") -> bytes:
    statement = LoginStatement(LoginPurpose(purpose), origin, challenge, NOON)
    return citizen.authenticate(statement)


@reaches(PortalCode.SIGNATURE_INVALID)
async def garbage(_: Site, visitor: Visitor, __: Person) -> str:
    return await with_token(visitor, lambda _: b"\x30\x80" + bytes(50))


@reaches(PortalCode.SIGNATURE_INVALID)
async def detached_signature(_: Site, visitor: Visitor, citizen: Person) -> str:
    prepared = prepare(citizen.der, Document(b"x"), attached=False)
    made = prepared.finish(citizen.sign_digest(prepared.digest))
    return await with_token(visitor, lambda _: made)


@reaches(PortalCode.SIGNATURE_INVALID)
async def changed_octet(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    token = bytearray(base64.b64decode(body["token"]))
    token[-1] ^= 1
    changed = base64.b64encode(token).decode()
    return await visitor.code("/api/upgrade/card", body | {"token": changed})


@reaches(PortalCode.WRONG_CONTENT_TYPE)
async def signed_document(_: Site, visitor: Visitor, citizen: Person) -> str:
    return await with_token(visitor, lambda challenge: citizen.sign(challenge.encode()))


@reaches(PortalCode.WRONG_CONTENT_TYPE)
async def document_that_reads_like_a_login(_: Site, visitor: Visitor, citizen: Person) -> str:
    def make(challenge: str) -> bytes:
        text = LoginStatement(LoginPurpose.LOGIN, visitor.origin, challenge, NOON).encode()
        return citizen.sign(text)

    return await with_token(visitor, make)


@reaches(PortalCode.MALFORMED)
async def statement_of_another_form(_: Site, visitor: Visitor, citizen: Person) -> str:
    def make(challenge: str) -> bytes:
        statement = LoginStatement(LoginPurpose.LOGIN, visitor.origin, challenge, NOON)
        text = statement.encode().replace(b".v1", b".v2")
        with patch.object(LoginStatement, "encode", lambda _: text):
            return citizen.authenticate(statement)

    return await with_token(visitor, make)


@reaches(PortalCode.ORIGIN_MISMATCH)
async def login_made_for_another_site(_: Site, visitor: Visitor, citizen: Person) -> str:
    return await with_token(visitor, lambda text: stated(citizen, text, "https://evil.example"))


@reaches(PortalCode.ORIGIN_MISMATCH)
async def login_made_for_another_port(_: Site, visitor: Visitor, citizen: Person) -> str:
    return await with_token(visitor, lambda text: stated(citizen, text, "http://127.0.0.1:1"))


@reaches(PortalCode.ORIGIN_MISMATCH)
async def login_made_for_the_site_with_a_slash(_: Site, visitor: Visitor, citizen: Person) -> str:
    return await with_token(visitor, lambda text: stated(citizen, text, visitor.origin + "/"))


@reaches(PortalCode.CHALLENGE_MISMATCH)
async def login_over_an_older_challenge(_: Site, visitor: Visitor, citizen: Person) -> str:
    older = base64.b64decode((await visitor.login_body(citizen))["token"])
    return await with_token(visitor, lambda _: older)


@reaches(PortalCode.PURPOSE_MISMATCH)
async def identification_where_a_login_is_due(_: Site, visitor: Visitor, citizen: Person) -> str:
    return await with_token(visitor, lambda text: stated(citizen, text, visitor.origin, "identify"))


@reaches(PortalCode.PURPOSE_MISMATCH)
async def login_where_an_identification_is_due(_: Site, visitor: Visitor, citizen: Person) -> str:
    await visitor.register()
    asked = {"id_number": citizen.id_number}
    _, challenge = await visitor.post("/api/upgrade/card/challenge", asked)
    made = stated(citizen, challenge["challenge"], visitor.origin)
    return await visitor.code("/api/upgrade/card", submission(challenge, made))


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
