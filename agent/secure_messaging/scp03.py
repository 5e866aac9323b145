"""The gen2 card's secure channel: GlobalPlatform SCP03 (Amendment D), i = 03, AES-128.

Security level 03: commands are encrypted and have a MAC, responses are plain. No I/O: the session
builds the commands and is given the responses; the host challenge is an argument.

The master key is a constant that every middleware for this card contains: the channel only keeps
the PIN from being sent in plain text.
"""

import hmac

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

from agent.errors import SecureChannelError
from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes

CARD_MANAGER_AID = bytes.fromhex("A000000283FF088692535389C00014")
BLOCK = 16
CHALLENGE_LENGTH = 8
MAC_LENGTH = 8
CARD_ID_LENGTH = 10
KEY_INFO_SCP03 = 0x03  # byte 11 of the INITIALIZE UPDATE response
INITIALIZE_UPDATE_LENGTH = 29  # key data 10, key info 3, challenge 8, cryptogram 8

_MASTER = bytes.fromhex("EEE765099E9B8D52A33734760DD0305E")
_MASTER_UNDER = bytes.fromhex("434854204869434F53504B4353233131")
_CONSTANT_CARD_CRYPTOGRAM = 0x00  # Amendment D §4.1.5, table 4-1
_CONSTANT_HOST_CRYPTOGRAM = 0x01
_CONSTANT_S_ENC = 0x04
_CONSTANT_S_MAC = 0x06
_SM_BIT = 0x04  # in CLA: GlobalPlatform secure messaging
_INS_INITIALIZE_UPDATE = 0x50
_INS_EXTERNAL_AUTHENTICATE = 0x82
_KEY_VERSION = 0x01
_SECURITY_LEVEL = 0x03
# One message for every failure of the handshake: whoever is on the cable learns nothing from it.
_FAILED = "the secure channel could not be opened"


class Scp03Keys:
    """A card's two static keys, 16 bytes each; not part of its ``repr``."""

    __slots__ = ("_enc", "_mac")

    def __init__(self, enc: bytes, mac: bytes) -> None:
        self._enc = enc
        self._mac = mac

    @property
    def enc(self) -> bytes:
        """The key K-ENC."""
        return self._enc

    @property
    def mac(self) -> bytes:
        """The key K-MAC."""
        return self._mac

    def __repr__(self) -> str:
        return "Scp03Keys(…)"


def derive_keys(card_id: bytes) -> Scp03Keys:
    """Derive one card's static keys from the master key.

    Args:
        card_id: the 10 bytes that GET DATA 0045 answers.

    Raises:
        SecureChannelError: the card id has another length.

    """
    if len(card_id) != CARD_ID_LENGTH:
        raise SecureChannelError(_FAILED)
    decryptor = Cipher(AES128(_MASTER_UNDER), ECB()).decryptor()  # noqa: S305  # one block
    master = decryptor.update(_MASTER) + decryptor.finalize()
    return Scp03Keys(
        _diversify(master, _CONSTANT_S_ENC, 1, card_id),
        _diversify(master, _CONSTANT_S_MAC, 2, card_id),
    )


def _diversify(master: bytes, constant: int, key_number: int, card_id: bytes) -> bytes:
    block = (
        bytes(11) + bytes((constant, 0, 0, 0x80, 1, key_number)) + card_id + CARD_MANAGER_AID[10:15]
    )
    return _cmac(master, block)


def _cmac(key: bytes, *parts: bytes) -> bytes:
    mac = CMAC(AES128(key))
    for part in parts:
        mac.update(part)
    return mac.finalize()


