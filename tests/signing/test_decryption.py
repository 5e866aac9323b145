"""What others encrypt for a card, from the request to the card and back; whose fault it is."""

import asyncio
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from agent.errors import ErrorCode
from agent.secret import SecretBytes
from agent.signing.model import DecryptFormat, DecryptionRequest
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import TestIssuer, Validity, der
from agent.virtualcard.model import ID_KEYX, VirtualCertificate
from agent.virtualcard.profile import Use
from agent.virtualcard.provider import READER_NAME
from tests.conftest import TEST_ID_NUMBER, TEST_NAME
from tests.signing.odd_support import code_of, own
from tests.signing.prompt_support import SITE, Citizen
from tests.signing.test_card_choice import desk

CardFactory = Callable[..., VirtualCard]
SECRET = "只有收件人看得到".encode()
OAEP = ("-keyopt", "rsa_padding_mode:oaep")
SHA_256 = ("-keyopt", "rsa_oaep_md:sha256")
VERIFY = 0x20


def seal(folder: Path, certificate: bytes, cipher: str, *options: str) -> bytes:
    pem = load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
    (folder / "recipient.pem").write_bytes(pem)
    command = ["openssl", "cms", "-encrypt", "-binary", cipher, "-outform", "DER"]
    command += ["-recip", "recipient.pem", *options]
    return subprocess.run(
        command, cwd=folder, input=SECRET, check=True, capture_output=True, timeout=30
    ).stdout


def pin(text: str = "123456") -> SecretBytes:
    return SecretBytes.from_text(text)


def asked(message: bytes, form: DecryptFormat = DecryptFormat.CMS) -> DecryptionRequest:
    return DecryptionRequest(message, form, READER_NAME.format(0))


@pytest.fixture
def make_traced(make_card: CardFactory) -> CardFactory:
    """Make cards that keep their commands."""

    def make(generation: str = "gen1", **wanted: object) -> VirtualCard:
        card = make_card(generation, **wanted)
        card.trace.recording = True
        return card

    return make


@pytest.mark.parametrize("cipher", ["-aes192", "-aes256", "-aes-128-gcm", "-aes-256-gcm"])
@pytest.mark.parametrize("options", [(), OAEP, (*OAEP, *SHA_256)], ids=["1.5", "OAEP", "SHA-256"])
async def test_what_openssl_encrypts_for_a_card_is_opened(
    make_traced: CardFactory, generation: str, tmp_path: Path, cipher: str, options: tuple[str, ...]
) -> None:
    card = make_traced(generation)
    sealed = await asyncio.to_thread(seal, tmp_path, own(card, ID_KEYX).der, cipher, *options)
    async with desk(card, prompter=None) as (service, _):
        assert await service.decrypt(SITE, asked(sealed), pin()) == SECRET
    assert verifies(card) == 1


def verifies(card: VirtualCard) -> int:
    return sum(command[1] == VERIFY for command, _ in card.trace.exchanges)


def with_key(message: bytes, block: bytes, certificate: bytes) -> bytes:
    """Return a message with another encrypted key: the one that the card makes ``block`` of."""
    numbers = load_der_x509_certificate(certificate).public_key().public_numbers()  # type: ignore[union-attr]  # RSA
    key = pow(int.from_bytes(block, "big"), numbers.e, numbers.n).to_bytes(256, "big")  # type: ignore[union-attr]  # likewise
    info = cms.ContentInfo.load(message).copy()
    info["content"]["recipient_infos"][0].chosen["encrypted_key"] = key
    return bytes(info.dump(force=True))


FORGED = {
    "another key": b"\x00\x02" + b"\x5a" * 221 + b"\x00" + bytes(32),
    "a longer key": b"\x00\x02" + b"\x5a" * 220 + b"\x00" + bytes(33),
    "no key": b"\x00\x02" + b"\x5a" * 253 + b"\x00",
    "another padding": b"\x00\x01" + b"\xff" * 221 + b"\x00" + bytes(32),
    "no end of the padding": b"\x00\x02" + b"\x5a" * 254,
    "too large for OAEP": b"\x01" + bytes(255),
    "nothing": bytes(256),
}


@pytest.mark.parametrize("cipher", ["-aes256", "-aes-256-gcm"])
@pytest.mark.parametrize("options", [(), (*OAEP, *SHA_256)], ids=["1.5", "OAEP"])
async def test_whatever_is_forged_is_answered_alike_after_the_same_commands(
    make_traced: CardFactory, generation: str, tmp_path: Path, cipher: str, options: tuple[str, ...]
) -> None:
    card = make_traced(generation)
    certificate = own(card, ID_KEYX).der
    good = await asyncio.to_thread(seal, tmp_path, certificate, cipher, *options)
    forged = [good[:-1] + bytes((good[-1] ^ 0xFF,))]
    forged += [with_key(good, block, certificate) for block in FORGED.values()]
    outcomes, commands = set(), set()
    async with desk(card, prompter=None) as (service, _):
        assert await service.decrypt(SITE, asked(good), pin()) == SECRET
        for message in forged:
            card.trace.exchanges.clear()
            outcomes.add(await outcome(service, message))
            commands.add(bytes(command[1] for command, _ in card.trace.exchanges))
    # One random key in 256 gives a padding of CBC that looks right, whoever asks.
    assert ErrorCode.NOT_DECRYPTABLE in outcomes
    assert outcomes <= {ErrorCode.NOT_DECRYPTABLE} | ({None} if cipher == "-aes256" else set())
    assert len(commands) == 1
    assert card.data.attempts_left == 3


