"""The private key operation, which both generations do in the same three commands."""

import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from agent.virtualcard.card import VirtualCard
from agent.virtualcard.rsa_key import RsaKey
from tests.card.wire import SUCCESS, Gen1Wire, Gen2Wire, signature_block

AnyWire = Gen1Wire | Gen2Wire
CardFactory = Callable[..., VirtualCard]
DIGEST_INFO = bytes.fromhex("3031300D060960864801650304020105000420")


def operation(wire: AnyWire, head: str, data: bytes = b"", le: int | None = None) -> int:
    """Send one of the key commands, in the way of the card's generation."""
    if isinstance(wire, Gen2Wire):
        return wire.sw(wire.secure(0x80, head, data, le))
    tail = f"{len(data):02X}{data.hex()}" if data else ""
    return wire.sw(f"80{head}{tail}{f'{le:02X}' if le else ''}")


def test_a_signature_verifies(wire: AnyWire) -> None:
    assert wire.verify("123456") == SUCCESS
    block = signature_block(DIGEST_INFO + hashlib.sha256(b"what is signed").digest())
    signature = wire.sign(block)
    wire.card.data.keys[0].key.public_key.verify(
        signature, b"what is signed", padding.PKCS1v15(), hashes.SHA256()
    )


def test_the_other_key_decrypts(wire: AnyWire) -> None:
    key = wire.card.data.keys[1]
    cryptogram = key.key.public_key.encrypt(b"a secret", padding.PKCS1v15())
    assert wire.verify("123456") == SUCCESS
    assert wire.sign(cryptogram, key.reference).endswith(b"\x00a secret")


@pytest.mark.parametrize(
    "block",
    [
        bytes(256),
        bytes(255) + b"\x01",
        signature_block(b"any payload"),
        signature_block(b""),
        b"\x00\x01" + b"\xff" * 7 + b"\x00" + b"\x05" * 246,
        b"\x00\x01" + b"\xff" * 8 + b"\x00" + b"\x05" * 245,
        b"\x00\x01" + b"\xff" * 254,
        b"\x00\x02" + b"\xff" * 100 + b"\x00" + b"\x05" * 153,
        b"\x00\x01\x00" + b"\x05" * 253,
    ],
)
def test_the_bare_operation_is_undone_by_the_public_key(
    card_keys: dict[str, tuple[RsaKey, RsaKey]], block: bytes
) -> None:
    key = card_keys["gen1"][0]
    result = key.private_operation(block)
    assert result is not None
    modulus = int.from_bytes(key.modulus, "big")
    assert pow(int.from_bytes(result, "big"), key.exponent, modulus).to_bytes(256, "big") == block


def test_a_block_that_is_not_below_the_modulus_is_refused(wire: AnyWire) -> None:
    modulus = wire.card.data.keys[0].key.modulus
    below = (int.from_bytes(modulus, "big") - 1).to_bytes(256, "big")
    for block, sw in ((modulus, 0x6A80), (b"\xff" * 256, 0x6A80), (below, SUCCESS)):
        assert wire.verify("123456") == SUCCESS
        assert operation(wire, "EA8201", block[:128]) == SUCCESS
        assert operation(wire, "EA0201", block[128:], 128) == sw


def test_without_the_pin_no_key_works(wire: AnyWire) -> None:
    assert operation(wire, "EA8201", bytes(128)) == 0x6982
    assert wire.verify("654321") == 0x63C2
    assert operation(wire, "EA8201", bytes(128)) == 0x6982


def test_a_wrong_pin_takes_the_right_one_back(wire: AnyWire) -> None:
    assert wire.verify("123456") == SUCCESS
    assert wire.verify("1234567") == 0x63C2
    assert operation(wire, "EA8201", bytes(128)) == 0x6982


