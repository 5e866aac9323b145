"""The process that makes one picture anew: ``python -m agent.portal.pictures.child``.

It reads the file from standard input and answers on standard output: a line of JSON, either
``{"refused": code}`` or ``{"sizes": [octets, …]}``, then those JPEGs one after the other.
"""

import importlib
import json
import sys
from contextlib import suppress
from typing import BinaryIO

from agent.portal.errors import PortalError
from agent.portal.pictures.limits import CPU_SECONDS, MAX_BYTES, MEMORY_BYTES


def limit_resources() -> None:
    """Limit what this process may take."""
    _limit("RLIMIT_AS", MEMORY_BYTES)
    _limit("RLIMIT_CPU", CPU_SECONDS)
    _limit("RLIMIT_CORE", 0)  # no picture stands in a memory dump


def open_nothing_more() -> None:
    """Let this process open no file and no connection, whatever a picture makes of it."""
    _limit("RLIMIT_NOFILE", 0)
    _limit("RLIMIT_FSIZE", 0)


def _limit(name: str, most: int) -> None:
    """Set a limit of the system's, where it has that one: Windows has none."""
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return
    number = getattr(resource, name, None)
    if number is None:
        return
    _, hard = resource.getrlimit(number)
    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with suppress(ValueError):  # macOS knows some of them by name only
        resource.setrlimit(number, (limit, limit))


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Read a file and answer."""
    limit_resources()
    data = source.read(MAX_BYTES + 1)
    # Loaded under the limits, as what they do with the file is.
    decoders = importlib.import_module("agent.portal.pictures.reencode")
    decoders.load_decoder(data)
    open_nothing_more()
    try:
        pictures: tuple[bytes, ...] = decoders.reencode(data)
    except PortalError as error:
        _answer(target, {"refused": error.code.value})
        return
    _answer(target, {"sizes": [len(each) for each in pictures]}, *pictures)


def _answer(target: BinaryIO, head: object, *bodies: bytes) -> None:
    target.write(json.dumps(head).encode() + b"\n")
    target.writelines(bodies)
    target.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
