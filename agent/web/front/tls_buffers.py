"""How much memory asyncio keeps for each TLS connection."""

from asyncio.sslproto import SSLProtocol
from typing import Final

SIZE: Final = 32 * 1024  # bytes; two TLS records


def make_small() -> None:
    """Let TLS connections of this process, those that are made from now on, have small buffers.

    asyncio gives each one 256 KiB before its first byte, which a hundred silent strangers would
    turn into 25 MB.
    """
    SSLProtocol.max_size = SIZE
