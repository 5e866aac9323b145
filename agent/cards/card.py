"""What a citizen card can do, whichever generation it is.

:class:`CardDriver` owns the public verbs: each checks its arguments, opens the transaction, and
hands a session to the driver's hooks. A driver is constants and hooks, and cannot forget the
transaction.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from agent.cards.memory import CardMemory, CardRecord
from agent.cards.padding import MODULUS_LENGTH, remove_encryption_padding, signature_block
from agent.cards.pkcs15 import ID_KEYX, ID_SIGN, CertificateEntry, read_directory
from agent.cards.session import READ_SIZE, CardSession
from agent.errors import (
    BadRequestError,
    CardError,
    ErrorCode,
    KeyNotFoundError,
    OtherGenerationError,
    PinError,
    TransportError,
    UnsupportedCardError,
)
from agent.iso7816.status_word import SW
from agent.secret import SecretBytes
from agent.transport.base import Connection

DF_SERIAL = 0x0900
EF_SERIAL = 0x0903
SERIAL_LENGTH = 16
DF_PKI = 0x5030
EF_CERTIFICATE_DIRECTORY = 0x4104
DF_KEYS = 0x0810
ROOTS = (0x3F00, 0x7FFF)  # how the directory files of the generations begin a path
MAX_PATH = 8  # bytes: root, two directories, file
MIN_PIN = 6  # characters, for citizens
MAX_PIN = 8
PIN_TRIES = 3  # wrong ones lock the card; a right one sets the counter back


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """A certificate as it lies on the card.

    Attributes:
        id: PKCS#15 identifier.
        label: of the directory.
        der: the certificate, at most 4096 bytes; not judged here.

    """

    id: bytes
    label: str
    der: bytes


@dataclass(frozen=True, slots=True)
class CardContents:
    """The public part of a card: its number (16 ASCII characters) and its certificates."""

    serial: str
    certificates: tuple[StoredCertificate, ...]


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What a private key made, and with which card and certificate.

    Attributes:
        serial: of the card.
        certificate: that belongs to the key.
        results: one for each input: signatures of 256 bytes, or messages without padding.

    """

    serial: str
    certificate: StoredCertificate
    results: tuple[bytes, ...]


Prepare = Callable[[str, StoredCertificate], Sequence[bytes]]
"""Is told a card's serial number and the certificate; gives what the key is to work on."""

PrivateOperation = Callable[[int, bytes], bytes]
"""Applies the private key of a reference to a block of 256 bytes; gives 256 bytes."""


def check_pin(pin: SecretBytes) -> None:
    """Refuse a PIN that no card of these generations can have, before it costs a try.

    Raises:
        PinError: ``pin_length``: not 6 to 8 printable ASCII characters.

    """
    printable = all(0x20 < byte < 0x7F for byte in pin.buffer)
    if not (MIN_PIN <= len(pin) <= MAX_PIN and printable):
        raise PinError("a PIN has 6 to 8 letters and digits", code=ErrorCode.PIN_LENGTH)


