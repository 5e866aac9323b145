"""The use cases: what pages, the command line and the windows ask of the agent.

A request goes one way: is the site allowed → which reader → one transaction on the card →
signature checked and wrapped → a line in the history → answer.
"""

import asyncio
from asyncio import Queue
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from datetime import UTC, datetime
from threading import Event as ThreadEvent
from typing import TypeVar

import structlog

from agent.cards.card import CITIZEN_CARDS, Card, CardGeneration, StoredCertificate
from agent.cards.known_attempts import KnownAttempts
from agent.cards.memory import CardMemory
from agent.cards.pkcs11.token_source import TokenSource
from agent.cards.registry import Registry
from agent.cms.digest import HashAlgorithm
from agent.consent.consent import Consent
from agent.consent.questions import NoPrompter, Prompter
from agent.errors import (
    AgentError,
    ErrorCode,
    KeyNotFoundError,
    MuteCardError,
    NoCardError,
    NoReaderError,
    ServiceUnavailableError,
    WeakHashError,
)
from agent.history.store import History
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.signing.authenticate_task import AuthenticateTask, require_secure
from agent.signing.card_certificates import (
    any_expired,
    card_certificates,
    not_vouched_for,
    preferred_first,
    usual_key,
)
from agent.signing.card_choice import LISTING_SILENCE, CardChoice, CardPlace
from agent.signing.decrypt_task import DecryptTask
from agent.signing.key_use import CARD_SECONDS, KeyTask, KeyUser
from agent.signing.model import (
    AuthenticationRequest,
    AuthenticationResult,
    CardCertificate,
    CardPresence,
    CertificateListing,
    DecryptionRequest,
    Event,
    ReaderProblem,
    SignatureRequest,
    SignatureResult,
    Snapshot,
)
from agent.signing.readers import Readers
from agent.signing.recording import KeyOutcome, KeyRequest, Recorder, Signed
from agent.signing.sign_task import SignTask
from agent.transport.base import CardProvider

N = TypeVar("N")
P = TypeVar("P")
T = TypeVar("T")

_log = structlog.get_logger(__name__)


