"""The public face for servers: judge logins and documents that a citizen's card has signed.

Nothing here knows the agent. A site's server installs this room with ``cms`` and ``pki`` as the
package ``ankong_verify``.
"""

from agent.cms.errors import CmsError
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts
from agent.pki.revocation import FileSource, RevocationSource
from agent.relying.document import DocumentVerifier, SignedDocument
from agent.relying.errors import (
    ChallengeError,
    PresentedLogin,
    RefusedError,
    VerificationCode,
    VerificationError,
)
from agent.relying.holder import MOICA, Holder, Profile
from agent.relying.lists import RevocationLists
from agent.relying.login import Login, LoginVerifier, Purpose, decode_token

__all__ = [
    "MOICA",
    "CertificateFacts",
    "ChallengeError",
    "CmsError",
    "DocumentVerifier",
    "FileSource",
    "Holder",
    "Login",
    "LoginVerifier",
    "PresentedLogin",
    "Profile",
    "Purpose",
    "RefusedError",
    "RevocationLists",
    "RevocationSource",
    "SignedDocument",
    "TrustStore",
    "VerificationCode",
    "VerificationError",
    "decode_token",
]
