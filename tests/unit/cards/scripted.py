"""Connections to cards that say whatever a test wants, and remember what they were sent."""

from collections.abc import Callable, Iterable

from agent.cards.session import CardSession, ReadLimit
from agent.transport.chaining import ApduChannel

SUCCESS = b"\x90\x00"


class ScriptedConnection:
    """A connection whose card is a function from a command to a response with its status word."""

    reader = "Reader"
    atr = b"\x3b\x00"

    def __init__(self, answer: Callable[[bytes], bytes], protocol: str = "T=1") -> None:
        self._answer = answer
        self.protocol = protocol
        self.sent: list[bytes] = []
        self.calls: list[str] = []

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        self.sent.append(bytes(command))
        response = self._answer(bytes(command))
        return response[:-2], int.from_bytes(response[-2:], "big")

    def features(self) -> bytes | None:
        self.calls.append("features")
        return b"\x06"

    def begin(self) -> None:
        self.calls.append("begin")

    def end(self, *, reset: bool) -> None:
        self.calls.append(f"end {reset}")

    def reset(self) -> None:
        self.calls.append("reset")

    def close(self) -> None:
        self.calls.append("close")


def answers(*responses: str, protocol: str = "T=1") -> ScriptedConnection:
    """Answer in turn, in hexadecimal; whoever asks once more fails."""
    left: Iterable[str] = iter(responses)
    return ScriptedConnection(lambda _: bytes.fromhex(next(iter(left))), protocol)


def always(response: bytes) -> ScriptedConnection:
    """Answer every command alike."""
    return ScriptedConnection(lambda _: response)


class FileCard:
    """A gen1 card of a few files, whose key does what the test says.

    Attributes:
        files: content by file identifier; any other is a directory, unless it is ``missing``.
        missing: identifiers that SELECT does not find.
        verify: the status word of VERIFY.
        wrong_references: of keys that the card does not have.
        halves: the two halves that the private key makes, of whatever it is given.

    """

    def __init__(self, files: dict[int, bytes]) -> None:
        self.files = {0x0903: b"TP00000000000001", **files}
        self.missing: set[int] = set()
        self.verify = 0x9000
        self.wrong_references: set[int] = set()
        self.halves = (bytes(128), bytes(128))
        self.connection = ScriptedConnection(self._answer)
        self._current = b""

    def _answer(self, command: bytes) -> bytes:
        match command[1]:
            case 0xA4:
                return self._select(int.from_bytes(command[5:7], "big"))
            case 0xB0:
                return self._read(int.from_bytes(command[2:4], "big"), command[4] or 256)
            case 0x20:
                return self.verify.to_bytes(2, "big")
            case 0xEA:
                return self._operate(command[2], command[3])
            case 0xC1:
                return self.halves[1] + SUCCESS
            case _:
                return b"\x6d\x00"

    def _select(self, file_id: int) -> bytes:
        if file_id in self.missing:
            return b"\x6a\x82"
        self._current = self.files.get(file_id, b"")
        return SUCCESS

    def _operate(self, half: int, reference: int) -> bytes:
        if reference in self.wrong_references:
            return b"\x6a\x88"
        return (self.halves[0] if half == 0x02 else b"") + SUCCESS

    def _read(self, offset: int, length: int) -> bytes:
        if offset >= len(self._current):
            return b"\x6b\x00"
        return self._current[offset : offset + length] + SUCCESS

    def session(self) -> CardSession:
        """Begin to speak to the card."""
        return CardSession(ApduChannel(self.connection), ReadLimit())

    def count(self, instruction: int) -> int:
        """Return how many commands of an instruction were sent."""
        return sum(command[1] == instruction for command in self.connection.sent)

    def selected(self) -> list[int]:
        """Return the identifiers that were selected."""
        sent = self.connection.sent
        return [int.from_bytes(raw[5:7], "big") for raw in sent if raw[1] == 0xA4]
