"""A PIV card in one transaction, and the driver that opens it (SP 800-73-4 part 2)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar, Final

import structlog

from agent.cards.card import (
    ID_AUTH,
    ID_KEYX,
    ID_SIGN,
    Card,
    CardDriver,
    CardGeneration,
    PinRules,
    StoredCertificate,
)
from agent.cards.memory import CardMemory, card_key
from agent.cards.padding import encrypts_to
from agent.cards.piv.key_commands import PivKey
from agent.cards.piv.long_commands import CLA, NO_OBJECT, LongCommands, is_selected
from agent.cards.piv.objects import (
    NUMBER_COMES_WITHIN,
    OBJECT_CHUID,
    OBJECT_DISCOVERY,
    SLOTS,
    PinPolicy,
    PivSlot,
    card_number,
    certificate_of,
    is_contactless,
    pin_policy,
)
from agent.cards.session import CardSession, check
from agent.cms.digest import HashAlgorithm
from agent.errors import (
    BadRequestError,
    CardError,
    CardRemovedError,
    ErrorCode,
    KeyNotFoundError,
    OtherGenerationError,
    PinError,
    TransportError,
    UnsupportedCardError,
)
from agent.iso7816 import SW, CommandApdu, ExtendedApdu, attempts_from_sw, bytes_available
from agent.secret import SecretBytes
from agent.secure_messaging.protected_verify import pad_pin
from agent.transport.base import Connection

INS_VERIFY: Final = 0x20
PIN_FIELD: Final = 8  # bytes, padded with FF
FEWEST_ATTEMPTS: Final = 3  # that are all, as far as is known
PIN_RULES: Final = PinRules(shortest=6, longest=8, attempts=FEWEST_ATTEMPTS, digits=True)
ANY_PIN_RULES: Final = PinRules(shortest=6, longest=8, attempts=FEWEST_ATTEMPTS)
KEY_NAMES: Final = frozenset({"RSA-2048", "RSA-3072", "RSA-4096", "P-256", "P-384"})
_TAKES_LETTERS: Final = b"YUBIKEY"
"""In the ATR of the one common card whose PIN may have letters, which the standard forbids."""

_log = structlog.get_logger(__name__)


class PivCard(Card):
    """A PIV card in one transaction; making one selects the application and reads the number.

    A PIN is sent before each use of a key: the signing key wants that, and no other minds.
    """

    generation: ClassVar[CardGeneration] = "piv"

    def __init__(self, session: CardSession, memory: CardMemory) -> None:
        """Select the application, read the card's number, and ask how many attempts are left.

        Raises:
            OtherGenerationError: the card has no PIV application.
            UnsupportedCardError: it has no number.
            TransportError: the card is gone.

        """
        self._session = session
        atr = session.channel.connection.atr
        self._pin_rules = ANY_PIN_RULES if _TAKES_LETTERS in atr.upper() else PIN_RULES
        self._is_contactless = is_contactless(atr)
        if not is_selected(session):
            raise OtherGenerationError("not a PIV card")
        self._long = LongCommands(session, memory.read_limit(session.reader, self.generation))
        self._serial = self._read_number()
        self._record = memory.record(card_key(self.generation, self._serial))
        self._policy = self._read_policy()
        self._takes_pin = True
        self._attempts_left = self._ask_attempts()

    @property
    def pin_rules(self) -> PinRules:
        """Digits, except on cards that are known to take letters; as many attempts as were seen.

        Whoever gives cards out chooses how many there are: five of fifteen are not all.
        """
        return replace(self._pin_rules, attempts=max(FEWEST_ATTEMPTS, self._record.most_attempts))

    @property
    def key_names(self) -> frozenset[str] | None:
        """The keys that SP 800-78 knows."""
        return KEY_NAMES

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        """The signing key, and the one for authentication where its certificate is named."""
        return ID_SIGN, ID_AUTH

    @property
    def serial(self) -> str:
        """The GUID of the CHUID in 32 hexadecimal digits, or else the FASC-N in 50."""
        return self._serial

    @property
    def attempts_left(self) -> int | None:
        """The PIN attempts left, as the card says; None where it does not."""
        return self._attempts_left

    @property
    def pin_sent(self) -> bool:
        """Whether a PIN may have reached the card."""
        return self._session.pin_sent

    def require_pin_possible(self) -> None:
        """Refuse where the card has just said that no PIN can be sent to it.

        Raises:
            PinError: ``pin_locked``.
            UnsupportedCardError: it takes its PIN through its contacts only.

        """
        if self._attempts_left == 0:
            raise PinError("the PIN is locked", code=ErrorCode.PIN_LOCKED, attempts_left=0)
        if self._is_contactless and (self._policy.secure_contactless or not self._takes_pin):
            raise UnsupportedCardError("this card takes its PIN through its contacts only")

    # What is read, and remembered.

    def certificates(self) -> tuple[StoredCertificate, ...]:
        """Read every certificate, unless they are remembered; errors as of :class:`Card`.

        Raises:
            UnsupportedCardError: there is none.

        """
        record = self._record
        if not record.complete:
            record.certificates = self._read_all()
            record.complete = True
        return record.certificates

    def certificates_of(self, key_id: bytes) -> Iterator[StoredCertificate]:
        """Read the certificate of a key; errors as of :class:`Card`.

        Raises:
            KeyNotFoundError: no such key or certificate, or one that is never used.

        """
        yield self._certificate(_slot(key_id))

    def _certificate(self, slot: PivSlot) -> StoredCertificate:
        record = self._record
        found = next((item for item in record.certificates if item.id == slot.id), None)
        if found is None and not record.complete:
            found = self._read_certificate(slot)
            if found is not None:
                record.add(found)
        if found is None:
            raise KeyNotFoundError("no such certificate on the card")
        return found

    def is_proven(self, certificate: StoredCertificate) -> bool:
        """Return whether a certificate cannot have been misread."""
        return certificate in self._record.proven

    def prove(self, *certificates: StoredCertificate) -> None:
        """Note that certificates cannot have been misread."""
        self._record.proven |= frozenset(certificates)

    def reject(self, certificate: StoredCertificate) -> None:
        """Note that the card's key does not belong to a certificate: it is read anew."""
        record = self._record
        record.proven -= {certificate}
        record.certificates = tuple(c for c in record.certificates if c != certificate)
        record.complete = False

    def read_again(self, certificate: StoredCertificate) -> None:
        """Read a certificate once more; errors as of :class:`Card`.

        Raises:
            CardError: it is another one this time.

        """
        slot = next((each for each in SLOTS if each.id == certificate.id), None)
        if slot is None or self._read_certificate(slot) != certificate:
            raise CardError("a certificate was read differently twice")

    def forget(self) -> None:
        """Forget what was read, so that the next transaction reads it anew."""
        self._record.forget()

    def _read_all(self) -> tuple[StoredCertificate, ...]:
        found: list[StoredCertificate] = []
        failure: CardError | None = None
        for slot in SLOTS:
            try:
                certificate = self._read_certificate(slot)
            except CardError as error:
                failure = error
                _log.warning(
                    "a certificate is left out",
                    reader=self._session.reader,
                    entry=slot.label,
                    detail=error.detail,
                )
            else:
                found += [certificate] if certificate else []
        if not found:
            raise failure or UnsupportedCardError("a card without certificates")
        return tuple(found)

    def _read_certificate(self, slot: PivSlot) -> StoredCertificate | None:
        data, sw = self._long.get_data(slot.object)
        if sw in NO_OBJECT:
            return None
        check(sw, f"GET DATA {slot.object.hex().upper()}")
        der = certificate_of(data)
        return None if der is None else StoredCertificate(slot.id, slot.label, der)

    def _read_number(self) -> str:
        """Read the beginning of the CHUID: the issuer's signature at its end may be long."""
        data, sw = self._long.get_data(OBJECT_CHUID, NUMBER_COMES_WITHIN)
        if sw != SW.SUCCESS and not bytes_available(sw):
            raise UnsupportedCardError("a card without a number", status_word=sw)
        return card_number(data)

    def _read_policy(self) -> PinPolicy:
        if self._record.pin_policy is None:
            data, sw = self._long.get_data(OBJECT_DISCOVERY)
            found = pin_policy(data) if sw == SW.SUCCESS else PinPolicy()
            self._record.pin_policy = found.reference, found.secure_contactless
        return PinPolicy(*self._record.pin_policy)

    # The PIN.

    def _ask_attempts(self) -> int | None:
        """Ask how many attempts are left, which costs none (SP 800-73-4 part 2 §3.2.1)."""
        sw = self._ask_pin()
        if sw == SW.SUCCESS:
            # Another program has left the PIN verified. Nothing here is to go by its leave.
            self._session.channel.connection.reset()
            if not is_selected(self._session):
                raise CardError("the PIV application is gone after a reset")
            sw = self._ask_pin()
        left = attempts_from_sw(sw)
        self._takes_pin = left is not None or sw == SW.SUCCESS
        self._record.most_attempts = max(self._record.most_attempts, left or 0)
        return left

    def _ask_pin(self) -> int:
        question = CommandApdu(CLA, INS_VERIFY, 0, self._policy.reference)
        return self._session.channel.send(question)[1]

    def _log_in(self, secret: SecretBytes) -> None:
        """Send the PIN, once.

        Raises:
            PinError: ``pin_incorrect`` with the attempts left, or ``pin_locked``.
            CardError, TransportError: as named; whether it cost an attempt is not known.

        """
        header = bytearray((CLA, INS_VERIFY, 0, self._policy.reference, PIN_FIELD))
        with pad_pin(secret, PIN_FIELD) as field:
            try:
                self._session.verify(SecretBytes(header + field.buffer))
            except PinError as error:
                self._attempts_left = error.attempts_left
                raise
        self._attempts_left = self._record.most_attempts or None

    # The keys.

    def sign(
        self, key_id: bytes, secret: SecretBytes, digests: Sequence[tuple[HashAlgorithm, bytes]]
    ) -> tuple[bytes, ...]:
        """Sign with the key that the certificate has; errors as of :class:`Card`.

        Returns:
            RSASSA-PKCS1-v1_5 as long as the modulus, or DER ECDSA-Sig-Values.

        Raises:
            KeyNotFoundError: no such key, or one that does not sign.

        """
        slot = _slot(key_id)
        if not slot.signs:
            raise KeyNotFoundError("a key that signs nothing")
        key = PivKey.of_certificate(self._certificate(slot).der)
        challenges = [key.challenge(hash_, digest) for hash_, digest in digests]
        return self._use_key(slot, key, secret, challenges)

    def decrypt(
        self, key_id: bytes, secret: SecretBytes, cryptograms: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        """Decrypt, or agree, with the key that others encrypt to; errors as of :class:`Card`.

        Raises:
            KeyNotFoundError: no such key, or one that decrypts nothing.
            BadRequestError: a cryptogram that is not as long as the key, or no point of its curve.
            CardError: what the card made does not open.

        """
        slot = _slot(key_id)
        if slot.id != ID_KEYX:
            raise KeyNotFoundError("a key that decrypts nothing")
        certificate = self._certificate(slot)
        key = PivKey.of_certificate(certificate.der)
        if not all(map(key.takes, cryptograms)):
            raise BadRequestError("an input that is not as long as the key, or not on its curve")
        blocks = self._use_key(slot, key, secret, cryptograms)
        for block, cryptogram in zip(blocks, cryptograms, strict=True):
            # Of what was agreed on nobody but the sender knows whether it is right.
            if key.is_rsa and not encrypts_to(certificate.der, block, cryptogram):
                raise CardError("what the card decrypted does not belong to the cryptogram")
        return blocks

    def _use_key(
        self, slot: PivSlot, key: PivKey, secret: SecretBytes, challenges: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        if not challenges:
            raise BadRequestError("nothing to use the key for")
        self.pin_rules.check(secret)
        self.require_pin_possible()
        results: list[bytes] = []
        for challenge in challenges:
            self._log_in(secret)
            try:
                results.append(self._apply(key, slot, challenge))
            except _LongRefusedError:
                # The card has taken this PIN a moment ago: the same one again costs no attempt.
                self._log_in(secret)
                results.append(self._apply(key, slot, challenge))
        return tuple(results)

    def _apply(self, key: PivKey, slot: PivSlot, challenge: bytes) -> bytes:
        """Have a key work on something.

        Raises:
            _LongRefusedError: in commands of extended length it did not; it may in others.
            CardError, TransportError: as named.

        """
        agrees = not key.is_rsa and slot.id == ID_KEYX
        extended = self._long.usable
        commands = list(key.commands(slot.key, challenge, agrees=agrees, extended=extended))
        is_long = isinstance(commands[-1], ExtendedApdu)
        answer = b""
        try:
            for command in commands:
                answer = self._session.send(command, "GENERAL AUTHENTICATE")
            return key.result(answer, agrees=agrees)
        except CardRemovedError:
            raise
        except (CardError, TransportError) as error:
            if is_long:
                self._long.refuse()
            if is_long and isinstance(error, CardError) and error.status_word == SW.WRONG_LENGTH:
                raise _LongRefusedError from error
            raise


def _slot(key_id: bytes) -> PivSlot:
    """Return where a key is that may be used."""
    for slot in SLOTS:
        if slot.id == key_id and (slot.signs or slot.id == ID_KEYX):
            return slot
    raise KeyNotFoundError("no such key on the card, or one that is never used")


class _LongRefusedError(Exception):
    """A command of extended length was refused, and not carried out."""


class PivDriver(CardDriver):
    """The driver for PIV cards, which remembers those that it has seen."""

    generation: CardGeneration = "piv"

    def __init__(self, memory: CardMemory) -> None:
        self._memory = memory

    @contextmanager
    def open(self, connection: Connection) -> Iterator[Card]:
        """Begin a transaction on the card; errors as of :class:`CardDriver`."""
        with CardSession.open(connection) as session:
            yield PivCard(session, self._memory)

    def probe(self, connection: Connection) -> bool:
        """Return whether the card has the PIV application.

        Raises:
            TransportError: the card is gone.

        """
        with CardSession.open(connection) as session:
            return is_selected(session)
