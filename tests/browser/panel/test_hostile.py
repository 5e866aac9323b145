"""What other pages try against the panel, in real Chromium, with the citizen's cookie at hand."""

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from agent.consent.site_store import Decision, SiteStore
from agent.origin import Origin
from tests.browser.panel.conftest import SHOP, PanelAgent

Opened = Callable[[str], Page]


class _Blank(http.server.BaseHTTPRequestHandler):
    """Serves an empty page for every address, and remembers what it was sent."""

    seen: list[dict[str, str]]

    def do_GET(self) -> None:
        self.server.seen.append(dict(self.headers))  # type: ignore[attr-defined]  # ours, below
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>neighbour</title>")

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  # the library's name
        """Say nothing."""


class Neighbour:
    """Another server on this computer: the same host, so the same site to a browser."""

    def __init__(self) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
        self.seen: list[dict[str, str]] = []
        self._server.seen = self.seen  # type: ignore[attr-defined]  # read by the handler
        self.origin = f"http://localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    made = Neighbour()
    yield made
    made.close()


@pytest.fixture
def evil(
    agent_here: PanelAgent, opened: Opened, context: BrowserContext, neighbour: Neighbour
) -> Page:
    """Open the panel in one tab, and a page of the neighbour in another of the same browser."""
    agent_here.start()
    agent_here.decide(SHOP, Decision.ALLOWED)
    opened("sites").locator("[data-origin]").wait_for()
    page = context.new_page()
    page.goto(f"{neighbour.origin}/any/path")
    return page


def decision(agent_here: PanelAgent) -> Decision:
    store = SiteStore(agent_here.paths.sites, fresh=False)
    try:
        return store.decision(Origin.parse(SHOP))
    finally:
        store.close()


BLOCK = f'{{"origin":"{SHOP}","action":"block"}}'
FETCHES = [
    ("GET", "", {}),
    ("GET", "api/state", {}),
    ("GET", "api/state", {"X-Ankong-Panel": "open"}),
    ("GET", "js/app.js", {}),
    ("POST", "api/sites", {"Content-Type": "application/json", "X-Ankong-Panel": "x"}),
    ("POST", "api/sites", {"Content-Type": "text/plain"}),
    ("POST", "api/open", {"Content-Type": "text/plain"}),
]


def test_no_fetch_of_another_origin_reads_anything(evil: Page, agent_here: PanelAgent) -> None:
    for method, path, headers in FETCHES:
        options: dict[str, Any] = {"method": method, "headers": headers, "credentials": "include"}
        if method == "POST":
            options["body"] = BLOCK
        outcome = evil.evaluate(
            """async ([url, options]) => {
                try { const r = await fetch(url, options); return `read ${r.status}`; }
                catch (error) { return error.name; }
            }""",
            [f"{agent_here.origin}/panel/{path}", options],
        )
        assert outcome == "TypeError", (method, path)
    assert decision(agent_here) is Decision.ALLOWED


def test_a_blind_shot_changes_nothing(evil: Page, agent_here: PanelAgent) -> None:
    for path in ("api/sites", "api/selftest", "api/settings", "api/close", "api/doctor"):
        evil.evaluate(
            """([url, body]) => fetch(url, {method: "POST", mode: "no-cors",
                credentials: "include", body}).catch(() => null)""",
            [f"{agent_here.origin}/panel/{path}", BLOCK],
        )
    assert decision(agent_here) is Decision.ALLOWED
    ours = evil.context.pages[0]
    ours.reload()
    ours.locator(f"[data-origin='{SHOP}']").wait_for()  # and nobody was thrown out


def test_a_form_changes_nothing(evil: Page, agent_here: PanelAgent, neighbour: Neighbour) -> None:
    for encoding in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        evil.goto(neighbour.origin)
        with evil.expect_navigation() as gone:
            evil.evaluate(
                """([url, encoding, body]) => {
                    const form = document.createElement("form");
                    Object.assign(form, {method: "POST", action: url, enctype: encoding});
                    const field = document.createElement("input");
                    field.name = body.slice(0, -1) + ',"x":"';
                    field.value = '"}';
                    form.append(field);
                    document.body.append(form);
                    form.submit();
                }""",
                [f"{agent_here.origin}/panel/api/sites", encoding, BLOCK],
            )
        response = gone.value
        assert response is not None
        assert response.status == 403, encoding
    assert decision(agent_here) is Decision.ALLOWED


def test_no_frame_shows_the_panel(evil: Page, agent_here: PanelAgent) -> None:
    for tag in ("iframe", "embed", "object"):
        evil.evaluate(
            """([tag, url]) => new Promise((done) => {
                const frame = document.createElement(tag);
                frame.onload = frame.onerror = done;
                frame[tag === "object" ? "data" : "src"] = url;
                document.body.append(frame);
                setTimeout(done, 3000);
            })""",
            [tag, f"{agent_here.origin}/panel/"],
        )
    for frame in evil.frames:
        if frame is not evil.main_frame:
            assert not frame.url.startswith(agent_here.origin), frame.url


