"""The site under test: one page and the page kit, on a port of this computer."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import agent

PAGE_KIT = Path(agent.__file__).parent / "web" / "sdk"


class Site(SimpleHTTPRequestHandler):
    """Serve the files beside this one, and the page kit under ``/sdk/``."""

    def translate_path(self, path: str) -> str:
        if path.startswith("/sdk/"):
            return str(PAGE_KIT / path.removeprefix("/sdk/"))
        return super().translate_path(path)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Return the address of the page."""
    here = str(Path(__file__).parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=here)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/page.html"
        server.shutdown()
