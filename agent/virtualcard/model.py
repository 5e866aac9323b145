"""The data of a virtual card: contents, options and faults."""

from dataclasses import dataclass, field
from enum import StrEnum, unique

from agent.virtualcard.piv_key import PivPrivateKey
from agent.virtualcard.rsa_key import RsaKey

MAX_ATTEMPTS = 3  # wrong PINs in a row that lock the card
PIN_FIELD = 10  # bytes on the wire
PIN_PADDING = b"\xff"
SERIAL_LENGTH = 16  # ASCII characters
CARD_ID_LENGTH = 10  # bytes; gen2 only

ID_ROOT = b"ROOTCACert"
ID_CA = b"CACert"
ID_SIGN = b"SIGN"
ID_KEYX = b"KEYX"


@unique
class Generation(StrEnum):
    """The kinds of card."""

    GEN1 = "gen1"
    GEN2 = "gen2"
    PIV = "piv"


CITIZEN_GENERATIONS = (Generation.GEN1, Generation.GEN2)
"""The kinds of citizen card, whose contents are alike."""


@dataclass(frozen=True, slots=True)
class CardKey:
    """A private key on the card.

    Attributes:
        id: PKCS#15 identifier, 1 to 16 bytes.
        label: of the directories.
        reference: the P2 that names it, 1 to 252.
        key: RSA-2048.

    """

    id: bytes
    label: str
    reference: int
    key: RsaKey


@dataclass(frozen=True, slots=True)
class FilledSlot:
    """A key and its certificate on a PIV card.

    Attributes:
        reference: how commands name the key: 9A, 9C, 9D or 9E.
        key: the private key.
        certificate: DER, not necessarily a certificate; empty for none.
        compressed: whether the card has it compressed.

    """

    reference: int
    key: PivPrivateKey
    certificate: bytes
    compressed: bool = False


@dataclass(frozen=True, slots=True)
class VirtualCertificate:
    """A certificate on the card.

    Attributes:
        id: PKCS#15 identifier; that of the key that it certifies.
        label: of the directory.
        der: what lies in the file, 1 to 4096 bytes; not necessarily a certificate.

    """

    id: bytes
    label: str
    der: bytes


@dataclass(frozen=True, slots=True)
class Person:
    """Who the card was made for: an invented person, for whoever tests with the card.

    Attributes:
        name: common name of the certificates.
        id_number: national identification number, 10 characters.

    """

    name: str = ""
    id_number: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How the card behaves where real ones differ, or are not known.

    Attributes:
        t0: answer as through a T=0 reader (``61xx``, ``6Cxx``, GET RESPONSE).
        verify_per_signature: one right PIN allows one private key operation; None for the
            generation's own habit (gen1 no, gen2 yes).
        strict_channel: gen2 refuses a plain command while the channel is open, and closes it.
        old_pin_label: gen1 protects the PIN with the older key and answers 6A88 to the newer.
        extended_length: a PIV card takes commands of extended length, and its ATR says so.

    """

    t0: bool = False
    verify_per_signature: bool | None = None
    strict_channel: bool = False
    old_pin_label: bool = False
    extended_length: bool = False


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults of the card or its reader. Commands are counted from 1, over the card's life.

    Attributes:
        remove_at: the card is pulled when this command arrives, which is not answered.
        drop_at: this command is carried out, and its response is lost.
        replace: responses, status word included, to say instead of the true ones.
        rsa_delay_ms: how long a private key operation takes at least, in milliseconds.
        max_read: a longer READ BINARY is answered 6987, as by some readers; 0 for no limit.
        foreign: the status word with which every command is answered; 0 for a card of ours.
        mute: there is no Answer To Reset (the card is the wrong way round).

    """

    remove_at: int = 0
    drop_at: int = 0
    replace: dict[int, bytes] = field(default_factory=dict)
    rsa_delay_ms: int = 0
    max_read: int = 0
    foreign: int = 0
    mute: bool = False


@dataclass(slots=True)
class Tally:
    """What was done with a card since somebody began to count.

    Attributes:
        verifies: PINs that it compared, or refused because it is locked.
        wrong_pins: those of them that cost an attempt.
        signatures: uses of its signing key that succeeded.
        decryptions: uses of its other keys that succeeded.

    """

    verifies: int = 0
    wrong_pins: int = 0
    signatures: int = 0
    decryptions: int = 0

    def clear(self) -> None:
        """Count anew."""
        self.verifies = self.wrong_pins = self.signatures = self.decryptions = 0


@dataclass(slots=True)
class CardData:
    """Everything that a card file holds.

    Attributes:
        generation: which card it is.
        serial: file 0903, 16 ASCII characters; on a PIV card the GUID, 32 hexadecimal digits.
        pin: 6 to 8 characters, ASCII; a test card's, so it lies here in the open.
        keys: private keys of a citizen card.
        certificates: likewise, in the order in which they lie in the file 08F2.
        channel_id: gen2: the 10 bytes from which the channel keys are derived.
        attempts_left: PIN attempts before the card locks, 0 to 3.
        person: whom it was made for.
        files: contents that replace what the card would build, by path ("5030/4104") or, on a PIV
            card, by the data object's tag ("5FC10A").
        slots: keys and certificates of a PIV card.

    """

    generation: Generation
    serial: str
    pin: bytes = field(repr=False)
    keys: tuple[CardKey, ...]
    certificates: tuple[VirtualCertificate, ...]
    channel_id: bytes = bytes(CARD_ID_LENGTH)
    attempts_left: int = MAX_ATTEMPTS
    person: Person = field(default_factory=Person)
    options: Options = field(default_factory=Options)
    faults: Faults = field(default_factory=Faults)
    files: dict[str, bytes] = field(default_factory=dict)
    slots: tuple[FilledSlot, ...] = ()
