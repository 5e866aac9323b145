"""A login on a virtual card: what is signed, who may have it, and what the citizen is told."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.cms.digest import HashAlgorithm
from agent.cms.login import CONTENT_TYPE, LoginPurpose, LoginStatement, challenge_text
from agent.cms.verify import verify
from agent.consent.consent import AlwaysAllow
from agent.consent.questions import Act, EnterPin
from agent.errors import AgentError, BadRequestError, ErrorCode, KeyNotFoundError
from agent.history import store
from agent.history.line import EntryKind
from agent.history.store import History
from agent.origin import LOCAL_PROGRAM, LOCAL_USER, PANEL, SELF_TEST, Origin
from agent.pki.certificate import KeyUsage
from agent.pki.reading import read_certificate
from agent.secret import SecretBytes
from agent.signing.authenticate_task import AuthenticateTask
from agent.signing.model import AuthenticationRequest, CardCertificate
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import Validity
from agent.virtualcard.model import ID_SIGN
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.signing.prompt_support import Citizen, types

CardFactory = Callable[..., VirtualCard]
SITE = Origin.parse("https://portal.example")
READER = READER_NAME.format(0)
CHALLENGE = bytes(range(48))
ONE = AuthenticationRequest(CHALLENGE)
NOW = datetime.now(UTC).replace(microsecond=999_999)  # while the card's certificates are valid


def pin(text: str = "123456") -> SecretBytes:
    return SecretBytes.from_text(text)


@asynccontextmanager
async def running(card: VirtualCard, **options: Any) -> AsyncIterator[SigningService]:
    provider = VirtualProvider(readers=1)
    provider.insert(READER, card)
    service = SigningService(provider, AlwaysAllow(), **options)
    await service.start()
    try:
        yield service
    finally:
        await service.close()


@pytest.mark.parametrize("algorithm", [HashAlgorithm.SHA256, HashAlgorithm.SHA512])
@pytest.mark.parametrize("purpose", LoginPurpose)
async def test_the_agent_says_who_asked_and_when(
    make_card: CardFactory, generation: str, algorithm: HashAlgorithm, purpose: LoginPurpose
) -> None:
    request = AuthenticationRequest(CHALLENGE, purpose, algorithm)
    async with running(make_card(generation), clock=lambda: NOW) as service:
        made = await service.authenticate(SITE, request, pin())
    message = verify(made.token, content_types=(CONTENT_TYPE,))
    assert message.hash is algorithm
    assert message.certificate == made.certificate.facts.der
    assert LoginStatement.parse(message.content) == LoginStatement(
        purpose, "https://portal.example", challenge_text(CHALLENGE), f"{NOW:%Y-%m-%dT%H:%M:%S}Z"
    )


@pytest.mark.parametrize(
    ("site", "is_secure"),
    [
        ("https://portal.example", True),
        ("https://portal.example:8443", True),
        ("https://192.0.2.1", True),
        ("http://localhost", True),
        ("http://localhost:8080", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://app.localhost:8080", True),
        ("http://portal.example", False),
        ("http://localhost.example", False),
        ("http://notlocalhost", False),
        ("http://192.168.0.1", False),
        ("http://127.0.0.1.nip.example", False),
        ("http://[::2]", False),
    ],
)
async def test_only_a_site_that_nobody_else_can_be_gets_a_login(
    make_card: CardFactory, site: str, is_secure: bool
) -> None:
    secret = pin()
    code = None
    async with running(make_card("gen2")) as service:
        try:
            made = await service.authenticate(Origin.parse(site), ONE, secret)
        except AgentError as error:
            code = error.code
        else:
            assert f'"origin":"{site}"'.encode() in made.token
    assert code == (None if is_secure else ErrorCode.INSECURE_ORIGIN)
    assert bytes(secret.buffer) == bytes(6)


@pytest.mark.parametrize("site", [LOCAL_USER, LOCAL_PROGRAM, SELF_TEST, PANEL], ids=str)
async def test_what_is_no_site_cannot_be_logged_in_to(make_card: CardFactory, site: Origin) -> None:
    async with running(make_card("gen2")) as service:
        with pytest.raises(AgentError) as refused:
            await service.authenticate(site, ONE, pin())
    assert refused.value.code is ErrorCode.INSECURE_ORIGIN


@pytest.mark.parametrize("length", [0, 31, 65])
def test_a_challenge_has_32_to_64_octets(length: int) -> None:
    with pytest.raises(BadRequestError):
        AuthenticationRequest(bytes(length))


def test_sha1_is_never_allowed() -> None:
    with pytest.raises(BadRequestError):
        AuthenticationRequest(CHALLENGE, hash=HashAlgorithm.SHA1)


async def test_the_certificate_that_is_named_has_to_be_there(make_card: CardFactory) -> None:
    async with running(make_card("gen2")) as service:
        other = AuthenticationRequest(CHALLENGE, certificate=bytes(32), reader=READER)
        with pytest.raises(AgentError) as refused:
            await service.authenticate(SITE, other, pin())
        assert refused.value.code is ErrorCode.KEY_NOT_FOUND
        made = await service.authenticate(SITE, ONE, pin())
        named = AuthenticationRequest(
            CHALLENGE, certificate=made.certificate.facts.thumbprint, reader=READER
        )
        again = await service.authenticate(SITE, named, pin())
    assert again.certificate.facts == made.certificate.facts


@pytest.mark.parametrize(
    ("validity", "code"),
    [
        (Validity.EXPIRED, ErrorCode.CERTIFICATE_EXPIRED),
        (Validity.NOT_YET, ErrorCode.CERTIFICATE_NOT_YET_VALID),
    ],
)
async def test_a_certificate_out_of_its_dates_costs_no_pin(
    make_card: CardFactory, validity: Validity, code: ErrorCode
) -> None:
    card = make_card("gen2", validity=validity)
    async with running(card) as service:
        with pytest.raises(AgentError) as refused:
            await service.authenticate(SITE, ONE, pin("999999"))
        assert refused.value.code is code
        assert service.snapshot().readers[0].attempts_left in (None, 3)


@pytest.mark.parametrize("usage", [(), (KeyUsage.NON_REPUDIATION,), (KeyUsage.KEY_ENCIPHERMENT,)])
def test_a_key_that_proves_no_identity_is_not_used(
    make_card: CardFactory, usage: tuple[KeyUsage, ...]
) -> None:
    held = make_card("gen2").data.certificates
    facts = read_certificate(next(each.der for each in held if each.id == ID_SIGN))
    certificate = CardCertificate(facts, READER, "SIGN", "", "TS00000000000001")
    task = AuthenticateTask(ONE, SITE, lambda: datetime.now(UTC))
    assert task.prepare(certificate).digest
    with pytest.raises(KeyNotFoundError):
        task.prepare(replace(certificate, facts=replace(facts, key_usage=usage)))


async def test_the_window_names_no_document(make_card: CardFactory) -> None:
    citizen = Citizen([types("123456"), types("123456")])
    async with running(make_card("gen2"), prompter=citizen) as service:
        await service.authenticate(SITE, ONE, None)
        identify = AuthenticationRequest(CHALLENGE, LoginPurpose.IDENTIFY)
        await service.authenticate(SITE, identify, None)
    for asked, purpose in zip(citizen.asked, LoginPurpose, strict=True):
        assert isinstance(asked, EnterPin)
        assert asked.site == SITE
        assert asked.purpose.act is Act.AUTHENTICATE
        assert asked.purpose.login is purpose
        assert (asked.purpose.documents, asked.purpose.count) == ((), 0)


async def test_a_login_leaves_a_line(make_card: CardFactory, tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    try:
        async with running(make_card("gen2"), history=history) as service:
            await service.authenticate(SITE, ONE, pin())
            with pytest.raises(AgentError):
                await service.authenticate(Origin.parse("http://portal.example"), ONE, pin())
            (line,) = store.read(tmp_path / "history.sqlite")
    finally:
        history.close()
    entry = line.entry
    assert (entry.kind, entry.outcome) == (EntryKind.AUTHENTICATE, "done")
    assert (entry.format, entry.document) == ("authenticate", "login")
    assert entry.digest == hashlib.sha256(CHALLENGE).hexdigest()
    assert entry.site == "https://portal.example"
