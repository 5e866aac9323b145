"""Before a gen2 card's channel: nothing of what the card says of its keys is taken unseen."""

import pytest

from agent.cards.card import ID_SIGN
from agent.cards.citizen.gen2 import AID, Gen2Card
from agent.cards.memory import CardMemory
from agent.cards.session import CardSession, ReadLimit
from agent.cms.digest import HashAlgorithm
from agent.errors import CardError, OtherGenerationError, SecureChannelError
from agent.secret import SecretBytes
from agent.transport.chaining import ApduChannel
from agent.virtualcard.channel import Channel, ChannelKeys
from tests.unit.cards.scripted import SUCCESS, ScriptedConnection

CARD_ID = bytes.fromhex("24056964130001903957")
KEY_INFORMATION = bytes.fromhex("E012C00401018810C00402018810C00403018810")
SERIAL = b"TP00000000000001"
DIGEST = HashAlgorithm.SHA256, bytes(32)


class HandshakeCard:
    """A gen2 card up to its VERIFY, which it answers with a status word.

    Attributes:
        key_information: what GET DATA 00E0 answers.
        identity: what GET DATA 0045 answers.
        verify: the status word of VERIFY.

    """

    def __init__(self) -> None:
        self.key_information = KEY_INFORMATION
        self.identity = b"\x45\x0a" + CARD_ID
        self.verify = 0x63C2
        self.connection = ScriptedConnection(self._answer)

    def _answer(self, command: bytes) -> bytes:
        match command[1]:
            case 0xB0:
                return SERIAL + SUCCESS
            case 0xCA:
                asked = {0xE0: self.key_information, 0x45: self.identity}
                return asked[command[3]] + SUCCESS
            case 0x50:
                keys = ChannelKeys.of_card(CARD_ID)
                cryptogram = Channel(keys, command[5:13], bytes(8)).card_cryptogram
                return CARD_ID + bytes((1, 3, 0)) + bytes(8) + cryptogram + SUCCESS
            case 0x20:
                return self.verify.to_bytes(2, "big")
            case _:
                return SUCCESS

    def count(self, instruction: int) -> int:
        return sum(raw[1] == instruction for raw in self.connection.sent)

    def sign(self, memory: CardMemory | None = None) -> None:
        session = CardSession(ApduChannel(self.connection), ReadLimit())
        card = Gen2Card(session, memory or CardMemory())
        card.sign(ID_SIGN, SecretBytes.from_text("123456"), [DIGEST, DIGEST])


@pytest.mark.parametrize(
    "information",
    [
        b"",
        KEY_INFORMATION[:7],
        KEY_INFORMATION[:7] + b"\x18",
        KEY_INFORMATION[:7] + b"\x20",
        KEY_INFORMATION[:7] + b"\x00",
    ],
)
def test_channel_keys_of_another_length_are_refused_before_the_pin(information: bytes) -> None:
    card = HandshakeCard()
    card.key_information = information
    with pytest.raises(SecureChannelError, match="length"):
        card.sign()
    assert (card.count(0x50), card.count(0x20)) == (0, 0)


@pytest.mark.parametrize(
    "identity",
    [
        b"",
        CARD_ID,
        b"\x46\x0a" + CARD_ID,
        b"\x45\x0b" + CARD_ID,
        b"\x45\x0a" + CARD_ID[:-1],
        b"\x45\x0a" + CARD_ID + b"\x00",
    ],
)
def test_a_channel_id_of_another_form_is_refused_before_the_pin(identity: bytes) -> None:
    card = HandshakeCard()
    card.identity = identity
    with pytest.raises(SecureChannelError, match="id"):
        card.sign()
    assert (card.count(0x50), card.count(0x20)) == (0, 0)


def test_a_channel_that_the_card_does_not_answer_gets_no_pin_and_is_not_proven() -> None:
    card, memory = HandshakeCard(), CardMemory()
    card.identity = b"\x45\x0a" + CARD_ID[:-1] + b"\x00"  # misread: other keys
    with pytest.raises(SecureChannelError):
        card.sign(memory)
    assert card.count(0x20) == 0
    assert not memory.record(SERIAL.decode()).channel_proven


@pytest.mark.parametrize("status", [0x63C2, 0x6C0A, 0x6110, 0x6700, 0x6988, 0x6F00])
def test_a_verify_in_the_channel_is_sent_once(status: int) -> None:
    card, memory = HandshakeCard(), CardMemory()
    card.verify = status
    with pytest.raises(CardError):
        card.sign(memory)
    assert card.count(0x20) == 1
    assert card.count(0xEA) == 0
    record = memory.record(SERIAL.decode())
    assert (record.channel_id, record.channel_proven) == (CARD_ID, True)
    with pytest.raises(CardError):
        card.sign(memory)
    assert card.count(0xCA) == 2  # asked of the first only


def test_the_commands_before_the_pin() -> None:
    card = HandshakeCard()
    with pytest.raises(CardError):
        card.sign()
    plain = [raw.hex().upper() for raw in card.connection.sent if not raw[0] & 4]
    assert plain[:9] == [
        f"00A4040C10{AID.hex().upper()}00",
        "00A4000402090000",
        "00A4000402090300",
        "00B0000010",
        "00A404000FA000000283FF088692535389C00014",
        "80CA00E000",
        "00A4040007A0000001510000",
        "80CA004500",
        f"00A4040C10{AID.hex().upper()}00",
    ]
    assert plain[9].startswith("8050010008")
    secured = [raw[:4].hex().upper() for raw in card.connection.sent if raw[0] & 4]
    assert secured == ["84820300", "04A40004", "04A40004", "04200001"]


def test_a_card_without_the_applet_is_another_generation_s() -> None:
    connection = ScriptedConnection(lambda _: b"\x6a\x82")
    session = CardSession(ApduChannel(connection), ReadLimit())
    with pytest.raises(OtherGenerationError):
        Gen2Card(session, CardMemory())
    assert len(connection.sent) == 1
