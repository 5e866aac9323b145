"""The calls of the PC/SC library that carry the names of readers, without pyscard.

pyscard takes names as ASCII in one call, and fails in others for all readers if one name is no
UTF-8, or on Windows is not in the UTF-8 code page. Here names are bytes: as they are on Linux and
macOS, and on Windows, where the library's wide functions are called, as UTF-8 in which even a
surrogate without its pair is kept. All other calls are pyscard's. Both load the same library, so
that a context or a card's handle of one is good for the other.

No command goes this way, and so no PIN.
"""

import ctypes
import functools
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from agent.errors import ServiceUnavailableError
from agent.transport import pcsc_codes as codes

_FILES: Final = {
    "win32": "winscard.dll",
    "darwin": "/System/Library/Frameworks/PCSC.framework/PCSC",
}
_FILE_ELSEWHERE: Final = "libpcsclite.so.1"  # as pyscard has it
_SEARCH_SYSTEM32: Final = 0x800  # Windows: nowhere else, whatever lies beside the program

_FIRST_LIST: Final = 4096  # characters of all names together: room for all readers of pcsclite
_MAX_LIST: Final = 1 << 20
_STATUS_NAMES: Final = 4096  # characters: room for a name that SCardStatus gives and nobody reads


class ReaderAnswer(NamedTuple):
    """What SCardGetStatusChange says of one reader: its event state, and the card's ATR."""

    event_state: int
    atr: bytes


@dataclass(frozen=True, slots=True)
class _Binary:
    """How one system's PC/SC library is called.

    Attributes:
        dword: DWORD; also LONG, for the return code, which is unsigned here.
        handle: SCARDCONTEXT and SCARDHANDLE.
        atr: bytes in SCARD_READERSTATE for an ATR.
        packed: whether SCARD_READERSTATE has no padding.
        wide: whether names are UTF-16, in functions whose names end in W.

    """

    dword: Any
    handle: Any
    atr: int
    packed: bool = False
    wide: bool = False


_BINARIES: Final = {
    "win32": _Binary(ctypes.c_uint32, ctypes.c_size_t, 36, wide=True),
    "darwin": _Binary(ctypes.c_uint32, ctypes.c_int32, 33, packed=True),
}
_BINARY_ELSEWHERE: Final = _Binary(ctypes.c_ulong, ctypes.c_long, 33)


