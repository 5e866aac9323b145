"""A record of commands and responses, for tests and benchmarks; without PINs."""

from dataclasses import dataclass, field

from agent.virtualcard.operating_system import INS_VERIFY

_HEADER = 5  # class, instruction, two parameters, length
MAX_EXCHANGES = 100_000  # a recording that was forgotten must not fill the memory


@dataclass(slots=True)
class Trace:
    """Counters, and the commands themselves while ``recording``.

    Attributes:
        commands: command APDUs received, GET RESPONSE included.
        bytes_in: their bytes.
        bytes_out: response bytes, status words included.
        recording: whether to keep the exchanges.
        exchanges: (command, response); the body of every VERIFY is zeros.

    """

    commands: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    recording: bool = False
    exchanges: list[tuple[bytes, bytes]] = field(default_factory=list)

    def add(self, command: bytes, response: bytes) -> None:
        """Add an exchange; the command was counted when it arrived."""
        self.bytes_in += len(command)
        self.bytes_out += len(response)
        if self.recording and len(self.exchanges) < MAX_EXCHANGES:
            self.exchanges.append((redact(command), response))

    def clear(self) -> None:
        """Reset the counters."""
        self.commands = self.bytes_in = self.bytes_out = 0
        self.exchanges.clear()


def redact(command: bytes) -> bytes:
    """Return a command; one that is a VERIFY, well-formed or not, with zeros as its body."""
    if len(command) > 1 and command[1] == INS_VERIFY:
        return command[:_HEADER] + bytes(max(0, len(command) - _HEADER))
    return bytes(command)
