"""What may stand between a page and the agent: service workers, policies, frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.public_site import (
    OTHER_HOST,
    PAGE,
    PublicSite,
    public_page,
    self_signed,
    serve,
    trusting_home,
)
from tests.browser.world import World

pytestmark = pytest.mark.browser
LOCAL = "if (new URL(event.request.url).hostname === 'localhost')"
CACHED = '{"product": "ankong", "version": "0.1.0", "api": "v1", "allowed": true}'
WORKERS = {
    "passes everything on": "event.respondWith(fetch(event.request))",
    "answers with a page": f"{LOCAL} event.respondWith(new Response('<h1>offline</h1>'))",
    "answers nothing ever": f"{LOCAL} event.respondWith(new Promise(() => {{}}))",
    "throws": f"{LOCAL} event.respondWith(Promise.reject(new Error('no')))",
    "throws at once": f"{LOCAL} throw new Error('no')",
    "answers from a cache": "event.respondWith("
    "caches.match(event.request).then((found) => found ?? fetch(event.request)))",
}
# As if the agent had answered before, it is in the cache of each of these workers.
LIFE = """
const options = { headers: { "Access-Control-Allow-Origin": "*" } };
const fill = async (cache) => {
  for (const url of ["https://localhost:TLS/v1/status", "http://localhost:PING/v1/ping"]) {
    await cache.put(url, new Response('CACHED', options));
  }
};
self.addEventListener("install", (event) => {
  event.waitUntil(caches.open("c").then(fill).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => event.waitUntil(clients.claim()));
self.addEventListener("fetch", (event) => { ANSWER; });
"""
CONTROLLED = """async () => {
    const workers = navigator.serviceWorker;
    const changed = new Promise((resolve) => { workers.oncontrollerchange = resolve; });
    await workers.register("/sw.js");
    if (!workers.controller) await changed;
}"""
PERMISSION = "async () => (await navigator.permissions.query({ name: 'loopback-network' })).state"


@pytest.fixture
def site(agent: World, tmp_path: Path) -> Iterator[PublicSite]:
    """Serve a site whose page watches the agent."""
    ports = agent.programs.ports
    site = PublicSite(PAGE % (ports.tls, ports.ping))
    with serve(site, self_signed(tmp_path)):
        yield site


def source(world: World, worker: str) -> str:
    """Write the script of a worker."""
    ports = world.programs.ports
    facts = {"TLS": str(ports.tls), "PING": str(ports.ping), "CACHED": CACHED}
    text = LIFE.replace("ANSWER", WORKERS[worker])
    for name, fact in facts.items():
        text = text.replace(name, fact)
    return text


@contextmanager
def opened(
    world: World, folder: Path, site: PublicSite, worker: str | None = None
) -> Iterator[Page]:
    """Open the site's page, under its worker if it has one."""
    if worker is not None:
        site.worker = source(world, worker)
    home = trusting_home(world.programs.authority, folder, folder / "portal.pem")
    with public_page(home, site) as page:
        page.goto(site.origin)
        if worker is not None:
            page.evaluate(CONTROLLED)
            page.reload()
        page.wait_for_function("() => window.watch")
        yield page


def permit(page: Page, site: PublicSite, setting: str) -> None:
    """Answer the browser's question as the person would."""
    session = page.context.new_cdp_session(page)
    profile = session.send("Target.getTargetInfo")["targetInfo"]["browserContextId"]
    where = {"origin": site.origin, "browserContextId": profile}
    permission = {"name": "loopback-network"}
    session.send("Browser.setPermission", {"permission": permission, "setting": setting, **where})


def ask(page: Page) -> dict[str, Any]:
    """Click; return what is known then."""
    page.click("#ask")
    found: dict[str, Any] = page.evaluate("() => asked")
    return found


@pytest.mark.parametrize("worker", WORKERS)
def test_no_worker_keeps_the_question_from_being_asked_or_the_agent_from_being_found(
    agent: World, site: PublicSite, tmp_path: Path, worker: str
) -> None:
    agent.start_agent()
    with opened(agent, tmp_path, site, worker) as page:
        page.evaluate("() => watch()")
        page.wait_for_function("() => seen.at(-1) === 'permission_prompt'")
        assert ask(page)["reason"] == "permission_denied"  # headless, the browser answers by itself
        assert page.evaluate(PERMISSION) == "denied"
        permit(page, site, "granted")
        page.wait_for_function("() => seen.at(-1) === 'running'")
        page.evaluate("async () => { await agent.connect(); }")
        assert page.evaluate("() => agent.snapshot.allowed")
        agent.stop_agent()
        page.wait_for_function("() => seen.at(-1) === 'not_started'")


@pytest.mark.parametrize("worker", WORKERS)
def test_where_a_worker_may_swallow_the_answer_nothing_is_called_missing_or_running(
    agent: World, site: PublicSite, tmp_path: Path, worker: str
) -> None:
    with opened(agent, tmp_path, site, worker) as page:
        permit(page, site, "granted")
        page.evaluate("() => watch()")
        page.wait_for_function("() => agent.snapshot.reason")
        assert page.evaluate("() => agent.snapshot.reason") == "unreachable"
        assert "running" not in page.evaluate("() => seen")
        agent.start_agent()
        page.wait_for_function("() => seen.at(-1) === 'running'")


def test_a_worker_that_claims_the_page_later_is_noticed(
    agent: World, site: PublicSite, tmp_path: Path
) -> None:
    with opened(agent, tmp_path, site) as page:
        permit(page, site, "granted")
        page.evaluate("() => watch()")
        page.wait_for_function("() => seen.at(-1) === 'not_installed'")
        site.worker = source(agent, "answers with a page")
        page.evaluate(CONTROLLED)
        page.wait_for_function("() => seen.at(-1) === 'unreachable'")
        agent.start_agent()
        page.wait_for_function("() => seen.at(-1) === 'running'")


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("connect-src 'self'", "blocked_by_page"),
        ("connect-src 'self' https://localhost:*", "blocked_by_page"),
        ("connect-src 'self' wss://localhost:*", "running"),
        ("connect-src 'self' https://localhost:* wss://localhost:*", "running"),
    ],
)
def test_a_policy_that_forbids_the_agent_is_named(
    agent: World, site: PublicSite, tmp_path: Path, policy: str, reason: str
) -> None:
    agent.start_agent()
    site.headers["Content-Security-Policy"] = policy
    with opened(agent, tmp_path, site) as page:
        permit(page, site, "granted")
        page.evaluate("() => watch()")
        page.wait_for_function("() => seen.at(-1) !== 'checking'")
        assert page.evaluate("() => seen.at(-1)") == reason


