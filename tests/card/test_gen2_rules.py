"""The second generation: names, the channel, and what the channel guards."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from agent.virtualcard.card import VirtualCard
from agent.virtualcard.channel import Channel, ChannelKeys
from agent.virtualcard.channel import _cmac as cmac
from agent.virtualcard.gen2 import Gen2
from agent.virtualcard.model import Options
from tests.card.wire import AID, HOST_CHALLENGE, SELECT_APPLET, SUCCESS, Gen2Wire

CardFactory = Callable[..., VirtualCard]

CARD_ID = bytes.fromhex("24056964130001903957")  # recorded from a real card, as all that follows
CARD_CHALLENGE = bytes.fromhex("0361BB15A8B68C2E")
RECORDED_VERIFY = "0420000118C5B3BE9F583A7EEDC0A311124389A497E6EB3952A40BC30D"
CARD_MANAGER = "00A404000FA000000283FF088692535389C00014"
ISSUER = "00A4040007A0000001510000"


def test_the_keys_of_a_real_card() -> None:
    keys = ChannelKeys.of_card(CARD_ID)
    assert keys.enc == bytes.fromhex("AB9C3C083FE63F483757DA8E4FEAF1BB")
    assert keys.mac == bytes.fromhex("32762E9842309B5A3AC37CC34F207759")
    assert keys.enc.hex() not in repr(keys)


def test_the_verify_recorded_from_a_real_card(make_gen2_card: CardFactory) -> None:
    card = make_gen2_card(pin="000000")
    card.data.channel_id = CARD_ID
    card = VirtualCard(card.data)
    assert isinstance(card._system, Gen2)
    card._system.random = lambda length: CARD_CHALLENGE[:length]
    wire = Gen2Wire(card)
    wire.open_channel()
    assert wire.sw(RECORDED_VERIFY) == SUCCESS


@pytest.mark.parametrize("command", ["80A40000023F00", "00A40004025030", "00A40000023F00"])
def test_before_the_applet_is_selected_there_are_no_files(gen2: Gen2Wire, command: str) -> None:
    assert gen2.sw(command) != SUCCESS


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        (SELECT_APPLET, SUCCESS),
        (SELECT_APPLET[:-2], SUCCESS),
        (CARD_MANAGER, SUCCESS),
        (ISSUER, SUCCESS),
        ("00A4040C05A000000283", 0x6A82),
        ("00A4040407A0000001510000", 0x6A86),
        ("00A40400", 0x6A82),
        ("01A4040007A0000001510000", 0x6E00),
        ("80A4040007A0000001510000", 0x6D00),
    ],
)
def test_selection_by_name(gen2: Gen2Wire, command: str, sw: int) -> None:
    assert gen2.send(command) == (b"", sw)


def test_card_data_lie_under_one_name_each(gen2: Gen2Wire) -> None:
    assert gen2.sw("80CA004500") == 0x6A88
    gen2.sw(CARD_MANAGER)
    template, sw = gen2.send("80CA00E000")
    assert (sw, template[0], template[1], template[7]) == (SUCCESS, 0xE0, len(template) - 2, 0x10)
    assert gen2.sw("80CA004500") == 0x6A88
    gen2.sw(ISSUER)
    assert gen2.send("80CA004500") == (b"\x45\x0a" + gen2.card.data.channel_id, SUCCESS)
    assert gen2.send("80CA004505") == (b"", 0x6C0C)
    assert gen2.sw("80CA00E000") == 0x6A88
    gen2.select_applet()
    assert gen2.sw("80CA004500") == 0x6A88


def test_files_are_selected_with_p2_04_only(gen2: Gen2Wire) -> None:
    gen2.select_applet()
    assert gen2.send("00A4000402503000") == (b"", SUCCESS)
    assert gen2.sw("00A4000002503000") == 0x6A86
    assert gen2.sw("00A4080402503000") == 0x6A86
    assert gen2.sw("00A40004023F0000") == 0x6A82


def test_7fff_is_the_applet_itself(gen2: Gen2Wire) -> None:
    gen2.select_applet()
    serial = gen2.read("7FFF", "0900", "0903", cla="00")
    assert serial == gen2.card.data.serial.encode()


def test_public_moduli_are_read_plainly(gen2: Gen2Wire) -> None:
    gen2.select_applet()
    assert gen2.sw("80B2010300") == 0x6985
    for fid in ("5030", "0810"):
        gen2.sw(f"00A4000402{fid}00")
    for key in gen2.card.data.keys:
        halves = [gen2.send(f"80B2{key.reference:02X}{half:02X}00")[0] for half in (3, 4)]
        assert b"".join(halves) == key.key.modulus
    assert gen2.sw("80B2020300") == 0x6A83
    assert gen2.sw("80B2010100") == 0x6A86


def test_the_channel_says_who_the_card_is(gen2: Gen2Wire) -> None:
    gen2.select_applet()
    response, sw = gen2.send(f"8050010008{HOST_CHALLENGE.hex()}00")
    assert (sw, len(response)) == (SUCCESS, 29)
    assert response[:10] == gen2.card.data.channel_id
    assert response[11] == 0x03
    again, _ = gen2.send(f"8050010008{HOST_CHALLENGE.hex()}00")
    assert again[13:21] != response[13:21]


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("8050010007D405EC4CDC43CF00", 0x6700),
        ("8050020008D405EC4CDC43CF8D00", 0x6A88),
        ("8050010108D405EC4CDC43CF8D00", 0x6A86),
        ("0050010008D405EC4CDC43CF8D00", 0x6D00),
    ],
)
def test_an_initialize_update_that_is_wrong(gen2: Gen2Wire, command: str, sw: int) -> None:
    gen2.select_applet()
    assert gen2.sw(command) == sw


def test_there_is_no_channel_outside_the_applet(gen2: Gen2Wire) -> None:
    assert gen2.sw("8050010008D405EC4CDC43CF8D00") == 0x6D00


@pytest.mark.parametrize(
    ("change", "sw"),
    [
        (lambda c: c[:5] + bytes((c[5] ^ 1,)) + c[6:], 0x6988),  # a cryptogram that was changed
        (lambda c: c[:-1] + bytes((c[-1] ^ 1,)), 0x6988),  # a MAC that was
        (lambda c: c[:2] + b"\x01" + c[3:], 0x6A86),  # no decryption
        (lambda c: c[:2] + b"\x33" + c[3:], 0x6A86),  # response protection
        (lambda c: c[:4] + b"\x0f" + c[5:-1], 0x6700),
        (lambda c: b"\x80" + c[1:], 0x6D00),
        (lambda c: b"\x04" + c[1:], 0x6985),
    ],
)
def test_an_external_authenticate_that_is_wrong_opens_nothing(
    gen2: Gen2Wire, change: Callable[[bytes], bytes], sw: int
) -> None:
    right = gen2.start_channel().encode()
    assert gen2.sw(change(right)) == sw
    assert gen2.sw(right) == 0x6985


def test_external_authenticate_follows_initialize_update_at_once(gen2: Gen2Wire) -> None:
    right = gen2.start_channel().encode()
    gen2.sw("00A4000402503000")
    assert gen2.sw(right) == 0x6985


def test_a_channel_is_not_opened_twice(gen2: Gen2Wire) -> None:
    right = gen2.start_channel().encode()
    assert gen2.sw(right) == SUCCESS
    assert gen2.sw(right) == 0x6985


@pytest.mark.parametrize(
    "command", ["002000010A313233343536FFFFFFFF", "80EA820180" + "00" * 128, "80C1008080"]
)
def test_pin_and_keys_are_for_the_channel_only(gen2: Gen2Wire, command: str) -> None:
    gen2.select_applet()
    assert gen2.sw(command) == 0x6982
    gen2.open_channel()
    assert gen2.sw(command) == 0x6982
    assert gen2.card.data.attempts_left == 3


def test_a_wrong_mac_closes_the_channel_and_forgets_the_pin(gen2: Gen2Wire) -> None:
    gen2.open_channel()
    gen2.enter_keys()
    assert gen2.verify("123456") == SUCCESS
    forged = bytearray(gen2.secure(0x80, "EA8201", bytes(128)))
    forged[-1] ^= 1
    assert gen2.sw(bytes(forged)) == 0x6988
    assert gen2.sw(gen2.secure(0x80, "EA8201", bytes(128))) == 0x6985
    gen2.open_channel()
    gen2.enter_keys()
    assert gen2.sw(gen2.secure(0x80, "EA8201", bytes(128))) == 0x6982


def test_a_replayed_command_closes_the_channel(gen2: Gen2Wire) -> None:
    gen2.open_channel()
    command = gen2.secure(0x00, "A40004", b"\x50\x30", 256)
    assert gen2.sw(command) == SUCCESS
    assert gen2.sw(command) == 0x6988
    assert gen2.sw(command) == 0x6985


@pytest.mark.parametrize("body", ["", "08" + "00" * 8, "04" + "00" * 4, "19" + "00" * 25])
def test_a_command_without_a_proper_mac_closes_the_channel(gen2: Gen2Wire, body: str) -> None:
    gen2.open_channel()
    assert gen2.sw(f"04200001{body}") == 0x6988
    assert gen2.sw(gen2.secure(0x00, "A40004", b"\x50\x30", 256)) == 0x6985


def test_files_can_be_read_through_the_channel(gen2: Gen2Wire) -> None:
    gen2.open_channel()
    for fid in ("0900", "0903"):
        assert gen2.sw(gen2.secure(0x00, "A40004", bytes.fromhex(fid), 256)) == SUCCESS
    serial = gen2.card.data.serial.encode()
    assert gen2.send(gen2.secure(0x00, "B00000", le=16)) == (serial, SUCCESS)


def test_selecting_by_name_closes_the_channel_and_forgets_the_pin(gen2: Gen2Wire) -> None:
    gen2.open_channel()
    gen2.enter_keys()
    assert gen2.verify("123456") == SUCCESS
    gen2.select_applet()
    assert gen2.sw(gen2.secure(0x00, "A40004", b"\x50\x30", 256)) == 0x6985
    gen2.open_channel()
    gen2.enter_keys()
    assert gen2.sw(gen2.secure(0x80, "EA8201", bytes(128))) == 0x6982


def test_a_name_that_is_not_there_changes_nothing(gen2: Gen2Wire) -> None:
    gen2.open_channel()
    gen2.enter_keys()
    assert gen2.verify("123456") == SUCCESS
    assert gen2.sw(f"00A4040C0F{AID[:-2]}00") == 0x6A82
    gen2.sign(bytes(255) + b"\x02")


def test_every_signature_wants_a_pin_of_its_own(gen2: Gen2Wire) -> None:
    gen2.open_channel()
    gen2.enter_keys()
    assert gen2.verify("123456") == SUCCESS
    gen2.sign(bytes(255) + b"\x02")
    assert gen2.sw(gen2.secure(0x80, "EA8201", bytes(128))) == 0x6982


def test_unless_the_card_is_made_otherwise(make_gen2_card: CardFactory) -> None:
    wire = Gen2Wire(make_gen2_card(options=Options(verify_per_signature=False)))
    wire.open_channel()
    wire.enter_keys()
    assert wire.verify("123456") == SUCCESS
    assert wire.sign(bytes(255) + b"\x02") == wire.sign(bytes(255) + b"\x02")


@pytest.mark.parametrize(
    ("strict", "sw", "after"), [(False, SUCCESS, SUCCESS), (True, 0x6982, 0x6985)]
)
def test_a_plain_command_while_the_channel_is_open(
    make_gen2_card: CardFactory, strict: bool, sw: int, after: int
) -> None:
    wire = Gen2Wire(make_gen2_card(options=Options(strict_channel=strict)))
    wire.open_channel()
    assert wire.sw("00A4000402503000") == sw
    assert wire.sw(wire.secure(0x00, "A40004", b"\x08\x10", 256)) in (after, 0x6A82)
    assert (wire.sw(wire.secure(0x00, "A40004", b"\x08\x10", 256)) == SUCCESS) is not strict


@pytest.mark.parametrize(
    ("head", "data", "sw"),
    [
        ("200002", b"123456\xff\xff\xff\xff", 0x6A88),
        ("200101", b"123456\xff\xff\xff\xff", 0x6A86),
        ("200001", b"123456", 0x6700),
        ("200001", b"", 0x6700),
    ],
)
def test_a_verify_that_is_none_costs_nothing(
    gen2: Gen2Wire, head: str, data: bytes, sw: int
) -> None:
    gen2.open_channel()
    assert gen2.sw(gen2.secure(0x00, head, data)) == sw
    assert gen2.card.data.attempts_left == 3


def test_the_pin_of_the_channel_is_counted_too(gen2: Gen2Wire) -> None:
    gen2.open_channel()
    assert [gen2.verify("654321") for _ in range(4)] == [0x63C2, 0x63C1, 0x6983, 0x6983]
    assert gen2.verify("123456") == 0x6983


def with_right_mac(wire: Gen2Wire, ciphertext: bytes) -> bytes:
    """Make a SELECT around any cipher text, with a MAC as only the other end can make it."""
    channel = open_end(wire)
    header = bytes((0x04, 0xA4, 0x00, 0x04, len(ciphertext) + 8))
    return header + ciphertext + cmac(channel._mac_key, channel._chaining + header + ciphertext)[:8]


def open_end(wire: Gen2Wire) -> Channel:
    """Look at the card's end of the channel."""
    system = wire.card._system
    assert isinstance(system, Gen2)
    assert system._channel is not None
    return system._channel


