"""A site that uses the page kit: it serves pages under a strict policy, and answers them."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

SDK: Final = Path(__file__).parents[2] / "agent" / "web" / "sdk"
EXAMPLES: Final = SDK / "examples"
PORTS: Final = (28443, 28444, 28445)
PING_PORT: Final = 61161
TYPES: Final = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript"}

Answer = tuple[int, str, bytes]
Handler = Callable[[Any], Answer | None]


def policy(ports: tuple[int, ...] = PORTS, ping: int = PING_PORT) -> str:
    """Return the header that the README tells sites to copy, with an agent's ports."""
    ways = [f"{scheme}://localhost:{port}" for scheme in ("https", "wss") for port in ports]
    return f"connect-src 'self' {' '.join(ways)} http://localhost:{ping}; frame-ancestors 'none'"


STRICTER: Final = (
    "; default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'"
    "; require-trusted-types-for 'script'; trusted-types 'none'"
)


def as_json(content: object, status: int = 200) -> Answer:
    return status, "application/json", json.dumps(content).encode()


@dataclass
class KitSite:
    """What the site serves; a test may change it at any time.

    Attributes:
        pages: HTML and scripts by path.
        posts: what answers a POST, by path; None of it never answers.
        asked: the path and the JSON of each POST so far.
        unfinished: paths of POST whose answers lack their last octet, which never comes.
        policy: the header ``Content-Security-Policy``.

    """

    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    posts: dict[str, Handler] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    unfinished: set[str] = field(default_factory=set)
    policy: str = policy() + STRICTER
    origin: str = ""
    closing: threading.Event = field(default_factory=threading.Event)

    def find(self, path: str) -> tuple[str, bytes] | None:
        """Return the media type and the content of a path."""
        if path in self.pages:
            return self.pages[path]
        folder, name = (SDK, path[5:]) if path.startswith("/sdk/") else (EXAMPLES, path[1:])
        file = folder / name
        if "/" in name or not file.is_file():
            return None
        return TYPES.get(file.suffix, "text/plain"), file.read_bytes()


def _handler(site: KitSite) -> type[BaseHTTPRequestHandler]:
    class KitHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = site.find(self.path.partition("?")[0]) or ("text/plain", b"")
            self._send((200 if content else 404, f"{kind}; charset=utf-8", content))

        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            site.asked.append((self.path, content))
            answer = site.posts[self.path](content)
            if answer is None:
                site.closing.wait()
                return
            self._send(answer)

        def _send(self, answer: Answer) -> None:
            status, kind, content = answer
            self.send_response(status)
            # Of a redirection, the content is where it leads.
            name = "Location" if 300 <= status < 400 else "Content-Type"
            self.send_header(name, content.decode() if name == "Location" else kind)
            self.send_header("Content-Security-Policy", site.policy)
            is_unfinished = self.command == "POST" and self.path in site.unfinished
            self.send_header("Content-Length", str(len(content) + is_unfinished))
            self.end_headers()
            self.wfile.write(content)
            if is_unfinished:
                site.closing.wait()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    return KitHandler


@contextmanager
def serving(site: KitSite) -> Iterator[KitSite]:
    """Serve the site on a free loopback port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    server.daemon_threads = False
    site.origin = f"http://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def page_of(body: str, *, lang: str = "en", script: str = "") -> Mapping[str, tuple[str, bytes]]:
    """Return a page with the elements, and its script beside it, under ``/`` and ``/page.js``."""
    html = (
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>A site</title>'
        '<meta name="viewport" content="width=device-width">'
        '<link rel="stylesheet" href="/page.css"><link rel="icon" href="/page.css">'
        '<script type="module" src="/page.js"></script>'
        f"<main><h1>A site</h1>{body}</main></html>"
    )
    return {
        "/": ("text/html", html.encode()),
        "/page.js": ("text/javascript", script.encode()),
        "/page.css": ("text/css", b":root { color-scheme: light dark; background: Canvas; }"),
    }
