"""What a login has to say: which site, which challenge, and what for.

The agent wrote it, from what the browser told it of the page; so a login that another site
obtained says so.
"""

import hmac
from collections.abc import Sequence
from typing import Final

from agent.cms.errors import CmsError
from agent.cms.login import LoginPurpose, LoginStatement, challenge_text
from agent.portal.challenges import ChallengePurpose
from agent.portal.errors import PortalCode, PortalError

PURPOSES: Final = {
    ChallengePurpose.UPGRADE: LoginPurpose.IDENTIFY,
    ChallengePurpose.LOGIN: LoginPurpose.LOGIN,
    ChallengePurpose.RENEW: LoginPurpose.IDENTIFY,
    ChallengePurpose.CLOSE: LoginPurpose.IDENTIFY,
    ChallengePurpose.STAFF: LoginPurpose.LOGIN,
}
"""What the citizen is told in the agent's window."""


def read_statement(content: bytes) -> LoginStatement:
    """Read the statement of a login whose signature is proven.

    Raises:
        PortalError: ``malformed``.

    """
    try:
        return LoginStatement.parse(content)
    except CmsError as error:
        raise PortalError(PortalCode.MALFORMED, error.detail) from error


def check_statement(
    stated: LoginStatement, origins: Sequence[str], challenge: bytes, purpose: LoginPurpose
) -> None:
    """Check what a login says.

    Its time is not judged, since citizens' clocks go wrong: a login is fresh because its challenge
    is.

    Args:
        stated: what was signed.
        origins: of this site; compared as they stand.
        challenge: the one that was redeemed.
        purpose: what it was made for.

    Raises:
        PortalError: ``origin_mismatch``, ``challenge_mismatch``, ``purpose_mismatch``.

    """
    if stated.origin not in origins:
        detail = f"made for {stated.origin}, expected {' or '.join(origins)}"
        raise PortalError(PortalCode.ORIGIN_MISMATCH, detail)
    if not hmac.compare_digest(stated.challenge, challenge_text(challenge)):
        raise PortalError(PortalCode.CHALLENGE_MISMATCH)
    if stated.purpose is not purpose:
        raise PortalError(
            PortalCode.PURPOSE_MISMATCH, f"made to {stated.purpose}, expected to {purpose}"
        )
