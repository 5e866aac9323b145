"""Cards of scripted files, as the citizen drivers read them."""

from agent.cards.card import ID_SIGN
from agent.cards.citizen.gen1 import Gen1Card
from agent.cards.memory import CardMemory
from agent.cms.digest import HashAlgorithm
from agent.iso7816.tlv import encode
from agent.secret import SecretBytes
from tests.unit.cards.scripted import FileCard

VERIFY, SELECT, PRIVATE_OPERATION = 0x20, 0xA4, 0xEA
DIGEST = HashAlgorithm.SHA256, bytes(32)
DER = bytes(range(200)) * 5


def certificate_entry(
    key_id: bytes = ID_SIGN,
    path: str = "3F00503008F2",
    offset: int = 0,
    length: int = len(DER),
) -> bytes:
    place = encode(0x04, bytes.fromhex(path)) + encode(0x02, offset.to_bytes(2, "big"))
    place += encode(0x80, length.to_bytes(2, "big"))
    parts = encode(0x30, encode(0x0C, b"label")) + encode(0x30, encode(0x04, key_id))
    return encode(0x30, parts + encode(0xA1, encode(0x30, place)))


def key_entry(key_id: bytes, reference: int) -> bytes:
    classes = encode(0x04, key_id) + encode(0x02, bytes((reference,)))
    return encode(0x30, encode(0x30, b"") + encode(0x30, classes) + encode(0xA1, b""))


def file_card(*entries: bytes, keys: bytes = b"", content: bytes = DER) -> FileCard:
    directory = b"".join(entries)
    files = {0x4104: directory, 0x08F2: content, 0x4100: keys}
    return FileCard({file_id: data for file_id, data in files.items() if data})


def open_card(card: FileCard, memory: CardMemory | None = None) -> Gen1Card:
    opened = Gen1Card(card.session(), memory or CardMemory())
    card.connection.sent.clear()
    return opened


def pin() -> SecretBytes:
    return SecretBytes.from_text("123456")
