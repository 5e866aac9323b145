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
CONNECTION: Final = b"\x01"
READY: Final = b"\x06"
MAX_PORTS: Final = 16
MAX_GREETING: Final = 256  # bytes
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
