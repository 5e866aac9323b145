"""An allowed site while strangers and another user of the computer crowd the agent."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from agent.consent.site_store import Decision, SiteStore
from agent.origin import Origin

ALLOWED: Final = Origin.parse("https://site00000.example")
"""The one page of :func:`tests.bench.load.status_requests`."""
NOBODY: Final = 65534
_SECONDS: Final = 120
_ANOTHER_USER: Final = """
import os, socket, sys
port, user = map(int, sys.argv[1:3])
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
os.setuid(user)
held = []
for number in range(1800):
    made = socket.socket()
    made.settimeout(5)
    try:
        made.connect(("127.0.0.1", port))
        if number < 1500:
            made.send(bytes([22, 3, 1, 2, 0, 1]))  # the beginning of a handshake
    except OSError:
        pass
    held.append(made)
print("ready", flush=True)
sys.stdin.read()
"""
_STRANGERS: Final = """
import socket, ssl, sys
port, authority = int(sys.argv[1]), sys.argv[2]
trust = ssl.create_default_context(cafile=authority)
held = []
for number in range(255):
    try:
        bare = socket.create_connection(("127.0.0.1", port), 5)
        made = trust.wrap_socket(bare, server_hostname="localhost")
        made.sendall((
            f"GET /v1/socket HTTP/1.1\\r\\nHost: localhost:{port}\\r\\n"
            f"Origin: https://{number % 40}.pest.example\\r\\nConnection: Upgrade\\r\\n"
            "Upgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\n"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\\r\\n"
            "Sec-WebSocket-Protocol: ankong.v1\\r\\n\\r\\n"
        ).encode())
        made.recv(4096)
    except OSError:
        continue
    held.append(made)
print("ready", flush=True)
sys.stdin.read()
"""


def allow_one_site(state: Path) -> None:
    """Remember that the citizen allowed :data:`ALLOWED`; before the agent starts."""
    with closing(SiteStore(state / "sites.sqlite")) as store:
        store.remember(ALLOWED, Decision.ALLOWED).result()


@contextmanager
def crowd(port: int, authority: Path) -> Iterator[None]:
    """Crowd the agent on ``port`` for as long as the context lasts.

    With 255 WebSockets of 40 names of one page and, where we are root, 1500 unfinished handshakes
    and 300 idle connections of another user.
    """
    commands = [[_STRANGERS, str(port), str(authority)]]
    if sys.platform != "win32" and os.geteuid() == 0:
        commands.append([_ANOTHER_USER, str(port), str(NOBODY)])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    try:
        for each in running:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        yield
    finally:
        for each in running:
            each.communicate(timeout=_SECONDS)


def count_log_lines(state: Path) -> int:
    """Return how many lines the agent has logged."""
    return sum(len(file.read_text().splitlines()) for file in state.rglob("ankong.log*"))
