"""Serve the site that people copy, with a page in their language before it, for the demo.

    python -m agent.portal.demo.site_server --state-dir DIR --port 8000 --agent-ports 28443 61161

It prints a line of JSON when it answers. The site is ``server.py`` of the page kit over the Flask
example of ``ankong-verify``, both unchanged. Added are the demo's own page, and the revocation
lists of its authority, which in earnest are the state's. Where the agent is not at its usual
ports, the page and the policy are told of others.
"""

import argparse
import html
import importlib
import json
import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from string import Template
from types import FrameType
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import agent.relying
import agent.relying.blocking
from agent.portal.demo.programs import USUAL_PORTS, Ports
from agent.words import section
from agent.words.language import system_language

ROOT: Final = Path(__file__).resolve().parents[3]
SITE: Final = ROOT / "agent" / "relying" / "examples"
PAGE_KIT: Final = ROOT / "agent" / "web" / "sdk"
PAGES: Final = PAGE_KIT / "examples"
USUAL: Final = Ports(*USUAL_PORTS)
LISTS: Final = ("root.crl", "ca.crl")
_OWN: Final = Path(__file__).with_name("site_page")
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".crl": "application/pkix-crl"}

_POLICY: Final = "Content-Security-Policy"
_Start = Callable[..., Any]
_App = Callable[[dict[str, Any], _Start], Iterable[bytes]]


class SiteServer(ThreadingMixIn, WSGIServer):
    """A server on loopback, with a thread for each request."""

    daemon_threads = True
    # Windows would let two programs listen at one port.
    allow_reuse_address = os.name == "posix"

    def server_bind(self) -> None:
        """Bind, without looking this computer's name up in the network's directory."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]
        self.setup_environ()


class _QuietRequest(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        return str(self.client_address[0])


class DemoSite:
    """The demo's own page and files, and behind them a site."""

    def __init__(self, issuer: Path, shown_pin: str, ports: Ports) -> None:
        """Begin without a site.

        Args:
            issuer: folder of the authority, whose lists are served.
            shown_pin: of the card, which the page names.
            ports: the agent's.

        """
        self.site: _App | None = None
        files = {f"/lists/{name}": issuer / name for name in LISTS}
        files |= {f"/demo/{name}": _OWN / name for name in ("page.css", "page.js")}
        self._own = {path: (_TYPES[each.suffix], each.read_bytes()) for path, each in files.items()}
        self._own["/"] = ("text/html; charset=utf-8", _page(shown_pin))
        script = "" if ports == USUAL else ports_script(ports)
        self._own["/demo/ports.js"] = ("text/javascript", script.encode())
        self._policy = _policy(ports)

    def __call__(self, environ: dict[str, Any], start_response: _Start) -> Iterable[bytes]:
        """Answer a request as WSGI says."""
        own = self._own.get(environ["PATH_INFO"])
        if own is not None:
            kind, content = own
            headers = [("Content-Type", kind), ("Content-Length", str(len(content)))]
            start_response("200 OK", [*headers, (_POLICY, self._policy)])
            return [content]
        if self.site is None:
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return []

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            kept = [each for each in headers if each[0] != _POLICY]
            return start_response(status, [*kept, (_POLICY, self._policy)], *more)

        return self.site(environ, start)


def ports_script(ports: Ports) -> str:
    """Return a script that leads a page of this computer to the agent at these ports."""
    return f"globalThis.ANKONG_PORTS = {{ ports: [{ports.tls}], pingPort: {ports.ping} }};"


def _policy(ports: Ports) -> str:
    """Return the policy that sites are told to send, with the agent's ports."""
    policy = (PAGES / "headers.txt").read_text("utf-8").strip()
    for usual, port in zip(USUAL_PORTS, (ports.tls, ports.ping), strict=True):
        policy = policy.replace(f":{usual}", f":{port}")
    return policy


def _page(shown_pin: str) -> bytes:
    """Return the page in the system's language, UTF-8."""
    language = system_language()
    words: dict[str, str] = section(language, "demo")["site"]["page"]
    facts = {key: html.escape(text.format(pin=shown_pin)) for key, text in words.items()}
    text = (_OWN / "page.html").read_text("utf-8")
    return Template(text).substitute(facts, lang=str(language)).encode()


def bind(wanted: int, site: DemoSite) -> SiteServer:
    """Listen at a port of 127.0.0.1; where another program has it, at any free one."""
    try:
        server = SiteServer(("127.0.0.1", wanted), _QuietRequest)
    except OSError:
        server = SiteServer(("127.0.0.1", 0), _QuietRequest)
    server.set_app(site)
    return server


def open_site(issuer: Path, state: Path, origin: str) -> _App:
    """Load the site that people copy, with the settings that its README names.

    Args:
        issuer: folder of the authority that it trusts.
        state: folder of the site.
        origin: its own; its lists are served there too.

    """
    os.environ.update(
        SITE_ORIGIN=origin,
        ACCOUNT_SECRET=secrets.token_hex(32),
        SESSION_SECRET=secrets.token_hex(32),
        STATE=str(state),
        TRUST_ROOTS=str(issuer / "root.cer"),
        TRUST_CAS=str(issuer / "ca.cer"),
        LIST_URLS=" ".join(f"{origin}/lists/{name}" for name in LISTS),
        PAGE_KIT=str(PAGE_KIT),
    )
    # The package as sites import it, before it is built: other names for the same modules.
    sys.modules["ankong_verify"] = agent.relying
    sys.modules["ankong_verify.blocking"] = agent.relying.blocking
    sys.path[:0] = [str(SITE), str(PAGES)]
    app: _App = importlib.import_module("server").app
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return 0."""
    parser = argparse.ArgumentParser(prog="python -m agent.portal.demo.site_server")
    parser.add_argument("--state-dir", type=Path, required=True, help="of the demo")
    parser.add_argument("--port", type=int, default=0, help="taken if it is free")
    parser.add_argument("--agent-ports", type=int, nargs=2, default=USUAL_PORTS, help="TLS, plain")
    parser.add_argument("--pin", default="", help="of the card, for the page to name")
    options = parser.parse_args(arguments)
    ended = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    _serve(options, ended)
    return 0


def _serve(options: argparse.Namespace, ended: threading.Event) -> None:
    state: Path = options.state_dir / "site"
    state.mkdir(mode=0o700, exist_ok=True)
    issuer = options.state_dir / "issuer"
    site = DemoSite(issuer, options.pin, Ports(*options.agent_ports))
    with bind(options.port, site) as server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        # Only now: the site fetches its lists here.
        site.site = open_site(issuer, state, f"http://localhost:{server.server_port}")
        print(json.dumps({"ready": True, "port": server.server_port}), flush=True)  # noqa: T201
        ended.wait()
        server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
