"""Cards with any keys, without a protocol: the private keys are in the test, and so is the PIN."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding

from agent.cards.card import (
    ID_AUTH,
    ID_SIGN,
    Card,
    CardDriver,
    CardGeneration,
    PinRules,
    StoredCertificate,
)
from agent.cms.digest import HashAlgorithm
from agent.consent.consent import AlwaysAllow, Consent
from agent.errors import ErrorCode, KeyNotFoundError, PinError, UnsupportedCardError
from agent.secret import SecretBytes
from agent.signing.service import SigningService
from agent.transport.base import Connection
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.signing import pki_support as pki

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
ATR = "3B8A80014B45594348414E474552"  # historical bytes KEYCHANGER
PIN = "24681357"
CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
_HASHES = {
    HashAlgorithm.SHA256: hashes.SHA256,
    HashAlgorithm.SHA384: hashes.SHA384,
    HashAlgorithm.SHA512: hashes.SHA512,
}


@cache
def key_of(name: str) -> SigningKey:
    """Return the key of a kind, by its name for people: ``RSA-3072``, ``P-384``."""
    kind, _, bits = name.partition("-")
    if kind == "RSA":
        return pki.rsa_key(name, int(bits))
    return ec.generate_private_key(CURVES[name]())


def raw_signature(key: SigningKey, algorithm: HashAlgorithm, digest: bytes) -> bytes:
    """Sign a digest as a card does."""
    hashed = Prehashed(_HASHES[algorithm]())
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(digest, PKCS1v15(), hashed)
    return key.sign(digest, ec.ECDSA(hashed))


@cache
def certificate_of(
    name: str, usage: tuple[str, ...] = (pki.SIGN,), holder: str = "林測試"
) -> x509.Certificate:
    """Return a certificate of that key, issued by the tests' own authority."""
    return pki.issuing().issue(pki.citizen_name(common_name=holder), key_of(name), usage=usage)


def der_of(name: str, usage: tuple[str, ...] = (pki.SIGN,)) -> bytes:
    """Return it in DER."""
    return certificate_of(name, usage).public_bytes(Encoding.DER)


@dataclass
class KeyCard:
    """What is in a reader: the keys by their identifiers, and how the PIN stands.

    Attributes:
        keys: kind of key and key usage by identifier.
        attempts: that a right PIN gives back; None where the card does not say.
        left: that are left.
        used: identifiers of the keys that were used.
        pins: how many PINs came.

    """

    keys: Mapping[bytes, tuple[str, tuple[str, ...]]]
    atr: bytes = bytes.fromhex(ATR)
    attempts: int | None = 5
    left: int | None = 5
    used: list[bytes] = field(default_factory=list)
    pins: int = 0
    data: Any = field(default_factory=lambda: SimpleNamespace(options=SimpleNamespace(t0=False)))

    @classmethod
    def with_key(cls, name: str, **more: Any) -> "KeyCard":
        """Have one key that signs."""
        return cls({ID_SIGN: (name, (pki.SIGN,))}, **more)

    def power_on(self) -> None: ...

    def power_off(self) -> None: ...

    def pull(self) -> None: ...

    def reset(self) -> None: ...

    def process(self, command: bytes) -> bytes:
        raise AssertionError(f"nobody speaks to it: {command.hex()}")


class OpenKeyCard(Card):
    """A transaction on one."""

    generation: ClassVar[CardGeneration] = "piv"

    def __init__(self, card: KeyCard) -> None:
        self._card = card
        self._pin_sent = False

    @property
    def pin_rules(self) -> PinRules:
        return PinRules(shortest=4, longest=12, attempts=self._card.attempts)

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        return ID_SIGN, ID_AUTH

    @property
    def serial(self) -> str:
        return "0123456789abcdef0123456789abcdef"

    @property
    def attempts_left(self) -> int | None:
        return self._card.left

    @property
    def pin_sent(self) -> bool:
        return self._pin_sent

    def certificates(self) -> tuple[StoredCertificate, ...]:
        found = tuple(map(self._stored, self._card.keys))
        if not found:
            raise UnsupportedCardError("an empty card")
        return found

    def certificates_of(self, key_id: bytes) -> Iterator[StoredCertificate]:
        if key_id not in self._card.keys:
            raise KeyNotFoundError("no such key on the card")
        yield self._stored(key_id)

    def _stored(self, key_id: bytes) -> StoredCertificate:
        return StoredCertificate(key_id, key_id.decode(), der_of(*self._card.keys[key_id]))

    def is_proven(self, certificate: StoredCertificate) -> bool:
        return certificate in self.certificates()

    def prove(self, *certificates: StoredCertificate) -> None: ...

    def reject(self, certificate: StoredCertificate) -> None: ...

    def read_again(self, certificate: StoredCertificate) -> None: ...

    def forget(self) -> None: ...

    def sign(
        self, key_id: bytes, pin: SecretBytes, digests: Sequence[tuple[HashAlgorithm, bytes]]
    ) -> tuple[bytes, ...]:
        self._enter(pin)
        self._card.used.append(key_id)
        key = key_of(self._card.keys[key_id][0])
        return tuple(raw_signature(key, algorithm, digest) for algorithm, digest in digests)

    def decrypt(
        self, key_id: bytes, pin: SecretBytes, cryptograms: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        raise AssertionError(f"nothing is encrypted to {key_id!r}: {len(cryptograms)}, {pin!r}")

    def _enter(self, pin: SecretBytes) -> None:
        self._pin_sent = True
        self._card.pins += 1
        if bytes(pin.buffer) == PIN.encode():
            self._card.left = self._card.attempts
            return
        left = self._card.left
        self._card.left = None if left is None else left - 1
        raise PinError("wrong", code=ErrorCode.PIN_INCORRECT, attempts_left=self._card.left)


class KeyCardDriver(CardDriver):
    """Opens them: the card is found by the connection's reader, since nothing is sent to it."""

    generation: CardGeneration = "piv"

    def __init__(self, cards: Mapping[str, KeyCard]) -> None:
        self._cards = cards

    @contextmanager
    def open(self, connection: Connection) -> Iterator[Card]:
        connection.begin()
        try:
            yield OpenKeyCard(self._cards[connection.reader])
        finally:
            connection.end(reset=True)

    def probe(self, connection: Connection) -> bool:
        return connection.reader in self._cards


@asynccontextmanager
async def any_card_service(
    cards: Sequence[KeyCard | VirtualCard], consent: Consent | None = None, **more: Any
) -> AsyncIterator[SigningService]:
    """Run the use cases over cards, each in a reader of its own; keywords are the service's."""
    provider = VirtualProvider(readers=len(cards))
    names = [READER_NAME.format(number) for number in range(len(cards))]
    for name, card in zip(names, cards, strict=True):
        provider.insert(name, card)  # type: ignore[arg-type]  # what the provider asks of a card
    service = SigningService(provider, consent or AlwaysAllow(), lambda: pki.NOW, **more)
    known = {
        name: card for name, card in zip(names, cards, strict=True) if isinstance(card, KeyCard)
    }
    service._readers._registry._by_atr[bytes.fromhex(ATR)] = KeyCardDriver(known)
    await service.start()
    try:
        yield service
    finally:
        await service.close()


def pin_of(text: str = PIN) -> SecretBytes:
    """Return a PIN, by default the right one."""
    return SecretBytes.from_text(text)