@pytest.mark.parametrize("length", [1, 15, 17, 31])
def test_cipher_text_that_is_no_blocks_closes_the_channel(gen2: Gen2Wire, length: int) -> None:
    gen2.open_channel()
    assert gen2.sw(with_right_mac(gen2, bytes(length))) == 0x6988
    assert gen2.sw(gen2.secure(0x00, "A40004", b"\x50\x30", 256)) == 0x6985


@pytest.mark.parametrize(
    ("padded", "sw"),
    [
        (b"\x50\x30\x80" + bytes(13), SUCCESS),
        (bytes(16), 0x6988),
        (b"\x50\x30" + bytes(14), 0x6988),
        (b"\x50\x30\x81" + bytes(13), 0x6988),
        (b"\x80" + bytes(31), 0x6988),
    ],
)
def test_data_without_its_padding_closes_the_channel(
    gen2: Gen2Wire, padded: bytes, sw: int
) -> None:
    gen2.open_channel()
    aes = open_end(gen2)._enc
    iv = Cipher(aes, modes.ECB()).encryptor().update((1).to_bytes(16, "big"))  # noqa: S305  # SCP03
    ciphertext = Cipher(aes, modes.CBC(iv)).encryptor().update(padded)
    assert gen2.sw(with_right_mac(gen2, ciphertext)) == sw
