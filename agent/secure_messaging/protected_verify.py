"""The gen1 card's protected VERIFY: the PIN under 2-key triple DES with a known key.

The key is a constant that every middleware for this card contains: it only keeps the PIN from being
sent in plain text. Whoever has the command has the PIN, so it is built in one buffer that is wiped.
"""

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC

from agent.errors import AgentError, ErrorCode, PinError
from agent.secret import SecretBytes

KEY = b"CHTTL8f0HiCardV2"
PIN_FIELD = 10  # bytes, padded with FF
BLOCK = 8
IV_LENGTH = BLOCK
VERIFY_HEADER = bytes.fromhex("8C20000120")  # CLA INS P1 P2 Lc
_MAC_INPUT = 16  # the PIN field with PKCS#7 padding
_CIPHERTEXT = 24  # PIN field, MAC, PKCS#7 padding
# cryptography's update_into wants room for one block more than it writes, less one byte
_SLACK = BLOCK - 1


def pad_pin(pin: SecretBytes, length: int = PIN_FIELD) -> SecretBytes:
    """Copy a PIN into the card's field of ``length`` bytes, the rest filled with FF.

    Raises:
        PinError: code ``pin_length``: empty, or longer than the field.
        AgentError: code ``user_cancelled``: the PIN was wiped by its owner.

    """
    if not 0 < len(pin) <= length:
        raise PinError("PIN does not fit the field", code=ErrorCode.PIN_LENGTH)
    field = SecretBytes(bytearray(b"\xff" * length))
    field.buffer[: len(pin)] = pin.buffer
    if pin.wiped:
        # Another thread gives up at any moment. Asked after copying: what is left of a PIN by
        # then would be sent as a wrong one, and cost an attempt.
        field.wipe()
        raise AgentError("the PIN was taken back", code=ErrorCode.USER_CANCELLED)
    return field


def verify_command(pin: SecretBytes, iv: bytes) -> SecretBytes:
    """Build the whole protected VERIFY command, 37 bytes: header, IV, ciphertext.

    Args:
        pin: 1 to 10 bytes; not wiped here.
        iv: 8 fresh random bytes.

    Raises:
        PinError, AgentError: as :func:`pad_pin`.

    """
    with pad_pin(pin) as field, SecretBytes(bytearray(_CIPHERTEXT)) as plain:
        plain.buffer[:PIN_FIELD] = field.buffer
        plain.buffer[PIN_FIELD:_MAC_INPUT] = _padding(_MAC_INPUT - PIN_FIELD)
        with _encrypt(memoryview(plain.buffer)[:_MAC_INPUT], iv) as macked:
            plain.buffer[PIN_FIELD : PIN_FIELD + BLOCK] = macked.buffer[BLOCK:_MAC_INPUT]
        plain.buffer[PIN_FIELD + BLOCK :] = _padding(_CIPHERTEXT - PIN_FIELD - BLOCK)
        with _encrypt(memoryview(plain.buffer), iv) as ciphertext:
            command = bytearray(VERIFY_HEADER + iv)
            command += memoryview(ciphertext.buffer)[:_CIPHERTEXT]
            return SecretBytes(command)


def _padding(count: int) -> bytes:
    return bytes((count,)) * count  # PKCS#7 (RFC 5652 §6.3)


def _encrypt(plain: memoryview, iv: bytes) -> SecretBytes:
    encryptor = Cipher(TripleDES(KEY + KEY[:BLOCK]), CBC(iv)).encryptor()
    out = SecretBytes(bytearray(len(plain) + _SLACK))
    encryptor.update_into(plain, out.buffer)
    return out