def test_the_key_works_in_its_directory_only(wire: AnyWire) -> None:
    assert wire.verify("123456") == SUCCESS
    # 4104 lies beside the key directory: selecting it leaves that directory.
    if isinstance(wire, Gen2Wire):
        assert wire.sw(wire.secure(0x00, "A40004", b"\x41\x04", 256)) == SUCCESS
    else:
        assert wire.sw("80A40000024104") == SUCCESS
    assert operation(wire, "EA8201", bytes(128)) == 0x6985


@pytest.mark.parametrize(
    ("head", "data", "sw"),
    [
        ("EA8211", bytes(128), 0x6A88),
        ("EA8200", bytes(128), 0x6A88),
        ("EA0001", bytes(128), 0x6A86),
        ("EA8201", bytes(127), 0x6700),
        ("EA8201", bytes(129), 0x6700),
        ("EA8201", b"", 0x6700),
        ("EA0201", bytes(128), 0x6985),
    ],
)
def test_a_key_command_that_is_wrong(wire: AnyWire, head: str, data: bytes, sw: int) -> None:
    assert wire.verify("123456") == SUCCESS
    assert operation(wire, head, data) == sw


def test_the_halves_belong_to_one_key(wire: AnyWire) -> None:
    assert wire.verify("123456") == SUCCESS
    assert operation(wire, "EA8201", bytes(128)) == SUCCESS
    assert operation(wire, "EA0205", bytes(128)) == 0x6985
    assert operation(wire, "EA0201", bytes(128)) == 0x6985


def test_another_command_in_between_ends_the_operation(wire: AnyWire) -> None:
    assert wire.verify("123456") == SUCCESS
    assert operation(wire, "EA8201", bytes(128)) == SUCCESS
    assert operation(wire, "C10080", le=128) == 0x6985
    assert operation(wire, "EA0201", bytes(128)) == 0x6985


def test_the_result_is_fetched_once_and_at_once(wire: AnyWire) -> None:
    assert operation(wire, "C10080", le=128) == 0x6985
    assert wire.verify("123456") == SUCCESS
    wire.sign(bytes(255) + b"\x02")
    assert operation(wire, "C10080", le=128) == 0x6985


@pytest.mark.parametrize(
    ("head", "le", "sw"), [("C10081", 128, 0x6A86), ("C10180", 128, 0x6A86), ("C10080", 1, 0x6C80)]
)
def test_the_result_is_asked_for_properly(wire: AnyWire, head: str, le: int, sw: int) -> None:
    assert wire.verify("123456") == SUCCESS
    assert operation(wire, "EA8201", bytes(128)) == SUCCESS
    assert operation(wire, "EA0201", bytes(127) + b"\x02", 128) == SUCCESS
    assert operation(wire, head, le=le) == sw


@pytest.mark.parametrize("event", ["power_off", "reset", "power_on"])
def test_power_and_reset_forget_everything_but_the_counter(
    make_card: CardFactory, generation: str, event: str
) -> None:
    kind = Gen1Wire if generation == "gen1" else Gen2Wire
    wire = kind(make_card(generation))
    if isinstance(wire, Gen2Wire):
        wire.open_channel()
    wire.enter_keys()
    assert wire.verify("654321") == 0x63C2
    assert wire.verify("123456") == SUCCESS
    assert wire.verify("654321") == 0x63C2
    assert operation(wire, "EA8201", bytes(128)) == 0x6982
    getattr(wire.card, event)()
    if event == "power_off":
        assert wire.card.process(b"\x80\xa4\x00\x00\x02\x3f\x00") == b""
        wire.card.power_on()
    assert operation(wire, "EA8201", bytes(128)) == 0x6985
    assert wire.card.data.attempts_left == 2
    if isinstance(wire, Gen2Wire):
        assert wire.sw("00A4000402503000") == 0x6A82
        wire.open_channel()
    wire.enter_keys()
    assert wire.verify("654321") == 0x63C1
    assert wire.verify("123456") == SUCCESS
    assert wire.card.data.attempts_left == 3
