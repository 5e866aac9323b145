"""The card drivers against the virtual card: what they do, and in how few commands."""

import contextlib
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_der_x509_certificate

from agent.cards.card import ID_KEYX, ID_SIGN, Card, CardDriver, StoredCertificate
from agent.cards.citizen.card import CitizenCard, Send
from agent.cards.citizen.pkcs15 import ID_CA, ID_ROOT
from agent.cards.registry import Registry
from agent.cms.digest import HashAlgorithm
from agent.errors import (
    AgentError,
    BadRequestError,
    CardError,
    CardRemovedError,
    KeyNotFoundError,
    PinError,
    UnsupportedCardError,
)
from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes
from agent.transport.base import Connection
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Faults, Options
from agent.virtualcard.provider import READER_NAME, VirtualProvider

DIGEST = HashAlgorithm.SHA256.digest(b"what is signed")
BUDGET = {"gen1": (21, 11), "gen2": (29, 13)}
CardFactory = Callable[..., VirtualCard]


class Desk:
    """One virtual reader with a card in it, and the drivers."""

    def __init__(self, card: VirtualCard) -> None:
        self.card = card
        self.registry = Registry()
        self.provider = VirtualProvider()
        self.reader = READER_NAME.format(0)
        self.provider.insert(self.reader, card)

    def connect(self) -> Connection:
        return self.provider.open(self.reader)

    @property
    def driver(self) -> CardDriver:
        driver = self.registry.by_atr(self.connect().atr)
        assert driver is not None
        return driver

    def sign(self, pin: str = "123456", count: int = 1, key: bytes = ID_SIGN) -> tuple[bytes, ...]:
        with self.open() as card:
            assert card.serial == self.card.data.serial
            self.certificate = next(card.certificates_of(key))
            digests = [(HashAlgorithm.SHA256, DIGEST)] * count
            return card.sign(key, SecretBytes.from_text(pin), digests)

    @contextlib.contextmanager
    def open(self) -> Iterator[Card]:
        connection = self.connect()
        try:
            with self.driver.open(connection) as card:
                yield card
        finally:
            connection.close()

    def certificates(self) -> tuple[StoredCertificate, ...]:
        with self.open() as card:
            return card.certificates()

    def attempts_left(self) -> int | None:
        with self.open() as card:
            return card.attempts_left

    def count(self, operation: Callable[[], object]) -> int:
        before = self.card.trace.commands
        operation()
        return self.card.trace.commands - before


@pytest.fixture
def desk(make_card: CardFactory, generation: str) -> Desk:
    return Desk(make_card(generation))


def verify(certificate: StoredCertificate, signature: bytes) -> None:
    key = load_der_x509_certificate(certificate.der).public_key()
    assert isinstance(key, RSAPublicKey)
    key.verify(signature, DIGEST, PKCS1v15(), Prehashed(SHA256()))