def _kdf(key: bytes, constant: int, bits: int, context: bytes) -> bytes:
    # NIST SP 800-108 in counter mode, one iteration: Amendment D §4.1.5
    label = bytes(11) + bytes((constant, 0)) + bits.to_bytes(2, "big") + b"\x01"
    return _cmac(key, label + context)[: bits // 8]


class Scp03Session:
    """The host's side of one channel.

    Use it in this order: :meth:`initialize_update`, :meth:`external_authenticate` with the
    response, then :meth:`wrap` for each command. After an error it cannot be used any more.
    """

    def __init__(self, keys: Scp03Keys, host_challenge: bytes) -> None:
        """Prepare a channel.

        Args:
            keys: the card's static keys.
            host_challenge: 8 fresh random bytes.

        Raises:
            SecureChannelError: the challenge has another length.

        """
        if len(host_challenge) != CHALLENGE_LENGTH:
            raise SecureChannelError(_FAILED)
        self._keys = keys
        self._host_challenge = host_challenge
        self._s_enc = b""
        self._s_mac = b""
        self._chaining = bytes(BLOCK)
        self._counter = 0

    def initialize_update(self) -> CommandApdu:
        """Build INITIALIZE UPDATE (GlobalPlatform Amendment D §7.1.1)."""
        return CommandApdu(
            0x80, _INS_INITIALIZE_UPDATE, _KEY_VERSION, 0, self._host_challenge, le=256
        )

    def external_authenticate(self, response: bytes) -> CommandApdu:
        """Check the card's answer and build EXTERNAL AUTHENTICATE (Amendment D §7.1.2).

        Args:
            response: the data of INITIALIZE UPDATE; its status word was 9000.

        Raises:
            SecureChannelError: another protocol or length, or the card does not know the keys.

        """
        if len(response) != INITIALIZE_UPDATE_LENGTH or response[11] != KEY_INFO_SCP03:
            raise SecureChannelError(_FAILED)
        context = self._host_challenge + response[13:21]
        self._s_enc = _kdf(self._keys.enc, _CONSTANT_S_ENC, 128, context)
        s_mac = _kdf(self._keys.mac, _CONSTANT_S_MAC, 128, context)
        expected = _kdf(s_mac, _CONSTANT_CARD_CRYPTOGRAM, 64, context)
        if not hmac.compare_digest(expected, response[21:29]):
            raise SecureChannelError(_FAILED)
        self._s_mac = s_mac
        cryptogram = _kdf(s_mac, _CONSTANT_HOST_CRYPTOGRAM, 64, context)
        header = (0x84, _INS_EXTERNAL_AUTHENTICATE, _SECURITY_LEVEL, 0)
        return CommandApdu(*header, cryptogram + self._next_mac(bytes(header), cryptogram))

    def wrap(self, command: CommandApdu) -> CommandApdu:
        """Return the protected command: data encrypted, MAC appended, Le unchanged.

        Raises:
            SecureChannelError: the channel is not open.

        """
        ciphertext = b""
        if command.data:
            with SecretBytes(bytearray(command.data)) as plain:
                ciphertext = self._encrypt(plain)
        header = (command.cla | _SM_BIT, command.ins, command.p1, command.p2)
        body = ciphertext + self._next_mac(bytes(header), ciphertext)
        return CommandApdu(*header, body, command.le)

    def wrap_secret(self, header: bytes, data: SecretBytes) -> SecretBytes:
        """Protect a command whose data is a secret; return the whole command APDU.

        Args:
            header: CLA INS P1 P2 of the unprotected command.
            data: 1 to 239 bytes; not wiped here.

        Raises:
            SecureChannelError: the channel is not open.

        """
        ciphertext = self._encrypt(data)
        protected = bytes((header[0] | _SM_BIT, *header[1:4]))
        mac = self._next_mac(protected, ciphertext)
        length = bytes((len(ciphertext) + len(mac),))
        return SecretBytes(bytearray(protected + length + ciphertext + mac))

    def _encrypt(self, data: SecretBytes) -> bytes:
        # Amendment D §6.2.6: the ICV is the encrypted counter; the counter counts encryptions
        if not self._s_mac:
            raise SecureChannelError(_FAILED)
        self._counter += 1
        icv = Cipher(AES128(self._s_enc), ECB()).encryptor()  # noqa: S305  # one block
        iv = icv.update(self._counter.to_bytes(BLOCK, "big"))
        padded = len(data) + 1 + (-len(data) - 1) % BLOCK
        with SecretBytes(bytearray(padded)) as plain:
            plain.buffer[: len(data)] = data.buffer
            plain.buffer[len(data)] = 0x80  # ISO/IEC 7816-4 padding method 2
            return Cipher(AES128(self._s_enc), CBC(iv)).encryptor().update(plain.buffer)

    def _next_mac(self, header: bytes, body: bytes) -> bytes:
        if not self._s_mac:
            raise SecureChannelError(_FAILED)
        length = bytes((len(body) + MAC_LENGTH,))
        self._chaining = _cmac(self._s_mac, self._chaining, header, length, body)
        return self._chaining[:MAC_LENGTH]
