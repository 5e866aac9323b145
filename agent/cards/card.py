"""The interface of any card during one transaction, and of the drivers that open them.

File systems, key lengths and ways to send a PIN belong to the drivers.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from agent.cms.digest import HashAlgorithm
from agent.errors import ErrorCode, PinError
from agent.secret import SecretBytes
from agent.transport.base import Connection

ID_SIGN = b"SIGN"
"""Identifies the key, and the certificate, that a person signs with."""
ID_KEYX = b"KEYX"
"""Identifies the key, and the certificate, that others encrypt to."""

CardGeneration: TypeAlias = Literal["gen1", "gen2"]
"""What the kinds of cards are called, in the native API too."""


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """A certificate as it lies on the card.

    Attributes:
        id: the identifier that it shares with its private key.
        label: as the card's directory names it.
        der: the certificate, at most 4096 bytes; not judged here.

    """

    id: bytes
    label: str
    der: bytes


@dataclass(frozen=True, slots=True)
class PinRules:
    """What a card's PIN can be.

    Attributes:
        shortest: in characters.
        longest: in characters.
        tries: wrong PINs in a row that lock it; a right one sets the counter back.

    """

    shortest: int
    longest: int
    tries: int

    def check(self, pin: SecretBytes) -> None:
        """Refuse a PIN that no card of this kind can have, before it costs a try.

        Raises:
            PinError: ``pin_length``: too short, too long, or not printable ASCII.

        """
        printable = all(0x20 < byte < 0x7F for byte in pin.buffer)
        if not (self.shortest <= len(pin) <= self.longest and printable):
            raise PinError(
                f"a PIN has {self.shortest} to {self.longest} letters and digits",
                code=ErrorCode.PIN_LENGTH,
            )


class Card(ABC):
    """One card during one transaction: no other program can send commands to it."""

    generation: ClassVar[CardGeneration]
    pin_rules: ClassVar[PinRules]

    @property
    @abstractmethod
    def serial(self) -> str:
        """The card's own number, printable ASCII; never empty."""

    @property
    @abstractmethod
    def attempts_left(self) -> int | None:
        """The PIN tries left when the card last said so; None when that is not known."""

    @abstractmethod
    def certificates(self) -> tuple[StoredCertificate, ...]:
        """Read every certificate.

        Raises:
            UnsupportedCardError: the card's files cannot be understood.
            CardError, TransportError: as named.

        """

    @abstractmethod
    def certificate(self, key_id: bytes) -> StoredCertificate:
        """Read the one certificate that belongs to a key.

        Raises:
            KeyNotFoundError: no such key or certificate.
            UnsupportedCardError, CardError, TransportError: as named.

        """

    @abstractmethod
    def sign(
        self, key_id: bytes, pin: SecretBytes, digests: Sequence[tuple[HashAlgorithm, bytes]]
    ) -> tuple[bytes, ...]:
        """Send the PIN and sign each digest; return the signatures in their order.

        The PIN is left as it is, and never sent again after the card refused it.

        Raises:
            PinError: ``pin_length`` before it is sent; ``pin_incorrect``, ``pin_locked``.
            KeyNotFoundError: no such key.
            BadRequestError: nothing to sign.
            CardError, TransportError: as named.

        """

    @abstractmethod
    def decrypt(
        self, key_id: bytes, pin: SecretBytes, cryptograms: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        """Send the PIN and decrypt each cryptogram; return the messages in their order.

        Arguments and errors as of :meth:`sign`.

        Raises:
            BadRequestError: a cryptogram is not as long as the key, before the PIN is sent.
            CardError: also for every padding that is wrong, always the same.

        """

    @abstractmethod
    def forget_certificates(self) -> None:
        """Forget the remembered certificates, so that the next transaction reads them anew."""


class CardDriver(ABC):
    """A driver for one kind of card; usable from any thread."""

    generation: CardGeneration

    @abstractmethod
    def open(self, connection: Connection) -> AbstractContextManager[Card]:
        """Begin a transaction on the card; it ends with a reset, also after an error.

        Raises:
            OtherGenerationError: the card is of another kind.
            UnsupportedCardError: it is of this kind, but has no number.
            TransportError: the card is gone or cannot be used.

        """

    @abstractmethod
    def probe(self, connection: Connection) -> bool:
        """Return whether the card is of this kind, with one command or two.

        Raises:
            TransportError: the card is gone.

        """
