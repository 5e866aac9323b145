"""Open a net log or a HAR, of any kind and in any state, and return what it tells."""

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Final

from agent.browserlog.har import HarReader
from agent.browserlog.json_pieces import ELEMENT, JsonPieces
from agent.browserlog.net_log import NetLogReader
from agent.browserlog.tally import LoopbackTally, TriedEndpoint
from agent.errors import BadRequestError, TooLargeError

_MIB: Final = 1024 * 1024
MAX_LOG: Final = 1024 * _MIB
"""Bytes of a file, unpacked: some hours of a net log."""
_GZIP: Final = b"\x1f\x8b"  # RFC 1952 §2.3.1
_PACKED: Final = 64 * 1024  # bytes that are unpacked at once
_CONSTANTS: Final = ("constants",)
_EVENTS: Final = ("events", ELEMENT)
_ENTRIES: Final = ("log", "entries", ELEMENT)


@dataclass(frozen=True, slots=True)
class LoopbackReport:
    """What a file tells of requests to this computer.

    Attributes:
        endpoints: in the order in which they were first tried.
        is_whole: whether the file has its end; what a browser still writes has none.
        has_more: whether there were more endpoints than are kept.

    """

    endpoints: tuple[TriedEndpoint, ...]
    is_whole: bool
    has_more: bool


def read_log(path: Path) -> LoopbackReport:
    """Read a net log or a HAR, packed with gzip or not; nothing is written.

    Memory does not grow with the file; a net log of 100 MB takes some seconds.

    Raises:
        BadRequestError: it is neither.
        TooLargeError: it, or one entry in it, is longer than is looked at.
        OSError: it cannot be read.

    """
    with path.open("rb") as file:
        read = _reader(file)
        pieces = JsonPieces(read, _CONSTANTS, _EVENTS, _ENTRIES)
        tally = LoopbackTally()
        net_log, har = NetLogReader(tally), HarReader(tally)
        for place, raw in pieces.objects():
            if place == _CONSTANTS:
                net_log.take_constants(raw)
            elif place == _EVENTS:
                net_log.take_event(raw)
            else:
                har.take_entry(raw)
        net_log.end()
    is_net_log = _CONSTANTS in pieces.opened and _EVENTS[:1] in pieces.opened
    if not is_net_log and _ENTRIES[:2] not in pieces.opened:
        raise BadRequestError("this is neither a browser's net log nor a HAR")
    return LoopbackReport(tally.endpoints, pieces.is_whole, tally.has_more)


def _reader(file: BufferedReader) -> Callable[[int], bytes]:
    """Return what reads the file, unpacked, up to :data:`MAX_LOG`."""
    if os.fstat(file.fileno()).st_size > MAX_LOG:
        raise _too_large()
    source = _unpacking(file) if file.peek(2)[:2] == _GZIP else file.read
    left = MAX_LOG

    def read(size: int) -> bytes:
        nonlocal left
        piece = source(size)
        left -= len(piece)
        if left < 0:
            raise _too_large()
        return piece

    return read


def _unpacking(file: BufferedReader) -> Callable[[int], bytes]:
    """Return what unpacks a gzip file, as far as it goes: it may be cut off or damaged."""
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def read(size: int) -> bytes:
        while not unpacker.eof:
            packed = unpacker.unconsumed_tail or file.read(_PACKED)
            try:
                piece = unpacker.decompress(packed, size)
            except zlib.error:
                return b""
            if piece or not packed:
                return piece
        return b""

    return read


def _too_large() -> TooLargeError:
    limit = f"{MAX_LOG // _MIB} MiB"
    return TooLargeError(f"the file is longer than {limit}; record again, and for a shorter time")