def test_a_first_signature_takes_no_more_commands_than_the_card_needs(
    desk: Desk, generation: str
) -> None:
    # The budget is for a certificate of 1401 to 1600 bytes, which takes eight reads of 200.
    taken = desk.count(desk.sign)
    reads = -(-len(desk.certificate.der) // 200)
    assert taken - reads <= BUDGET[generation][0] - 8


def test_a_signature_with_a_remembered_certificate_takes_fewer(desk: Desk, generation: str) -> None:
    desk.sign()
    assert desk.count(desk.sign) <= BUDGET[generation][1]


def test_reading_the_certificates_first_does_not_make_signing_dearer(
    desk: Desk, generation: str
) -> None:
    desk.certificates()
    # the gen2 card's channel id is read once, by the first signature
    assert desk.count(desk.sign) <= BUDGET[generation][1] + (4 if generation == "gen2" else 0)
    assert desk.count(desk.sign) <= BUDGET[generation][1]


def test_signatures_verify_under_the_certificate(desk: Desk) -> None:
    for signature in desk.sign(count=3):
        verify(desk.certificate, signature)


def test_all_four_certificates_are_found(desk: Desk) -> None:
    certificates = desk.certificates()
    assert {c.id for c in certificates} == {ID_SIGN, ID_KEYX, ID_CA, ID_ROOT}
    for stored in certificates:
        load_der_x509_certificate(stored.der)


def test_a_second_reading_reads_only_the_number(desk: Desk) -> None:
    desk.certificates()
    assert desk.count(desk.certificates) == 4


def test_wrong_pins_count_down_to_locked_and_never_repeat(desk: Desk) -> None:
    outcomes = []
    for _ in range(4):
        tries = desk.card.data.attempts_left
        with pytest.raises(PinError) as error:
            desk.sign(pin="654321")
        outcomes.append((str(error.value.code), error.value.attempts_left))
        assert desk.card.data.attempts_left >= tries - 1
    assert outcomes[:2] == [("pin_incorrect", 2), ("pin_incorrect", 1)]
    assert outcomes[2:] == [("pin_locked", 0), ("pin_locked", 0)]
    assert desk.attempts_left() == 0


def test_a_right_pin_sets_the_attempts_back(desk: Desk) -> None:
    with pytest.raises(PinError):
        desk.sign(pin="654321")
    desk.sign()
    assert desk.attempts_left() == 3
    assert desk.card.data.attempts_left == 3


@pytest.mark.parametrize("pin", ["", "12345", "123456789", "12345\n", "測試用密碼", "123 56"])
def test_a_pin_no_card_can_have_costs_nothing(desk: Desk, pin: str) -> None:
    desk.card.trace.recording = True
    with pytest.raises(PinError) as error:
        desk.sign(pin=pin)
    assert error.value.code == "pin_length"
    assert desk.card.data.attempts_left == 3
    assert not any(command[1] == 0x20 for command, _ in desk.card.trace.exchanges)


def test_what_no_key_can_work_on_costs_no_attempt(desk: Desk) -> None:
    wrong = SecretBytes.from_text("000000")
    with desk.open() as card:
        for digests in ([], [(HashAlgorithm.SHA256, DIGEST[:-1])]):
            with pytest.raises(AgentError):
                card.sign(ID_SIGN, wrong, digests)
        for cryptograms in ([], [bytes(255)], [bytes(256), bytes(257)]):
            with pytest.raises(BadRequestError):
                card.decrypt(ID_KEYX, wrong, cryptograms)
    assert desk.card.data.attempts_left == 3


@pytest.mark.parametrize(
    "block",
    [b"\x00\x02" + b"\x5a" * 245 + b"\x00a secret", bytes(255) + b"\x01", b"\x00" + b"\x7f" * 255],
    ids=["RSAES-PKCS1-v1_5", "one", "no padding"],
)
def test_decryption_gives_what_the_cryptogram_was_made_of(desk: Desk, block: bytes) -> None:
    """The padding is left there: which it is only the message says."""
    with desk.open() as card:
        key = load_der_x509_certificate(next(card.certificates_of(ID_KEYX)).der).public_key()
        assert isinstance(key, RSAPublicKey)
        numbers = key.public_numbers()
        cryptogram = pow(int.from_bytes(block, "big"), numbers.e, numbers.n).to_bytes(256, "big")
        blocks = card.decrypt(ID_KEYX, SecretBytes.from_text("123456"), [cryptogram])
    assert blocks == (block,)


def test_a_key_that_is_not_there_is_said_before_the_pin(desk: Desk) -> None:
    with pytest.raises(KeyNotFoundError):
        desk.sign(key=b"NONE", pin="000000")
    assert desk.card.data.attempts_left == 3


def test_t0_readers_get_the_same_signature(make_card: CardFactory, generation: str) -> None:
    desk = Desk(make_card(generation, options=Options(t0=True)))
    (signature,) = desk.sign()
    verify(desk.certificate, signature)


def test_readers_that_refuse_long_reads(make_card: CardFactory, generation: str) -> None:
    desk = Desk(make_card(generation, faults=Faults(max_read=100)))
    (signature,) = desk.sign()
    verify(desk.certificate, signature)


HALF_A_BLOCK = CommandApdu(0x80, 0xEA, 0x82, 0x01, bytes(128))


class FaultBehindThePinError(Exception):
    """Something went wrong while the card was open."""


@pytest.mark.parametrize("fault", [False, True], ids=["after success", "after a fault"])
def test_after_a_transaction_the_card_has_forgotten_the_pin(
    make_card: CardFactory, generation: str, monkeypatch: pytest.MonkeyPatch, *, fault: bool
) -> None:
    """Use the key once more as before (on gen2 in its channel), on a card that would allow it."""
    log_in, kept = CitizenCard._log_in, []

    def keep(card: CitizenCard, pin: SecretBytes) -> Send:
        kept.append(log_in(card, pin))
        return kept[-1]

    monkeypatch.setattr(CitizenCard, "_log_in", keep)
    desk = Desk(make_card(generation, options=Options(verify_per_signature=False)))
    with contextlib.suppress(FaultBehindThePinError), desk.driver.open(desk.connect()) as card:
        card.sign(ID_SIGN, SecretBytes.from_text("123456"), [(HashAlgorithm.SHA256, DIGEST)])
        kept[0](HALF_A_BLOCK, "allowed while the transaction lasts")
        if fault:
            raise FaultBehindThePinError
    with pytest.raises(CardError):
        kept[0](HALF_A_BLOCK, "refused: the card was reset")


def test_pulled_at_every_command(make_card: CardFactory, generation: str) -> None:
    whole = Desk(make_card(generation))
    for number in range(1, whole.count(whole.sign) + 1):
        desk = Desk(make_card(generation, faults=Faults(remove_at=number)))
        with pytest.raises(CardRemovedError):
            desk.sign()
        assert desk.card.data.attempts_left == 3


@pytest.mark.parametrize("status", [0x6D00, 0x6E00, 0x6A82, 0x6F00, 0x9000, 0x6982])
def test_a_foreign_card_is_unsupported_and_never_sees_a_pin(
    make_card: CardFactory, generation: str, status: int
) -> None:
    desk = Desk(make_card(generation, faults=Faults(foreign=status)))
    desk.card.trace.recording = True
    with pytest.raises(UnsupportedCardError):
        desk.sign()
    assert desk.card.trace.exchanges
    assert not any(command[1] == 0x20 for command, _ in desk.card.trace.exchanges)


def test_probing_tells_the_generations_apart(desk: Desk, generation: str) -> None:
    driver = desk.registry.probe(desk.connect())
    assert driver is not None
    assert driver.generation == generation


def test_every_answer_of_a_mad_card_ends_in_a_clean_error(
    make_card: CardFactory, generation: str
) -> None:
    # each answer in turn replaced by nonsense: an AgentError or a good signature, never more
    for number in range(1, BUDGET[generation][0] + 1):
        for nonsense in (b"\x90\x00", b"\x6f\x00", b"\xff" * 256 + b"\x90\x00", b"0\x80\x90\x00"):
            desk = Desk(make_card(generation, faults=Faults(replace={number: nonsense})))
            with contextlib.suppress(AgentError):
                desk.sign()
            assert desk.card.data.attempts_left == 3


@pytest.mark.parametrize("number", [b" " * 16, b"\0" * 16, b"\xff" * 16, b"\x01short", b""])
def test_a_card_without_a_number_is_not_used(
    make_card: CardFactory, generation: str, number: bytes
) -> None:
    # what is remembered of a card, such as the attempts that it has left, is kept by its number
    desk = Desk(make_card(generation, files={"0900/0903": number}))
    with pytest.raises(UnsupportedCardError):
        desk.sign()
    assert desk.card.data.attempts_left == 3


def test_a_lost_answer_to_the_pin_counts_as_an_attempt(
    make_card: CardFactory, generation: str
) -> None:
    desk = Desk(make_card(generation))
    with pytest.raises(PinError):
        desk.sign(pin="654321")
    assert desk.attempts_left() == 2
    for ahead in range(1, BUDGET[generation][1] + 1):
        desk.card.faults = Faults(drop_at=desk.card.trace.commands + ahead)
        with pytest.raises(AgentError):
            desk.sign(pin="654321")
        if desk.card.data.attempts_left == 1:
            break
    assert desk.attempts_left() == 1
