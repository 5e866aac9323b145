"""The use cases: what pages, the command line and the windows ask of the agent.

A request goes one way: is the site allowed → which reader → one transaction on the card →
signature checked and wrapped → a line in the history → answer.
"""

import asyncio
from asyncio import Queue
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import partial
from threading import Event as ThreadEvent

import structlog

from agent.cards.card import (
    CardContents,
    CardDriver,
    KeyUse,
    Prepare,
)
from agent.cards.pkcs15 import ID_KEYX
from agent.cards.registry import Registry
from agent.consent.consent import Consent
from agent.consent.questions import MAX_SHOWN, Act, DocumentFacts, NoPrompter, Prompter, Purpose
from agent.errors import (
    AgentError,
    BadRequestError,
    KeyNotFoundError,
    NoCardError,
    NoReaderError,
    ServiceUnavailableError,
    UnsupportedCardError,
)
from agent.history.store import History
from agent.origin import Site
from agent.secret import SecretBytes
from agent.signing.card_certificates import any_expired, card_certificates
from agent.signing.key_use import CARD_SECONDS, Errand, Job, KeyUser
from agent.signing.model import (
    CardCertificate,
    CardPresence,
    DecryptRequest,
    Event,
    SignRequest,
    SignResult,
    Snapshot,
)
from agent.signing.readers import Readers
from agent.signing.recording import Recorder, Signed
from agent.transport.base import CardProvider, Connection

