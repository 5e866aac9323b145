"""The host's end of a PIV card's wire, for tests: written by hand."""

from dataclasses import replace
from functools import cache

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.iso7816.tlv import encode
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import TestIssuer, der
from agent.virtualcard.model import CardData, FilledSlot, Generation, Options
from agent.virtualcard.personalise import PIV_USES, Order, personalise
from agent.virtualcard.piv_key import PivKeyKind, PivPrivateKey
from tests.card.wire import SUCCESS, Wire
from tests.conftest import TEST_ID_NUMBER, TEST_NAME
from tests.signing.any_card import key_of

SELECT = "00A4040009A0000003080000100000"
ALGORITHMS = {"rsa2048": "07", "rsa3072": "05", "rsa4096": "16", "p256": "11", "p384": "14"}
KEY_NAMES = {
    "rsa2048": "RSA-2048",
    "rsa3072": "RSA-3072",
    "rsa4096": "RSA-4096",
    "p256": "P-256",
    "p384": "P-384",
}
EVERY_SLOT = (0x9A, 0x9C, 0x9D, 0x9E)


class PivWire(Wire):
    """A PIV card."""

    def select(self) -> bytes:
        answer, sw = self.send(SELECT)
        assert sw == SUCCESS
        return answer

    def whole(self, command: str | bytes) -> tuple[bytes, int]:
        """Send a command, and fetch all of its response."""
        answer, sw = self.send(command)
        while sw >> 8 == 0x61:
            more, sw = self.send(f"00C00000{sw & 0xFF:02X}")
            answer += more
        return answer, sw

    def get(self, tag: str) -> tuple[bytes, int]:
        wanted = encode(0x5C, bytes.fromhex(tag))
        return self.whole(bytes.fromhex("00CB3FFF") + bytes((len(wanted),)) + wanted + b"\x00")

    def verify(self, digits: str = "123456", reference: str = "80") -> int:
        return self.sw(f"002000{reference}08" + digits.encode().ljust(8, b"\xff").hex())

    def tries(self, reference: str = "80") -> int:
        return self.sw(f"002000{reference}")

    def agree(self, slot: int, algorithm: str, point: bytes) -> tuple[bytes, int]:
        """Have a key agree on another one."""
        return self.authenticate(slot, algorithm, point, tag=0x85)

    def authenticate(
        self, slot: int, algorithm: str, given: bytes, *, tag: int = 0x81
    ) -> tuple[bytes, int]:
        """Use a key, in chained commands of 200 bytes."""
        body = encode(0x7C, encode(0x82, b"") + encode(tag, given))
        while len(body) > 200:
            piece, body = body[:200], body[200:]
            sw = self.sw(f"1087{algorithm}{slot:02X}C8" + piece.hex())
            if sw != SUCCESS:
                return b"", sw
        return self.whole(f"0087{algorithm}{slot:02X}{len(body):02X}{body.hex()}00")


@cache
def _issuer() -> TestIssuer:
    return TestIssuer.create(2048)


@cache
def _template(kind: str) -> CardData:
    """Make a card once for each kind of key, one key in all its slots: RSA keys take their time."""
    order = Order(
        Generation.PIV,
        TEST_NAME,
        TEST_ID_NUMBER,
        b"123456",
        key=PivKeyKind.P256,
        slots=(0x9C,),
    )
    data = personalise(order, _issuer())
    own = private_key(kind)
    uses = dict.fromkeys(PIV_USES.values(), own.public_key)
    issued = _issuer().issue(TEST_NAME, TEST_ID_NUMBER, uses)
    data.slots = tuple(
        FilledSlot(slot, own, der(issued[use]), slot == 0x9D) for slot, use in PIV_USES.items()
    )
    return data


@cache
def private_key(kind: str) -> PivPrivateKey:
    """Return the key of a kind that other tests of this process have too."""
    key = key_of(KEY_NAMES[kind])
    return PivPrivateKey.from_der(
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    )


def piv_card(kind: str = "p256", **changes: object) -> VirtualCard:
    """Return a card with one key in each slot; ``changes`` are fields of its data."""
    template = _template(kind)
    data = replace(template, files=dict(template.files))
    for name, value in changes.items():
        setattr(data, name, value)
    return VirtualCard(data)


def wide_card(kind: str = "p256", **changes: object) -> VirtualCard:
    """Return one that takes commands of extended length, and says so."""
    return piv_card(kind, options=Options(extended_length=True), **changes)
