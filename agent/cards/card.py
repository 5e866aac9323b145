"""The interface of any card during one transaction, and of the drivers that open them.

File systems, key lengths and ways to send a PIN belong to the drivers.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, TypeAlias

from agent.cms.digest import HashAlgorithm
from agent.errors import CardError, ErrorCode, PinError
from agent.secret import SecretBytes
from agent.transport.base import Connection

ID_SIGN = b"SIGN"
"""Identifies the key, and the certificate, that a person signs with."""
ID_KEYX = b"KEYX"
"""Identifies the key, and the certificate, that others encrypt to."""
ID_AUTH = b"AUTH"
"""Identifies the key, and the certificate, that a person proves with who they are; some cards have
one beside that of :data:`ID_SIGN`."""

CardGeneration: TypeAlias = Literal["gen1", "gen2", "piv", "pkcs11"]
"""What the kinds of cards are called, in the native API too."""
CITIZEN_CARDS: Final[frozenset[CardGeneration]] = frozenset({"gen1", "gen2"})
"""The kinds that the old components know."""
AGREEING_CARDS: Final[frozenset[CardGeneration]] = frozenset({"piv"})
"""The kinds whose keys on a curve make a shared number of a sender's point."""


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
        attempts: wrong PINs in a row that lock it; a right one sets the counter back. None where
            that is not known: then however many are left may be few.
        digits: whether it has no other characters.
        keypad: whether it is typed on the reader itself and nowhere else; what is handed over in
            its place is empty.

    """

    shortest: int
    longest: int
    attempts: int | None
    digits: bool = False
    keypad: bool = False

    def check(self, pin: SecretBytes) -> None:
        """Refuse a PIN that no card of this kind can have, before it costs an attempt.

        Raises:
            PinError: ``pin_length``: too short, too long, or other characters than it can have;
                ``pin_required``: it is typed on the reader.

        """
        if self.keypad:
            if len(pin):
                error = PinError("it is typed on the keypad", code=ErrorCode.PIN_REQUIRED)
                error.said = ("cli.error.keypad", {})
                raise error
            return
        first, last = (0x30, 0x39) if self.digits else (0x21, 0x7E)  # printable ASCII
        has_its_characters = all(first <= byte <= last for byte in pin.buffer)
        if not (self.shortest <= len(pin) <= self.longest and has_its_characters):
            kind = "digits" if self.digits else "letters and digits"
            raise PinError(
                f"a PIN has {self.shortest} to {self.longest} {kind}",
                code=ErrorCode.PIN_LENGTH,
            )


class Card(ABC):
    """One card during one transaction: no other program can send commands to it."""

    generation: ClassVar[CardGeneration]

    @property
    @abstractmethod
    def pin_rules(self) -> PinRules:
        """What its PIN can be; a constant where all cards of a kind have the same rules."""

    def require_pin_possible(self) -> None:  # noqa: B027  # most cards cannot say
        """Refuse where the card itself has just said that no PIN can be sent to it.

        Asked before anybody is asked for one.

        Raises:
            PinError: ``pin_locked``.
            UnsupportedCardError: it takes no PIN in this reader.

        """

    @property
    def few_left(self) -> bool:
        """Whether the card says that PIN attempts were used up, but not how many are left."""
        return False

    @property
    def hides_certificates(self) -> bool:
        """Whether it shows its certificates after a PIN alone: :meth:`reveal` sends one."""
        return False

    def reveal(self, pin: SecretBytes) -> None:
        """Send the PIN, and read what the card shows to nobody without it.

        For a card that hides certificates, whose :meth:`sign` follows with the same PIN.

        Raises:
            PinError: as of :meth:`sign`.
            CardError: it hides nothing, or cannot be read.

        """
        del pin
        raise CardError("it hides no certificates")

    @property
    def key_names(self) -> frozenset[str] | None:
        """What keys a card of this kind has, by :func:`agent.cms.keys.key_name`; None for any.

        A certificate of another key was misread, and no PIN is sent for it.
        """
        return None

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        """The identifiers of the keys that sign, whether or not this card has each of them.

        The first one signs where none is named, and no other one does in its place; the others
        sign where their certificate is named.
        """
        return (ID_SIGN,)

    @property
    @abstractmethod
    def serial(self) -> str:
        """The card's own number, printable ASCII; never empty."""

    @property
    @abstractmethod
    def attempts_left(self) -> int | None:
        """The PIN attempts left when the card last said so; None when that is not known."""

    @property
    @abstractmethod
    def pin_sent(self) -> bool:
        """Whether a PIN may have reached the card: then the transaction is not to be repeated."""

    @abstractmethod
    def certificates(self) -> tuple[StoredCertificate, ...]:
        """Read every certificate, or return them as they are remembered, in the card's order.

        Those of one key come together, one that was rejected after the others.
        A directory entry that makes no sense is left out; the log says so.

        Raises:
            UnsupportedCardError: the card has no certificate, or none that can be read.
            CardError, TransportError: as named.

        """

    @abstractmethod
    def certificates_of(self, key_id: bytes) -> Iterator[StoredCertificate]:
        """Read the certificates of a key one by one, as far as the caller iterates.

        A key has more than one where an old certificate was left beside the renewed one. One
        that was rejected comes last.

        Raises:
            KeyNotFoundError: no such key or certificate.
            UnsupportedCardError, CardError, TransportError: as named.

        """

    @abstractmethod
    def is_proven(self, certificate: StoredCertificate) -> bool:
        """Return whether a certificate cannot have been misread."""

    @abstractmethod
    def prove(self, *certificates: StoredCertificate) -> None:
        """Note that certificates cannot have been misread; they are remembered from now on."""

    @abstractmethod
    def reject(self, certificate: StoredCertificate) -> None:
        """Note that the card's key does not belong to a certificate."""

    @abstractmethod
    def read_again(self, certificate: StoredCertificate) -> None:
        """Read a certificate once more.

        Raises:
            CardError: it is another one this time.
            UnsupportedCardError, TransportError: as named.

        """

    @abstractmethod
    def forget(self) -> None:
        """Forget what was read, so that the next transaction reads it anew."""

    @abstractmethod
    def sign(
        self, key_id: bytes, pin: SecretBytes, digests: Sequence[tuple[HashAlgorithm, bytes]]
    ) -> tuple[bytes, ...]:
        """Send the PIN and sign each digest; return the signatures in their order.

        An RSA key makes RSASSA-PKCS1-v1_5, as long as the modulus; a key on a curve makes
        ECDSA-Sig-Value, DER (RFC 3279 §2.2.3).

        The PIN is left as it is, and never sent again after the card refused it. A card that wants
        it for each signature gets the same one again as long as it is right.

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
        """Send the PIN and decrypt each cryptogram; return what it was made of, in their order.

        That is the bare RSA operation: whatever padding is around a message is left there. A key
        on a curve takes points of it in place of cryptograms, and makes the first coordinate of
        what is agreed on (SEC 1 §3.3.1), where cards of the kind do that.

        Arguments and errors as of :meth:`sign`.

        Raises:
            BadRequestError: a cryptogram is not as long as the key, or no point of its curve,
                before the PIN is sent.
            CardError: also where what the card made does not encrypt to the cryptogram again.

        """


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
