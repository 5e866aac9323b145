"""The driver for PIV cards against the virtual one, and against cards that lie."""

import contextlib
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from agent.cards.card import ID_AUTH, ID_KEYX, ID_SIGN, Card
from agent.cards.piv.card import PivDriver
from agent.cards.registry import Registry
from agent.cms.digest import HashAlgorithm
from agent.cms.keys import is_signature, signer_key
from agent.errors import (
    AgentError,
    BadRequestError,
    CardError,
    ErrorCode,
    KeyNotFoundError,
    OtherGenerationError,
    PinError,
    SpoiltCertificateError,
    TransportError,
    UnsupportedCardError,
)
from agent.iso7816.tlv import encode
from agent.secret import SecretBytes
from agent.transport.base import Connection
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Faults, Options
from agent.virtualcard.piv import certificate_object
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.card.piv_wire import ALGORITHMS, piv_card
from tests.unit.cards.scripted import ScriptedConnection

RIGHT, WRONG = "123456", "654321"
READER = READER_NAME.format(0)
MOST_COMMANDS = 8  # of a signature whose certificate is remembered


class PivDesk:
    """A virtual reader with a card, and the drivers."""

    def __init__(self, card: VirtualCard) -> None:
        self.card = card
        card.trace.recording = True
        self.registry = Registry()
        self.provider = VirtualProvider()
        self.provider.insert(READER, card)

    @contextlib.contextmanager
    def open(self) -> Iterator[Card]:
        connection = self.provider.open(READER)
        try:
            driver = self.registry.probe(connection)
            assert isinstance(driver, PivDriver)
            self.card.trace.exchanges.clear()
            with driver.open(connection) as card:
                yield card
        finally:
            connection.close()

    def sign(
        self,
        key: bytes = ID_SIGN,
        typed: str = RIGHT,
        hash_: HashAlgorithm = HashAlgorithm.SHA256,
        count: int = 1,
    ) -> tuple[bytes, ...]:
        """Sign ``count`` texts, and check what came."""
        digests = [(hash_, hash_.digest(bytes((number,)))) for number in range(count)]
        with self.open() as card:
            (certificate,) = card.certificates_of(key)
            made = card.sign(key, SecretBytes.from_text(typed), digests)
        public = signer_key(load_der_x509_certificate(certificate.der).public_key())
        for (_, digest), signature in zip(digests, made, strict=True):
            assert is_signature(public, signature, hash_, digest)
        return made

    @property
    def exchanges(self) -> list[tuple[bytes, bytes]]:
        """Commands and responses since the card was opened."""
        return self.card.trace.exchanges

    @property
    def sent(self) -> list[str]:
        """Class, instruction and parameters of the commands since the card was opened."""
        return [command[:4].hex().upper() for command, _ in self.card.trace.exchanges]


def test_all_attempts_are_as_many_as_the_card_was_seen_to_have() -> None:
    """Below that a page's PIN is not sent unasked."""
    desk = PivDesk(piv_card())
    for left, all_of_them in ((2, 3), (5, 5), (4, 5)):
        desk.card.data.attempts_left = left
        with desk.open() as card:
            assert (card.attempts_left, card.pin_rules.attempts) == (left, all_of_them)


@pytest.mark.parametrize("t0", [False, True])
@pytest.mark.parametrize("kind", ["rsa2048", "rsa3072", "p256", "p384"])
def test_every_kind_of_key_signs_every_hash_that_goes_with_it(kind: str, t0: bool) -> None:
    desk = PivDesk(piv_card(kind, options=Options(t0=t0)))
    for hash_ in (HashAlgorithm.SHA256, HashAlgorithm.SHA384, HashAlgorithm.SHA512):
        for key in (ID_SIGN, ID_AUTH):
            (signature,) = desk.sign(key, hash_=hash_)
            if kind.startswith("rsa"):
                assert len(signature) == int(kind[3:]) // 8


