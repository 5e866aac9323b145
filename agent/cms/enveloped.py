"""Open an EnvelopedData whose key is decrypted by a card (RFC 5652 §6).

In two phases: :func:`parse` returns what the card has to decrypt, :meth:`EnvelopedMessage.open`
decrypts the content with the result. BER is accepted, because many senders write it.
"""

import os
from dataclasses import dataclass

from asn1crypto import cms, core, x509
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.padding import PKCS7

from agent.cms import der, rsa
from agent.cms.bounds import MAX_CERTIFICATE
from agent.cms.errors import CmsError, hostile_input
from agent.cms.verify import issuer_and_serial
from agent.errors import ErrorCode
from agent.size_limits import MAX_ENVELOPED_MESSAGE

_RSAES_PKCS1_V1_5 = "1.2.840.113549.1.1.1"


@dataclass(frozen=True, slots=True)
class _ContentCipher:
    """A block cipher in CBC mode, with the lengths of its keys and blocks in bytes."""

    algorithm: type[AES | TripleDES]
    key_length: int
    block_length: int


_CIPHERS = {
    "2.16.840.1.101.3.4.1.2": _ContentCipher(AES, 16, 16),  # id-aes128-CBC, RFC 3565
    "2.16.840.1.101.3.4.1.22": _ContentCipher(AES, 24, 16),
    "2.16.840.1.101.3.4.1.42": _ContentCipher(AES, 32, 16),
    "1.2.840.113549.3.7": _ContentCipher(TripleDES, 24, 8),  # des-ede3-cbc, RFC 3370 §5.1
}


@dataclass(frozen=True, slots=True, repr=False)
class EnvelopedMessage:
    """A message whose key is still encrypted.

    Attributes:
        encrypted_key: what the card has to decrypt, RSAES-PKCS1-v1_5, as long as the modulus.

    """

    encrypted_key: bytes
    _cipher: _ContentCipher
    _iv: bytes
    _ciphertext: bytes

    def open(self, key: bytes) -> bytes:
        """Decrypt the content.

        A key of the wrong length is silently replaced by a random one, so that a forged
        ``encrypted_key`` fails like a forged content and nobody learns which it was (RFC 3218
        §2.3.2). Whoever removes the padding from the card's answer has to hand over an empty key
        when that fails, and report nothing.

        Args:
            key: the content-encryption key; empty when there is none.

        Raises:
            CmsError: the content is not what this key encrypted; always the same words.

        """
        substitute = os.urandom(self._cipher.key_length)
        usable = key if len(key) == self._cipher.key_length else substitute
        algorithm: CipherAlgorithm = self._cipher.algorithm(usable)
        decryptor = Cipher(algorithm, modes.CBC(self._iv)).decryptor()
        padded = decryptor.update(self._ciphertext) + decryptor.finalize()
        remover = PKCS7(self._cipher.block_length * 8).unpadder()
        try:
            return remover.update(padded) + remover.finalize()
        except ValueError:
            raise CmsError("decryption failed") from None


def parse(
    raw: bytes, certificate: bytes, *, max_size: int = MAX_ENVELOPED_MESSAGE
) -> EnvelopedMessage:
    """Read an EnvelopedData and find the recipient that ``certificate`` is.

    Args:
        raw: a ContentInfo, BER or DER.
        certificate: the card's, DER, with an RSA key.
        max_size: the most bytes of message accepted.

    Raises:
        CmsError: malformed, unsupported, or (``key_not_found``) for somebody else.

    """
    der.require_ber(raw, max_size=max_size)
    der.require_der(certificate, max_size=MAX_CERTIFICATE)
    with hostile_input("message"):
        recipient = x509.Certificate.load(certificate, strict=True)
        info = cms.ContentInfo.load(raw, strict=True)
        if info["content_type"].native != "enveloped_data":
            raise CmsError("not an EnvelopedData")
        enveloped = info["content"]
        encrypted_key = _encrypted_key(enveloped["recipient_infos"], recipient)
        cipher, iv, ciphertext = _content(enveloped["encrypted_content_info"])
        return EnvelopedMessage(encrypted_key, cipher, iv, ciphertext)


def _encrypted_key(recipients: cms.RecipientInfos, certificate: x509.Certificate) -> bytes:
    for recipient in recipients:
        if recipient.name == "ktri" and _is_for(recipient.chosen["rid"], certificate):
            algorithm = recipient.chosen["key_encryption_algorithm"]["algorithm"].dotted
            if algorithm != _RSAES_PKCS1_V1_5:
                raise CmsError("unsupported key encryption algorithm")
            key = recipient.chosen["encrypted_key"].native
            if not isinstance(key, bytes) or len(key) * 8 != rsa.public_key(certificate).key_size:
                raise CmsError("the encrypted key is not as long as the modulus")
            return key
    raise CmsError("the message is for somebody else", code=ErrorCode.KEY_NOT_FOUND)


def _is_for(identifier: cms.RecipientIdentifier, certificate: x509.Certificate) -> bool:
    if identifier.name == "subject_key_identifier":
        return bool(identifier.chosen.native == certificate.key_identifier)
    # The message may be BER; the certificate is DER.
    return bool(identifier.chosen.dump(force=True) == issuer_and_serial(certificate))


def _content(info: cms.EncryptedContentInfo) -> tuple[_ContentCipher, bytes, bytes]:
    algorithm = info["content_encryption_algorithm"]
    cipher = _CIPHERS.get(algorithm["algorithm"].dotted)
    if cipher is None:
        raise CmsError("unsupported content encryption algorithm")
    iv, ciphertext = algorithm["parameters"], info["encrypted_content"]
    if not isinstance(iv, core.OctetString) or len(iv.native) != cipher.block_length:
        raise CmsError("malformed initialisation vector")
    if not isinstance(ciphertext, core.OctetString):
        raise CmsError("there is no encrypted content")
    octets: bytes = ciphertext.native
    if not octets or len(octets) % cipher.block_length:
        raise CmsError("the encrypted content is not made of whole blocks")
    return cipher, iv.native, octets
