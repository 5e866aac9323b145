"""How the portal has logins verified: what it asks, and how it says that one is refused."""

from typing import Final, Protocol

from agent.cms.login import LoginPurpose
from agent.pki.certificate import CertificateFacts
from agent.portal.challenges import ChallengePurpose
from agent.portal.errors import PortalCode, PortalError
from agent.relying.errors import VerificationError
from agent.relying.login import Login

PURPOSES: Final = {
    ChallengePurpose.UPGRADE: LoginPurpose.IDENTIFY,
    ChallengePurpose.LOGIN: LoginPurpose.LOGIN,
    ChallengePurpose.RENEW: LoginPurpose.IDENTIFY,
    ChallengePurpose.CLOSE: LoginPurpose.IDENTIFY,
    ChallengePurpose.STAFF: LoginPurpose.LOGIN,
}
"""What the citizen is told in the agent's window."""


class CardVerifier(Protocol):
    """Verifies logins to this site; :class:`agent.relying.LoginVerifier` is one."""

    async def verify(self, token: bytes, *, challenge: bytes, purpose: LoginPurpose) -> Login:
        """Verify a login in answer to a challenge that has been redeemed.

        Args:
            token: a DER CMS SignedData from a page.
            challenge: what the page was given, octets.
            purpose: what for.

        Raises:
            VerificationError: it does not hold.

        """

    async def judge(self, certificate: CertificateFacts) -> None:
        """Check a certificate that once logged in: whether it would be good now.

        Raises:
            VerificationError: the code says why it would not.

        """


def refusal(error: VerificationError) -> PortalError:
    """Return the refusal as the portal's own; the codes are called the same."""
    return PortalError(PortalCode(error.code.value), error.detail)
