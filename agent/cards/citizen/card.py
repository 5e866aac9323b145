"""What both generations of the citizen card have in common.

Their files are laid out alike, every key is RSA-2048, and a PIN has 6 to 8 characters. A
generation adds how it selects files and how it protects a PIN.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from agent.cards.card import (
    ID_KEYX,
    ID_SIGN,
    Card,
    CardDriver,
    CardGeneration,
    PinRules,
    StoredCertificate,
)
from agent.cards.citizen.padding import (
    MODULUS_LENGTH,
    remove_encryption_padding,
    signature_block,
)
from agent.cards.citizen.pkcs15 import CertificateEntry, read_directory
from agent.cards.memory import CardMemory, CardRecord
from agent.cards.session import READ_SIZE, CardSession
from agent.cms.digest import HashAlgorithm
from agent.errors import (
    BadRequestError,
    CardError,
    KeyNotFoundError,
    OtherGenerationError,
    PinError,
    TransportError,
    UnsupportedCardError,
)
from agent.iso7816 import SW, CommandApdu
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
CLA_KEYS = 0x80
INS_PRIVATE_OPERATION = 0xEA
INS_GET_RESULT = 0xC1
P1_FIRST_HALF = 0x82
P1_LAST_HALF = 0x02
HALF = 128  # bytes of block or result in one command
PIN_RULES = PinRules(shortest=6, longest=8, tries=3)
KEY_REFERENCES = {ID_SIGN: 0x01, ID_KEYX: 0x05}

Send = Callable[[CommandApdu, str], bytes]
"""Sends a command that must succeed, with a description for the log; returns the response data."""


class CitizenCard(Card):
    """A citizen card in one transaction; making one selects the root and reads the number."""

    generation: ClassVar[CardGeneration]
    cla: ClassVar[int]
    last_half_le: ClassVar[int | None]
    """The Le of the command that makes the private key work: one generation wants none."""
    pin_rules: ClassVar[PinRules] = PIN_RULES

    def __init__(self, session: CardSession, memory: CardMemory) -> None:
        """Select the root and read the card's number.

        Raises:
            OtherGenerationError: the card does not have this generation's root.
            UnsupportedCardError: it has no number.
            TransportError: the card is gone.

        """
        self._session = session
        if not self.is_root_known(session):
            raise OtherGenerationError(f"not a {self.generation} card")
        self._serial = self._read_serial()
        self._record: CardRecord = memory.record(self._serial)

    @classmethod
    def is_root_known(cls, session: CardSession) -> bool:
        """Select this generation's root; return whether the card has it."""
        try:
            cls.enter_root(session)
        except CardError:
            return False
        return True

    @property
    def serial(self) -> str:
        """The 16 characters of file 0903, stripped of spaces."""
        return self._serial

    @property
    def attempts_left(self) -> int | None:
        """The PIN tries left when the card last said so; None when that is not known."""
        return self._record.attempts_left

    def certificates(self) -> tuple[StoredCertificate, ...]:
        """Read every certificate, unless they are remembered; errors as of :class:`Card`."""
        record = self._record
        if not record.complete:
            self._read_certificates(None)
        return tuple(
            StoredCertificate(identifier, record.labels[identifier], der)
            for identifier, der in record.certificates.items()
        )

    def certificate(self, key_id: bytes) -> StoredCertificate:
        """Read the certificate of a key, unless it is remembered; errors as of :class:`Card`."""
        _key_reference(key_id)
        record = self._record
        if key_id not in record.certificates:
            self._read_certificates(key_id)
        return StoredCertificate(key_id, record.labels[key_id], record.certificates[key_id])

    def forget_certificates(self) -> None:
        """Forget the remembered certificates, so that the next transaction reads them anew."""
        self._record.forget_certificates()

    def sign(
        self, key_id: bytes, pin: SecretBytes, digests: Sequence[tuple[HashAlgorithm, bytes]]
    ) -> tuple[bytes, ...]:
        """Sign with RSASSA-PKCS1-v1_5, 256 bytes each; errors as of :class:`Card`."""
        blocks = [signature_block(hash_.digest_info(digest)) for hash_, digest in digests]
        return self._use_key(key_id, pin, blocks)

    def decrypt(
        self, key_id: bytes, pin: SecretBytes, cryptograms: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        """Decrypt RSAES-PKCS1-v1_5, 256 bytes each; errors as of :class:`Card`."""
        blocks = self._use_key(key_id, pin, cryptograms)
        return tuple(remove_encryption_padding(block) for block in blocks)

    # The private key.

    def _use_key(
        self, key_id: bytes, pin: SecretBytes, blocks: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        reference = _key_reference(key_id)
        if not blocks or any(len(block) != MODULUS_LENGTH for block in blocks):
            raise BadRequestError("an input that is not as long as the key")
        self.pin_rules.check(pin)
        results: list[bytes] = []
        for block in blocks:
            # A VERIFY for each use: whether one allows several is not known.
            send = self._log_in(pin)
            results.append(self._operate(send, reference, block))
        return tuple(results)

    def _log_in(self, pin: SecretBytes) -> Send:
        """Send the PIN and remember the tries left; return what sends commands to the key."""
        try:
            send = self.verify_pin(pin)
        except PinError as error:
            self._record.attempts_left = error.attempts_left
            raise
        except (CardError, TransportError):
            # Nobody knows whether the card heard the PIN. Counting it as a try makes the agent
            # ask once too often rather than spend the last one unasked.
            if self._record.attempts_left is not None:
                self._record.attempts_left = max(1, self._record.attempts_left - 1)
            raise
        self._record.attempts_left = self.pin_rules.tries
        return send

    def _operate(self, send: Send, reference: int, block: bytes) -> bytes:
        """Apply a private key to 256 bytes, which go in and come out in two halves."""
        ins = INS_PRIVATE_OPERATION
        first = CommandApdu(CLA_KEYS, ins, P1_FIRST_HALF, reference, block[:HALF])
        send(first, "first half of the block")
        last = CommandApdu(CLA_KEYS, ins, P1_LAST_HALF, reference, block[HALF:], self.last_half_le)
        result = send(last, "private key operation")
        rest = CommandApdu(CLA_KEYS, INS_GET_RESULT, 0, HALF, le=HALF)
        result += send(rest, "second half of the result")
        if len(result) != MODULUS_LENGTH:
            raise CardError("the card's answer is not as long as its key")
        return result

    # The files.

    def _read_serial(self) -> str:
        try:
            self.enter(DF_SERIAL)
            self._select(EF_SERIAL)
        except CardError as error:
            raise UnsupportedCardError("a card without a number") from error
        raw = self._session.read_binary(self.cla, 0, SERIAL_LENGTH)
        if len(raw) != SERIAL_LENGTH or not raw.isascii() or not raw.decode().isprintable():
            raise UnsupportedCardError("a card without a number")
        serial = raw.decode("ascii").strip()
        if not serial:  # two of them would be one card to us
            raise UnsupportedCardError("a card without a number")
        return serial

    def _read_certificates(self, wanted: bytes | None) -> None:
        """Read the certificate ``wanted``, or all of them for None, into the card's record."""
        try:
            selected = None
            for entry in self._find_entries(wanted):
                if entry.path != selected:
                    self._select_path(entry.path)
                    selected = entry.path
                der = self._session.read_binary(self.cla, entry.offset, entry.length)
                if len(der) != entry.length:
                    raise UnsupportedCardError("a certificate that is cut short")
                self._record.certificates[entry.id] = der
                self._record.labels[entry.id] = entry.label
        except CardError as error:
            if error.status_word == SW.FILE_NOT_FOUND:
                raise UnsupportedCardError("a card without certificates") from error
            raise
        self._record.complete = self._record.complete or wanted is None

    def _find_entries(self, wanted: bytes | None) -> list[CertificateEntry]:
        self.enter(DF_PKI)
        self._select(EF_CERTIFICATE_DIRECTORY)
        entries: list[CertificateEntry] = []
        directory = read_directory(
            lambda offset, length: self._session.read_binary(self.cla, offset, length), READ_SIZE
        )
        for entry in directory:
            if wanted is None:
                entries.append(entry)
            elif entry.id == wanted:
                return [entry]
        if wanted is not None:
            raise KeyNotFoundError("no such certificate on the card")
        return entries

    def enter(self, directory: int) -> None:
        """Select a child, a sibling or the current directory, unless it is selected already."""
        if self._session.directory != directory:
            self._select(directory)
            self._session.directory = directory

    def _select_path(self, path: bytes) -> None:
        if len(path) > MAX_PATH:
            raise UnsupportedCardError("a path deeper than the card's files")
        *directories, file_id = (
            int.from_bytes(path[i : i + 2], "big") for i in range(0, len(path), 2)
        )
        directories = [d for d in directories if d not in ROOTS]
        if directories and self._session.directory != directories[-1]:
            self.enter_root(self._session)
            for directory in directories:
                self.enter(directory)
        self._select(file_id)

    def _select(self, file_id: int) -> None:
        self._session.send(self.select_command(file_id), f"SELECT {file_id:04X}")

    @classmethod
    def enter_root(cls, session: CardSession) -> None:
        """Select the root.

        Raises:
            CardError: the card does not have it: it is of another generation.

        """
        session.directory = None
        cls.select_root(session)

    # What a generation adds.

    @classmethod
    @abstractmethod
    def select_root(cls, session: CardSession) -> None:
        """Select the root; raise CardError where the card is of another generation."""

    @staticmethod
    @abstractmethod
    def select_command(file_id: int) -> CommandApdu:
        """Build the SELECT of a child, a sibling or the current directory."""

    @abstractmethod
    def verify_pin(self, pin: SecretBytes) -> Send:
        """Enter the key directory and send the PIN exactly once; return what sends commands there.

        Raises:
            PinError: ``pin_incorrect`` with the tries left, or ``pin_locked``.
            CardError, TransportError: as named; whether it cost a try is not known.

        """


class CitizenDriver(CardDriver):
    """A driver for one generation; its cards share one memory of the cards seen."""

    def __init__(self, kind: type[CitizenCard], memory: CardMemory) -> None:
        self.generation = kind.generation
        self._kind = kind
        self._memory = memory

    @contextmanager
    def open(self, connection: Connection) -> Iterator[Card]:
        """Begin a transaction on the card; errors as of :class:`CardDriver`."""
        with CardSession.open(connection) as session:
            yield self._kind(session, self._memory)

    def probe(self, connection: Connection) -> bool:
        """Return whether the card is of this generation, with one command or two.

        Raises:
            TransportError: the card is gone.

        """
        with CardSession.open(connection) as session:
            return self._kind.is_root_known(session)


def _key_reference(key_id: bytes) -> int:
    reference = KEY_REFERENCES.get(key_id)
    if reference is None:
        raise KeyNotFoundError("no such key on the card")
    return reference
