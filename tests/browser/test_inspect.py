"""What a real Chromium writes down of a page that looks for components, as ``ankong inspect`` says.

The page's own site is on this computer too, under a name: its connections lead to 127.0.0.1, and
still nothing of it may be told.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.portal.demo.browser import make_home
from tests.browser.public_site import PublicSite, self_signed, serve
from tests.browser.world import TIMEOUT, chromium
from tests.unit.browserlog.logs import LINE, endpoints, inspected

pytestmark = pytest.mark.browser

HOST = "site.example"
SECRET = "Secret"  # in every path and query
PAGE = """<!doctype html><meta charset="utf-8"><title>looks</title><script type="module">
const heard = (address) => new Promise((done) => {
  const socket = new WebSocket(`${address}/Secret?Secret`);
  socket.onopen = socket.onerror = done;
});
for (const address of ADDRESSES) {
  await (address.startsWith("ws") ? heard(address) : fetch(`${address}/Secret`).catch(() => 0));
}
await fetch("/Secret");
document.title = "looked";
</script>"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of this computer: nothing listens, HTTP, HTTPS with a certificate of nobody's."""

    silent: int
    http: int
    tls: int

    @property
    def addresses(self) -> list[str]:
        """What the page tries, one after the other."""
        return [
            f"ws://127.0.0.1:{self.silent}",
            f"wss://127.0.0.1:{self.tls}",
            f"http://localhost:{self.http}",
            f"http://localhost:{self.silent}",
            f"ws://127.0.0.1:{self.silent}",
            f"ws://x.localhost:{self.http}",
        ]


@contextmanager
def ports(pem: Path) -> Iterator[Ports]:
    http, tls = PublicSite("hello"), PublicSite("hello")
    with ExitStack() as stack:
        closed = stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))  # and does not listen
        stack.enter_context(serve(http, None, "localhost"))
        stack.enter_context(serve(tls, pem, "localhost"))
        numbers = [int(each.origin.rpartition(":")[2]) for each in (http, tls)]
        yield Ports(closed.getsockname()[1], *numbers)


def record(folder: Path, found: Ports, *, is_public: bool) -> tuple[Path, str]:
    """Open the page in a Chromium that logs; return the log, and the port of the page's site."""
    site = PublicSite(PAGE.replace("ADDRESSES", repr(found.addresses)))
    home, log = folder / "home", folder / "net-export.json"
    make_home(home, None)
    with serve(site, None, HOST):
        port = site.origin.rpartition(":")[2]
        flags = [f"--log-net-log={log}", f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
        if is_public:
            flags.append(f"--ip-address-space-overrides=127.0.0.1:{port}=public")
        with chromium(home, *flags) as browser:
            page = browser.new_page()
            page.set_default_timeout(TIMEOUT)
            page.goto(f"{site.origin}/")
            page.wait_for_function("document.title === 'looked'")
    return log, port


@pytest.mark.usefixtures("needs_chromium")
@pytest.mark.parametrize("is_public", [False, True])
def test_what_a_page_tried_is_told_and_nothing_of_the_page(
    tmp_path: Path, *, is_public: bool
) -> None:
    with ports(self_signed(tmp_path)) as found:
        log, port = record(tmp_path, found, is_public=is_public)
    # A site on the public network and without TLS may not even ask for what listens here.
    http, socket_answer = ("blocked", "blocked") if is_public else ("404", "404")
    wanted = [
        f"ws://127.0.0.1:{found.silent} 2 refused",
        f"wss://127.0.0.1:{found.tls} 1 untrusted",
        f"http://localhost:{found.http} 1 {http}",
        f"http://localhost:{found.silent} 1 refused",
        f"ws://*.localhost:{found.http} 1 {socket_answer}",
    ]
    assert endpoints(log) == wanted
    content = log.read_bytes()
    assert SECRET.encode() in content
    assert HOST.encode() in content
    for options in ((), ("--json",)):
        _, out, aside = inspected(log, *options)
        for never in (SECRET, HOST, "example", f":{port}", f" {port}"):
            assert never not in out + aside
    _, out, _ = inspected(log)
    assert all(line.startswith("   ") or LINE.fullmatch(line) for line in out.splitlines())
    # As it is while Chromium still writes: some of the same, in the same order.
    log.write_bytes(content[: content.index(f"wss://127.0.0.1:{found.tls}".encode()) + 2000])
    cut = [line.rpartition(" ")[0].rpartition(" ")[0] for line in endpoints(log)]
    assert cut
    assert cut == [line.rpartition(" ")[0].rpartition(" ")[0] for line in wanted][: len(cut)]
