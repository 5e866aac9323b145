"""One decrypt request: from what the page has to what the card's key opens, and back."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from agent.cards.card import AGREEING_CARDS, ID_KEYX, Card, StoredCertificate
from agent.cms.key_padding import Pkcs1Padding, may_be_encrypted
from agent.consent.questions import Act, Purpose
from agent.errors import BadRequestError, CryptogramError, KeyNotFoundError
from agent.secret import SecretBytes
from agent.signing.key_use import CARD_SECONDS, KeyTask
from agent.signing.model import CardCertificate, DecryptFormat, DecryptionRequest

if TYPE_CHECKING:
    from agent.cms.enveloped import EnvelopedMessage


@dataclass(frozen=True, slots=True)
class _Cryptogram:
    """What the card's key decrypts.

    Attributes:
        value: as long as the key.
        message: that it opens; None where it is all there is.

    """

    value: bytes
    message: "EnvelopedMessage | None" = None


@dataclass(frozen=True, slots=True)
class DecryptTask(KeyTask[_Cryptogram, bytes, bytes]):
    """Decrypt with the key that others encrypt to."""

    request: DecryptionRequest

    @property
    def citizen_card(self) -> bool:
        """Whether the request knows citizen cards alone."""
        return self.request.citizen_card

    def candidates(self, card: Card) -> Iterator[StoredCertificate]:
        """Read the certificates of the key-exchange key, always."""
        return card.certificates_of(ID_KEYX)

    @property
    def seconds(self) -> float:
        """How long one transaction may take."""
        return CARD_SECONDS

    def purpose(self) -> Purpose:
        """Say that something is decrypted."""
        return Purpose(Act.DECRYPT)

    def prepare(self, certificate: CardCertificate) -> _Cryptogram:
        """Find what is encrypted for this certificate.

        Raises:
            KeyNotFoundError: the key is on a curve, and the card does not agree on keys with it; or
                a bare cryptogram is wanted of it, which there is not.
            BadRequestError: a bare cryptogram that the key cannot have made.
            CmsError: the message is malformed or unsupported, or (``other_recipient``) nothing in
                it is for this certificate.

        """
        is_rsa = isinstance(certificate.facts.public_key, RSAPublicKey)
        agrees = certificate.generation in AGREEING_CARDS
        if not is_rsa and not (agrees and self.request.format is DecryptFormat.CMS):
            raise KeyNotFoundError("nothing can be encrypted to the card's key: it is no RSA key")
        if self.request.format is DecryptFormat.PKCS1:
            _check_cryptogram(certificate, self.request.data)
            return _Cryptogram(self.request.data)
        # Brings the ASN.1 parser: in a reader's thread no page waits for it.
        from agent.cms.enveloped import parse  # noqa: PLC0415

        message = parse(self.request.data, certificate.facts.der)
        return _Cryptogram(message.encrypted_key, message)

    def is_best(self, certificate: CardCertificate) -> bool:
        """Return true: what was encrypted for an old certificate still has to open."""
        del certificate
        return True

    def verb(self, card: Card) -> Callable[[bytes, SecretBytes, Sequence[bytes]], Sequence[bytes]]:
        """Return what decrypts."""
        return card.decrypt

    def inputs(self, prepared: _Cryptogram) -> Sequence[bytes]:
        """Return the cryptogram."""
        return [prepared.value]

    def finish(
        self, certificate: CardCertificate, prepared: _Cryptogram, results: Sequence[bytes]
    ) -> bytes:
        """Open the message with what the card decrypted.

        Raises:
            CryptogramError: it does not open; the same as for wrong padding around the key, so that
                nobody learns from the difference.

        """
        del certificate  # what was found for it is in ``prepared``
        from agent.cms.errors import CmsError  # noqa: PLC0415  # as above

        (block,) = results
        if prepared.message is None:
            plain = Pkcs1Padding().remove(block)
            if plain is None:
                raise CryptogramError
            return plain
        try:
            return prepared.message.open(block)
        except CmsError as error:
            raise CryptogramError from error


def _check_cryptogram(certificate: CardCertificate, cryptogram: bytes) -> None:
    key = certificate.facts.public_key
    if not isinstance(key, RSAPublicKey) or not may_be_encrypted(key, cryptogram):
        raise BadRequestError("a cryptogram is as long as the key, and smaller")
