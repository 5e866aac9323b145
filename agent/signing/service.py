"""The use cases: what pages, the command line and the windows ask of the agent.

A request goes one way: is the site allowed → which reader → one transaction on the card →
signature checked and wrapped → answer.
"""

import asyncio
from asyncio import Queue
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event as ThreadEvent
from typing import Protocol, TypeVar

import structlog

from agent.cards.card import (
    PIN_TRIES,
    CardContents,
    CardDriver,
    KeyUse,
    Prepare,
    StoredCertificate,
)
from agent.cards.pkcs15 import ID_KEYX
from agent.cards.registry import Registry
from agent.errors import (
    AgentError,
    BadRequestError,
    ErrorCode,
    KeyNotFoundError,
    NoCardError,
    NoReaderError,
    PinError,
    ServiceUnavailableError,
    UnsupportedCardError,
)
from agent.secret import SecretBytes
from agent.signing.consent import Consent
from agent.signing.model import (
    CardCertificate,
    CardPresence,
    DecryptRequest,
    Event,
    SignRequest,
    SignResult,
    Snapshot,
)
from agent.signing.opening import Opening
from agent.signing.readers import Readers
from agent.signing.sites import Site
from agent.signing.wrapping import Wrapping, card_certificates
from agent.transport.base import CardProvider, Connection

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
KeyOperation = Callable[[CardDriver, Connection, Prepare], KeyUse]
CARD_SECONDS = 60.0  # for one operation, waiting for other programs' transactions included
SIGNATURE_SECONDS = 10.0  # more for each further signature

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asking:
    """On whose behalf a PIN is sent, and whether each one after a wrong one is confirmed."""

    site: Site
    confirm_retry: bool

    @property
    def below(self) -> int:
        """With fewer tries left than this the citizen is asked."""
        return PIN_TRIES if self.confirm_retry else 2


class Errand(Protocol[T_co]):
    """What is done around the use of a key, in the reader's thread."""

    def prepare(self, serial: str, stored: StoredCertificate) -> Sequence[bytes]:
        """Give what the key is to work on, before the PIN is sent."""

    def finish(self, used: KeyUse) -> T_co:
        """Make the answer of what the key made."""


class SigningService:
    """Everything that can be asked of the agent; belongs to one event loop."""

    def __init__(
        self,
        provider: CardProvider,
        consent: Consent,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Put the parts together; :meth:`start` sets them going.

        Args:
            provider: where readers come from; closed by :meth:`close`.
            consent: who answers for the citizen.
            clock: the time of day, with a time zone.

        """
        self._registry = Registry()
        self._readers = Readers(provider, self._registry)
        self._consent = consent
        self._clock = clock

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

    def is_allowed(self, site: Site) -> bool:
        """Tell whether a site may ask for more than the status, without asking anybody."""
        return self._consent.stands(site)

    async def connect(self, site: Site) -> None:
        """Ask the citizen to allow a site.

        Raises:
            AgentError: ``origin_not_allowed``, ``origin_blocked``, ``user_cancelled``.

        """
        if not self.is_allowed(site):
            await self._consent.allow_site(site)

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
            pin: 6 to 8 characters; wiped before this returns, however it returns.

        Raises:
            AgentError: any code; ``attempts_left`` where the card told.

        """
        with pin or nullcontext():
            await self.connect(site)
            reader = await self._choose(request.reader, request.certificate)
            secret = _needed(pin)
            wrapping = Wrapping(request, reader, self._clock())
            seconds = CARD_SECONDS + SIGNATURE_SECONDS * len(request.documents)

            def operation(card: CardDriver, connection: Connection, prepare: Prepare) -> KeyUse:
                return card.sign(connection, request.key_id, secret, prepare)

            asking = Asking(site, request.confirm_retry)
            return await self._use_key(reader, wrapping, operation, seconds, asking)

    async def decrypt(self, site: Site, request: DecryptRequest, pin: SecretBytes | None) -> bytes:
        """Decrypt with a card's key-exchange key; arguments and errors as :meth:`sign`."""
        with pin or nullcontext():
            await self.connect(site)
            reader = await self._choose(request.reader, None)
            secret = _needed(pin)
            opening = Opening(request)

            def operation(card: CardDriver, connection: Connection, prepare: Prepare) -> KeyUse:
                return card.decrypt(connection, ID_KEYX, secret, prepare)

            asking = Asking(site, request.confirm_retry)
            return await self._use_key(reader, opening, operation, CARD_SECONDS, asking)

    # How a key is used, whatever for.

    async def _use_key(
        self,
        reader: str,
        errand: Errand[T],
        operation: KeyOperation,
        seconds: float,
        asking: Asking,
    ) -> T:
        try:
            return await self._try_key(reader, errand, operation, seconds, asking.below)
        except PinError as error:
            if error.code is not ErrorCode.PIN_LAST_ATTEMPT:
                raise
            left = error.attempts_left or 1
        await self._consent.allow_try(asking.site, left)
        # Whoever agreed to one try did not agree to a later one.
        return await self._try_key(reader, errand, operation, seconds, left)

    async def _try_key(
        self,
        reader: str,
        errand: Errand[T],
        operation: KeyOperation,
        seconds: float,
        ask_below: int,
    ) -> T:
        """Run one transaction; whatever ``checked`` raises ends it before the PIN is sent.

        With fewer tries left than ``ask_below`` the citizen has to be asked.
        """
        seen: list[str] = []

        def run(connection: Connection, card: CardDriver, nobody_waits: ThreadEvent) -> T:
            def checked(serial: str, certificate: StoredCertificate) -> Sequence[bytes]:
                seen.append(serial)
                left = self._registry.memory.attempts_left(serial)
                if left is not None and 0 < left < ask_below:
                    raise PinError(
                        "few tries are left", code=ErrorCode.PIN_LAST_ATTEMPT, attempts_left=left
                    )
                inputs = errand.prepare(serial, certificate)
                if nobody_waits.is_set():
                    raise AgentError("nobody waits any more", code=ErrorCode.USER_CANCELLED)
                return inputs

            return errand.finish(operation(card, connection, checked))

        try:
            return await self._readers.run(reader, run, seconds)
        finally:
            if seen:
                left = self._registry.memory.attempts_left(seen[0])
                self._readers.note(reader, serial=seen[0], attempts_left=left)

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
            return card.certificates(connection)

        contents = await self._readers.run(reader, read, CARD_SECONDS)
        left = self._registry.memory.attempts_left(contents.serial)
        self._readers.note(reader, serial=contents.serial, attempts_left=left)
        return card_certificates(reader, contents)


def _needed(pin: SecretBytes | None) -> SecretBytes:
    # Our own window will ask for it; where there is none, the page must.
    if pin is None:
        raise PinError("no PIN was given", code=ErrorCode.PIN_REQUIRED)
    return pin
