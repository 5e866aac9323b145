"""What both generations of the citizen card have in common.

Their files are laid out alike, every key is RSA-2048, and a PIN has 6 to 8 characters. A
generation adds how it selects files and how it protects a PIN.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import ClassVar

import structlog

from agent.cards.card import (
    ID_KEYX,
    ID_SIGN,
    Card,
    CardDriver,
    CardGeneration,
    PinRules,
    StoredCertificate,
)
from agent.cards.citizen.files import EF_PRIVATE_KEY_DIRECTORY, CitizenFiles
from agent.cards.citizen.padding import (
    MODULUS_LENGTH,
    encrypts_to,
    signature_block,
)
from agent.cards.citizen.pkcs15 import (
    ID_CA,
    ID_ROOT,
    CertificateEntry,
    parse_key_entry,
)
from agent.cards.memory import CardMemory, CardRecord, card_key
from agent.cards.session import CardSession
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

DF_KEYS = 0x0810
CLA_KEYS = 0x80
INS_PRIVATE_OPERATION = 0xEA
INS_GET_RESULT = 0xC1
P1_FIRST_HALF = 0x82
P1_LAST_HALF = 0x02
HALF = 128  # bytes of block or result in one command
ATTEMPTS = 3
PIN_RULES = PinRules(shortest=6, longest=8, attempts=ATTEMPTS)
KEY_NAMES = frozenset({"RSA-2048"})
KEY_REFERENCES = {ID_SIGN: 0x01, ID_KEYX: 0x05}
"""The references of the citizen card's keys, where its PrKDF does not say otherwise."""
USUAL_IDS = frozenset({ID_SIGN, ID_KEYX, ID_CA, ID_ROOT})
MAX_CERTIFICATES = 32  # that are read of one card

_log = structlog.get_logger(__name__)

Send = Callable[[CommandApdu, str], bytes]
"""Sends a command that must succeed, with a description for the log; returns the response data."""