@pytest.mark.parametrize("kind", ["rsa2048", "rsa3072", "p256", "p384"])
def test_a_signature_with_a_remembered_certificate_takes_few_commands(kind: str) -> None:
    desk = PivDesk(piv_card(kind))
    desk.sign()
    desk.sign()
    # SELECT, the number, the tries left, the PIN: and then the key.
    key = [f"1087{ALGORITHMS[kind]}9C"] * kind.startswith("rsa") + [f"0087{ALGORITHMS[kind]}9C"]
    rest = ["00C00000"] * kind.startswith("rsa")
    assert desk.sent == ["00A40400", "00CB3FFF", "00200080", "00200080", *key, *rest]
    assert len(desk.sent) <= MOST_COMMANDS


def test_each_signature_of_a_batch_has_its_pin_and_one_transaction() -> None:
    desk = PivDesk(piv_card())
    desk.sign(count=5)
    assert desk.card.tally.signatures == 5
    assert desk.card.tally.verifies == 5
    assert desk.sent[-10:] == ["00200080", "0087119C"] * 5


def test_a_wrong_pin_is_sent_once_and_counted_and_a_right_one_sets_it_back() -> None:
    desk = PivDesk(piv_card())
    with pytest.raises(PinError) as refused:
        desk.sign(typed=WRONG, count=5)
    assert (refused.value.code, refused.value.attempts_left) == (ErrorCode.PIN_INCORRECT, 2)
    assert desk.card.tally.verifies == 1
    with desk.open() as card:
        assert card.attempts_left == 2
    desk.sign()
    with desk.open() as card:
        assert card.attempts_left == 3
    assert desk.card.tally.wrong_pins == 1


@pytest.mark.parametrize("typed", ["12345", "123456789", "12345a", "", "１２３４５６"])
def test_what_can_be_no_pin_is_not_sent(typed: str) -> None:
    desk = PivDesk(piv_card())
    with pytest.raises(PinError) as refused:
        desk.sign(typed=typed)
    assert refused.value.code is ErrorCode.PIN_LENGTH
    assert desk.card.tally.verifies == 0


def test_a_locked_card_says_so_before_any_pin_is_sent() -> None:
    desk = PivDesk(piv_card(attempts_left=0))
    with desk.open() as card:
        assert card.attempts_left == 0
        with pytest.raises(PinError) as refused:
            card.require_pin_possible()
    assert refused.value.code is ErrorCode.PIN_LOCKED
    with pytest.raises(PinError):
        desk.sign()
    assert desk.card.tally.verifies == 0


def test_a_pin_that_another_program_left_verified_is_of_no_use_to_anybody() -> None:
    desk = PivDesk(piv_card())
    other = desk.provider.open(READER)
    for command in ("00A4040009A0000003080000100000", "0020008008313233343536FFFF"):
        assert other.transmit(bytes.fromhex(command))[1] == 0x9000
    with desk.open() as card:
        assert card.attempts_left == 3
    other.close()
    desk.sign()
    assert desk.card.tally.verifies == 2


def test_the_certificates_are_read_in_their_order_and_remembered() -> None:
    desk = PivDesk(piv_card())
    with desk.open() as card:
        found = card.certificates()
        assert card.serial == desk.card.data.serial
    assert [each.id for each in found] == [ID_SIGN, ID_AUTH, ID_KEYX, b"CARD"]
    own = {slot.certificate for slot in desk.card.data.slots}
    assert {each.der for each in found} == own
    with desk.open() as card:
        assert card.certificates() == found
        assert desk.sent == ["00A40400", "00CB3FFF", "00200080"]
        card.read_again(found[0])
        card.prove(*found)
        assert card.is_proven(found[1])
        card.forget()
        assert not card.is_proven(found[1])