class PcscLibrary:
    """The four calls; each returns the return code, unsigned, and what it gave.

    Contexts and handles are those of pyscard. Any thread may call; a call does not hold up others.
    """

    def __init__(self, library: Any, system: str = sys.platform) -> None:
        """Speak to a library.

        Args:
            library: loaded by ctypes.
            system: whose binary interface it has, as :data:`sys.platform` has it.

        """
        binary = _BINARIES.get(system, _BINARY_ELSEWHERE)
        self._dword = binary.dword
        self._handle = binary.handle
        self._wide = binary.wide
        self._unit = 2 if binary.wide else 1  # bytes of a character
        self._reader_state = _reader_state(binary)
        dword_out = ctypes.POINTER(binary.dword)
        handle_out = ctypes.POINTER(binary.handle)
        text, octets = ctypes.c_void_p, ctypes.c_char_p
        self._list_readers = self._function(
            library, "SCardListReaders", binary.handle, text, text, dword_out
        )
        self._get_status_change = self._function(
            library,
            "SCardGetStatusChange",
            *(binary.handle, binary.dword, ctypes.POINTER(self._reader_state), binary.dword),
        )
        self._connect = self._function(
            library,
            "SCardConnect",
            *(binary.handle, text, binary.dword, binary.dword, handle_out, dword_out),
        )
        self._status = self._function(
            library,
            "SCardStatus",
            *(binary.handle, text, dword_out, dword_out, dword_out, octets, dword_out),
        )

    def list_readers(self, context: int) -> tuple[int, list[bytes]]:
        """Call SCardListReaders: the names of all readers, in the service's order."""
        size = _FIRST_LIST
        while True:
            room = ctypes.create_string_buffer(size * self._unit)
            length = self._dword(size)
            code = self._list_readers(context, None, room, ctypes.byref(length))
            if code == codes.SUCCESS:
                return code, self._names(room.raw)
            size = max(2 * size, length.value)
            if code != codes.E_INSUFFICIENT_BUFFER or size > _MAX_LIST:
                return code, []

    def status_change(
        self, context: int, milliseconds: int, asked: Sequence[tuple[bytes, int]]
    ) -> tuple[int, list[ReaderAnswer]]:
        """Call SCardGetStatusChange.

        Args:
            context: it can be cancelled.
            milliseconds: how long it may block.
            asked: names of readers, at most 10 (a limit of Windows), and the state known of each.

        """
        names = [self._text(name) for name, _ in asked]  # must live as long as the call
        states = (self._reader_state * len(asked))()
        for state, name, (_, known) in zip(states, names, asked, strict=True):
            state.szReader = ctypes.addressof(name)
            state.dwCurrentState = known
        code = self._get_status_change(context, milliseconds, states, len(asked))
        return code, [_answer(state) for state in states]

    def connect(self, context: int, reader: bytes) -> tuple[int, int, int]:
        """Call SCardConnect, shared and with any protocol: the card's handle, and the protocol."""
        card, protocol = self._handle(0), self._dword(0)
        code = self._connect(
            context,
            self._text(reader),
            codes.SHARE_SHARED,
            codes.PROTOCOL_T0 | codes.PROTOCOL_T1,
            ctypes.byref(card),
            ctypes.byref(protocol),
        )
        return code, card.value, protocol.value

    def atr(self, card: int) -> tuple[int, bytes]:
        """Call SCardStatus: the card's Answer To Reset."""
        name = ctypes.create_string_buffer(_STATUS_NAMES * self._unit)
        atr = ctypes.create_string_buffer(codes.MAX_ATR)
        name_length, atr_length = self._dword(_STATUS_NAMES), self._dword(len(atr))
        state, protocol = self._dword(0), self._dword(0)
        code = self._status(
            card,
            name,
            ctypes.byref(name_length),
            ctypes.byref(state),
            ctypes.byref(protocol),
            atr,
            ctypes.byref(atr_length),
        )
        return code, atr.raw[: atr_length.value] if code == codes.SUCCESS else b""

    def _function(self, library: Any, name: str, *arguments: Any) -> Any:
        function = getattr(library, f"{name}W" if self._wide else name)
        function.argtypes = arguments
        function.restype = self._dword
        return lambda *given: codes.unsigned(function(*given))

    def _text(self, name: bytes) -> "ctypes.Array[ctypes.c_char]":
        """Return a name as the library takes it, with a NUL at its end."""
        if self._wide:
            name = name.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass")
        return ctypes.create_string_buffer(name + bytes(self._unit))

    def _names(self, listed: bytes) -> list[bytes]:
        """Take a multi-string apart: names with a NUL after each, and a NUL after all."""
        if self._wide:
            listed = listed.decode("utf-16-le", "surrogatepass").encode("utf-8", "surrogatepass")
        return list(itertools.takewhile(bool, listed.split(b"\0")))


def _reader_state(binary: _Binary) -> Any:
    """Return the ctypes structure SCARD_READERSTATE."""
    fields = [
        ("szReader", ctypes.c_void_p),
        ("pvUserData", ctypes.c_void_p),
        ("dwCurrentState", binary.dword),
        ("dwEventState", binary.dword),
        ("cbAtr", binary.dword),
        ("rgbAtr", ctypes.c_ubyte * binary.atr),
    ]
    packing = {"_pack_": 1} if binary.packed else {}
    return type("SCARD_READERSTATE", (ctypes.Structure,), {**packing, "_fields_": fields})


def _answer(state: Any) -> ReaderAnswer:
    atr = bytes(state.rgbAtr)
    length = state.cbAtr if state.cbAtr <= len(atr) else 0
    return ReaderAnswer(codes.unsigned(state.dwEventState), atr[:length])


@functools.cache
def open_library() -> PcscLibrary:
    """Load this system's library, once.

    Raises:
        ServiceUnavailableError: it has none, or one that lacks a function.

    """
    load = getattr(ctypes, "WinDLL", ctypes.CDLL)
    # not a literal in the call: PyInstaller would put the build machine's library into the program
    name = _FILES.get(sys.platform, _FILE_ELSEWHERE)
    try:
        return PcscLibrary(load(name, winmode=_SEARCH_SYSTEM32))
    except (OSError, AttributeError) as error:
        raise ServiceUnavailableError(f"PC/SC cannot be loaded: {error}") from error
