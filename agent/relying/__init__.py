"""The public face for servers: judge logins and documents that a citizen's card has signed.

Nothing here knows the agent. A site's server installs this room with ``cms`` and ``pki`` as the
package ``ankong_verify``.
"""

from agent.cms.errors import CmsError
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts
from agent.pki.revocation import FileSource, RevocationSource
from agent.relying.challenges import Challenges, IssuedChallenge
from agent.relying.document import DocumentVerifier, SignedDocument
from agent.relying.errors import (
    ChallengeError,
    PresentedLogin,
    RefusedError,
    VerificationCode,
    VerificationError,
)
from agent.relying.holder import MOICA, Holder, Profile, hex_secret
from agent.relying.lists import RevocationLists
from agent.relying.login import Login, LoginVerifier, Purpose, decode_token
from agent.relying.stores import (
    CREATE_TABLE,
    ChallengeStore,
    ChallengeStoreError,
    MemoryStore,
    RedisStore,
    SqlStore,
)

__all__ = [
    "CREATE_TABLE",
    "MOICA",
    "CertificateFacts",
    "ChallengeError",
    "ChallengeStore",
    "ChallengeStoreError",
    "Challenges",
    "CmsError",
    "DocumentVerifier",
    "FileSource",
    "Holder",
    "IssuedChallenge",
    "Login",
    "LoginVerifier",
    "MemoryStore",
    "PresentedLogin",
    "Profile",
    "Purpose",
    "RedisStore",
    "RefusedError",
    "RevocationLists",
    "RevocationSource",
    "SignedDocument",
    "SqlStore",
    "TrustStore",
    "VerificationCode",
    "VerificationError",
    "decode_token",
    "hex_secret",
]