def test_the_key_that_wants_no_pin_is_never_used() -> None:
    desk = PivDesk(piv_card())
    digests = [(HashAlgorithm.SHA256, bytes(32))]
    with desk.open() as card:
        secret = SecretBytes.from_text(RIGHT)
        for use in (
            lambda: next(card.certificates_of(b"CARD")),
            lambda: card.sign(b"CARD", secret, digests),
            lambda: card.sign(ID_KEYX, secret, digests),
            lambda: card.sign(b"9E", secret, digests),
            lambda: card.decrypt(ID_SIGN, secret, [bytes(32)]),
        ):
            with pytest.raises(KeyNotFoundError):
                use()
        with pytest.raises(BadRequestError):
            card.sign(ID_SIGN, secret, [])
    assert desk.card.tally.verifies == 0


def test_a_card_without_a_signing_key_signs_with_no_other() -> None:
    data = piv_card().data
    desk = PivDesk(piv_card(slots=tuple(each for each in data.slots if each.reference != 0x9C)))
    with pytest.raises(KeyNotFoundError):
        desk.sign()
    desk.sign(ID_AUTH)
    with pytest.raises(UnsupportedCardError), PivDesk(piv_card(slots=())).open() as card:
        card.certificates()


def test_an_rsa_key_decrypts_what_was_encrypted_to_it() -> None:
    desk = PivDesk(piv_card("rsa2048"))
    block = b"\x00\x02" + b"\x5a" * 253 + b"\x07"
    (slot,) = (each for each in desk.card.data.slots if each.reference == 0x9D)
    numbers = slot.key.public_key.public_numbers()
    cryptogram = pow(int.from_bytes(block, "big"), numbers.e, numbers.n).to_bytes(256, "big")  # type: ignore[union-attr]
    with desk.open() as card:
        secret = SecretBytes.from_text(RIGHT)
        assert card.decrypt(ID_KEYX, secret, [cryptogram]) == (block,)
        with pytest.raises(BadRequestError):
            card.decrypt(ID_KEYX, secret, [cryptogram[1:]])
    assert desk.card.tally.decryptions == 1


@pytest.mark.parametrize("kind", ["p256", "p384"])
def test_a_key_on_a_curve_agrees_with_points_of_that_curve_alone(kind: str) -> None:
    desk = PivDesk(piv_card(kind))
    (own,) = (each.key.public_key for each in desk.card.data.slots if each.reference == 0x9D)
    assert isinstance(own, ec.EllipticCurvePublicKey)
    other = ec.generate_private_key(own.curve)
    point = other.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = SecretBytes.from_text(RIGHT)
    with desk.open() as card:
        assert card.decrypt(ID_KEYX, secret, [point]) == (other.exchange(ec.ECDH(), own),)
        assert desk.sent[-1] == f"0087{ALGORITHMS[kind]}9D"
        for given in (bytes(32), point[:-1], b"\x04" + bytes(len(point) - 1), point + b"\x00"):
            with pytest.raises(BadRequestError):
                card.decrypt(ID_KEYX, secret, [given])
        with pytest.raises(KeyNotFoundError):
            card.decrypt(ID_SIGN, secret, [point])
    assert (desk.card.tally.verifies, desk.card.tally.decryptions) == (1, 1)


@pytest.mark.parametrize("answer", [b"", encode(0x82, bytes(31)), encode(0x81, bytes(32))])
def test_a_card_that_lies_about_what_was_agreed_on_is_not_believed(answer: bytes) -> None:
    desk = PivDesk(piv_card())
    connection = LyingConnection(
        desk.provider.open(READER),
        lambda c, r: encode(0x7C, answer) + b"\x90\x00" if _is(c, 0x87) else r,
    )
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    given = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    with PivDriver(desk.registry.memory).open(connection) as card, pytest.raises(CardError):
        card.decrypt(ID_KEYX, SecretBytes.from_text(RIGHT), [given])
    assert desk.card.tally.verifies == 1


