"""A Redis server of the tests' own, on a Unix socket in a private folder."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

INSTALL = "sudo apt-get install -y redis-server"
_READY = b"ready to accept connections"  # in words of its own for each kind of socket
_SETTINGS = ("--port", "0", "--save", "", "--appendonly", "no", "--logfile", "")


def is_installed() -> bool:
    return shutil.which("redis-server") is not None


@contextmanager
def running_redis() -> Iterator[str]:
    """Give the socket's path while the server runs; it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="ankong-redis-") as folder:
        socket = Path(folder) / "socket"
        command = ["redis-server", *_SETTINGS, "--dir", folder, "--unixsocket", str(socket)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            _wait_until_ready(process.stdout)
            try:
                yield str(socket)
            finally:
                process.send_signal(signal.SIGTERM)


def _wait_until_ready(lines: IO[bytes]) -> None:
    said = []
    for line in lines:
        said.append(line)
        if _READY in line.lower():
            return
    raise RuntimeError(b"".join(said).decode("utf-8", "replace"))
