"""One login: from the site's challenge to a token that names the site (see ``cms.login``)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from agent.cards.card import Card, StoredCertificate
from agent.cms.digest import HashAlgorithm
from agent.cms.login import LoginStatement
from agent.consent.questions import Act, Purpose
from agent.errors import AgentError, ErrorCode, KeyNotFoundError
from agent.origin import Origin
from agent.pki.certificate import KeyUsage
from agent.secret import SecretBytes
from agent.signing.key_use import CARD_SECONDS, KeyTask
from agent.signing.model import AuthenticationRequest, AuthenticationResult, CardCertificate
from agent.signing.sign_task import (
    finish_messages,
    is_valid,
    require_usable,
    signing_certificates,
)

if TYPE_CHECKING:
    from agent.signing.message import Message


@dataclass(frozen=True, slots=True)
class AuthenticateTask(KeyTask["Message", tuple[HashAlgorithm, bytes], AuthenticationResult]):
    """Sign that the holder of the card is at a site.

    Attributes:
        request: the challenge, and what for.
        site: who asks, as the connection says and never the page.
        clock: gives the time in the statement, with a time zone; also what validity is judged at.

    """

    request: AuthenticationRequest
    site: Origin
    clock: Callable[[], datetime]

    @property
    def citizen_card(self) -> bool:
        """Whether the request knows citizen cards alone."""
        return self.request.citizen_card

    def candidates(self, card: Card) -> Iterator[StoredCertificate]:
        """Read the certificates of the signing key, or of another one only where it is named."""
        return signing_certificates(card, self.request.certificate)

    @property
    def seconds(self) -> float:
        """How long one transaction may take."""
        return CARD_SECONDS

    def purpose(self) -> Purpose:
        """Say what the citizen proves; there is no document."""
        return Purpose(Act.AUTHENTICATE, login=self.request.purpose)

    def prepare(self, certificate: CardCertificate) -> "Message":
        """Check the certificate and make the token that waits for its signature.

        Raises:
            KeyNotFoundError: the card has another certificate than the one asked for, or its key
                usage has no digitalSignature, without which no relying party may accept a login, or
                its key is no RSA key, which is the same.
            AgentError: ``certificate_expired``, ``certificate_not_yet_valid``.

        """
        # Brings the ASN.1 parser; see SignTask.prepare.
        from agent.signing.message import prepare_login_message  # noqa: PLC0415

        now = self.clock()
        request = self.request
        require_usable(certificate, request.certificate, now)
        if KeyUsage.DIGITAL_SIGNATURE not in certificate.facts.key_usage:
            raise KeyNotFoundError("the certificate's key proves nobody's identity")
        made = LoginStatement.make(request.purpose, str(self.site), request.challenge, now)
        return prepare_login_message(made, request.hash, certificate)

    def is_best(self, certificate: CardCertificate) -> bool:
        """Return whether it is the one asked for, or valid now."""
        return self.request.certificate is not None or is_valid(certificate, self.clock())

    def verb(
        self, card: Card
    ) -> Callable[[bytes, SecretBytes, Sequence[tuple[HashAlgorithm, bytes]]], Sequence[bytes]]:
        """Return what signs."""
        return card.sign

    def inputs(self, prepared: "Message") -> Sequence[tuple[HashAlgorithm, bytes]]:
        """Return the one digest with its algorithm."""
        return [(self.request.hash, prepared.digest)]

    def finish(
        self, certificate: CardCertificate, prepared: "Message", results: Sequence[bytes]
    ) -> AuthenticationResult:
        """Check the signature against the certificate and put it into the token.

        Raises:
            CardError: the signature is not by the certificate's key.

        """
        from agent.signing.certificate_key import signature_name  # noqa: PLC0415  # as in prepare

        (token,) = finish_messages((prepared,), results)
        name = signature_name(certificate.facts, self.request.hash)
        return AuthenticationResult(token, certificate, name)


def require_secure(site: Origin) -> None:
    """Refuse a site that somebody on the network could be, and what is no site.

    Raises:
        AgentError: ``insecure_origin``.

    """
    if site.is_local or site.is_exposed:
        raise AgentError(f"{site} cannot be proven to be itself", code=ErrorCode.INSECURE_ORIGIN)