def test_the_pin_of_the_whole_card_is_sent_where_the_card_says_so() -> None:
    discovery = bytes.fromhex("7E124F0BA0000003080000100001005F2F026020")
    desk = PivDesk(piv_card(files={"7E": discovery}))
    desk.sign()
    assert "00200000" in desk.sent
    assert "00200080" not in desk.sent


def test_a_renewed_certificate_is_read_once_its_key_is_found_wrong() -> None:
    desk = PivDesk(piv_card())
    with desk.open() as card:
        (old,) = card.certificates_of(ID_SIGN)
        card.certificates()
    other = next(each for each in piv_card("p384").data.slots if each.reference == 0x9C)
    desk.card.data.slots = tuple(
        other if each.reference == 0x9C else each for each in desk.card.data.slots
    )
    again = VirtualCard(desk.card.data)
    again.trace.recording = True
    desk.provider.remove(READER)
    desk.provider.insert(READER, again)
    desk.card = again
    with desk.open() as card:
        card.reject(old)
    desk.sign(hash_=HashAlgorithm.SHA384)


# Cards that lie.


class LyingConnection:
    """Passes commands on to a good card, and changes what ``lie`` says.

    GET RESPONSE is lied about as the command before it.
    """

    def __init__(self, inner: Connection, lie: Callable[[bytes, bytes], bytes]) -> None:
        self._inner = inner
        self._lie = lie
        self.commands = 0
        self._asked = b""
        self.atr = inner.atr
        self.reader = inner.reader
        self.protocol = inner.protocol
        self.features, self.begin, self.end = inner.features, inner.begin, inner.end
        self.reset, self.close = inner.reset, inner.close

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        self.commands += 1
        assert self.commands < 2000, "asked without end"
        data, sw = self._inner.transmit(command)
        self._asked = self._asked if command[1] == 0xC0 else bytes(command)
        response = self._lie(self._asked, data + sw.to_bytes(2, "big"))
        if len(response) < 2:
            raise TransportError("the card did not answer")
        return response[:-2], int.from_bytes(response[-2:], "big")


def _is(command: bytes, ins: int) -> bool:
    return command[1] == ins


LIES: dict[str, Callable[[bytes, bytes], bytes]] = {
    "a key says nothing": lambda c, r: b"\x90\x00" if _is(c, 0x87) else r,
    "a key says too little": lambda c, r: r[:-3] + b"\x90\x00" if _is(c, 0x87) else r,
    "a key says too much": lambda c, r: r[:-2] + b"\x00\x90\x00" if _is(c, 0x87) else r,
    "a key says another's": lambda c, r: b"\x7c\x03\x82\x01\x01\x90\x00" if _is(c, 0x87) else r,
    "a key says two things": lambda c, r: (
        b"\x7c\x04\x82\x00\x82\x00\x90\x00" if _is(c, 0x87) else r
    ),
    "a key's length is a lie": lambda c, r: (
        b"\x7c\x84\xff\xff\xff\xff\x90\x00" if _is(c, 0x87) else r
    ),
    "a key asks to fetch for ever": lambda c, r: b"\x61\x01" if _is(c, 0x87) else r,
    "a key gives a byte for ever": lambda c, r: b"\x7c\x61\x01" if _is(c, 0x87) else r,
    "a key wants other Le for ever": lambda c, r: b"\x6c\x10" if _is(c, 0x87) else r,
    "a key refuses": lambda c, r: b"\x69\x82" if _is(c, 0x87) else r,
    "the PIN is not believed": lambda c, r: b"\x69\x82" if _is(c, 0x20) and len(c) > 5 else r,
    "the PIN has no answer": lambda c, r: b"" if _is(c, 0x20) and len(c) > 5 else r,
}


