"""A web server for pages of others, under names of their own, and a browser that finds them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from urllib.parse import urlencode

PAGES = Path(__file__).parent / "pages"
ARGUMENTS = [
    "--no-sandbox",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
    "--disable-features=TranslateUI",
]


class _Server(ThreadingHTTPServer):
    """A server with a letter box for pages that nobody watches."""

    daemon_threads = True

    def __init__(self) -> None:
        self.posted: Queue[bytes] = Queue()
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(PAGES)))


class _Handler(SimpleHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        self.server.posted.put(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be silent."""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()


class Sites:
    """Pages under any name that ends in ``.test``."""

    def __init__(self, port: int, posted: "Queue[bytes]") -> None:
        self.port = port
        self.posted = posted

    def origin(self, name: str = "service") -> str:
        return f"http://{name}.test:{self.port}"

    def url(self, page: str, name: str = "service", **query: object) -> str:
        return f"{self.origin(name)}/{page}?{urlencode(query)}"


@contextmanager
def serve_sites() -> Iterator[Sites]:
    """Serve the pages on a free port."""
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, name="sites")
    thread.start()
    try:
        yield Sites(server.server_address[1], server.posted)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
