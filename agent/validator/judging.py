"""What one configuration judges by: trust, lists, and a verifier for each client's origins."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from agent.cms.errors import CmsError
from agent.cms.login import challenge_text
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts
from agent.pki.chain import parse_chain_certificate
from agent.pki.reading import read_certificate
from agent.pki.revocation import CombinedSource, FileSource, RevocationSource
from agent.relying.document import DocumentVerifier
from agent.relying.errors import VerificationCode, VerificationError
from agent.relying.holder import MOICA, Holder
from agent.relying.list_health import authority_name, list_expires_seconds, trust_expires_seconds
from agent.relying.lists import RevocationLists
from agent.relying.login import LoginVerifier, decode_token
from agent.relying.origins import checked_origins
from agent.relying.path import CertificateJudge, utc_now
from agent.relying.urls import require_http
from agent.turns import in_turn
from agent.validator.clients import ServiceClient, ServiceClients
from agent.validator.codes import ServiceCode, ServiceRefusalError
from agent.validator.config import Config, ServiceConfigError
from agent.validator.messages import (
    AcceptedCertificate,
    AcceptedDocument,
    AcceptedLogin,
    CertificateAnswer,
    DocumentAnswer,
    HolderFacts,
    LoginAnswer,
    SignedAnswer,
    VerifyCertificate,
    VerifyDocument,
    VerifyLogin,
)

Clock = Callable[[], datetime]
MAX_CERTIFICATE: Final = 16 * 1024  # octets


@dataclass(frozen=True, slots=True)
class Health:
    """How long what is judged by will last, in seconds by the authorities' names.

    Attributes:
        lists: until the first list of each authority is out of date; negative since when, minus
            infinity where there is none.
        trust: until each authority's own certificate ends.
        early: authorities that are not valid yet, as where the clock is wrong.

    """

    lists: dict[str, float]
    trust: dict[str, float]
    early: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """What keeps cards from being accepted, for the operator."""
        lists = [f"no fresh list of {name}" for name, left in self.lists.items() if left <= 0]
        trust = [f"{name} has expired" for name, left in self.trust.items() if left <= 0]
        return lists + trust + [f"{name} is not valid yet" for name in self.early]


class IdentityAsker(Protocol):
    """Whoever knows whether a card and an ID number are one person's."""

    async def verdict(self, subject_serial: str, id_number: str) -> str | None:
        """Return nothing where they are, else the name of the identity service's answer.

        Raises:
            ServiceRefusalError: ``identity_unavailable``.

        """