@pytest.mark.parametrize("name", list(LIES))
def test_a_card_that_lies_about_a_signature_gets_one_pin(name: str) -> None:
    desk = PivDesk(piv_card())
    connection = LyingConnection(desk.provider.open(READER), LIES[name])
    driver = PivDriver(desk.registry.memory)
    secret, digests = SecretBytes.from_text(RIGHT), [(HashAlgorithm.SHA256, bytes(32))] * 3
    with driver.open(connection) as card:
        with pytest.raises((CardError, TransportError)):
            card.sign(ID_SIGN, secret, digests)
        assert card.pin_sent
    assert desk.card.tally.verifies == 1
    assert not secret.wiped


def _gets(command: bytes, tag: str) -> bool:
    return command[1] == 0xCB and command[5:].startswith(encode(0x5C, bytes.fromhex(tag)))


NUMBERS = {
    "none": b"\x6a\x82",
    "empty": b"\x53\x00\x90\x00",
    "without end": b"\x53\x84\xff\xff\xff\xff\x90\x00",
    "of zeros": encode(0x53, encode(0x30, bytes(25)) + encode(0x34, bytes(16))) + b"\x90\x00",
    "not allowed": b"\x69\x82",
}


@pytest.mark.parametrize("name", list(NUMBERS))
def test_a_card_that_has_no_number_is_not_used(name: str) -> None:
    desk = PivDesk(piv_card())
    connection = LyingConnection(
        desk.provider.open(READER), lambda c, r: NUMBERS[name] if _gets(c, "5FC102") else r
    )
    with pytest.raises(UnsupportedCardError), PivDriver(desk.registry.memory).open(connection):
        pass


def test_a_number_that_is_longer_than_any_is_read_no_further_than_it_matters() -> None:
    desk = PivDesk(piv_card())
    guid = bytes.fromhex(desk.card.data.serial)
    content = encode(0x34, guid) + encode(0x3E, bytes(3000))
    desk.card.data.files["5FC102"] = encode(0x53, content)
    card = VirtualCard(desk.card.data)
    desk.provider.remove(READER)
    desk.provider.insert(READER, card)
    desk.card = card
    card.trace.recording = True
    desk.sign()
    assert desk.sent[:3] == ["00A40400", "00CB3FFF", "00CB3FFF"]  # no GET RESPONSE between


def _swap(tag: str, content: bytes) -> VirtualCard:
    return piv_card(files={tag: content})


@pytest.mark.parametrize(
    "content",
    [
        b"\x53\x05\x70\x82\xff\xff\x30",
        certificate_object(b"no certificate"),
        certificate_object(bytes(5000)),
        certificate_object(bytes(60000), compressed=True),
        encode(0x53, encode(0x70, b"\x1f\x8b\x08") + encode(0x71, b"\x01")),
        bytes(40000),
    ],
    ids=range(6),
)
def test_a_certificate_that_is_none_costs_no_pin_and_hides_no_other(content: bytes) -> None:
    desk = PivDesk(_swap("5FC10A", content))
    with pytest.raises(CardError):
        desk.sign()
    assert desk.card.tally.verifies == 0
    with desk.open() as card:
        readable = [each.id for each in card.certificates()]
    assert readable[-3:] == [ID_AUTH, ID_KEYX, b"CARD"]
    desk.sign(ID_AUTH)


def test_a_certificate_of_a_key_that_no_such_card_has_is_spoilt(test_issuer: object) -> None:
    del test_issuer
    desk = PivDesk(_swap("5FC10A", certificate_object(b"\x30\x03\x02\x01\x01")))
    with pytest.raises(SpoiltCertificateError):
        desk.sign()


@pytest.mark.parametrize("status", [0x63C0, 0x6983])
def test_no_tries_left_is_locked(status: int) -> None:
    desk = PivDesk(piv_card())
    answer = status.to_bytes(2, "big")
    connection = LyingConnection(
        desk.provider.open(READER), lambda c, r: answer if _is(c, 0x20) else r
    )
    with PivDriver(desk.registry.memory).open(connection) as card:
        assert card.attempts_left == 0