class SigningService:
    """Everything that can be asked of the agent; belongs to one event loop."""

    def __init__(  # noqa: PLR0913  # here the parts of the house meet
        self,
        provider: CardProvider,
        consent: Consent,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        prompter: Prompter | None = None,
        last_try: bool = True,
        allow_sha1: bool | None = None,
        attempts: KnownAttempts | None = None,
        history: History | None = None,
        on_signed: Callable[[Signed], None] | None = None,
        on_use: Callable[[Origin], None] | None = None,
        on_outcome: Callable[[KeyOutcome], None] | None = None,
        check_version: Callable[[], None] = lambda: None,
        tokens: TokenSource | None = None,
    ) -> None:
        """Prepare the service; :meth:`start` begins to watch the readers.

        Args:
            provider: where readers come from; closed by :meth:`close`.
            consent: who answers for the citizen.
            clock: the time of day, with a time zone.
            prompter: what asks for a PIN that no page handed over; None where a page has to.
            last_try: whether the last PIN attempt of a card may be spent at all.
            allow_sha1: whether SHA-1 is signed, for everybody; None leaves it to what each request
                says of those who make it.
            attempts: remembers how many PIN attempts each card has left; None for as long as this
                lives.
            history: where it is written down how requests ended; closed by whoever opened it,
                after :meth:`close`.
            on_signed: told in the event loop after each use of a key; must not block.
            on_use: likewise, of each request by a site that is allowed.
            on_outcome: told of each line of the history, in any thread; must not block or raise.
            check_version: raises where this version of the program must not use keys any more.
            tokens: of PKCS#11 modules, beside the readers; closed by :meth:`close`.

        """
        self._readers = Readers(provider, Registry(CardMemory(attempts)), tokens)
        self._consent = consent
        self._clock = clock
        self._recorder = Recorder(history, on_signed, clock, on_outcome)
        self._on_use = on_use or (lambda _: None)
        self._check_version = check_version
        self._prompter = prompter or NoPrompter("there is no window here to type a PIN in")
        self._last_try = last_try
        self._allow_sha1 = allow_sha1

    async def start(self) -> None:
        """Begin to watch the readers; return after the first look at them."""
        await self._readers.start()

    async def close(self) -> None:
        """Stop, letting a card operation finish for a few seconds."""
        await self._readers.close()

    @property
    def provider_kind(self) -> str:
        """``"pcsc"`` or ``"virtual"``: whether the readers are real."""
        return self._readers.provider_kind

    def snapshot(self) -> Snapshot:
        """Return all readers as they are now; from any thread, without waiting."""
        return self._readers.snapshot()

    def leave_cards(self, resting: bool) -> None:
        """Leave the cards to whoever is in front, or serve this person's watchers again.

        Requests are carried out all the same. What modules hold between them is let go soon.

        Args:
            resting: whether somebody else is in front.

        """
        self._readers.tokens.rest(resting)

    async def look_at_tokens(self) -> None:
        """Ask the modules which tokens there are, so that :meth:`snapshot` says so.

        Readers are watched; modules are asked when somebody wants to know. One that does not answer
        within a few seconds is left out.
        """
        await self._readers.look_at_tokens()

    def subscribe(self) -> AbstractAsyncContextManager[Queue[Event]]:
        """Return a queue of changes for as long as the context lasts."""
        return self._readers.subscribe()

    def watch(
        self, changed: Callable[[], None], *, closely: bool = False
    ) -> AbstractContextManager[None]:
        """Call ``changed`` in the event loop after each new snapshot, while the context lasts.

        Args:
            changed: must not block.
            closely: whether somebody looks, so that the modules are asked for their tokens too.

        """
        return self._readers.watch(changed, closely=closely)

    def is_allowed(self, site: Origin) -> bool:
        """Return whether a site may ask for more than the status, without asking anybody."""
        return self._consent.is_allowed(site)

    def is_blocked(self, site: Origin) -> bool:
        """Return whether the citizen, or an administrator, said no to a site for good."""
        return self._consent.is_blocked(site)

    async def connect(self, site: Origin, *, blind: bool = False) -> bool:
        """Ask the citizen to allow a site.

        Args:
            site: which.
            blind: whether it will want signatures over what cannot be shown. Both are asked in one
                window then; a site that is allowed is asked about these alone.

        Returns:
            Whether it may have these; False where ``blind`` is. A site that is refused them for
            good may go on without.

        Raises:
            AgentError: ``origin_not_allowed``, ``origin_blocked``, ``user_cancelled``.

        """
        try:
            return await self._permit_as_far(site) if blind else await self._permit(site)
        except AgentError as error:
            await self._recorder.refused(site, error)
            raise

    async def _permit_as_far(self, site: Origin) -> bool:
        try:
            return await self._permit(site, blind=True)
        except AgentError as error:
            if error.code is not ErrorCode.BLIND_NOT_ALLOWED:
                raise
            return await self._permit(site)

    async def _permit(self, site: Origin, *, blind: bool = False) -> bool:
        """Return ``blind``, once the site may have what it wants."""
        if not self.is_allowed(site):
            unknown = self._readers.snapshot().attempts_unknown
            await self._consent.allow_site(site, attempts_unknown=unknown, blind=blind)
        if blind:
            await self._consent.allow_blind(site)
        self._on_use(site)
        return blind

    async def certificates(self, site: Origin, reader: str | None = None) -> CertificateListing:
        """Read the certificates on one card, or on all of them.

        With several readers, one that fails or hangs does not hide or hold up the others: a card
        that answers nothing for 5 seconds is given up (``timeout``).

        Raises:
            AgentError: the site is not allowed; or no card could be read, and why.

        """
        await self.connect(site)
        await self.look_at_tokens()
        names = (reader,) if reader is not None else self._readers_with_card()
        outcomes = await asyncio.gather(
            *(self._certificates_in(name) for name in names), return_exceptions=True
        )
        found: list[CardCertificate] = []
        failures: dict[str, BaseException] = {}
        for name, outcome in zip(names, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                failures[name] = outcome
            else:
                found.extend(outcome)
        if failures and not found:
            raise next(iter(failures.values()))
        problems = tuple(_problem(name, failure) for name, failure in failures.items())
        return CertificateListing(tuple(found), problems)

    async def sign(
        self, site: Origin, request: SignatureRequest, pin: SecretBytes | None
    ) -> SignatureResult:
        """Sign with a card; cancelling the task stops before the PIN is sent, if it still can.

        Args:
            site: who asks.
            request: what for.
            pin: 6 to 8 characters, wiped before this returns, however it returns; None to have
                the citizen type it in our own window.

        Raises:
            AgentError: any code; ``attempts_left`` where the card told.

        """
        task = SignTask(request, self._clock)
        return await self._use_key(site, request, task, request.certificate, pin)

    async def authenticate(
        self, site: Origin, request: AuthenticationRequest, pin: SecretBytes | None
    ) -> AuthenticationResult:
        """Prove to a site who holds the card; arguments and errors as :meth:`sign`.

        Raises:
            AgentError: also ``insecure_origin``: others on the network could be this site.

        """
        with pin or nullcontext():
            require_secure(site)
            task = AuthenticateTask(request, site, self._clock)
            return await self._use_key(site, request, task, request.certificate, pin)

    async def decrypt(
        self, site: Origin, request: DecryptionRequest, pin: SecretBytes | None
    ) -> bytes:
        """Decrypt with a card's key-exchange key; arguments and errors as :meth:`sign`."""
        return await self._use_key(site, request, DecryptTask(request), None, pin)

    async def _use_key(
        self,
        site: Origin,
        request: KeyRequest,
        task: KeyTask[P, N, T],
        certificate: bytes | None,
        pin: SecretBytes | None,
    ) -> T:
        async with self._recorder.request(site, request) as recording:
            with pin or nullcontext():
                self._check_version()
                self._check_hash(request)
                await self._permit(site, blind=_is_blind(request))
                if not request.citizen_card:  # a module that hangs is not waited for there
                    await self.look_at_tokens()
                choice = CardChoice(self._readers, self._prompter, site, task)
                place = await self._choose(choice, request, certificate)
                recording.reader = place.reader
                key_user = KeyUser(
                    readers=self._readers,
                    consent=self._consent,
                    prompter=self._prompter,
                    last_try=self._last_try,
                    site=site,
                    reader=place.reader,
                    serial=place.serial,
                    task=task,
                    recording=recording,
                    names_card=request.names_card,
                )
                return await key_user.run(pin)

    def _check_hash(self, request: KeyRequest) -> None:
        if not isinstance(request, SignatureRequest) or request.hash is not HashAlgorithm.SHA1:
            return  # a login has no SHA-1 at all
        allowed = request.expects_sha1 if self._allow_sha1 is None else self._allow_sha1
        if not allowed:
            raise WeakHashError("SHA-1 is not allowed here")

    # Which reader.

    async def _choose(
        self, choice: CardChoice, request: KeyRequest, thumbprint: bytes | None
    ) -> CardPlace:
        """Choose the card: the one named, the one with that certificate, or the only one."""
        reader, number = request.reader, request.card_number
        candidates = self._usable_for(request) if reader is None else (reader,)
        if number is not None:
            return await choice.with_serial(number, candidates)
        if len(candidates) == 1:
            return CardPlace(candidates[0])
        if thumbprint is not None:
            return CardPlace(await self._reader_with(thumbprint, candidates))
        return await choice.ask(candidates)

    def _usable_for(self, request: KeyRequest) -> tuple[str, ...]:
        """Return the readers with a card that a request may be for.

        Raises:
            AgentError: there is none.

        """
        names = self._readers_with_card()
        if not request.citizen_card:
            return names
        views = self._readers.snapshot().readers
        others = {v.name for v in views if v.generation not in (None, *CITIZEN_CARDS)}
        return tuple(name for name in names if name not in others) or names

    async def _reader_with(self, thumbprint: bytes, candidates: tuple[str, ...]) -> str:
        """Find the reader whose card has a certificate; do not wait for the others.

        Raises:
            AgentError: none of them has it, or why one of them could not be asked.

        """
        failure: AgentError | None = None
        asked = [asyncio.create_task(self._certificates_in(name)) for name in candidates]
        try:
            for outcome in asyncio.as_completed(asked):
                try:
                    certificates = await outcome
                except AgentError as error:
                    failure = failure or error
                    continue
                for item in certificates:
                    if item.facts.thumbprint == thumbprint:
                        return item.reader
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        raise failure or KeyNotFoundError("no card here has that certificate")

    def _readers_with_card(self) -> tuple[str, ...]:
        snapshot = self._readers.snapshot()
        if not snapshot.service_available and not snapshot.readers:  # a token needs none
            raise ServiceUnavailableError("no PC/SC service")
        if not snapshot.readers:
            raise NoReaderError("no reader")
        names = tuple(r.name for r in snapshot.readers if r.state is CardPresence.CARD)
        if names:
            return names
        # A bad answer may have made it look so: it is asked again with each request.
        names = tuple(r.name for r in snapshot.readers if r.state is CardPresence.UNSUPPORTED)
        if names:
            return names
        if any(r.state is CardPresence.MUTE for r in snapshot.readers):
            raise MuteCardError("the card does not answer")
        raise NoCardError("every reader is empty")

    async def _certificates_in(self, reader: str) -> tuple[CardCertificate, ...]:
        contents = await self._readers.run(
            reader, "list", self._read_certificates, CARD_SECONDS, LISTING_SILENCE
        )
        return preferred_first(card_certificates(reader, *contents), self._clock())

    def _read_certificates(
        self, card: Card, nobody_waits: ThreadEvent
    ) -> tuple[str, tuple[StoredCertificate, ...], bytes | None, CardGeneration]:
        del nobody_waits  # nothing that could not be undone happens here
        certificates = card.certificates()
        if not all(card.is_proven(stored) for stored in certificates):
            for stored in not_vouched_for(certificates):
                card.read_again(stored)
            card.prove(*certificates)
        if any_expired(certificates, self._clock()):
            # Renewed meanwhile, perhaps: what is told now may be out of date the next time.
            card.forget()
        return card.serial, certificates, usual_key(card), card.generation


def _is_blind(request: KeyRequest) -> bool:
    return isinstance(request, SignatureRequest) and request.is_blind


def _problem(reader: str, failure: BaseException) -> ReaderProblem:
    if isinstance(failure, AgentError):
        return ReaderProblem(reader, failure)
    _log.error("a card could not be listed", reader=reader, exc_info=failure)
    return ReaderProblem(reader, AgentError("see the log"))
