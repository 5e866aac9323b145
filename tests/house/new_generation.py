"""The largest change that is tried: a generation of the card, with an invented one's driver."""

from typing import Final

from tests.house.change import Change, Edit

# People see it under the name of any card that is supported, until each catalogue gets a text.
GENERATION: Final = Change(
    name="a card generation",
    edits=(
        Edit(
            "agent/cards/gen3.py",
            '''"""A third generation: one applet, one key, and a PIN in plain text."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from agent.cards.card import (
    ID_SIGN,
    Card,
    CardDriver,
    CardGeneration,
    PinRules,
    StoredCertificate,
)
from agent.cards.memory import CardMemory, card_key
from agent.cards.session import CardSession
from agent.cms.digest import HashAlgorithm
from agent.errors import CardError, KeyNotFoundError, OtherGenerationError, PinError
from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes
from agent.transport.base import Connection

ATR = bytes.fromhex("3B85800167656E333366")  # historical bytes gen33
AID = bytes.fromhex("F067656E33")
ATTEMPTS = 3


class Gen3Card(Card):
    """Selects the applet; the key signs a DigestInfo (ISO/IEC 7816-8)."""

    generation: ClassVar[CardGeneration] = "gen3"

    def __init__(self, session: CardSession, memory: CardMemory) -> None:
        self._session = session
        try:
            number = session.send(CommandApdu(0, 0xA4, 4, 0, AID, 256), "SELECT the applet")
        except CardError as error:
            raise OtherGenerationError("not a gen3 card") from error
        self._serial = number.decode("ascii")
        self._record_key = card_key(self.generation, self._serial)
        self._record = memory.record(self._record_key)
        self._attempts = memory.attempts

    @property
    def pin_rules(self) -> PinRules:
        return PinRules(shortest=4, longest=8, attempts=ATTEMPTS)

    @property
    def serial(self) -> str:
        return self._serial

    @property
    def attempts_left(self) -> int | None:
        return self._attempts.read(self._record_key)

    @property
    def pin_sent(self) -> bool:
        return self._session.pin_sent

    def certificates(self) -> tuple[StoredCertificate, ...]:
        return tuple(self.certificates_of(ID_SIGN))

    def certificates_of(self, key_id: bytes) -> Iterator[StoredCertificate]:
        if key_id != ID_SIGN:
            raise KeyNotFoundError("no such key on the card")
        yield StoredCertificate(ID_SIGN, "cert1", self._session.read_binary(0, 0, 4096))

    def is_proven(self, certificate: StoredCertificate) -> bool:
        return certificate in self._record.proven

    def prove(self, *certificates: StoredCertificate) -> None:
        self._record.proven |= frozenset(certificates)

    def reject(self, certificate: StoredCertificate) -> None:
        self._record.rejected |= {certificate}

    def read_again(self, certificate: StoredCertificate) -> None:
        if certificate not in self.certificates():
            raise CardError("a certificate was read differently twice")

    def forget(self) -> None:
        self._record.forget()

    def sign(
        self, key_id: bytes, pin: SecretBytes, digests: Sequence[tuple[HashAlgorithm, bytes]]
    ) -> tuple[bytes, ...]:
        next(self.certificates_of(key_id))
        self.pin_rules.check(pin)
        command = SecretBytes(bytearray((0, 0x20, 0, 1, len(pin), *pin.buffer)))
        if self.attempts_left:  # before it is known whether the PIN is right
            self._attempts.write(self._record_key, max(1, self.attempts_left - 1))
        try:
            self._session.verify(command)
        except PinError as error:
            if error.attempts_left is not None:
                self._attempts.write(self._record_key, error.attempts_left)
            raise
        self._attempts.write(self._record_key, ATTEMPTS)
        return tuple(
            self._session.send(
                CommandApdu(0, 0x2A, 0x9E, 0x9A, hash_.digest_info(digest), 256), "sign"
            )
            for hash_, digest in digests
        )

    def decrypt(
        self, key_id: bytes, pin: SecretBytes, cryptograms: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        raise KeyNotFoundError("no key on the card decrypts")


class Gen3Driver(CardDriver):
    """The driver."""

    generation = Gen3Card.generation

    def __init__(self, memory: CardMemory) -> None:
        self._memory = memory

    @contextmanager
    def open(self, connection: Connection) -> Iterator[Card]:
        with CardSession.open(connection) as session:
            yield Gen3Card(session, self._memory)

    def probe(self, connection: Connection) -> bool:
        try:
            with self.open(connection):
                return True
        except OtherGenerationError:
            return False
''',
        ),
        Edit(
            "agent/cards/registry.py",
            "from agent.cards.gen3 import ATR as GEN3_ATR\n"
            "from agent.cards.gen3 import Gen3Driver\n",
            before="from agent.cards.memory ",
        ),
        Edit(
            "agent/cards/registry.py",
            "        third = Gen3Driver(self.memory)\n",
            before="        # Probing asks",
        ),
        Edit("agent/cards/registry.py", "third, ", before="second, first)"),
        Edit(
            "agent/cards/registry.py",
            "            GEN3_ATR: third,\n",
            before="            gen2.ATR: second,\n",
        ),
        Edit("agent/cards/card.py", '"gen3", ', before='"gen1", "gen2", "piv"'),
        Edit("agent/web/sdk/ankong.js", '"gen3"|', before='"gen1"|"gen2"|"piv"'),
    ),
    generate=("agent.web.native.openapi",),
    proof="""
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow
from agent.errors import AgentError
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing.model import SignatureFormat, SignatureRequest
from agent.signing.service import SigningService
from agent.virtualcard.provider import VirtualProvider
from agent.web.native import convert, wire


class SmallCard:
    \"\"\"Answers with the four commands that it knows.\"\"\"

    data = SimpleNamespace(options=SimpleNamespace(t0=False))

    def __init__(self, atr: str) -> None:
        self.atr = bytes.fromhex(atr)
        self.key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Somebody")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder(name, name, self.key.public_key(), 1)
            .not_valid_before(now - timedelta(1))
            .not_valid_after(now + timedelta(1))
            .sign(self.key, SHA256())
            .public_bytes(Encoding.DER)
        )
        self.tries = 3
        self.reset()

    def reset(self) -> None:
        self.is_selected = self.is_verified = False

    power_on = power_off = pull = reset

    def process(self, command: bytes) -> bytes:
        ins, data = command[1], command[5 : 5 + command[4]] if len(command) > 5 else b""
        if ins == 0xA4 and data == bytes.fromhex("F067656E33"):
            self.is_selected = True
            return b"TOY-0001" + bytes.fromhex("9000")
        if not self.is_selected:
            return bytes.fromhex("6A82")
        if ins == 0xB0:
            offset = int.from_bytes(command[2:4], "big")
            found = self.certificate[offset : offset + (command[4] or 256)]
            return found + bytes.fromhex("9000") if found else bytes.fromhex("6B00")
        if ins == 0x20:
            self.is_verified = data == b"1234"
            self.tries = 3 if self.is_verified else self.tries - 1
            return bytes.fromhex("9000") if self.is_verified else bytes((0x63, 0xC0 + self.tries))
        if ins == 0x2A and self.is_verified:
            digest = data[-32:]  # of a DigestInfo
            signature = self.key.sign(digest, padding.PKCS1v15(), utils.Prehashed(SHA256()))
            return signature + bytes.fromhex("9000")
        return bytes.fromhex("6982")


@pytest.mark.parametrize(
    "atr", ["3B85800167656E333366", "3B8001"], ids=["known by its ATR", "asked which it is"]
)
async def test_a_card_of_the_new_generation_signs(atr: str) -> None:
    card = SmallCard(atr)
    provider = VirtualProvider()
    provider.insert("Ankong Virtual Reader 0", card)
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    try:
        request = SignatureRequest((Document(data=b"it"),), format=SignatureFormat.PKCS1)
        signed = await service.sign(LOCAL_USER, request, SecretBytes.from_text("1234"))
        (view,) = service.snapshot().readers
        with pytest.raises(AgentError) as wrong:
            await service.sign(LOCAL_USER, request, SecretBytes.from_text("4321"))
    finally:
        await service.close()
    assert (wrong.value.code, wrong.value.attempts_left) == ("pin_incorrect", 2)
    card.key.public_key().verify(signed.signatures[0], b"it", padding.PKCS1v15(), SHA256())
    shown = json.loads(wire.encode(convert.reader(view)))["card"]
    assert shown == {"generation": "gen3", "serial": "TOY-0001"}
""",
    tests=(
        "tests/signing/test_drivers.py",
        "tests/web/test_openapi.py",
        "tests/web/test_messages.py",
        "tests/unit/test_architecture_start.py",
    ),
)