def test_no_element_of_another_page_loads_a_part_of_it(evil: Page, agent_here: PanelAgent) -> None:
    parts = {"script": "js/app.js", "img": "img/icons.svg", "link": "css/base.css"}
    for tag, path in parts.items():
        outcome = evil.evaluate(
            """([tag, url]) => new Promise((done) => {
                const element = document.createElement(tag);
                element.onload = () => done("loaded");
                element.onerror = () => done("refused");
                if (tag === "link") { element.rel = "stylesheet"; element.href = url; }
                else element.src = url;
                document.head.append(element);
            })""",
            [tag, f"{agent_here.origin}/panel/{path}"],
        )
        assert outcome == "refused", tag


def test_a_window_that_is_opened_shows_nothing_and_cannot_be_touched(
    evil: Page, agent_here: PanelAgent, context: BrowserContext
) -> None:
    with context.expect_page() as appeared:
        evil.evaluate(
            "(url) => { window.other = window.open(url); }", f"{agent_here.origin}/panel/#/sites"
        )
    window = appeared.value
    window.wait_for_load_state()
    assert window.locator("[data-origin]").count() == 0
    assert "安控" not in window.title()
    outcome = evil.evaluate(
        """() => { try { return String(window.other.closed || window.other.document); }
                   catch (error) { return error.name; } }"""
    )
    assert outcome in {"true", "SecurityError"}


def test_a_link_from_elsewhere_opens_no_view(evil: Page, agent_here: PanelAgent) -> None:
    response = evil.goto(f"{agent_here.origin}/panel/#/sites", referer=evil.url)
    # Playwright's own navigation is like one typed in: the page shows, but it was never let in.
    assert response is not None
    evil.locator("#closed[data-why=first]").wait_for()


def test_the_cookie_alone_opens_nothing_wherever_it_goes(
    evil: Page, agent_here: PanelAgent, neighbour: Neighbour, context: BrowserContext
) -> None:
    evil.goto(f"{neighbour.origin}/panel/")  # the path that the cookie is for
    cookies = context.cookies(f"{agent_here.origin}/panel/")
    assert [cookie for cookie in cookies if "ankong-panel" in cookie["name"]]
    stolen = context.new_page()
    stolen.goto(f"{agent_here.origin}/panel/")
    stolen.locator("#closed[data-why=first]").wait_for()
    status = stolen.evaluate(
        """async () => (await fetch("api/state", {headers: {"X-Ankong-Panel": "guess"}})).status"""
    )
    assert status == 401
    assert all(key not in str(neighbour.seen) for key in _keys(context))


def _keys(context: BrowserContext) -> list[str]:
    found = (page.evaluate("sessionStorage.getItem('ankong.panel.key')") for page in context.pages)
    return [key for key in found if key]


# The token.


def test_a_token_leaves_the_address_at_once_and_opens_once(
    agent_here: PanelAgent, page: Page, context: BrowserContext
) -> None:
    agent_here.start()
    address = agent_here.address("sites")
    page.goto(address)
    page.locator("#view-sites h1").wait_for()
    assert page.url == f"{agent_here.origin}/panel/#/sites"
    page.reload()
    page.locator("#view-sites h1").wait_for()
    other = context.new_page()
    other.goto(address)
    other.locator("#closed[data-why=used]").wait_for()
    assert "token" not in other.url
    assert other.locator("#rail").is_hidden()
    page.locator("#view-sites h1").wait_for()


def test_a_token_that_is_none_opens_nothing(agent_here: PanelAgent, page: Page) -> None:
    agent_here.start()
    for token in ("", "x", "A" * 75, "A" * 5000, "%00", "<script>", "../.."):
        page.goto("about:blank")
        page.goto(f"{agent_here.origin}/panel/#token={token}")
        page.locator("#closed").wait_for()
        assert _keys(page.context) == []


def test_a_token_of_an_earlier_run_opens_nothing(agent_here: PanelAgent, page: Page) -> None:
    agent_here.start()
    address = agent_here.address()
    agent_here.stop()
    agent_here.start()
    page.goto(address)
    page.locator("#closed[data-why=used]").wait_for()


def test_leaving_closes_it_for_good(agent_here: PanelAgent, opened: Opened) -> None:
    agent_here.start()
    page = opened("state")
    page.get_by_role("button", name="關閉").click()
    page.locator("#closed[data-why=left]").wait_for()
    page.reload()
    page.locator("#closed[data-why=first]").wait_for()


def test_our_own_page_runs_no_text_as_code(agent_here: PanelAgent, opened: Opened) -> None:
    agent_here.start()
    page = opened("state")
    for attempt in (
        "() => { document.body.innerHTML = '<b>x</b>'; }",
        "() => { document.body.setAttribute('onclick', 'x'); }",
        "() => { document.createElement('script').text = 'x'; }",
    ):
        with pytest.raises(Exception, match=r"TrustedHTML|TrustedScript"):
            page.evaluate(f"({attempt})()")
