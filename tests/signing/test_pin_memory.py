"""What is left of a PIN in the memory of a process that has signed with it (Linux only).

Looked through is every page that the process can write, so that freed copies are found as long as
nothing has been written over them. Not seen: pages that were given back to the system, the
kernel's buffers, a swapped page, and the PIN as text, which comes with a page's request and cannot
be wiped (see ``SecretBytes.from_text``): here it comes as bytes.
"""

import secrets
import socket
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.virtualcard.card import VirtualCard
from tests.signing.pin_memory_child import DONE, HEADER, PIN_LENGTH, RESET, receive

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'")

CardFactory = Callable[..., VirtualCard]
CHUNK = 1 << 20
SECONDS = 60.0
INS_VERIFY = 0x20
CIPHERTEXT = {"gen1": 32, "gen2": 16}  # bytes of VERIFY's body: IV and ciphertext; ciphertext


def secret_pin() -> bytes:
    """Make a PIN that stands in no program by chance."""
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(PIN_LENGTH)).encode()


def writable(process: int) -> Iterator[tuple[int, int]]:
    """Name the writable ranges of a process's memory."""
    for line in Path(f"/proc/{process}/maps").read_text().splitlines():
        span, rights, *_ = line.split()
        if rights.startswith("rw"):
            start, end = (int(each, 16) for each in span.split("-"))
            yield start, end


def count(process: int, wanted: bytes) -> int:
    """Count how often ``wanted`` stands in a process's memory."""
    found = 0
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        for start, end in writable(process):
            for position in range(start, end, CHUNK):
                memory.seek(position)
                found += memory.read(min(CHUNK + len(wanted) - 1, end - position)).count(wanted)
    return found


@dataclass
class Remains:
    """How often something stood in the memory of the process that signed.

    Attributes:
        pin_in_use: the PIN, at the first command after VERIFY.
        pin: the PIN, after the request.
        command: the body of the VERIFY command, likewise; its keys are constants.

    """

    pin_in_use: int = 0
    pin: int = 0
    command: int = 0


def remains(card: VirtualCard, pin: bytes, how: str) -> Remains:
    """Let another process sign with ``card``, and look through its memory."""
    ours, theirs = socket.socketpair()
    ours.settimeout(SECONDS)
    command = [sys.executable, "-m", "tests.signing.pin_memory_child", str(theirs.fileno())]
    arguments = [*command, card.atr.hex(), how]
    found = Remains()

    def look(process: int) -> None:
        found.pin_in_use = count(process, pin)

    with ours, subprocess.Popen(arguments, pass_fds=[theirs.fileno()]) as child:
        theirs.close()
        try:
            ours.sendall(pin)
            body = serve(card, ours, lambda: look(child.pid))
            found.pin = count(child.pid, pin)
            found.command = count(child.pid, body)
        finally:
            child.kill()
    return found


def serve(card: VirtualCard, peer: socket.socket, after_verify: Callable[[], None]) -> bytes:
    """Be the card until the other end has done; return the ciphertext of VERIFY."""
    card.power_on()
    body, is_looked_at = b"", False
    while True:
        kind, size = HEADER.unpack(receive(peer, HEADER.size))
        if kind == DONE:
            return body
        if kind == RESET:
            card.reset()
            continue
        command = bytes(receive(peer, size))
        if command[1] == INS_VERIFY:
            body = command[5 : 5 + CIPHERTEXT[card.data.generation]]
        elif body and not is_looked_at:
            is_looked_at = True
            after_verify()
        answer = card.process(command)
        peer.sendall(HEADER.pack(kind, len(answer)) + answer)


def test_nothing_is_left_of_the_pin(make_card: CardFactory, generation: str) -> None:
    pin = secret_pin()
    left = remains(make_card(generation, pin=pin), pin, "wiped")
    assert left == Remains(pin_in_use=1, pin=0, command=0)


def test_copies_that_nobody_keeps_are_found(make_card: CardFactory) -> None:
    """The way a PIN leaks in Python: without this the test above might see nothing at all."""
    pin = secret_pin()
    assert remains(make_card(pin=pin), pin, "copied").pin_in_use > 1
