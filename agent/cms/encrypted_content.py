"""The ciphers of a message's content: AES or Triple DES in CBC mode, and AES in GCM mode."""

import os
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.padding import PKCS7

from agent.cms.errors import CmsError

NONCE_LENGTHS = range(8, 129)  # bytes; RFC 5084 §3.2 recommends 12
TAG_LENGTHS = range(12, 17)  # bytes, RFC 5084 §3.2


@dataclass(frozen=True, slots=True)
class BlockCipher:
    """A cipher, with the lengths of its keys and blocks in bytes."""

    algorithm: type[AES | TripleDES]
    key_length: int
    block_length: int


@unique
class AesCbc(StrEnum):
    """The ciphers that are written, by the dotted identifiers of RFC 3565 §4.1."""

    AES_128 = "2.16.840.1.101.3.4.1.2"
    AES_192 = "2.16.840.1.101.3.4.1.22"
    AES_256 = "2.16.840.1.101.3.4.1.42"


CBC: dict[str, BlockCipher] = {
    AesCbc.AES_128: BlockCipher(AES, 16, 16),
    AesCbc.AES_192: BlockCipher(AES, 24, 16),
    AesCbc.AES_256: BlockCipher(AES, 32, 16),
    "1.2.840.113549.3.7": BlockCipher(TripleDES, 24, 8),  # des-ede3-cbc, RFC 3370 §5.1
}
GCM = {
    "2.16.840.1.101.3.4.1.6": 16,  # id-aes128-GCM, RFC 5084: the key's length in bytes
    "2.16.840.1.101.3.4.1.26": 24,
    "2.16.840.1.101.3.4.1.46": 32,
}


class EncryptedContent(Protocol):
    """The content of a message, still encrypted."""

    @property
    def key_length(self) -> int:
        """The length of the key in bytes."""

    def decrypt(self, key: bytes) -> bytes:
        """Return the content.

        Args:
            key: of the right length.

        Raises:
            CmsError: it is not what this key encrypted; always the same words.

        """


@dataclass(frozen=True, slots=True, repr=False)
class CbcContent:
    """Whole blocks, padded as in RFC 5652 §6.3."""

    cipher: BlockCipher
    iv: bytes
    ciphertext: bytes

    @classmethod
    def encrypt(cls, cipher: BlockCipher, key: bytes, content: bytes) -> "CbcContent":
        """Encrypt content of any length with a fresh initialisation vector."""
        iv = os.urandom(cipher.block_length)
        padder = PKCS7(cipher.block_length * 8).padder()
        padded = padder.update(content) + padder.finalize()
        encryptor = Cipher(cipher.algorithm(key), modes.CBC(iv)).encryptor()
        return cls(cipher, iv, encryptor.update(padded) + encryptor.finalize())

    @property
    def key_length(self) -> int:
        """The length of the key in bytes."""
        return self.cipher.key_length

    def decrypt(self, key: bytes) -> bytes:
        """Return the content; see :class:`EncryptedContent`.

        Raises:
            CmsError: it is not what this key encrypted.

        """
        algorithm: CipherAlgorithm = self.cipher.algorithm(key)
        decryptor = Cipher(algorithm, modes.CBC(self.iv)).decryptor()
        padded = decryptor.update(self.ciphertext) + decryptor.finalize()
        remover = PKCS7(self.cipher.block_length * 8).unpadder()
        try:
            return remover.update(padded) + remover.finalize()
        except ValueError:
            raise CmsError("decryption failed") from None


@dataclass(frozen=True, slots=True, repr=False)
class GcmContent:
    """Content with a tag over it and over ``associated``, the authenticated attributes in DER."""

    key_length: int
    nonce: bytes
    ciphertext: bytes
    tag: bytes
    associated: bytes

    def decrypt(self, key: bytes) -> bytes:
        """Return the content, after its tag was found good; see :class:`EncryptedContent`.

        Raises:
            CmsError: it is not what this key encrypted.

        """
        mode = modes.GCM(self.nonce, self.tag, min_tag_length=TAG_LENGTHS.start)
        decryptor = Cipher(AES(key), mode).decryptor()
        decryptor.authenticate_additional_data(self.associated)
        plain = decryptor.update(self.ciphertext)
        try:
            return plain + decryptor.finalize()
        except InvalidTag:
            raise CmsError("decryption failed") from None