class CardDriver(ABC):
    """One generation of card. Stateless but for the shared memory; usable from any thread."""

    generation: ClassVar[str]
    cla: ClassVar[int]
    verify_per_signature: ClassVar[bool] = True
    key_references: ClassVar[dict[bytes, int]] = {ID_SIGN: 0x01, ID_KEYX: 0x05}

    def __init__(self, memory: CardMemory) -> None:
        self._memory = memory

    # The public verbs. Each is one transaction and ends with a reset.

    def certificates(self, connection: Connection) -> CardContents:
        """Read every certificate on the card.

        Raises:
            UnsupportedCardError: it is no card of this generation, or its files are nonsense.
            CardError, TransportError: as named.

        """
        with CardSession.open(connection) as session:
            serial, record = self._identify(session)
            if not record.complete:
                self._read_certificates(session, record)
            return CardContents(serial, _stored(record))

    def certificate(self, connection: Connection, key_id: bytes) -> tuple[str, StoredCertificate]:
        """Read the card's serial number and the one certificate that belongs to a key.

        Raises:
            KeyNotFoundError: no such key or certificate.
            CardError, TransportError: as named.

        """
        with CardSession.open(connection) as session:
            serial, _, certificate = self._find_certificate(session, key_id)
            return serial, certificate

    def sign(
        self,
        connection: Connection,
        key_id: bytes,
        pin: SecretBytes,
        prepare: Prepare,
    ) -> KeyUse:
        """Sign one or more DigestInfos with PKCS#1 v1.5.

        Args:
            connection: to a card of this generation.
            key_id: PKCS#15 identifier of key and certificate.
            pin: 6 to 8 characters; left as it is.
            prepare: is told the card's serial number and the certificate, and answers with the
                DER DigestInfos (at most 245 bytes each); whatever it raises ends the
                transaction before the PIN was sent.

        Raises:
            PinError: ``pin_length`` before anything is sent; ``pin_incorrect``; ``pin_locked``.
            KeyNotFoundError: no such key or certificate.
            CardError, TransportError: as named.

        """

        def blocks(serial: str, certificate: StoredCertificate) -> list[bytes]:
            return [signature_block(info) for info in prepare(serial, certificate)]

        return self._use_key(connection, key_id, pin, blocks)

    def decrypt(
        self,
        connection: Connection,
        key_id: bytes,
        pin: SecretBytes,
        prepare: Prepare,
    ) -> KeyUse:
        """Decrypt one or more RSAES-PKCS1-v1_5 cryptograms of 256 bytes.

        Arguments and errors as :meth:`sign`; ``prepare`` answers with the cryptograms.

        Raises:
            CardError: also for every padding that is wrong, always the same.

        """
        used = self._use_key(connection, key_id, pin, prepare)
        messages = tuple(remove_encryption_padding(block) for block in used.results)
        return KeyUse(used.serial, used.certificate, messages)

    def probe(self, connection: Connection) -> bool:
        """Tell whether the card is of this generation, with one command or two.

        Raises:
            TransportError: the card is gone.

        """
        with CardSession.open(connection) as session:
            return self.is_this_card(session)

    def is_this_card(self, session: CardSession) -> bool:
        """Select the root and tell whether the card let us."""
        try:
            self._enter_root(session)
        except CardError:
            return False
        return True

    # Ways through the card's files.

    def _enter_root(self, session: CardSession) -> None:
        session.directory = None
        self._select_root(session)

    def _enter(self, session: CardSession, directory: int) -> None:
        """Make a child, a sibling or the current directory the current one."""
        if session.directory != directory:
            self._select(session, directory)
            session.directory = directory

    def _select_path(self, session: CardSession, path: bytes) -> None:
        if len(path) > MAX_PATH:
            raise UnsupportedCardError("a path deeper than the card's files")
        *directories, file_id = (
            int.from_bytes(path[i : i + 2], "big") for i in range(0, len(path), 2)
        )
        directories = [d for d in directories if d not in ROOTS]
        if directories and session.directory != directories[-1]:
            self._enter_root(session)
            for directory in directories:
                self._enter(session, directory)
        self._select(session, file_id)

    # What every generation does the same way.

    def _identify(self, session: CardSession) -> tuple[str, CardRecord]:
        if not self.is_this_card(session):
            raise OtherGenerationError(f"not a {self.generation} card")
        try:
            self._enter(session, DF_SERIAL)
            self._select(session, EF_SERIAL)
        except CardError as error:
            raise UnsupportedCardError("a card without a number") from error
        raw = session.read_binary(self.cla, 0, SERIAL_LENGTH)
        if len(raw) != SERIAL_LENGTH or not raw.isascii() or not raw.decode().isprintable():
            raise UnsupportedCardError("a card without a number")
        serial = raw.decode("ascii").strip()
        if not serial:  # two of them would be one card to us
            raise UnsupportedCardError("a card without a number")
        return serial, self._memory.record(serial)

    def _read_certificates(
        self, session: CardSession, record: CardRecord, wanted: bytes | None = None
    ) -> None:
        """Read the certificate ``wanted``, or all of them, into ``record``."""
        try:
            entries = self._find_entries(session, wanted)
            selected = None
            for entry in entries:
                if entry.path != selected:
                    self._select_path(session, entry.path)
                    selected = entry.path
                der = session.read_binary(self.cla, entry.offset, entry.length)
                if len(der) != entry.length:
                    raise UnsupportedCardError("a certificate that is cut short")
                record.certificates[entry.id] = der
                record.labels[entry.id] = entry.label
        except CardError as error:
            if error.status_word == SW.FILE_NOT_FOUND:
                raise UnsupportedCardError("a card without certificates") from error
            raise
        record.complete = record.complete or wanted is None

    def _find_entries(self, session: CardSession, wanted: bytes | None) -> list[CertificateEntry]:
        self._enter(session, DF_PKI)
        self._select(session, EF_CERTIFICATE_DIRECTORY)
        entries: list[CertificateEntry] = []
        directory = read_directory(
            lambda offset, length: session.read_binary(self.cla, offset, length), READ_SIZE
        )
        for entry in directory:
            if wanted is None:
                entries.append(entry)
            elif entry.id == wanted:
                return [entry]
        if wanted is not None:
            raise KeyNotFoundError("no such certificate on the card")
        return entries

    def _use_key(
        self,
        connection: Connection,
        key_id: bytes,
        pin: SecretBytes,
        prepare: Prepare,
    ) -> KeyUse:
        check_pin(pin)
        with CardSession.open(connection) as session:
            serial, record, certificate = self._find_certificate(session, key_id)
            blocks = prepare(serial, certificate)
            if not blocks or any(len(block) != MODULUS_LENGTH for block in blocks):
                raise BadRequestError("an input that is not as long as the key")
            results = self._apply_key(session, record, key_id, pin, blocks)
            return KeyUse(serial, certificate, tuple(results))

    def _find_certificate(
        self, session: CardSession, key_id: bytes
    ) -> tuple[str, CardRecord, StoredCertificate]:
        if key_id not in self.key_references:
            raise KeyNotFoundError("no such key on the card")
        serial, record = self._identify(session)
        if key_id not in record.certificates:
            self._read_certificates(session, record, key_id)
        label, der = record.labels[key_id], record.certificates[key_id]
        return serial, record, StoredCertificate(key_id, label, der)

    def _apply_key(
        self,
        session: CardSession,
        record: CardRecord,
        key_id: bytes,
        pin: SecretBytes,
        blocks: Sequence[bytes],
    ) -> list[bytes]:
        reference = self.key_references[key_id]
        operate: PrivateOperation | None = None
        results: list[bytes] = []
        for block in blocks:
            if operate is None or self.verify_per_signature:
                operate = self._login(session, record, pin)
            result = operate(reference, block)
            if len(result) != MODULUS_LENGTH:
                raise CardError("the card's answer is not as long as its key")
            results.append(result)
        return results

    def _login(
        self, session: CardSession, record: CardRecord, pin: SecretBytes
    ) -> PrivateOperation:
        try:
            operate = self._open_keys(session, record, pin)
        except PinError as error:
            record.attempts_left = error.attempts_left
            raise
        except (CardError, TransportError):
            # Nobody knows whether the card heard the PIN. Counting it as a try makes the agent
            # ask once too often rather than spend the last one unasked.
            if record.attempts_left is not None:
                record.attempts_left = max(1, record.attempts_left - 1)
            raise
        record.attempts_left = PIN_TRIES
        return operate

    # The hooks.

    @abstractmethod
    def _select_root(self, session: CardSession) -> None:
        """Select the root; CardError where the card is of another generation."""

    @abstractmethod
    def _select(self, session: CardSession, file_id: int) -> None:
        """Select a child, a sibling or the current directory by its two-byte identifier."""

    @abstractmethod
    def _open_keys(
        self, session: CardSession, record: CardRecord, pin: SecretBytes
    ) -> PrivateOperation:
        """Go to the key directory and send the PIN, exactly once; return what uses a key."""


def _stored(record: CardRecord) -> tuple[StoredCertificate, ...]:
    return tuple(
        StoredCertificate(identifier, record.labels[identifier], der)
        for identifier, der in record.certificates.items()
    )