def test_a_policy_that_only_reports_forbids_nothing(
    agent: World, site: PublicSite, tmp_path: Path
) -> None:
    site.headers["Content-Security-Policy-Report-Only"] = "connect-src 'self'"
    with opened(agent, tmp_path, site) as page:
        permit(page, site, "granted")
        page.evaluate("() => watch()")
        page.wait_for_function("() => seen.at(-1) === 'not_installed'")


def test_a_policy_that_hides_the_beacon_proves_nothing(
    agent: World, site: PublicSite, tmp_path: Path
) -> None:
    site.headers["Content-Security-Policy"] = (
        "connect-src 'self' https://localhost:* wss://localhost:*"
    )
    with opened(agent, tmp_path, site) as page:
        permit(page, site, "granted")
        page.evaluate("() => watch()")
        page.wait_for_function("() => seen.at(-1) === 'unreachable'")


def test_a_page_that_gives_the_permission_away_is_not_told_to_ask(
    agent: World, site: PublicSite, tmp_path: Path
) -> None:
    agent.start_agent()
    site.headers["Permissions-Policy"] = "local-network-access=(), loopback-network=()"
    with opened(agent, tmp_path, site) as page:
        page.evaluate("() => watch()")
        page.wait_for_function("() => seen.at(-1) === 'blocked_by_page'")


@pytest.mark.parametrize(
    ("allow", "reason"),
    [("", "frame_not_allowed"), ("local-network-access; loopback-network", "permission_prompt")],
)
def test_a_frame_of_another_site_needs_to_be_let(
    agent: World, site: PublicSite, tmp_path: Path, allow: str, reason: str
) -> None:
    agent.start_agent()
    pem = tmp_path / "portal.pem"
    outer = PublicSite(f'<!doctype html><iframe allow="{allow}" src="{site.origin}/"></iframe>')
    home = trusting_home(agent.programs.authority, tmp_path, pem)
    with serve(outer, pem, OTHER_HOST), public_page(home, site, outer) as page:
        page.goto(outer.origin)
        (frame,) = page.main_frame.child_frames
        frame.wait_for_function("() => window.watch")
        frame.evaluate("() => watch()")
        frame.wait_for_function("() => seen.at(-1) !== 'checking'")
        assert frame.evaluate("() => seen.at(-1)") == reason
