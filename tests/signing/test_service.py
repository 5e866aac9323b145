"""The use cases on virtual cards: who may, which reader, what comes out, what goes wrong."""

import asyncio
import hashlib
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.verify import verify
from agent.consent.consent import AlwaysAllow, Consent, Refuse
from agent.consent.questions import LastAttempt
from agent.errors import (
    AgentError,
    BadRequestError,
    CardError,
    ErrorCode,
    SecureChannelError,
    TransportError,
)
from agent.origin import Origin
from agent.pki.certificate import CertificateFacts
from agent.pki.reading import read_certificate
from agent.secret import SecretBytes
from agent.signing import card_certificates as card_certificates_module
from agent.signing.model import (
    CardPresence,
    DecryptFormat,
    DecryptionRequest,
    ReaderView,
    SignatureFormat,
    SignatureRequest,
)
from agent.signing.service import SigningService
from agent.virtualcard import gen1, gen2
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import Validity
from agent.virtualcard.model import ID_SIGN, Faults, Generation
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.virtualcard.rsa_key import RsaKey

CardFactory = Callable[..., VirtualCard]
SITE = Origin.parse("https://portal.example")
FIRST = READER_NAME.format(0)
SECOND = READER_NAME.format(1)
ONE = SignatureRequest((Document(data=b"hello"),))


def pin(text: str = "123456") -> SecretBytes:
    return SecretBytes.from_text(text)


