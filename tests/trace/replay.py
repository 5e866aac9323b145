"""Recorded traffic as a card: strict, in order, and used up.

A trace is text: ``>`` a command, ``<`` its answer with the status word, ``#`` what happens there.
"""

from pathlib import Path

FOLDER = Path(__file__).parent / "recorded"


class TraceMismatchError(AssertionError):
    """The program said something else than what was recorded."""


class RecordedCard:
    """A connection that answers from a trace and knows nothing else."""

    protocol = "T=1"
    reader = "recorded"

    def __init__(self, name: str, atr: bytes) -> None:
        self.atr = atr
        self._steps = load(name)
        self._next = 0
        self.life: list[str] = []

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        if self._next >= len(self._steps):
            raise TraceMismatchError(f"after the last step: {bytes(command).hex()}")
        what, expected, answer = self._steps[self._next]
        self._next += 1
        if bytes(command) != expected:
            raise TraceMismatchError(
                f"step {self._next} ({what}): expected {expected.hex()}, got {bytes(command).hex()}"
            )
        return answer[:-2], int.from_bytes(answer[-2:], "big")

    def begin(self) -> None:
        self.life.append("begin")

    def end(self, *, reset: bool) -> None:
        self.life.append("reset" if reset else "end")

    def reset(self) -> None:
        self.life.append("reset")

    def close(self) -> None:
        self.life.append("close")

    def assert_used_up(self) -> None:
        if self._next != len(self._steps):
            raise TraceMismatchError(f"ended at step {self._next} of {len(self._steps)}")


def load(name: str) -> list[tuple[str, bytes, bytes]]:
    """Read a trace: (what, command, answer) for each step."""
    steps: list[tuple[str, bytes, bytes]] = []
    what, command = "", b""
    for line in (FOLDER / name).read_text("utf-8").splitlines():
        mark, _, rest = line.partition(" ")
        if mark == "#":
            what = rest
        elif mark == ">":
            command = bytes.fromhex(rest)
        elif mark == "<":
            steps.append((what, command, bytes.fromhex(rest)))
    return steps
