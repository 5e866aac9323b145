"""Who has no agent behind a porter: for a page nothing runs, and a person reads why."""

import http.server
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.world import chromium
from tests.unit.host.porter_rig import running

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("needs_chromium"),
    pytest.mark.skipif(sys.platform != "linux", reason="the porter of Linux"),
]
ASK = """async (port) => {
  const base = `http://localhost:${port}`;
  const fetched = await fetch(`${base}/sign`, { method: "POST", body: "tbsPackage={}" })
    .then((answer) => answer.status, (error) => String(error));
  const image = await new Promise((told) => {
    const picture = new Image();
    picture.crossOrigin = "Anonymous";
    picture.onload = () => told("load");
    picture.onerror = () => told("error");
    picture.src = `${base}/p11Image.bmp`;
  });
  const asked = await new Promise((told) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${base}/sign`);
    request.onload = () => told(request.status);
    request.onerror = () => told("error");
    request.send("tbsPackage={}");
  });
  return [fetched, image, asked];
}"""


class _Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Serve a page of the old component's kind, without a script of its own."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>old page</title>")

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def old_page(tmp_path: Path) -> Iterator[Page]:
    """A page of another origin than the porter's port."""
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    with chromium(tmp_path) as browser:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{site.server_address[1]}/")
        yield page
    site.shutdown()
    site.server_close()


def test_a_page_cannot_tell_it_from_a_computer_without_an_agent(
    old_page: Page, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        silent = closed.getsockname()[1]
    nothing = old_page.evaluate(ASK, silent)
    with running(tmp_path) as rig:
        assert old_page.evaluate(ASK, rig.port) == nothing
        answer = old_page.goto(f"http://localhost:{rig.port}/popupForm")
        assert answer is not None
        assert answer.status == 503
        assert "您的帳號目前沒有執行安控" in old_page.inner_text("body")
    assert nothing == ["TypeError: Failed to fetch", "error", "error"]
