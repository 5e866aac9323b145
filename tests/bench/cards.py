"""Cards to measure with, and what a signature costs on them without a daemon around it."""

import dataclasses
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing.model import SignatureRequest
from agent.signing.service import SigningService
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer, der
from agent.virtualcard.model import (
    CITIZEN_GENERATIONS,
    ID_SIGN,
    CardData,
    Faults,
    Generation,
    Options,
)
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.piv_key import PivKeyKind
from agent.virtualcard.provider import VirtualProvider

PIN = "123456"
DOCUMENT = b"x" * 300  # about as long as a portal's challenge
GENERATIONS = CITIZEN_GENERATIONS


CERTIFICATE_BYTES = 1483  # DER of the certificate that the aims are about
_PADDING = x509.ObjectIdentifier("2.999.1")  # the arc for examples


class CardCase:
    """The cards of one run: one person's of each generation."""

    def __init__(self, folder: Path) -> None:
        """Issue the cards; their files go to ``folder``."""
        self._folder = folder
        self._issuer = TestIssuer.create(key_size=2048)
        self._cards = {generation: _card(generation, self._issuer) for generation in GENERATIONS}

    def file(
        self, generation: Generation, name: str, rsa_delay: int = 0, max_read: int = 0
    ) -> Path:
        """Write a card file of its own.

        Args:
            generation: of the card.
            name: a part of the file's name.
            rsa_delay: how long its private key takes, in milliseconds.
            max_read: the longest READ BINARY that it answers, in bytes; 0 for any.

        """
        path = self._folder / f"{name}-{generation}-{rsa_delay}-{max_read}.json"
        faults = Faults(rsa_delay_ms=rsa_delay, max_read=max_read)
        cardfile.save(path, dataclasses.replace(self._cards[generation], faults=faults))
        return path

    def piv_file(self, key: PivKeyKind, *, extended: bool = False) -> Path:
        """Write the file of a PIV card with one kind of key; commands of extended length or not."""
        options = Options(extended_length=extended)
        person = ("王測試", generate_id_number(0), PIN.encode())
        order = Order(Generation.PIV, *person, options=options, key=key, slots=(0x9C,))
        path = self._folder / f"piv-{key}-{extended}.json"
        cardfile.save(path, personalise(order, self._issuer))
        return path


def _card(generation: Generation, issuer: TestIssuer) -> CardData:
    """Make a card whose signing certificate is as long as the aims say."""
    order = Order(generation, "王測試", generate_id_number(0), PIN.encode())
    card = personalise(order, issuer)
    certificates = tuple(
        dataclasses.replace(each, der=_lengthened(each.der, issuer)) if each.id == ID_SIGN else each
        for each in card.certificates
    )
    return dataclasses.replace(card, certificates=certificates)


def _lengthened(certificate: bytes, issuer: TestIssuer) -> bytes:
    """Issue a certificate again, with an extension that makes it long enough."""
    old = x509.load_der_x509_certificate(certificate)
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(old.public_key())
        .serial_number(old.serial_number)
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(old.not_valid_after_utc)
    )
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)

    def padded(length: int) -> bytes:
        padding = x509.UnrecognizedExtension(_PADDING, bytes(length))
        signed = builder.add_extension(padding, critical=False).sign(issuer.ca.key, hashes.SHA256())
        return der(signed)

    # The second has the same lengths of lengths as the first, so that the difference is exact.
    guess = CERTIFICATE_BYTES - len(certificate)
    return padded(guess + CERTIFICATE_BYTES - len(padded(guess)))


@dataclass(frozen=True)
class Cost:
    """What one operation took.

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
        request = SignatureRequest((Document(data=DOCUMENT),))
        return await self._cost_of(
            self._service.sign(LOCAL_USER, request, SecretBytes.from_text(PIN))
        )

    async def list_certificates(self) -> Cost:
        """List the certificates once; the first time reads them, later ones remember them."""
        return await self._cost_of(self._service.certificates(LOCAL_USER))

    async def _cost_of(self, operation: Awaitable[object]) -> Cost:
        trace = self._card.trace
        trace.clear()
        self._card.seconds = 0.0
        await operation
        transferred = trace.bytes_in + trace.bytes_out
        return Cost(trace.commands, transferred, self._card.seconds)