async def outcome(service: SigningService, message: bytes) -> ErrorCode | None:
    """Return the code; None where something came out, which is never the secret."""
    opened: list[bytes] = []

    async def decrypt() -> None:
        opened.append(await service.decrypt(SITE, asked(message), pin()))

    code = await code_of(decrypt())
    assert SECRET not in opened
    return code


@pytest.mark.parametrize("block", FORGED.values(), ids=list(FORGED))
async def test_a_bare_cryptogram_with_wrong_padding_is_one_error(
    make_traced: CardFactory, block: bytes
) -> None:
    card = make_traced()
    numbers = load_der_x509_certificate(own(card, ID_KEYX).der).public_key().public_numbers()  # type: ignore[union-attr]  # RSA
    bare = pow(int.from_bytes(block, "big"), numbers.e, numbers.n).to_bytes(256, "big")  # type: ignore[union-attr]  # likewise
    async with desk(card, prompter=None) as (service, _):
        code = await code_of(service.decrypt(SITE, asked(bare, DecryptFormat.PKCS1), pin()))
    if block[:2] == b"\x00\x02" and b"\x00" in block[2:]:
        assert code is None
    else:
        assert code is ErrorCode.NOT_DECRYPTABLE


async def test_a_number_that_the_key_cannot_have_made_reaches_no_card(
    make_traced: CardFactory, tmp_path: Path
) -> None:
    """The card would make something of it, which its key does not encrypt to it again."""
    card = make_traced()
    certificate = own(card, ID_KEYX).der
    good = await asyncio.to_thread(seal, tmp_path, certificate, "-aes256")
    info = cms.ContentInfo.load(good).copy()
    info["content"]["recipient_infos"][0].chosen["encrypted_key"] = b"\xff" * 256
    async with desk(card, prompter=None) as (service, _):
        for request in (
            asked(bytes(info.dump(force=True))),
            asked(b"\xff" * 256, DecryptFormat.PKCS1),
        ):
            assert await code_of(service.decrypt(SITE, request, pin("654321"))) is (
                ErrorCode.BAD_REQUEST
            )
        assert verifies(card) == 0
        assert await service.decrypt(SITE, asked(good), pin()) == SECRET


@pytest.mark.parametrize("options", [("-aes256",), ("-aes-256-gcm", *OAEP)])
async def test_a_message_for_somebody_else_says_so_before_anybody_is_asked(
    make_traced: CardFactory, generation: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    card, other = make_traced(generation), make_traced("gen2" if generation == "gen1" else "gen1")
    sealed = await asyncio.to_thread(seal, tmp_path, own(other, ID_KEYX).der, *options)
    citizen = Citizen()
    async with desk(card, prompter=citizen) as (service, _):
        for given in (pin("654321"), None):
            code = await code_of(service.decrypt(SITE, asked(sealed), given))
            assert code is ErrorCode.OTHER_RECIPIENT
    assert (citizen.asked, verifies(card)) == ([], 0)


async def test_of_two_cards_the_recipient_s_opens_it(
    make_traced: CardFactory, tmp_path: Path
) -> None:
    cards = make_traced("gen1", pin="888888"), make_traced("gen2")
    sealed = await asyncio.to_thread(seal, tmp_path, own(cards[1], ID_KEYX).der, "-aes-128-gcm")
    async with desk(*cards, prompter=None) as (service, _):
        request = DecryptionRequest(sealed, DecryptFormat.CMS)
        assert await service.decrypt(SITE, request, pin()) == SECRET
    assert verifies(cards[0]) == 0


# A renewed certificate beside the one before it.


@pytest.fixture
def renewed(make_card: CardFactory, generation: str, test_issuer: TestIssuer) -> VirtualCard:
    """Make a card with one more certificate, an expired one, for the same key."""
    card = make_card(generation)
    key = next(key.key for key in card.data.keys if key.id == ID_KEYX)
    public = {Use.SIGN: key.public_key, Use.KEYX: key.public_key}
    issued = test_issuer.issue(TEST_NAME, TEST_ID_NUMBER, public, Validity.EXPIRED)
    added = VirtualCertificate(ID_KEYX, "old", der(issued[Use.KEYX]))
    data = replace(card.data, certificates=(*card.data.certificates, added))
    return VirtualCard(data)


async def test_what_was_encrypted_for_the_old_certificate_still_opens(
    renewed: VirtualCard, tmp_path: Path
) -> None:
    old = renewed.data.certificates[-1].der
    sealed = await asyncio.to_thread(seal, tmp_path, old, "-aes-256-gcm", *OAEP)
    async with desk(renewed, prompter=None) as (service, _):
        assert await service.decrypt(SITE, asked(sealed), pin()) == SECRET


async def test_the_fault_is_told_of_the_certificate_that_the_message_is_for(
    renewed: VirtualCard, tmp_path: Path
) -> None:
    old = renewed.data.certificates[-1].der
    sealed = await asyncio.to_thread(seal, tmp_path, old, "-camellia128")
    async with desk(renewed, prompter=None) as (service, _):
        code = await code_of(service.decrypt(SITE, asked(sealed), pin("654321")))
    assert code is ErrorCode.BAD_REQUEST
