"""Servers with leaves of the test's choice, and a Chromium that trusts their authority."""

import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from agent.host.tls.authority import Leaf, LocalAuthority
from agent.host.tls.machine import run
from agent.portal.demo import browser as demo_browser


@pytest.fixture(scope="session")
def needs_chromium() -> None:
    """Skip where there is no Chromium to drive."""
    if demo_browser.find_chromium() is None or shutil.which("certutil") is None:
        pytest.skip("chromium and libnss3-tools are needed")


class _Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<title>reached</title>")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class _Server(ThreadingHTTPServer):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Hello)
        self._context = context

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        # A client that refuses the leaf hangs up: that is what the tests are about.
        with suppress(OSError), self._context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)


Serve = Callable[[Leaf], int]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve a page over TLS with a leaf; give the port."""
    with ExitStack() as stack:

        def start(leaf: Leaf) -> int:
            path = tmp_path / f"{leaf.certificate.serial_number:x}.pem"
            key = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            path.write_bytes(key + leaf.certificate.public_bytes(Encoding.PEM))
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(path)
            server = _Server(context)
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return server.server_address[1]

        yield start


def new_home(home: Path) -> Path:
    """Make a home with an empty NSS database, as Chromium leaves it at its first start."""
    database = home / ".pki" / "nssdb"
    database.mkdir(mode=0o700, parents=True)
    tool = shutil.which("certutil")
    assert tool is not None
    assert run([tool, "-N", "-d", f"sql:{database}", "--empty-password"]).status == 0
    return home


def save_authority(folder: Path, authority: LocalAuthority) -> Path:
    """Write the authority's certificate, as the agent does."""
    path = folder / "authority.pem"
    path.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    return path


Names = Sequence[x509.GeneralName]
