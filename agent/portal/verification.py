"""The interface that verifies signatures of a page."""

from typing import Final, Protocol

from agent.pki.certificate import CertificateFacts

MAX_SIGNATURE: Final = 64 * 1024
"""Octets of a message; a challenge, one signature and three certificates need less than ten."""


class SignatureVerifier(Protocol):
    """Verifies a signature in two steps: the signature, then its certificate."""

    async def open(self, signature: bytes, content: bytes) -> CertificateFacts:
        """Check the signature itself and return the signer's certificate, not yet trusted.

        Args:
            signature: a DER CMS SignedData from a page.
            content: the challenge that it must carry, octet for octet.

        Raises:
            PortalError: ``signature_invalid``.

        """

    async def judge(self, certificate: CertificateFacts) -> None:
        """Check the certificate: chain, validity, revocation, key usage.

        Raises:
            PortalError: the code says which of them failed first.

        """