@asynccontextmanager
async def running(
    provider: VirtualProvider,
    consent: Consent | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[SigningService]:
    service = SigningService(provider, consent or AlwaysAllow(), clock)
    await service.start()
    try:
        yield service
    finally:
        await service.close()


def with_cards(*cards: VirtualCard) -> VirtualProvider:
    provider = VirtualProvider(readers=len(cards))
    for number, card in enumerate(cards):
        provider.insert(READER_NAME.format(number), card)
    return provider


async def code_of(awaitable: object) -> tuple[ErrorCode, int | None]:
    with pytest.raises(AgentError) as error:
        await awaitable  # type: ignore[misc]
    return error.value.code, error.value.attempts_left


@pytest.mark.parametrize(
    "hash_", [HashAlgorithm.SHA256, HashAlgorithm.SHA384, HashAlgorithm.SHA512]
)
async def test_an_attached_signature_verifies(
    make_card: CardFactory, generation: str, hash_: HashAlgorithm
) -> None:
    async with running(with_cards(make_card(generation))) as service:
        result = await service.sign(SITE, SignatureRequest(ONE.documents, hash=hash_), pin())
        verified = verify(result.signatures[0])
        assert verified.content == b"hello"
        assert verified.certificate == result.certificate.facts.der
        assert service.snapshot().readers[0].serial == result.certificate.card_serial


async def test_a_batch_has_a_signature_for_each_document(
    make_card: CardFactory, generation: str
) -> None:
    documents = tuple(Document(data=bytes((n,))) for n in range(3))
    async with running(with_cards(make_card(generation))) as service:
        result = await service.sign(SITE, SignatureRequest(documents), pin())
    contents = [verify(signature).content for signature in result.signatures]
    assert contents == [b"\x00", b"\x01", b"\x02"]


async def test_the_pin_is_wiped_however_it_ends(make_card: CardFactory) -> None:
    async with running(with_cards(make_card())) as service:
        for request in (ONE, SignatureRequest(ONE.documents, reader="no such reader")):
            secret = pin()
            try:
                await service.sign(SITE, request, secret)
            except AgentError:
                assert request is not ONE
            assert secret.buffer == bytes(6)


async def test_nobody_is_allowed_where_nobody_can_be_asked(make_card: CardFactory) -> None:
    card = make_card()
    async with running(with_cards(card), Refuse("no window")) as service:
        assert not service.is_allowed(SITE)
        for asked in (
            service.connect(SITE),
            service.certificates(SITE),
            service.sign(SITE, ONE, pin()),
            service.decrypt(SITE, DecryptionRequest(bytes(256), DecryptFormat.PKCS1), pin()),
        ):
            assert (await code_of(asked))[0] is ErrorCode.ORIGIN_NOT_ALLOWED
    assert card.trace.commands == 0


async def test_no_pin_is_asked_for_before_anything_is_sent(make_card: CardFactory) -> None:
    card = make_card()
    async with running(with_cards(card)) as service:
        assert await code_of(service.sign(SITE, ONE, None)) == (ErrorCode.PIN_REQUIRED, None)
    assert card.trace.commands == 0


class Misnamed(VirtualCard):
    """A card with the other generation's answer to reset."""

    @property
    def atr(self) -> bytes:
        return gen2.ATR if self.data.generation is Generation.GEN1 else gen1.ATR


async def test_the_answer_to_reset_is_a_hint_and_the_card_has_the_last_word(
    make_card: CardFactory, generation: str
) -> None:
    card = Misnamed(make_card(generation).data)
    async with running(with_cards(card)) as service:
        assert service.snapshot().readers[0].generation != generation
        await service.sign(SITE, ONE, pin())
        await asyncio.sleep(0)
        assert service.snapshot().readers[0].generation == generation
        before = card.trace.commands
        await service.sign(SITE, ONE, pin())
    assert card.trace.commands - before <= {"gen1": 11, "gen2": 13}[generation]


async def test_a_misnamed_card_gets_a_pin_once(make_card: CardFactory, generation: str) -> None:
    card = Misnamed(make_card(generation, pin="654321").data)
    card.trace.recording = True
    async with running(with_cards(card)) as service:
        code = await code_of(service.sign(SITE, ONE, pin()))
    assert code == (ErrorCode.PIN_INCORRECT, 2)
    assert sum(command[1] == 0x20 for command, _ in card.trace.exchanges) == 1


@pytest.mark.parametrize("error", [CardError, SecureChannelError, TransportError])
def test_what_card_or_reader_did_wrong_may_be_tried_again(error: type[AgentError]) -> None:
    assert (error("nonsense").code, error("nonsense").retriable) == (ErrorCode.CARD_ERROR, True)


async def until(service: SigningService, holds: Callable[[tuple[ReaderView, ...]], bool]) -> None:
    async with asyncio.timeout(10), service.subscribe() as events:
        while not holds(service.snapshot().readers):
            await events.get()


def first_is(state: CardPresence) -> Callable[[tuple[ReaderView, ...]], bool]:
    return lambda readers: readers[0].state is state


async def test_another_certificate_than_the_one_asked_for_costs_no_attempt(
    make_card: CardFactory, generation: str
) -> None:
    card = make_card(generation)
    request = SignatureRequest(ONE.documents, certificate=bytes(32))
    async with running(with_cards(card)) as service:
        asked = service.sign(SITE, request, pin("654321"))
        assert await code_of(asked) == (ErrorCode.KEY_NOT_FOUND, None)
    assert card.data.attempts_left == 3


@pytest.mark.parametrize(
    ("validity", "code"),
    [
        (Validity.EXPIRED, ErrorCode.CERTIFICATE_EXPIRED),
        (Validity.NOT_YET, ErrorCode.CERTIFICATE_NOT_YET_VALID),
    ],
)
async def test_a_certificate_out_of_its_time_costs_no_attempt(
    make_card: CardFactory, validity: Validity, code: ErrorCode
) -> None:
    card = make_card(validity=validity)
    async with running(with_cards(card)) as service:
        assert (await code_of(service.sign(SITE, ONE, pin("654321"))))[0] is code
        assert card.data.attempts_left == 3
        anyway = SignatureRequest(ONE.documents, check_validity=False)
        assert (await service.sign(SITE, anyway, pin())).signatures


async def test_none_of_the_last_attempts_is_spent_without_a_word(make_card: CardFactory) -> None:
    class NoLastTry(AlwaysAllow):
        async def allow_last_attempt(self, question: LastAttempt) -> None:
            await Refuse("not now").allow_last_attempt(question)

    card = make_card()
    async with running(with_cards(card), NoLastTry()) as service:
        asked = service.sign(SITE, ONE, pin("654321"))
        assert await code_of(asked) == (ErrorCode.PIN_INCORRECT, 2)
        for _ in range(2):  # fewer than all: each of a page's is asked about
            asked = service.sign(SITE, ONE, pin("654321"))
            assert await code_of(asked) == (ErrorCode.PIN_LAST_ATTEMPT, 2)
    assert card.data.attempts_left == 2


async def test_with_leave_the_last_attempt_is_spent(make_card: CardFactory) -> None:
    card = make_card(attempts_left=2)
    async with running(with_cards(card)) as service:
        assert await code_of(service.sign(SITE, ONE, pin("654321"))) == (
            ErrorCode.PIN_INCORRECT,
            1,
        )
        assert (await service.sign(SITE, ONE, pin())).signatures
    assert card.data.attempts_left == 3


async def test_cancelled_before_its_turn_it_costs_nothing(make_card: CardFactory) -> None:
    card = make_card(faults=Faults(rsa_delay_ms=300))
    async with running(with_cards(card)) as service:
        first = asyncio.create_task(service.sign(SITE, ONE, pin()))
        second = asyncio.create_task(service.sign(SITE, ONE, pin("654321")))
        await asyncio.sleep(0.05)
        second.cancel()
        assert (await first).signatures
        with pytest.raises(asyncio.CancelledError):
            await second
    assert card.data.attempts_left == 3


async def test_cancelled_between_two_signatures_it_costs_nothing(
    make_card: CardFactory, generation: str
) -> None:
    card = make_card(generation, faults=Faults(rsa_delay_ms=200))
    batch = SignatureRequest(tuple(Document(data=bytes((n,))) for n in range(5)))
    async with running(with_cards(card)) as service:
        asked = asyncio.create_task(service.sign(SITE, batch, pin()))
        await asyncio.sleep(0.3)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await service.certificates(SITE)  # whatever was under way has ended
    assert card.data.attempts_left == 3


@pytest.mark.parametrize("validity", [Validity.NOW, Validity.EXPIRED])
async def test_a_renewed_certificate_is_found(
    make_card: CardFactory, generation: str, validity: Validity
) -> None:
    # the agent runs for weeks; the citizen renews the certificate with another program
    old, new = make_card(generation, validity=validity), make_card(generation)
    renewed = VirtualCard(replace(new.data, serial=old.data.serial))
    provider = with_cards(old)
    async with running(provider) as service:
        before = (await service.certificates(SITE)).certificates
        provider.remove(FIRST)
        await until(service, first_is(CardPresence.EMPTY))
        provider.insert(FIRST, renewed)
        await until(service, first_is(CardPresence.CARD))
        if validity is Validity.NOW:
            (der,) = (each.der for each in new.data.certificates if each.id == ID_SIGN)
            asked = replace(ONE, certificate=hashlib.sha256(der).digest())
            assert (await service.sign(SITE, asked, pin())).signatures
        after = (await service.certificates(SITE)).certificates
        assert {c.facts.thumbprint for c in after} != {c.facts.thumbprint for c in before}
        assert (await service.sign(SITE, ONE, pin())).signatures


async def test_pulled_in_the_middle_and_put_back(make_card: CardFactory, generation: str) -> None:
    card = make_card(generation, faults=Faults(rsa_delay_ms=500))
    provider = with_cards(card)
    async with running(provider) as service:
        asked = asyncio.create_task(service.sign(SITE, ONE, pin()))
        await asyncio.sleep(0.2)
        provider.remove(FIRST)
        assert (await code_of(asked))[0] is ErrorCode.CARD_REMOVED
        await until(service, first_is(CardPresence.EMPTY))
        card.faults = Faults()
        provider.insert(FIRST, card)
        await until(service, first_is(CardPresence.CARD))
        assert (await service.sign(SITE, ONE, pin())).signatures


async def test_the_signature_must_match_the_certificate(make_card: CardFactory) -> None:
    # Two cards that claim one number: what is remembered of the first is no use for the second.
    first, second = make_card(), make_card()
    second.data.serial = first.data.serial
    second.data.keys = (replace(second.data.keys[0], key=RsaKey.generate()), second.data.keys[1])
    second = VirtualCard(second.data)
    provider = with_cards(first)
    async with running(provider) as service:
        await service.sign(SITE, ONE, pin())
        provider.remove(FIRST)
        provider.insert(FIRST, second)
        assert (await code_of(service.sign(SITE, ONE, pin())))[0] is ErrorCode.CARD_ERROR


async def test_decryption_opens_what_was_sealed_for_the_card(
    make_card: CardFactory, generation: str
) -> None:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    async with running(with_cards(make_card(generation))) as service:
        certificates = (await service.certificates(SITE)).certificates
        (keyx,) = (c for c in certificates if c.id == "KEYX")
        key = keyx.facts.public_key
        assert isinstance(key, RSAPublicKey)
        sealed = key.encrypt(b"a secret", PKCS1v15())
        request = DecryptionRequest(sealed, DecryptFormat.PKCS1)
        assert await service.decrypt(SITE, request, pin()) == b"a secret"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: SignatureRequest(()),
        Document,
        lambda: Document(data=b"", digest=bytes(32)),
        lambda: SignatureRequest((Document(digest=bytes(31)),), format=SignatureFormat.PKCS1),
        lambda: SignatureRequest((Document(digest=bytes(32)),), format=SignatureFormat.CMS),
    ],
)
def test_requests_without_sense_are_refused_before_any_card(wrong: Callable[[], object]) -> None:
    with pytest.raises(BadRequestError):
        wrong()


