"""The witness: how many lines the history had and what the last one was, in a file beside it.

The chain shows what is wrong between lines that are there. Lines that were cut off its end, or a
file that was taken away, show only in comparison with something else: this file, authenticated
with a key of its own, which stays with the history when the program is removed. It also counts
entries that could not be written, even on a full disk, because its length never changes.
"""

import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import msgspec
import structlog
from msgspec import Meta, Struct

from agent.files import create_file, private_opener, read_file, replace_file
from agent.history.chain import Head

_FILE: Final = "history.witness"
_KEY_FILE: Final = "history.key"
_KEY_SIZE: Final = 32  # bytes
_SIZE: Final = 512  # bytes; padded with spaces
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]

_log = structlog.get_logger(__name__)


class WitnessError(Exception):
    """The witness was changed, or belongs to another installation."""


@dataclass(frozen=True, slots=True)
class Testimony:
    """What the witness knows.

    Attributes:
        head: where the chain ended when it was last written; it may have grown since.
        unwritten: how many entries could not be written since then.
        is_there: whether there is a witness at all.

    """

    head: Head
    unwritten: int = 0
    is_there: bool = True


class _WitnessFile(Struct, frozen=True):
    format: Literal[1]
    seq: _Count
    segment: _Count
    link: _Digest
    unwritten: _Count
    mac: _Digest

    def tag(self, key: bytes) -> str:
        """Return HMAC-SHA-256 (RFC 2104) over the other fields."""
        content = f"{self.seq} {self.segment} {self.link} {self.unwritten}"
        return hmac.new(key, content.encode("ascii"), sha256).hexdigest()


class Witness:
    """The file beside one history."""

    def __init__(self, path: Path, key: bytes | None) -> None:
        """Use a file, which may be missing.

        Args:
            path: of the witness.
            key: 32 bytes; None where it is lost.

        """
        self._path = path
        self._key = key

    @classmethod
    def to_write(cls, history: Path) -> Self:
        """Return the witness of a history that is written; makes the key where there is none.

        Raises:
            OSError: the key can be neither read nor made.

        """
        path = history.with_name(_KEY_FILE)
        with suppress(FileExistsError):  # there is one, or another process was faster
            create_file(path, secrets.token_bytes(_KEY_SIZE))
        if _read_key(path) is None:  # damaged
            replace_file(path, secrets.token_bytes(_KEY_SIZE))
        return cls(history.with_name(_FILE), _read_key(path))

    @classmethod
    def to_read(cls, history: Path) -> Self:
        """Return the witness of a history that is only looked at; makes nothing."""
        return cls(history.with_name(_FILE), _read_key(history.with_name(_KEY_FILE)))

    def read(self) -> Testimony | None:
        """Read what it knows; None where there is no witness.

        Raises:
            WitnessError: it was changed, or cannot be read.

        """
        try:
            found = msgspec.json.decode(read_file(self._path, _SIZE), type=_WitnessFile)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise WitnessError(str(error)) from error
        if self._key is None or not hmac.compare_digest(found.mac, found.tag(self._key)):
            raise WitnessError("its authentication does not hold")
        return Testimony(Head(found.seq, found.segment, bytes.fromhex(found.link)), found.unwritten)

    def write(self, testimony: Testimony) -> None:
        """Write what it is to know; never raises, for the history is written already."""
        head = testimony.head
        unsigned = _WitnessFile(
            1, head.seq, head.segment, head.link.hex(), testimony.unwritten, "0" * 64
        )
        if self._key is None:
            return
        signed = msgspec.structs.replace(unsigned, mac=unsigned.tag(self._key))
        content = msgspec.json.encode(signed).ljust(_SIZE - 1) + b"\n"
        try:
            replace_file(self._path, content)
        except OSError as error:
            _log.warning("the history's witness could not be replaced", detail=str(error))
            self._overwrite(content)

    def _overwrite(self, content: bytes) -> None:
        """Write over the old content, which takes no room on a full disk."""
        with suppress(OSError):
            descriptor = private_opener(str(self._path), os.O_WRONLY)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                file.write(content)
                os.fsync(descriptor)


def _read_key(path: Path) -> bytes | None:
    """Read the key; None where there is none that can be used."""
    try:
        key = read_file(path, _KEY_SIZE)
    except OSError:
        return None
    return key if len(key) == _KEY_SIZE else None
