"""One decrypt request: from what the page has to what the card's key opens, and back."""

from agent.cards.card import KeyUse, StoredCertificate
from agent.cards.padding import MODULUS_LENGTH
from agent.cms.enveloped import EnvelopedMessage, parse
from agent.cms.errors import CmsError
from agent.errors import BadRequestError, CardError
from agent.signing.model import DecryptFormat, DecryptRequest


class Opening:
    """One decrypt request on its way through a card; used once."""

    def __init__(self, request: DecryptRequest) -> None:
        """Remember what was asked.

        Raises:
            BadRequestError: a bare cryptogram is not as long as the key.

        """
        if request.format is DecryptFormat.PKCS1 and len(request.data) != MODULUS_LENGTH:
            raise BadRequestError("a cryptogram is as long as the key: 256 bytes")
        self._request = request
        self._message: EnvelopedMessage | None = None

    def prepare(self, serial: str, stored: StoredCertificate) -> list[bytes]:
        """Find what is encrypted for this certificate; before the PIN is sent.

        Raises:
            CmsError: the message is malformed, or nothing in it is for this card.

        """
        del serial  # a message is addressed to a certificate, not to a card
        if self._request.format is DecryptFormat.PKCS1:
            return [self._request.data]
        self._message = parse(self._request.data, stored.der)
        return [self._message.encrypted_key]

    def finish(self, used: KeyUse) -> bytes:
        """Open the message with what the card decrypted.

        Raises:
            CardError: it does not open; the same as for wrong padding around the key, so that
                nobody learns from the difference.

        """
        (plain,) = used.results
        if self._message is None:
            return plain
        try:
            return self._message.open(plain)
        except CmsError as error:
            raise CardError("decryption failed") from error
