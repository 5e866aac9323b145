"""A site that the browser takes for one on the public network, with its service worker."""

import datetime as dt
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import Page

from agent.portal.demo.browser import make_home
from tests.browser.world import TIMEOUT, chromium

HOST = "portal.test"
OTHER_HOST = "other.test"
SDK = Path(__file__).parents[2] / "agent" / "web" / "sdk" / "ankong.js"
PAGE = """<!doctype html><meta charset="utf-8"><title>A site</title>
<button id="ask">ask</button><script type="module">
import { Ankong } from "/ankong.js";
window.agent = new Ankong({ ports: [%d], pingPort: %d });
window.seen = [];
document.querySelector("#ask").onclick = () => { window.asked = agent.check({ ask: true }); };
window.watch = () => agent.watch((s) => seen.push(s.reason ?? s.state));
</script>"""


def self_signed(folder: Path, *hosts: str) -> Path:
    """Write a certificate for a site's names, and its key, into one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    names = [x509.DNSName(host) for host in hosts or (HOST, OTHER_HOST)]
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    path = folder / "portal.pem"
    path.write_bytes(
        key.private_bytes(pem, form, serialization.NoEncryption()) + certificate.public_bytes(pem)
    )
    return path


@dataclass
class PublicSite:
    """What the site serves; a test may change it between two loads."""

    page: str
    worker: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    origin: str = ""

    def find(self, path: str) -> tuple[str, str] | None:
        """Return the media type and the text of a path."""
        found = {
            "/": ("text/html", self.page),
            "/ankong.js": ("text/javascript", SDK.read_text("utf-8")),
            "/sw.js": ("text/javascript", self.worker),
        }
        return found.get(path)


@contextmanager
def serve(site: PublicSite, pem: Path | None, host: str = HOST) -> Iterator[None]:
    """Serve ``site`` on a free loopback port, by https where there is a certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, text = site.find(self.path) or ("text/plain", "")
            self.send_response(200 if text else 404)
            self.send_header("Content-Type", kind)
            for name, value in site.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme = "http"
    if pem is not None:
        scheme = "https"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        # Each connection shakes hands in its own thread, so that an idle one keeps nobody waiting.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    site.origin = f"{scheme}://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def set_permission(page: Page, origin: str, setting: str) -> None:
    """Decide about a site's reach into this computer as the person at the browser would."""
    session = page.context.new_cdp_session(page)
    profile = session.send("Target.getTargetInfo")["targetInfo"]["browserContextId"]
    permission = {"name": "loopback-network"}
    where = {"origin": origin, "browserContextId": profile}
    session.send("Browser.setPermission", {"permission": permission, "setting": setting, **where})


def trusting_home(authority: Path | None, folder: Path, pem: Path) -> Path:
    """Make a home whose Chromium trusts an agent's authority and the site's certificate.

    A service worker is not installed from a site whose certificate is not trusted, and what
    Playwright overlooks for pages it does not overlook for workers.
    """
    home = folder / "home"
    make_home(home, authority)
    database = f"sql:{home / '.pki' / 'nssdb'}"
    # "C": a self-signed server certificate is judged as its own authority.
    subprocess.run(
        ["certutil", "-A", "-d", database, "-t", "C,,", "-n", "site", "-i", str(pem)], check=True
    )
    return home


@contextmanager
def public_page(home: Path, *sites: PublicSite) -> Iterator[Page]:
    """Open a page in a Chromium that takes the sites' addresses for public ones."""
    public = ",".join(f"127.0.0.1:{site.origin.rpartition(':')[2]}=public" for site in sites)
    with chromium(
        home,
        f"--host-resolver-rules=MAP {HOST} 127.0.0.1, MAP {OTHER_HOST} 127.0.0.1",
        f"--ip-address-space-overrides={public}",
    ) as browser:
        context = browser.new_context(locale="zh-TW")
        context.set_default_timeout(TIMEOUT)
        yield context.new_page()