SIGNATURE_SECONDS = 10.0  # more for each further signature

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
        history: History | None = None,
        on_signed: Callable[[Signed], None] | None = None,
        on_use: Callable[[Site], None] | None = None,
        check_version: Callable[[], None] = lambda: None,
    ) -> None:
        """Put the parts together; :meth:`start` sets them going.

        Args:
            provider: where readers come from; closed by :meth:`close`.
            consent: who answers for the citizen.
            clock: the time of day, with a time zone.
            prompter: what asks for a PIN that no page handed over; None where a page has to.
            last_try: whether the last PIN try of a card may be spent at all.
            history: where it is written down how requests ended; closed by whoever opened it,
                after :meth:`close`.
            on_signed: told in the event loop after each use of a key; must not block.
            on_use: likewise, of each request by a site that is allowed.
            check_version: raises where this version of the program must not use keys any more.

        """
        self._registry = Registry()
        self._readers = Readers(provider, self._registry)
        self._consent = consent
        self._clock = clock
        self._recorder = Recorder(history, on_signed, clock)
        self._on_use = on_use or (lambda _: None)
        self._check_version = check_version
        self._keys = KeyUser(
            self._readers,
            self._registry.memory,
            consent,
            prompter or NoPrompter("there is no window here to type a PIN in"),
            last_try=last_try,
        )

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
        """Give all readers as they are now; from any thread, without waiting."""
        return self._readers.snapshot()

    def subscribe(self) -> AbstractAsyncContextManager[Queue[Event]]:
        """Give a queue of changes for as long as the context lasts."""
        return self._readers.subscribe()

    def watch(self, changed: Callable[[], None]) -> AbstractContextManager[None]:
        """Call ``changed`` in the event loop after each new snapshot, while the context lasts."""
        return self._readers.watch(changed)

    def is_allowed(self, site: Site) -> bool:
        """Tell whether a site may ask for more than the status, without asking anybody."""
        return self._consent.stands(site)

    async def connect(self, site: Site) -> None:
        """Ask the citizen to allow a site.

        Raises:
            AgentError: ``origin_not_allowed``, ``origin_blocked``, ``user_cancelled``.

        """
        try:
            await self._permit(site)
        except AgentError as error:
            await self._recorder.refused(site, error)
            raise

    async def _permit(self, site: Site) -> None:
        if not self.is_allowed(site):
            await self._consent.allow_site(site)
        self._on_use(site)

    async def certificates(
        self, site: Site, reader: str | None = None
    ) -> tuple[CardCertificate, ...]:
        """Read the certificates on one card, or on all of them.

        With several readers, one that fails does not hide the others.

        Raises:
            AgentError: the site is not allowed; or no card could be read, and why.

        """
        await self.connect(site)
        names = (reader,) if reader is not None else self._readers_with_card()
        outcomes = await asyncio.gather(
            *(self._certificates_in(name) for name in names), return_exceptions=True
        )
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        found = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        if failures and not found:
            raise failures[0]
        return tuple(certificate for group in found for certificate in group)

    async def sign(self, site: Site, request: SignRequest, pin: SecretBytes | None) -> SignResult:
        """Sign with a card; cancelling the task stops before the PIN is sent, if it still can.

        Args:
            site: who asks.
            request: what for.
            pin: 6 to 8 characters, wiped before this returns, however it returns; None to have
                the citizen type it in our own window.

        Raises:
            AgentError: any code; ``attempts_left`` where the card told.

        """
        async with self._recorder.key_use(site, request) as recording:
            with pin or nullcontext():
                self._check_version()
                await self._permit(site)
                reader = await self._choose(request.reader, request.certificate)
                job = Job(
                    site=site,
                    reader=reader,
                    key_id=request.key_id,
                    errand=lambda: _wrapping(request, reader, self._clock()),
                    operation=recording.watch(reader, partial(_sign, request.key_id)),
                    purpose=partial(signing_purpose, request),
                    seconds=CARD_SECONDS + SIGNATURE_SECONDS * len(request.documents),
                    confirm_retry=request.confirm_retry,
                )
                return await self._keys.run(job, pin)

    async def decrypt(self, site: Site, request: DecryptRequest, pin: SecretBytes | None) -> bytes:
        """Decrypt with a card's key-exchange key; arguments and errors as :meth:`sign`."""
        async with self._recorder.key_use(site, request) as recording:
            with pin or nullcontext():
                self._check_version()
                await self._permit(site)
                reader = await self._choose(request.reader, None)
                job = Job(
                    site=site,
                    reader=reader,
                    key_id=ID_KEYX,
                    errand=lambda: _opening(request),
                    operation=recording.watch(reader, _decrypt),
                    purpose=lambda: Purpose(Act.DECRYPT),
                    seconds=CARD_SECONDS,
                    confirm_retry=request.confirm_retry,
                )
                return await self._keys.run(job, pin)

    # Which reader.

    async def _choose(self, reader: str | None, thumbprint: bytes | None) -> str:
        """Choose the reader: the one named, the one with that certificate, or the only one."""
        if reader is not None:
            return reader
        candidates = self._readers_with_card()
        if len(candidates) == 1:
            return candidates[0]
        if thumbprint is None:
            raise BadRequestError("several cards are there: name the reader or the certificate")
        for name in candidates:
            try:
                certificates = await self._certificates_in(name)
            except AgentError as error:
                _log.info("a card could not be read", reader=name, detail=error.detail)
                continue
            if any(item.facts.thumbprint == thumbprint for item in certificates):
                return name
        raise KeyNotFoundError("no card here has that certificate")

    def _readers_with_card(self) -> tuple[str, ...]:
        snapshot = self._readers.snapshot()
        if not snapshot.service_available:
            raise ServiceUnavailableError("no PC/SC service")
        if not snapshot.readers:
            raise NoReaderError("no reader")
        names = tuple(r.name for r in snapshot.readers if r.state is CardPresence.CARD)
        if names:
            return names
        if any(r.state is CardPresence.UNSUPPORTED for r in snapshot.readers):
            raise UnsupportedCardError("no driver knows this card")
        raise NoCardError("every reader is empty")

    async def _certificates_in(self, reader: str) -> tuple[CardCertificate, ...]:
        def read(
            connection: Connection, card: CardDriver, nobody_waits: ThreadEvent
        ) -> CardContents:
            del nobody_waits  # nothing that could not be undone happens here
            contents = card.certificates(connection)
            if any_expired(contents, self._clock()):
                # Renewed meanwhile, perhaps: what is told now may be out of date the next time.
                self._registry.memory.forget_certificates(contents.serial)
            return contents

        contents = await self._readers.run(reader, read, CARD_SECONDS)
        left = self._registry.memory.attempts_left(contents.serial)
        self._readers.note(reader, serial=contents.serial, attempts_left=left)
        return card_certificates(reader, contents)


# What makes messages brings the ASN.1 parser. It is loaded in a reader's thread when it is needed
# first: most agents only ever wait, and no page waits for it there.


def _wrapping(request: SignRequest, reader: str, now: datetime) -> Errand[SignResult]:
    from agent.signing.wrapping import Wrapping  # noqa: PLC0415

    return Wrapping(request, reader, now)


def _opening(request: DecryptRequest) -> Errand[bytes]:
    from agent.signing.opening import Opening  # noqa: PLC0415

    return Opening(request)


def signing_purpose(request: SignRequest) -> Purpose:
    """Tell what a request wants signed, with the digests of what a window names; takes time."""
    from agent.cms.signed import Content  # noqa: PLC0415

    documents = tuple(
        DocumentFacts(
            document.name,
            Content(document.data, document.digest, attached=False).message_digest(request.hash),
        )
        for document in request.documents[:MAX_SHOWN]
    )
    return Purpose(Act.SIGN, request.hash, documents, len(request.documents))


def _sign(
    key_id: bytes, card: CardDriver, connection: Connection, pin: SecretBytes, prepare: Prepare
) -> KeyUse:
    return card.sign(connection, key_id, pin, prepare)


def _decrypt(
    card: CardDriver, connection: Connection, pin: SecretBytes, prepare: Prepare
) -> KeyUse:
    return card.decrypt(connection, ID_KEYX, pin, prepare)
