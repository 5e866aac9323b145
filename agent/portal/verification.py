"""Judge a signature that a page hands in: whether it is good, whose, and by what right."""

from typing import Final, Protocol

from agent.pki.certificate import CertificateFacts

MAX_SIGNATURE: Final = 64 * 1024
"""Octets of a message; a challenge, one signature and three certificates need less than ten."""


class SignatureVerifier(Protocol):
    """The two halves of the judgement; the first says whose certificate it is about."""

    async def open(self, signature: bytes, content: bytes) -> CertificateFacts:
        """Check the signature itself and give the signer's certificate, not yet trusted.

        Args:
            signature: a DER CMS SignedData, from a page, hostile until proven otherwise.
            content: the challenge that it must carry, octet for octet.

        Raises:
            PortalError: ``signature_invalid``.

        """

    async def judge(self, certificate: CertificateFacts) -> None:
        """Check the certificate: chain, validity, revocation, what its key is for.

        Raises:
            PortalError: the code says which of them failed first.

        """
