"""The card's end of the secure channel: GlobalPlatform SCP03 (Amendment D), i = 00, AES-128.

Written from the standard, independently of the host's end in ``agent.secure_messaging``, so that
each tests the other.
"""

import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from agent.iso7816 import CommandApdu

CHALLENGE_LENGTH = 8
CRYPTOGRAM_LENGTH = 8
MAC_LENGTH = 8
SECURITY_LEVEL = 0x03  # C-MAC and C-DECRYPTION (§7.1.2.1)
CLA_SECURE = 0x04  # bit 3 of the class byte
CARD_MANAGER_AID = bytes.fromhex("A000000283FF088692535389C00014")
_MASTER_KEY = bytes.fromhex("434854204869434F53504B4353233131")
_MASTER_DATA = bytes.fromhex("EEE765099E9B8D52A33734760DD0305E")
_BLOCK = 16
_CARD_CRYPTOGRAM, _HOST_CRYPTOGRAM = 0x00, 0x01  # data derivation constants (§4.1.5)
_S_ENC, _S_MAC = 0x04, 0x06


class ChannelError(Exception):
    """A command's MAC or padding is wrong."""


@dataclass(frozen=True, slots=True)
class ChannelKeys:
    """The card's static keys, 16 bytes each."""

    enc: bytes = field(repr=False)
    mac: bytes = field(repr=False)

    @classmethod
    def of_card(cls, card_id: bytes) -> "ChannelKeys":
        """Derive a card's keys from the issuer's key and the card's id, 10 bytes."""
        cipher = Cipher(algorithms.AES128(_MASTER_KEY), modes.ECB())  # noqa: S305 - one block only
        decryptor = cipher.decryptor()
        master = decryptor.update(_MASTER_DATA) + decryptor.finalize()
        return cls(
            enc=_cmac(master, _diversification(0x04, 0x01, card_id)),
            mac=_cmac(master, _diversification(0x06, 0x02, card_id)),
        )


def _diversification(constant: int, number: int, card_id: bytes) -> bytes:
    block = bytearray(32)
    block[0x0B] = constant
    block[0x0E:0x11] = bytes((0x80, 0x01, number))
    block[0x11:0x1B] = card_id
    block[0x1B:0x20] = CARD_MANAGER_AID[0x0A:0x0F]
    return bytes(block)


class Channel:
    """A secure channel, from INITIALIZE UPDATE on; unusable after the first ChannelError."""

    def __init__(self, keys: ChannelKeys, host_challenge: bytes, card_challenge: bytes) -> None:
        """Derive the session keys from both challenges, 8 bytes each."""
        context = host_challenge + card_challenge
        self._enc = algorithms.AES128(_derive(keys.enc, _S_ENC, 16, context))
        self._mac_key = _derive(keys.mac, _S_MAC, 16, context)
        self._host_cryptogram = _derive(self._mac_key, _HOST_CRYPTOGRAM, CRYPTOGRAM_LENGTH, context)
        self.card_cryptogram = _derive(self._mac_key, _CARD_CRYPTOGRAM, CRYPTOGRAM_LENGTH, context)
        self._chaining = bytes(_BLOCK)
        self._counter = 0
        self.open = False

    def authenticate(self, command: CommandApdu) -> bool:
        """Check EXTERNAL AUTHENTICATE (§7.1.2); return whether the host's cryptogram is right.

        Raises:
            ChannelError: the MAC is wrong, or there is none.

        """
        cryptogram = self._checked_body(command)
        self.open = hmac.compare_digest(cryptogram, self._host_cryptogram)
        return self.open

    def unwrap(self, command: CommandApdu) -> CommandApdu:
        """Check the MAC of a command and decrypt it (§6.2.4, §6.2.6).

        Raises:
            ChannelError: its MAC or padding is wrong.

        """
        ciphertext = self._checked_body(command)
        data = self._decrypt(ciphertext) if ciphertext else b""
        cla = command.cla & ~CLA_SECURE
        return CommandApdu(cla, command.ins, command.p1, command.p2, data, command.le)

    def _checked_body(self, command: CommandApdu) -> bytes:
        body, mac = command.data[:-MAC_LENGTH], command.data[-MAC_LENGTH:]
        header = bytes((command.cla, command.ins, command.p1, command.p2, len(command.data)))
        full = _cmac(self._mac_key, self._chaining + header + body)
        if len(mac) < MAC_LENGTH or not hmac.compare_digest(full[:MAC_LENGTH], mac):
            raise ChannelError
        self._chaining = full
        return body

    def _decrypt(self, ciphertext: bytes) -> bytes:
        if len(ciphertext) % _BLOCK:
            raise ChannelError
        self._counter += 1
        encryptor = Cipher(self._enc, modes.ECB()).encryptor()  # noqa: S305 - SCP03's IV, §6.2.6
        iv = encryptor.update(self._counter.to_bytes(_BLOCK, "big")) + encryptor.finalize()
        decryptor = Cipher(self._enc, modes.CBC(iv)).decryptor()
        padded = decryptor.update(ciphertext) + decryptor.finalize()
        data = padded.rstrip(b"\x00")
        if data[-1:] != b"\x80" or len(padded) - len(data) >= _BLOCK:
            raise ChannelError
        return data[:-1]


def _derive(key: bytes, constant: int, length: int, context: bytes) -> bytes:
    """Derive ``length`` bytes, at most 16 (§4.1.5; SP 800-108 in counter mode)."""
    label = bytes(11) + bytes((constant, 0)) + (length * 8).to_bytes(2, "big") + b"\x01"
    return _cmac(key, label + context)[:length]


def _cmac(key: bytes, message: bytes) -> bytes:
    mac = CMAC(algorithms.AES128(key))
    mac.update(message)
    return mac.finalize()
