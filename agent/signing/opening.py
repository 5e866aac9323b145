"""One decrypt request: from what the page has to what the card's key opens, and back."""

from agent.cards.card import KeyUse, StoredCertificate
from agent.cards.padding import MODULUS_LENGTH
from agent.errors import BadRequestError
from agent.signing.model import DecryptFormat, DecryptRequest


class Opening:
    """One decrypt request on its way through a card; used once."""

    def __init__(self, request: DecryptRequest) -> None:
        """Read the message.

        Raises:
            BadRequestError: it is not what its format says.

        """
        self._message: "EnvelopedMessage | None" = None
        if request.format is DecryptFormat.CMS:
            from agent.cms.enveloped import EnvelopedMessage

            self._message = EnvelopedMessage.parse(request.data)
        elif len(request.data) != MODULUS_LENGTH:
            raise BadRequestError("a cryptogram is as long as the key: 256 bytes")
        self._data = request.data

    def prepare(self, serial: str, stored: StoredCertificate) -> list[bytes]:
        """Find what is encrypted for this certificate; before the PIN is sent.

        Raises:
            AgentError: nothing in the message is for this card.

        """
        del serial  # a message is addressed to a certificate, not to a card
        if self._message is None:
            return [self._data]
        return [self._message.encrypted_key(stored.der)]

    def finish(self, used: KeyUse) -> bytes:
        """Open the message with what the card decrypted.

        Raises:
            AgentError: it does not open; always the same, whatever was wrong.

        """
        (plain,) = used.results
        return plain if self._message is None else self._message.open(plain)