@pytest.mark.parametrize("status", [0x6700, 0x6A80, 0x6300, 0x9000])
def test_a_card_that_does_not_tell_its_tries_is_used_all_the_same(status: int) -> None:
    desk = PivDesk(piv_card())
    answer = status.to_bytes(2, "big")
    connection = LyingConnection(
        desk.provider.open(READER), lambda c, r: answer if _is(c, 0x20) and len(c) < 6 else r
    )
    with PivDriver(desk.registry.memory).open(connection) as card:
        assert card.attempts_left is None
        card.require_pin_possible()
        assert card.sign(ID_SIGN, SecretBytes.from_text(RIGHT), [(HashAlgorithm.SHA256, bytes(32))])


CONTACTLESS = bytes.fromhex("3B80800101")


@pytest.mark.parametrize(
    ("policy", "tells", "is_possible"),
    [("4000", True, True), ("4000", False, False), ("4800", True, False)],
)
def test_a_contactless_card_gets_its_pin_only_where_it_takes_one_there(
    policy: str, tells: bool, is_possible: bool
) -> None:
    discovery = bytes.fromhex("7E124F0BA0000003080000100001005F2F02") + bytes.fromhex(policy)
    desk = PivDesk(piv_card(files={"7E": discovery}))

    def lie(command: bytes, response: bytes) -> bytes:
        return b"\x6a\x81" if _is(command, 0x20) and not tells else response

    connection = LyingConnection(desk.provider.open(READER), lie)
    connection.atr = CONTACTLESS
    digests = [(HashAlgorithm.SHA256, bytes(32))]
    with PivDriver(desk.registry.memory).open(connection) as card:
        if is_possible:
            assert card.sign(ID_SIGN, SecretBytes.from_text(RIGHT), digests)
            return
        assert card.certificates()
        with pytest.raises(UnsupportedCardError):
            card.sign(ID_SIGN, SecretBytes.from_text(RIGHT), digests)
    assert desk.card.tally.verifies == 0


def test_letters_go_to_the_card_that_is_known_to_take_them() -> None:
    desk = PivDesk(piv_card())
    connection = LyingConnection(desk.provider.open(READER), lambda _, response: response)
    connection.atr = bytes.fromhex("3BFD1300008131FE158073C021C057597562694B657940")
    with PivDriver(desk.registry.memory).open(connection) as card:
        card.pin_rules.check(SecretBytes.from_text("geheim12"))


@pytest.mark.parametrize("response", ["9000", "6F009000", "6A82", "6E00", "6D00", "61FF", ""])
def test_a_card_without_the_application_is_another(response: str) -> None:
    connection = ScriptedConnection(lambda _: bytes.fromhex(response or "6F00"))
    driver = PivDriver(Registry().memory)
    assert not driver.probe(connection)
    with pytest.raises(OtherGenerationError), driver.open(connection):
        pass
    assert connection.calls[-1] == "end True"


def test_a_citizen_applet_goes_before_the_piv_applet_beside_it(
    make_gen2_card: Callable[..., VirtualCard],
) -> None:
    citizen, piv = VirtualProvider(), VirtualProvider()
    citizen.insert(READER, make_gen2_card())
    piv.insert(READER, piv_card())
    one, other = citizen.open(READER), piv.open(READER)

    def both(command: bytes) -> bytes:
        data, sw = one.transmit(command)
        if sw == 0x6A82:
            data, sw = other.transmit(command)
        return data + sw.to_bytes(2, "big")

    driver = Registry().probe(ScriptedConnection(both))
    assert driver is not None
    assert driver.generation == "gen2"


@pytest.mark.parametrize("at", range(1, 9))
def test_a_card_that_is_pulled_at_any_command_says_so(at: int) -> None:
    desk = PivDesk(piv_card(faults=Faults(remove_at=at + 2)))  # after the probes
    with pytest.raises(AgentError) as failed:
        desk.sign()
    assert failed.value.code in (ErrorCode.CARD_REMOVED, ErrorCode.NO_CARD)
