"""Cards to measure with, and what a signature costs on them without a daemon around it."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing.model import SignatureRequest
from agent.signing.service import SigningService
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.model import CardData, Faults, Generation
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.provider import VirtualProvider

PIN = "123456"
DOCUMENT = b"x" * 300  # about as long as a portal's challenge
GENERATIONS = tuple(Generation)


class CardCase:
    """The cards of one run: one person's of each generation."""

    def __init__(self, folder: Path) -> None:
        """Issue the cards; their files go to ``folder``."""
        self._folder = folder
        issuer = TestIssuer.create(key_size=2048)
        self._cards = {
            generation: personalise(
                Order(generation, "王測試", generate_id_number(0), PIN.encode()), issuer
            )
            for generation in GENERATIONS
        }

    def file(self, generation: Generation, name: str, rsa_delay: int = 0) -> Path:
        """Write a card file of its own, whose private key takes ``rsa_delay`` milliseconds."""
        path = self._folder / f"{name}-{generation}-{rsa_delay}.json"
        faults = Faults(rsa_delay_ms=rsa_delay)
        cardfile.save(path, dataclasses.replace(self._cards[generation], faults=faults))
        return path


@dataclass(frozen=True)
class Cost:
    """What one signature took.

    Attributes:
        commands: command APDUs.
        transferred: bytes to and from the card.
        card_seconds: time that the card itself needed for them.

    """

    commands: int
    transferred: int
    card_seconds: float


class StopwatchCard(VirtualCard):
    """A virtual card that knows how long it was at work."""

    def __init__(self, data: CardData, save: Callable[[CardData], None]) -> None:
        """As :class:`VirtualCard`."""
        super().__init__(data, save)
        self.seconds = 0.0

    def process(self, command: bytes) -> bytes:
        """Answer, and add the time that it took."""
        start = time.perf_counter()
        try:
            return super().process(command)
        finally:
            self.seconds += time.perf_counter() - start


class BareCard:
    """The use case without a daemon, to count and time what happens on the card alone."""

    def __init__(self, file: Path) -> None:
        """Load a card; use as an asynchronous context."""
        data = cardfile.parse(file.read_bytes())
        self._card = StopwatchCard(data, lambda data: cardfile.save(file, data))
        provider = VirtualProvider()
        provider.insert(provider.readers()[0].name, self._card)
        self._service = SigningService(provider, AlwaysAllow())

    async def __aenter__(self) -> Self:
        await self._service.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._service.close()

    async def sign(self) -> Cost:
        """Sign once; the first time reads the certificate, later ones remember it."""
        trace = self._card.trace
        trace.clear()
        self._card.seconds = 0.0
        request = SignatureRequest((Document(data=DOCUMENT),))
        await self._service.sign(LOCAL_USER, request, SecretBytes.from_text(PIN))
        transferred = trace.bytes_in + trace.bytes_out
        return Cost(trace.commands, transferred, self._card.seconds)