async def test_the_clock_is_the_signing_time(make_card: CardFactory) -> None:
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    async with running(with_cards(make_card()), clock=lambda: moment) as service:
        result = await service.sign(SITE, ONE, pin())
    assert verify(result.signatures[0]).signing_time == moment


async def test_a_sealed_message_is_opened(
    make_card: CardFactory, generation: str, tmp_path: Path
) -> None:
    card = make_card(generation)
    async with running(with_cards(card)) as service:
        (keyx,) = (c for c in (await service.certificates(SITE)).certificates if c.id == "KEYX")
        (tmp_path / "recipient.der").write_bytes(keyx.facts.der)
        sealed = await asyncio.to_thread(seal, b"for the citizen", tmp_path)
        request = DecryptionRequest(sealed, DecryptFormat.CMS)
        assert await service.decrypt(SITE, request, pin()) == b"for the citizen"
        spoilt = DecryptionRequest(sealed[:-1] + bytes((sealed[-1] ^ 1,)), DecryptFormat.CMS)
        assert (await code_of(service.decrypt(SITE, spoilt, pin())))[0] is ErrorCode.NOT_DECRYPTABLE
        garbage = DecryptionRequest(b"garbage", DecryptFormat.CMS)
        asked = service.decrypt(SITE, garbage, pin("654321"))
        assert (await code_of(asked))[0] is ErrorCode.BAD_REQUEST
    assert card.data.attempts_left == 3


