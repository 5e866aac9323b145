"""The gen2 channel: nothing of another length, and no cryptogram but the card's own."""

import pytest

from agent.errors import SecureChannelError
from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes
from agent.secure_messaging.protected_verify import pad_pin
from agent.secure_messaging.scp03 import Scp03Session, derive_keys
from agent.virtualcard.channel import Channel, ChannelKeys
from tests.trace.test_secure_messaging import (
    CARD_ID,
    HOST_CHALLENGE,
    initialize_update_response,
    open_session,
)


@pytest.mark.parametrize("length", [0, 9, 11, 16])
def test_a_card_id_of_another_length_gives_no_keys(length: int) -> None:
    with pytest.raises(SecureChannelError):
        derive_keys(bytes(length))


@pytest.mark.parametrize("length", [0, 7, 9, 16])
def test_a_host_challenge_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(SecureChannelError):
        Scp03Session(derive_keys(CARD_ID), bytes(length))


@pytest.mark.parametrize("position", range(21, 29))
@pytest.mark.parametrize("bit", [0x01, 0x80])
def test_every_byte_of_the_card_s_cryptogram_is_compared(position: int, bit: int) -> None:
    response = bytearray(initialize_update_response(derive_keys(CARD_ID)))
    response[position] ^= bit
    session = Scp03Session(derive_keys(CARD_ID), HOST_CHALLENGE)
    with pytest.raises(SecureChannelError):
        session.external_authenticate(bytes(response))
    with pytest.raises(SecureChannelError):
        session.wrap(CommandApdu(0x80, 0xC1, 0, 0x80, le=0x80))
    with pytest.raises(SecureChannelError):
        session.wrap_secret(bytes(4), SecretBytes(bytearray(10)))


@pytest.mark.parametrize("information", [0x00, 0x01, 0x02, 0x13, 0x83])
def test_another_protocol_is_refused(information: int) -> None:
    response = bytearray(initialize_update_response(derive_keys(CARD_ID)))
    response[11] = information
    with pytest.raises(SecureChannelError):
        Scp03Session(derive_keys(CARD_ID), HOST_CHALLENGE).external_authenticate(bytes(response))


@pytest.mark.parametrize("length", [0, 28, 30])
def test_a_response_of_another_length_is_refused_whatever_it_holds(length: int) -> None:
    response = initialize_update_response(derive_keys(CARD_ID))
    changed = (response + b"\x00")[:length]
    with pytest.raises(SecureChannelError):
        Scp03Session(derive_keys(CARD_ID), HOST_CHALLENGE).external_authenticate(changed)


def test_the_handshake_is_the_one_that_a_card_knows() -> None:
    session = Scp03Session(derive_keys(CARD_ID), HOST_CHALLENGE)
    update = session.initialize_update()
    assert update.encode().hex().upper() == "8050010008D405EC4CDC43CF8D00"
    card = Channel(ChannelKeys.of_card(CARD_ID), HOST_CHALLENGE, bytes(8))
    response = CARD_ID + bytes((1, 3, 0)) + bytes(8) + card.card_cryptogram
    command = session.external_authenticate(response)
    assert command.encode()[:5].hex() == "8482030010"
    assert card.authenticate(command)
    for data in (b"", b"\x01", bytes(15), bytes(16), bytes(17), bytes(128)):
        plain = CommandApdu(0x80, 0xEA, 0x82, 1, data, 128)
        assert card.unwrap(session.wrap(plain)) == plain


@pytest.mark.parametrize("length", [1, 15, 16, 17, 239])
def test_a_secret_of_any_length_opens_at_the_card_s_end(length: int) -> None:
    session = Scp03Session(derive_keys(CARD_ID), HOST_CHALLENGE)
    card = Channel(ChannelKeys.of_card(CARD_ID), HOST_CHALLENGE, bytes(8))
    response = CARD_ID + bytes((1, 3, 0)) + bytes(8) + card.card_cryptogram
    assert card.authenticate(session.external_authenticate(response))
    secret = SecretBytes(bytearray(b"\x37" * length))
    wrapped = session.wrap_secret(bytes.fromhex("00200001"), secret)
    assert card.unwrap(CommandApdu.parse(bytes(wrapped.buffer))).data == b"\x37" * length
    assert secret.buffer == b"\x37" * length


def test_no_two_commands_are_protected_alike() -> None:
    session = open_session()
    select = CommandApdu(0, 0xA4, 0, 4, b"\x50\x30", 256)
    wrapped = {session.wrap(select).encode()[5:21] for _ in range(3)}
    assert len(wrapped) == 3
    empty = CommandApdu(0x80, 0xC1, 0, 0x80, le=0x80)
    assert len({session.wrap(empty).encode() for _ in range(3)}) == 3


def test_the_class_byte_says_that_a_command_is_protected() -> None:
    session = open_session()
    assert session.wrap(CommandApdu(0x84, 0xC1, 0, 0x80)).cla == 0x84
    with pad_pin(SecretBytes.from_text("123456")) as field:
        assert session.wrap_secret(bytes.fromhex("04200001"), field).buffer[0] == 0x04
