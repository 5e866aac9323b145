"""The interface that verifies logins of a page."""

from dataclasses import dataclass
from typing import Final, Protocol

from agent.pki.certificate import CertificateFacts

MAX_TOKEN: Final = 64 * 1024
"""Octets of a login; a statement, one signature and one certificate need less than three."""


@dataclass(frozen=True, slots=True, repr=False)
class OpenedLogin:
    """A login whose signature is good.

    Attributes:
        content: what was signed; not yet read.
        certificate: whose key signed it; not yet trusted.

    """

    content: bytes
    certificate: CertificateFacts


class LoginVerifier(Protocol):
    """Verifies a login in two steps: the signature, then its certificate."""

    async def open(self, token: bytes) -> OpenedLogin:
        """Check the signature itself, and that it is that of a login and of nothing else.

        Args:
            token: a DER CMS SignedData from a page.

        Raises:
            PortalError: ``signature_invalid``, ``wrong_content_type``.

        """

    async def judge(self, certificate: CertificateFacts) -> None:
        """Check the certificate: key usage, chain, validity, revocation.

        Raises:
            PortalError: the code says which of them failed first.

        """
