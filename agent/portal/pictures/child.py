"""The process that makes one picture anew: ``python -m agent.portal.pictures.child``.

It reads the file from standard input and answers on standard output: a line of JSON, either
``{"refused": code}`` or ``{"sizes": [octets, …]}``, then those JPEGs one after the other.
"""

import importlib
import json
import sys
from typing import BinaryIO

from agent.portal.errors import PortalError
from agent.portal.pictures.limits import CPU_SECONDS, MAX_BYTES, MEMORY_BYTES


def limit_resources() -> None:
    """Limit what this process may take, where the system has such limits: not on Windows."""
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return
    for name, limit in (
        ("RLIMIT_AS", MEMORY_BYTES),
        ("RLIMIT_CPU", CPU_SECONDS),
        ("RLIMIT_FSIZE", 0),  # no file grows by it
        ("RLIMIT_CORE", 0),  # and no picture stands in a memory dump
    ):
        number = getattr(resource, name, None)
        if number is not None:
            resource.setrlimit(number, (limit, limit))


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Read a file and answer."""
    limit_resources()
    # Loaded under the limits, as what they do with the file is.
    reencode = importlib.import_module("agent.portal.pictures.reencode").reencode
    try:
        pictures: tuple[bytes, ...] = reencode(source.read(MAX_BYTES + 1))
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