class CitizenCard(CitizenFiles, Card):
    """A citizen card in one transaction; making one selects the root and reads the number."""

    generation: ClassVar[CardGeneration]
    last_half_le: ClassVar[int | None]
    """The Le of the command that makes the private key work: one generation wants none."""

    def __init__(self, session: CardSession, memory: CardMemory) -> None:
        """Select the root and read the card's number.

        Raises:
            OtherGenerationError: the card does not have this generation's root.
            UnsupportedCardError: it has no number.
            TransportError: the card is gone.

        """
        super().__init__(session)
        if not self.is_root_known(session):
            raise OtherGenerationError(f"not a {self.generation} card")
        self._serial = self.read_serial()
        self._record: CardRecord = memory.record(card_key(self.generation, self._serial))
        self._attempts = memory.attempts
        self._reference: int | None = None  # that was used last

    @property
    def pin_rules(self) -> PinRules:
        """What a citizen card's PIN can be."""
        return PIN_RULES

    @property
    def key_names(self) -> frozenset[str] | None:
        """Nothing but RSA-2048."""
        return KEY_NAMES

    @property
    def serial(self) -> str:
        """The 16 characters of file 0903, stripped of spaces."""
        return self._serial

    @property
    def attempts_left(self) -> int | None:
        """The PIN attempts left when the card last said so; None when that is not known."""
        return self._attempts.read(self._serial)

    @property
    def pin_sent(self) -> bool:
        """Whether a PIN may have reached the card."""
        return self._session.pin_sent

    def certificates(self) -> tuple[StoredCertificate, ...]:
        """Read every certificate, unless they are remembered; errors as of :class:`Card`."""
        record = self._record
        if not record.complete:
            self._read_all()
        keys = [item.id for item in record.certificates]
        rejected = record.rejected
        return tuple(
            sorted(record.certificates, key=lambda item: (keys.index(item.id), item in rejected))
        )

    def certificates_of(self, key_id: bytes) -> Iterator[StoredCertificate]:
        """Read the certificates of a key one by one; errors as of :class:`Card`.

        Raises:
            KeyNotFoundError: no such key or certificate.

        """
        record = self._record
        first = next((item for item in self._known(key_id)), None)
        if first is None and not record.complete:
            first = self._read_first(key_id)
        if first is not None:
            if first not in record.rejected:
                yield first
            self.certificates()
        found = self._known(key_id)
        if not found:
            raise KeyNotFoundError("no such certificate on the card")
        yield from (item for item in found if item != first and item not in record.rejected)
        yield from (item for item in found if item in record.rejected)

    def _known(self, key_id: bytes) -> list[StoredCertificate]:
        return [item for item in self._record.certificates if item.id == key_id]

    def is_proven(self, certificate: StoredCertificate) -> bool:
        """Return whether a certificate cannot have been misread."""
        return certificate in self._record.proven

    def prove(self, *certificates: StoredCertificate) -> None:
        """Note that certificates cannot have been misread."""
        self._record.proven |= frozenset(certificates)

    def reject(self, certificate: StoredCertificate) -> None:
        """Note that the card's key does not belong to a certificate."""
        self._record.rejected |= {certificate}
        self._reject_reference(certificate.id)

    def read_again(self, certificate: StoredCertificate) -> None:
        """Read a certificate once more; errors as of :class:`Card`.

        Raises:
            CardError: it is another one this time.

        """
        for entry in self.certificate_entries():
            if entry.id == certificate.id and entry.length == len(certificate.der):
                again = self.read_certificate(entry)
                if again == certificate:
                    return
        raise CardError("a certificate was read differently twice")

    def forget(self) -> None:
        """Forget what was read, so that the next transaction reads it anew."""
        self._record.forget()

    def sign(
        self, key_id: bytes, pin: SecretBytes, digests: Sequence[tuple[HashAlgorithm, bytes]]
    ) -> tuple[bytes, ...]:
        """Sign with RSASSA-PKCS1-v1_5, 256 bytes each; errors as of :class:`Card`."""
        blocks = [signature_block(hash_.digest_info(digest)) for hash_, digest in digests]
        return self._use_key(key_id, pin, blocks)

    def decrypt(
        self, key_id: bytes, pin: SecretBytes, cryptograms: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        """Decrypt cryptograms of 256 bytes each; errors as of :class:`Card`.

        Raises:
            CardError: what the card made does not open; always the same.

        """
        # Read before the PIN is sent: the directories are out of reach afterwards.
        certificates = self._known(key_id) or [next(self.certificates_of(key_id))]
        blocks = self._use_key(key_id, pin, cryptograms)
        for block, cryptogram in zip(blocks, cryptograms, strict=True):
            if not any(encrypts_to(item.der, block, cryptogram) for item in certificates):
                self._reject_reference(key_id)
                raise CardError("what the card decrypted does not belong to the cryptogram")
        return blocks

    # The private key.

    def _use_key(
        self, key_id: bytes, pin: SecretBytes, blocks: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        reference = self._reference = self._key_reference(key_id)
        if not blocks or any(len(block) != MODULUS_LENGTH for block in blocks):
            raise BadRequestError("an input that is not as long as the key")
        self.pin_rules.check(pin)
        results: list[bytes] = []
        for block in blocks:
            # A VERIFY for each use: whether one allows several is not known of any card.
            send = self._log_in(pin)
            try:
                results.append(self._operate(send, reference, block))
            except CardError as error:
                if error.status_word == SW.REFERENCE_NOT_FOUND:
                    self._reject_reference(key_id)
                raise
        return tuple(results)

    def _log_in(self, pin: SecretBytes) -> Send:
        """Send the PIN and remember the attempts left; return what sends commands to the key."""
        before, is_first = self.attempts_left, not self.pin_sent
        if is_first:  # after a right PIN the same one will not be wrong
            self._count_as_spent(before)
        try:
            send = self.verify_pin(pin)
        except PinError as error:
            left = before if error.attempts_left is None else error.attempts_left
            self._remember_attempts(left)
            raise
        except (CardError, TransportError):
            if not self.pin_sent:
                self._remember_attempts(before)
            raise
        full = ATTEMPTS
        if is_first or before != full:
            self._remember_attempts(full)
        return send

    def _count_as_spent(self, left: int | None) -> None:
        """Take an attempt off before it is known whether the PIN is right.

        So it stands there also where nobody learns whether the card took the PIN: its answer is
        lost, or the agent is killed. It makes the agent ask once too often rather than spend the
        last attempt unasked.
        """
        if left:
            self._remember_attempts(max(1, left - 1))

    def _remember_attempts(self, left: int | None) -> None:
        if left is not None:
            self._attempts.write(self._serial, left)

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

    # What is read of the files, and remembered.

    def _read_all(self) -> None:
        """Read every certificate into the record, the directory and the number twice.

        Their labels, places and identifiers are nowhere else, so that nothing but a second reading
        shows one that was misread.
        """
        entries = self.certificate_entries()
        found, failure = [], None
        for entry in _at_most(MAX_CERTIFICATES, entries):
            try:
                found.append(self._read_certificate_twice_if_it_fails(entry))
            except CardError as error:
                failure = failure or error
                self.log_left_out(entry.shown_id, error)
        if len(entries) > MAX_CERTIFICATES:
            self.log_left_out("whatever is more than 32", None)
        if failure is not None and not found:
            raise failure
        self._read_references()
        if self.certificate_entries() != entries or self.read_serial() != self._serial:
            raise CardError("the card was read differently twice")
        self._record.certificates = tuple(dict.fromkeys(found))
        self._record.complete = True

    def _read_first(self, key_id: bytes) -> StoredCertificate:
        """Read the first certificate of a key into the record."""
        failure: CardError | None = None
        tried: list[CertificateEntry] = []
        while (entry := self._first_entry(key_id, tried)) is not None:
            try:
                found = self.read_certificate(entry)
            except CardError as error:
                failure = error
                tried.append(entry)
                self.log_left_out(entry.shown_id, error)
                continue
            self._record.add(found)
            if self._session.reads_longest:  # what the longer reads have spared pays for it
                self._read_references()
            return found
        raise failure or KeyNotFoundError("no such certificate on the card")

    def _first_entry(
        self, key_id: bytes, tried: Sequence[CertificateEntry]
    ) -> CertificateEntry | None:
        """Read the directory as far as the first entry of a key that was not tried yet."""
        if len(tried) == MAX_CERTIFICATES:
            return None
        # Anew each time: once a certificate was tried, its file is the selected one.
        entries = self.first_entries()
        return next((each for each in entries if each.id == key_id and each not in tried), None)

    def _read_certificate_twice_if_it_fails(self, entry: CertificateEntry) -> StoredCertificate:
        try:
            return self.read_certificate(entry)
        except CardError:  # an entry that points to nothing fails again, a disturbed card does not
            self._session.directory = None
            return self.read_certificate(entry)

    def _read_references(self) -> None:
        """Read how commands name the keys; nothing where the card does not say."""
        if self._record.references is None:
            self._record.references = references = self._read_key_directory()
            if any(KEY_REFERENCES.get(key) != value for key, value in references.items()):
                # A wrong one would show after the PIN only.
                self._record.references = {
                    key: value
                    for key, value in self._read_key_directory().items()
                    if references.get(key) == value
                }

    def _read_key_directory(self) -> dict[bytes, int]:
        references: dict[bytes, int] = {}
        try:
            for item in self.read_directory(EF_PRIVATE_KEY_DIRECTORY):
                with suppress(UnsupportedCardError):
                    entry = parse_key_entry(item)
                    references.setdefault(entry.id, entry.reference)
        except CardError as error:
            _log.info("no key directory", reader=self._session.reader, detail=error.detail)
        return references

    def _key_reference(self, key_id: bytes) -> int:
        """Return how commands name a key; read it first where only the card can say."""
        record = self._record
        usual, wrong = KEY_REFERENCES.get(key_id), record.wrong_references
        if usual is None or (key_id, usual) in wrong:
            self._read_references()
        told = (record.references or {}).get(key_id)
        known = [reference for reference in (told, usual) if reference is not None]
        if not known:
            raise KeyNotFoundError("no such key on the card")
        return next((item for item in known if (key_id, item) not in wrong), known[0])

    def _reject_reference(self, key_id: bytes) -> None:
        """Note that the reference used last is not that of a key."""
        if self._reference is not None:
            self._record.wrong_references |= {(key_id, self._reference)}

    # What a generation adds.

    @abstractmethod
    def verify_pin(self, pin: SecretBytes) -> Send:
        """Enter the key directory and send the PIN exactly once; return what sends commands there.

        Raises:
            PinError: ``pin_incorrect`` with the attempts left, or ``pin_locked``.
            CardError, TransportError: as named; whether it cost an attempt is not known.

        """


def _at_most(count: int, entries: Sequence[CertificateEntry]) -> list[CertificateEntry]:
    """Return so many entries in their order; those that every card has are among them."""
    chosen = sorted(entries, key=lambda entry: entry.id not in USUAL_IDS)[:count]
    return [entry for entry in entries if entry in chosen]


class CitizenDriver(CardDriver):
    """A driver for one generation; its cards share one memory of the cards seen."""

    def __init__(self, kind: type[CitizenCard], memory: CardMemory) -> None:
        self.generation = kind.generation
        self._kind = kind
        self._memory = memory

    @contextmanager
    def open(self, connection: Connection) -> Iterator[Card]:
        """Begin a transaction on the card; errors as of :class:`CardDriver`."""
        limit = self._memory.read_limit(connection.reader, self.generation)
        with CardSession.open(connection, limit) as session:
            yield self._kind(session, self._memory)

    def probe(self, connection: Connection) -> bool:
        """Return whether the card is of this generation, with one command or two.

        Raises:
            TransportError: the card is gone.

        """
        with CardSession.open(connection) as session:
            return self._kind.is_root_known(session)
