"""A T=0 reader that passes 61xx and 6Cxx on (ISO/IEC 7816-3 §12.2)."""

from collections.abc import Callable
from dataclasses import replace

from agent.iso7816 import MAX_LE, SW, CommandApdu, CommandFormatError

INS_GET_RESPONSE = 0xC0
_HEADER = 4


class T0Link:
    """Turns whole responses into T=0 responses."""

    def __init__(self, execute: Callable[[bytes], bytes]) -> None:
        """Use ``execute``, which answers a whole APDU with a whole response."""
        self._execute = execute
        self.forget()

    def forget(self) -> None:
        """Discard response bytes that were not fetched."""
        self._waiting = b""
        self._sw = b""
        self._again: tuple[bytes, bytes] | None = None

    def process(self, raw: bytes) -> bytes:
        """Answer one command as T=0 would."""
        if len(raw) >= 2 and raw[1] == INS_GET_RESPONSE and self._waiting:
            return self._get_response(raw)
        again = self._again
        self.forget()
        if again and raw == again[0]:
            return again[1]
        try:
            command = CommandApdu.parse(raw)
        except CommandFormatError:
            return self._execute(raw)
        if command.data and command.le is None:
            # On T=0 nobody tells the card whether an answer is wanted: it has one, or it has none.
            command = replace(command, le=MAX_LE)
        response = self._execute(command.encode())
        data, sw = response[:-2], response[-2:]
        if command.data and data:
            self._waiting, self._sw = data, sw
            return _available(data)
        if data and command.le != len(data):
            # The card has done its work; what it said is kept for the same command with right Le.
            exact = raw[:_HEADER] + bytes((len(data) % MAX_LE,))
            self._again = exact, data + SW.SUCCESS.to_bytes(2, "big")
            return bytes((0x6C, len(data) % MAX_LE))
        return response

    def _get_response(self, raw: bytes) -> bytes:
        try:
            le = CommandApdu.parse(raw).le
        except CommandFormatError:
            le = None
        if le is None or raw[2:_HEADER] != b"\x00\x00":
            return SW.WRONG_LENGTH.to_bytes(2, "big")
        if le > len(self._waiting):
            return bytes((0x6C, len(self._waiting) % MAX_LE))
        piece, self._waiting = self._waiting[:le], self._waiting[le:]
        return piece + (_available(self._waiting) if self._waiting else self._sw)


def _available(data: bytes) -> bytes:
    return bytes((0x61, len(data) % MAX_LE))