class Judging:
    """One configuration at work; made by :func:`judging`."""

    def __init__(
        self,
        config: Config,
        trust: TrustStore,
        source: RevocationSource,
        identity: IdentityAsker | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """Build every verifier.

        Raises:
            ValueError: with these nothing would ever be accepted; the text says why.
            CmsError: an authority's certificate cannot be read.

        """
        self.config = config
        self.clients = ServiceClients.of(config.table)
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()
        self.identity = identity
        self._trust = trust
        self._source = source
        self._clock = clock
        self._authorities = tuple(
            map(parse_chain_certificate, (*trust.anchors, *trust.intermediates))
        )
        self._certificates = CertificateJudge(trust, source, clock)
        self._documents = DocumentVerifier(trust=trust, revocation=source, clock=clock)
        wanted = {each.origins for each in self.clients.all}
        wanted |= {(origin,) for origins in wanted for origin in origins}
        self._logins = {
            origins: LoginVerifier(origins=origins, trust=trust, revocation=source, clock=clock)
            for origins in wanted
        }

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Count whoever uses it, so that nobody closes its lists meanwhile."""
        self._users += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def unused(self) -> None:
        """Wait until nobody uses it."""
        await self._unused.wait()

    async def health(self) -> Health:
        """Return how fresh trust and lists are."""
        data, now = await self._source.current(), self._clock()
        crls = [listed for listed in data.crls if listed.this_update <= now]
        lists = await in_turn(list_expires_seconds, self._authorities, crls, now)
        facts = [each.facts for each in self._authorities]
        early = tuple(authority_name(each) for each in facts if each.not_before > now)
        return Health(dict(lists), dict(trust_expires_seconds(self._trust, now)), early)

    async def login(self, request: VerifyLogin, client: ServiceClient) -> AcceptedLogin:
        """Verify a login.

        Raises:
            ServiceRefusalError: ``bad_request``, the challenge or the origin is none.
            VerificationError: it does not hold.

        """
        origins = client.origins
        if request.origin is not None:
            if request.origin not in origins:
                raise _bad("the origin is none of this client's - at `$.origin`")
            origins = (request.origin,)
        challenge = _challenge(request.challenge)
        token = decode_token(request.token)
        login = await self._logins[origins].verify(
            token, challenge=challenge, purpose=request.purpose
        )
        holder, certificate = _holder(login.holder), _certificate(login.certificate)
        return AcceptedLogin(
            LoginAnswer(login.origin, login.purpose, login.time, holder, certificate)
        )

    async def document(self, request: VerifyDocument, _client: ServiceClient) -> AcceptedDocument:
        """Verify a document.

        Raises:
            ServiceRefusalError: ``bad_request``, the content is no base64.
            VerificationError: it does not hold.

        """
        content = None if request.content is None else _octets(request.content, "$.content")
        found = await self._documents.verify(decode_token(request.cms), content=content)
        time = found.signing_time
        signed = SignedAnswer(
            hashlib.sha256(found.content).hexdigest(),
            len(found.content),
            time.isoformat().replace("+00:00", "Z") if time is not None else None,
        )
        holder, certificate = _holder(found.holder), _certificate(found.certificate)
        return AcceptedDocument(DocumentAnswer(signed, holder, certificate))

    async def certificate(
        self, request: VerifyCertificate, _client: ServiceClient
    ) -> AcceptedCertificate:
        """Judge a certificate as of now.

        Raises:
            VerificationError: it is not good; ``malformed`` where it is none.

        """
        facts = await in_turn(_read, request.certificate)
        await self._certificates.judge(facts)
        return AcceptedCertificate(_holder(MOICA.check(facts)), _certificate(facts))


@asynccontextmanager
async def judging(config: Config, clock: Clock = utc_now) -> AsyncIterator[Judging]:
    """Load what a configuration names, and keep its lists fresh inside the block.

    Raises:
        ServiceConfigError: a file cannot be used, or the folder of the lists.

    """
    table = config.table
    async with AsyncExitStack() as stack:
        try:
            trust = load_trust(config)
            files = FileSource(config.paths(table.lists.files))
            await files.current()  # parsed now, while nobody waits
            sources: list[RevocationSource] = [files]
            if table.lists.urls and table.lists.folder is not None:
                folder = config.folder / table.lists.folder
                lists = RevocationLists(table.lists.urls, folder, trust=trust, clock=clock)
                sources.append(await stack.enter_async_context(lists))
            identity = await stack.enter_async_context(_identity(config))
            ready = Judging(config, trust, CombinedSource(tuple(sources)), identity, clock)
        except CmsError as error:
            raise ServiceConfigError(error.detail) from error
        except (OSError, ValueError) as error:
            raise ServiceConfigError(str(error)) from error
        yield ready


def check_meaning(config: Config) -> None:
    """Refuse origins that no browser sends, and addresses that are not fetched.

    Raises:
        ServiceConfigError: the text names it, and its fault.

    """
    table = config.table
    places = [(f"client {each.name}", each.origins) for each in table.client]
    for where, origins in places or [("origins", table.origins)]:
        with _named(where):
            checked_origins(origins)
    for url in table.lists.urls:
        with _named("lists"):
            require_http(url)


@contextmanager
def _named(where: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ServiceConfigError(f"{where}: {error}") from error


def load_trust(config: Config) -> TrustStore:
    """Return the configured authorities, after :func:`check_meaning`.

    Raises:
        ServiceConfigError: a file cannot be used, or a list names a file that is not there.

    """
    check_meaning(config)
    table = config.table
    for path in config.paths(table.lists.files):
        if not path.exists():
            raise ServiceConfigError(f"lists: there is no {path}")
    try:
        return TrustStore.load(
            config.paths(table.trust.roots), config.paths(table.trust.intermediates)
        )
    except CmsError as error:
        raise ServiceConfigError(f"trust: {error.detail}") from error


@asynccontextmanager
async def _identity(config: Config) -> AsyncIterator[IdentityAsker | None]:
    if config.table.ics is None:
        yield None
        return
    from agent.validator.identity import asking_ics  # noqa: PLC0415  # needs the extra [ics]

    async with asking_ics(config, config.table.ics) as asker:
        yield asker


def _challenge(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if challenge_text(raw) != text:  # one way to write each
        raise _bad("not 32 to 64 octets in base64url - at `$.challenge`")
    return raw


def _octets(text: str, path: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad(f"not base64 - at `{path}`") from error


def _bad(message: str) -> ServiceRefusalError:
    return ServiceRefusalError(ServiceCode.BAD_REQUEST, message)


def _read(text: str) -> CertificateFacts:
    try:
        raw = base64.b64decode(text, validate=True)
        return read_certificate(raw[: MAX_CERTIFICATE + 1])  # cut short it is none
    except (CmsError, ValueError) as error:
        raise VerificationError(VerificationCode.MALFORMED, "no certificate") from error


def _holder(holder: Holder) -> HolderFacts:
    return HolderFacts(holder.name, holder.id_last4, holder.subject_serial, holder.issuer)


def _certificate(facts: CertificateFacts) -> CertificateAnswer:
    end = facts.not_after.isoformat().replace("+00:00", "Z")
    return CertificateAnswer(facts.thumbprint.hex(), f"{facts.serial:x}", end)