def seal(message: bytes, folder: Path) -> bytes:
    to_pem = ["openssl", "x509", "-inform", "DER", "-in", "recipient.der", "-out", "recipient.pem"]
    subprocess.run(to_pem, cwd=folder, check=True)
    encrypt = ["openssl", "cms", "-encrypt", "-binary", "-aes256", "-outform", "DER"]
    done = subprocess.run(
        [*encrypt, "recipient.pem"], cwd=folder, input=message, check=True, capture_output=True
    )
    return done.stdout


async def test_a_spoilt_certificate_does_not_spoil_the_card(make_card: CardFactory) -> None:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    card = make_card()
    root, ca, sign, keyx = card.data.certificates
    spoilt = replace(sign, der=sign.der[:4] + bytes(len(sign.der) - 4))
    card.data.certificates = (root, ca, spoilt, keyx)
    async with running(with_cards(VirtualCard(card.data))) as service:
        asked = service.sign(SITE, ONE, pin("654321"))
        assert (await code_of(asked))[0] is ErrorCode.UNSUPPORTED_CARD
        (found,) = (c for c in (await service.certificates(SITE)).certificates if c.id == "KEYX")
        key = found.facts.public_key
        assert isinstance(key, RSAPublicKey)
        sealed = DecryptionRequest(key.encrypt(b"a secret", PKCS1v15()), DecryptFormat.PKCS1)
        assert await service.decrypt(SITE, sealed, pin()) == b"a secret"
    assert card.data.attempts_left == 3


@pytest.mark.parametrize(
    "format_", [each for each in SignatureFormat if each is not SignatureFormat.PADES]
)
async def test_a_certificate_whose_key_cannot_sign_costs_no_attempt(
    make_card: CardFactory, format_: SignatureFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505  # what is refused
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    for key in (short, curve):

        def misread(der: bytes, key: CertificatePublicKeyTypes = key) -> CertificateFacts:
            return replace(read_certificate(der), public_key=key)

        monkeypatch.setattr(card_certificates_module, "certificate_facts", misread)
        card = make_card()
        asked = SignatureRequest(ONE.documents, format=format_)
        async with running(with_cards(card)) as service:
            code = (await code_of(service.sign(SITE, asked, pin("654321"))))[0]
            assert service.snapshot().readers[0].state is CardPresence.CARD
        assert (code, card.data.attempts_left) == (ErrorCode.UNSUPPORTED_CARD, 3)
