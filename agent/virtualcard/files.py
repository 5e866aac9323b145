"""The card's file tree (ISO/IEC 7816-4 §5.3)."""

from dataclasses import dataclass, field

from agent.virtualcard import directory
from agent.virtualcard.model import CardData, CardKey, Generation

MF = 0x3F00
CURRENT_APPLICATION = 0x7FFF  # ISO/IEC 7816-4 §5.3.1.2: "the current application"
DF_PKI = 0x5030
DF_KEYS = 0x0810
EF_PUBLIC_KEYS = 0x0811
HALF = 128  # bytes of the modulus in one record
_WORD = 4


class CardFilesError(ValueError):
    """The replacement files of a card do not fit its tree."""


@dataclass(slots=True, eq=False)
class Ef:
    """An elementary file: transparent, or of records when ``records`` is not None."""

    content: bytes = b""
    records: dict[int, bytes] | None = None


@dataclass(slots=True, eq=False)
class Df:
    """A dedicated file: a directory."""

    parent: "Df | None" = None
    files: "dict[int, Df | Ef]" = field(default_factory=dict)
    fid: int = 0

    def add(self, fid: int, entry: "Df | Ef") -> None:
        """Add a file to this directory."""
        if isinstance(entry, Df):
            entry.parent, entry.fid = self, fid
        self.files[fid] = entry

    def find(self, fid: int) -> "Df | Ef | None":
        """Find a file by identifier: a child, this directory itself, then a sibling."""
        found = self.files.get(fid)
        if found is None and self.parent is not None:
            found = self.parent.files.get(fid)
        return found


def build_tree(card: CardData) -> Df:
    """Make all files of a card and return the root directory (MF, or the gen2 applet)."""
    first = card.generation is Generation.GEN1
    root_path = (MF if first else CURRENT_APPLICATION).to_bytes(2, "big")
    root, info, pki, keys = Df(fid=MF if first else CURRENT_APPLICATION), Df(), Df(), Df()
    root.add(0x0900, info)
    root.add(DF_PKI, pki)
    info.add(0x0903, Ef(card.serial.encode("ascii")))
    info.add(0x0905, Ef(b"CHT V32N" if first else b"CHT GPPKI"))
    for fid, content in {
        0x5032: directory.token_info(card.serial),
        0x4100: directory.private_key_directory(root_path, card.keys),
        0x4101: directory.public_key_directory(root_path, card.keys),
        0x4104: directory.certificate_directory(root_path, card.certificates),
        0x4107: directory.data_directory(),
        0x4108: directory.pin_directory(root_path),
        0x08F2: _certificate_file(card),
        0x0870: bytes(directory.BLOCK),
    }.items():
        pki.add(fid, Ef(content))
    pki.add(DF_KEYS, keys)
    records = _word_swapped_records(card.keys) if first else {}
    keys.add(EF_PUBLIC_KEYS, Ef(records=records))
    for path, content in card.files.items():
        _replace(root, path, content)
    return root


def _certificate_file(card: CardData) -> bytes:
    content = bytearray()
    for offset, certificate in zip(
        directory.certificate_offsets(card.certificates), card.certificates, strict=True
    ):
        content += bytes(offset - len(content)) + certificate.der
    return bytes(content) + bytes(-len(content) % directory.SLOT)


def _word_swapped_records(keys: tuple[CardKey, ...]) -> dict[int, bytes]:
    """Write gen1 public keys: each record starts with its number, 129 bytes in all."""
    records = {}
    for key in keys:
        modulus = key.key.modulus
        words = [modulus[i : i + _WORD] for i in range(0, len(modulus), _WORD)]
        stored = b"".join(reversed(words))
        exponent = key.key.exponent.to_bytes(_WORD, "big").ljust(HALF, b"\x00")
        for number, value in (
            (key.reference, exponent),
            (key.reference + 2, stored[:HALF]),
            (key.reference + 3, stored[HALF:]),
        ):
            records[number] = bytes((number,)) + value
    return records


def _replace(root: Df, path: str, content: bytes) -> None:
    """Put ``content`` at ``path`` ("5030/4104"); the directories on the way must exist."""
    *directories, name = (int(part, 16) for part in path.split("/"))
    here = root
    for fid in directories:
        entry = here.files.get(fid)
        if not isinstance(entry, Df):
            raise CardFilesError(f"there is no directory on the way to {path}")
        here = entry
    if isinstance(here.files.get(name), Df):
        raise CardFilesError(f"{path} is a directory")
    here.add(name, Ef(content))
