"""The same names, synchronous: for Flask, Django and other sites that run in threads.

They may be made while a server loads the site, before it forks, and called from any thread that
runs no event loop. What raises here is what raises there.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self

from agent.pki.anchors import TrustStore
from agent.pki.revocation import RevocationData, RevocationSource
from agent.relying import challenges, document, lists, login
from agent.relying.blocking_loop import Wrapped, unwrapped
from agent.relying.challenges import LIFETIME, IssuedChallenge
from agent.relying.document import SignedDocument
from agent.relying.holder import MOICA, Profile
from agent.relying.list_fetch import Fetch
from agent.relying.login import Login, Purpose
from agent.relying.path import utc_now
from agent.relying.records import ChallengeStore

__all__ = ["Challenges", "DocumentVerifier", "LoginVerifier", "RevocationLists"]


class BlockingChallenges(Wrapped[challenges.Challenges]):
    """:class:`agent.relying.challenges.Challenges`, synchronous."""

    def __init__(
        self,
        store: ChallengeStore,
        *,
        lifetime: timedelta = LIFETIME,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Use a store.

        Raises:
            ValueError: the lifetime is out of bounds, or the clock has no time zone.

        """
        make = partial(challenges.Challenges, store, lifetime=lifetime, clock=clock)
        super().__init__(make)

    def issue(self, session: str, purpose: Purpose = Purpose.LOGIN) -> IssuedChallenge:
        """Issue a challenge.

        Raises:
            ValueError: the session has no name.
            Exception: whatever the store raises when it is down.

        """
        return self.call(lambda it: it.issue(session, purpose))

    def redeem(
        self, session: str, challenge_id: str, token: bytes, *, purpose: Purpose = Purpose.LOGIN
    ) -> bytes:
        """Use a challenge up; return its octets.

        Raises:
            ChallengeError: ``challenge_unknown``, ``challenge_expired`` or ``challenge_used``.
            VerificationError: ``signature_invalid``, the token is not of octets.
            Exception: whatever the store raises when it is down.

        """
        return self.call(lambda it: it.redeem(session, challenge_id, token, purpose=purpose))


class BlockingRevocationLists(Wrapped[lists.RevocationLists]):
    """:class:`agent.relying.lists.RevocationLists`, synchronous.

    ``with`` it, or :meth:`open` it when the site starts; it closes by itself with the process.
    """

    def __init__(
        self,
        urls: Sequence[str],
        folder: Path,
        *,
        trust: TrustStore,
        http: Fetch | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Name the addresses; nothing is fetched or written yet.

        Raises:
            ValueError: there is no address, or one is not http or https.
            CmsError: a certificate in ``trust`` cannot be read.

        """
        make = partial(lists.RevocationLists, urls, folder, trust=trust, http=http, clock=clock)
        super().__init__(make)

    def __enter__(self) -> Self:
        """Take the lists of an earlier run, and begin to renew them.

        Raises:
            ListFolderError: the folder cannot be written.
            ModuleNotFoundError: aiohttp is not installed, and there is no other fetcher.

        """
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        """End the renewing; the lists stay in the folder."""
        self.close()

    def current(self) -> RevocationData:
        """Return the list of each address.

        Raises:
            RuntimeError: it is not open.

        """
        return self.call(lambda it: it.current())


Revocation = RevocationSource | BlockingRevocationLists


class BlockingLoginVerifier(Wrapped[login.LoginVerifier]):
    """:class:`agent.relying.login.LoginVerifier`, synchronous."""

    def __init__(
        self,
        *,
        origins: Collection[str],
        trust: TrustStore,
        revocation: Revocation,
        clock: Callable[[], datetime] = utc_now,
        profile: Profile = MOICA,
    ) -> None:
        """Verify logins to this site.

        Raises:
            ValueError: with these nobody could log in, or an origin is none; the text says why.

        """
        super().__init__(
            lambda: login.LoginVerifier(
                origins=origins,
                trust=trust,
                revocation=unwrapped(revocation),
                clock=clock,
                profile=profile,
            )
        )

    def verify(self, token: bytes, *, challenge: bytes, purpose: Purpose = Purpose.LOGIN) -> Login:
        """Verify a login.

        Raises:
            VerificationError: it does not hold; the code says which check failed first.

        """
        return self.call(lambda it: it.verify(token, challenge=challenge, purpose=purpose))


class BlockingDocumentVerifier(Wrapped[document.DocumentVerifier]):
    """:class:`agent.relying.document.DocumentVerifier`, synchronous."""

    def __init__(
        self,
        *,
        trust: TrustStore,
        revocation: Revocation,
        clock: Callable[[], datetime] = utc_now,
        profile: Profile = MOICA,
    ) -> None:
        """Verify documents.

        Raises:
            ValueError: with these nobody's signature would hold; the text says why.

        """
        super().__init__(
            lambda: document.DocumentVerifier(
                trust=trust, revocation=unwrapped(revocation), clock=clock, profile=profile
            )
        )

    def verify(
        self, cms: bytes, *, content: bytes | None = None, allow_sha1: bool = False
    ) -> SignedDocument:
        """Verify a document.

        Raises:
            VerificationError: it does not hold; the code says which check failed first.

        """
        return self.call(lambda it: it.verify(cms, content=content, allow_sha1=allow_sha1))


# A class has a name of its own in the whole house; here each is called like its asynchronous one.
Challenges = BlockingChallenges
DocumentVerifier = BlockingDocumentVerifier
LoginVerifier = BlockingLoginVerifier
RevocationLists = BlockingRevocationLists
