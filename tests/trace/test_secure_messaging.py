"""Both secure channels against vectors recorded from real cards (public figures)."""

import pytest

from agent.errors import AgentError, ErrorCode, PinError, SecureChannelError
from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes
from agent.secure_messaging.protected_verify import KEY, pad_pin, verify_command
from agent.secure_messaging.scp03 import Scp03Keys, Scp03Session, derive_keys

CARD_ID = bytes.fromhex("24056964130001903957")
HOST_CHALLENGE = bytes.fromhex("D405EC4CDC43CF8D")
CARD_CHALLENGE = bytes.fromhex("0361BB15A8B68C2E")
FIRST_VERIFY = "0420000118C5B3BE9F583A7EEDC0A311124389A497E6EB3952A40BC30D"


def card_cryptogram(keys: Scp03Keys) -> bytes:
    # SP 800-108 written out again, so that the session is not judged by its own helper
    from cryptography.hazmat.primitives.ciphers.algorithms import AES128
    from cryptography.hazmat.primitives.cmac import CMAC

    def kdf(key: bytes, constant: int, bits: int) -> bytes:
        mac = CMAC(AES128(key))
        head = bytes(11) + bytes((constant, 0)) + bits.to_bytes(2, "big") + b"\x01"
        mac.update(head + HOST_CHALLENGE + CARD_CHALLENGE)
        return mac.finalize()[: bits // 8]

    return kdf(kdf(keys.mac, 6, 128), 0, 64)


def initialize_update_response(keys: Scp03Keys) -> bytes:
    return CARD_ID + bytes((1, 3, 0)) + CARD_CHALLENGE + card_cryptogram(keys)


def open_session() -> Scp03Session:
    keys = derive_keys(CARD_ID)
    session = Scp03Session(keys, HOST_CHALLENGE)
    session.external_authenticate(initialize_update_response(keys))
    return session


def test_the_keys_of_a_real_card() -> None:
    keys = derive_keys(CARD_ID)
    assert keys.enc.hex().upper() == "AB9C3C083FE63F483757DA8E4FEAF1BB"
    assert keys.mac.hex().upper() == "32762E9842309B5A3AC37CC34F207759"
    assert keys.enc.hex() not in repr(keys)


def test_the_first_command_of_a_real_channel() -> None:
    with pad_pin(SecretBytes.from_text("000000")) as pin:
        command = open_session().wrap_secret(bytes.fromhex("00200001"), pin)
    assert command.buffer.hex().upper() == FIRST_VERIFY


def test_a_pin_that_was_wiped_is_not_sent_as_zeros() -> None:
    taken_back = SecretBytes.from_text("000000")
    taken_back.wipe()
    with pytest.raises(AgentError) as error:
        pad_pin(taken_back)
    assert error.value.code is ErrorCode.USER_CANCELLED


def test_secret_and_plain_wrapping_agree() -> None:
    plain = open_session().wrap(CommandApdu(0, 0x20, 0, 1, b"000000" + b"\xff" * 4))
    assert plain.encode().hex().upper() == FIRST_VERIFY


def test_the_counter_moves_only_with_data() -> None:
    # An empty body first must not change how the next body is encrypted, only its MAC.
    session = open_session()
    session.wrap(CommandApdu(0x80, 0xC1, 0, 0x80, le=0x80))
    with pad_pin(SecretBytes.from_text("000000")) as pin:
        command = session.wrap_secret(bytes.fromhex("00200001"), pin)
    assert command.buffer.hex().upper()[:42] == FIRST_VERIFY[:42]
    assert command.buffer.hex().upper()[42:] != FIRST_VERIFY[42:]


@pytest.mark.parametrize("position", [11, 13, 20, 21, 28])
def test_a_card_that_does_not_know_the_keys_is_refused(position: int) -> None:
    keys = derive_keys(CARD_ID)
    response = bytearray(initialize_update_response(keys))
    response[position] ^= 1
    session = Scp03Session(keys, HOST_CHALLENGE)
    with pytest.raises(SecureChannelError):
        session.external_authenticate(bytes(response))
    with pytest.raises(SecureChannelError):
        session.wrap(CommandApdu(0, 0xA4, 0, 4, b"\x50\x30", 256))


@pytest.mark.parametrize("length", [0, 28, 30, 200])
def test_a_handshake_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(SecureChannelError):
        Scp03Session(derive_keys(CARD_ID), HOST_CHALLENGE).external_authenticate(bytes(length))


def test_the_protected_verify_opens_with_openssl_s_triple_des() -> None:
    # The card's side, step by step: ciphertext → PIN field, MAC, padding; MAC over the field.
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    iv = bytes(range(8))
    command = bytes(verify_command(SecretBytes.from_text("12345678"), iv).buffer)
    assert command[:13] == bytes.fromhex("8C20000120") + iv
    cipher = Cipher(TripleDES(KEY + KEY[:8]), CBC(iv))
    plain = cipher.decryptor().update(command[13:])
    field = b"12345678\xff\xff"
    expected = cipher.encryptor().update(field + b"\x06" * 6)[-8:]
    assert plain == field + expected + b"\x06" * 6


@pytest.mark.parametrize("pin", ["", "12345678901"])
def test_a_pin_that_does_not_fit_the_field_is_refused(pin: str) -> None:
    with pytest.raises(PinError) as error:
        verify_command(SecretBytes.from_text(pin), bytes(8))
    assert error.value.code == "pin_length"
