"""What porter and agent say to each other: one packet of the porter, one octet of the agent.

The porter greets with ``ankong-porter 1 61161 28443``: the version of this protocol, and the
ports that it looks after. The agent answers ``READY``, and again after each connection that came
with a packet ``CONNECTION``. Whatever else an agent sends ends its registration.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

REGISTRY: Final = Path("/run/ankong/porter.sock")
"""Where agents register on Linux: the superuser alone can make that folder."""
PIPE: Final = r"\\.\pipe\ankong-porter"
"""Likewise on Windows: anybody can make that pipe, and the system alone one that it owns."""
CONNECTION: Final = b"\x01"
"""On Windows what describes the connection follows in the packet: WSAPROTOCOL_INFOW."""
READY: Final = b"\x06"
MAX_PORTS: Final = 16
MAX_GREETING: Final = 256  # bytes
MAX_SHARED: Final = 1024  # bytes of a packet with a connection on Windows, which has 629
MAX_ANSWER: Final = 16  # bytes, of which one counts

_GREETING: Final = re.compile(rb"ankong-porter 1((?: [1-9][0-9]{0,4}){1,%d})" % MAX_PORTS)


def greeting(ports: Sequence[int]) -> bytes:
    """Write the greeting of a porter that looks after some ports, :data:`MAX_PORTS` at most."""
    return b" ".join([b"ankong-porter 1", *(b"%d" % port for port in ports)])


def read_greeting(packet: bytes) -> frozenset[int]:
    """Return the ports that a porter looks after.

    Raises:
        ValueError: that is no greeting of this version.

    """
    found = _GREETING.fullmatch(packet)
    if found is None:
        raise ValueError("no porter that this version understands")
    return frozenset(port for port in map(int, found[1].split()) if port <= 0xFFFF)
