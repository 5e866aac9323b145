"""A stranger's page shows a citizen another site's challenge, and gains nothing by it."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.world import PIN, TIMEOUT, TestCard, World

pytestmark = pytest.mark.browser
SDK = Path(__file__).parents[2] / "agent" / "web" / "sdk"
AUTHENTICATE = """async ([path, ports, asked]) => {
    const { Ankong } = await import(path);
    const agent = new Ankong({ ports: [ports[0]], pingPort: ports[1] });
    await agent.connect();
    return (await agent.authenticate(asked)).token;
}"""
SIGN = """async ([path, ports, asked]) => {
    const { Ankong } = await import(path);
    const agent = new Ankong({ ports: [ports[0]], pingPort: ports[1] });
    await agent.connect();
    return (await agent.sign(asked)).signature;
}"""


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.fixture(scope="module")
def lottery() -> Iterator[str]:
    """Serve a site of somebody else, which has the SDK; return its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(SDK)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Attacker:
    """Somebody with an account of their own, who speaks to the portal without any page."""

    def __init__(self, context: BrowserContext, world: World) -> None:
        self._portal = world.url.rstrip("/")
        self._context = context

    def post(self, path: str, **body: str) -> dict[str, Any]:
        headers = {"Origin": self._portal, "Content-Type": "application/json"}
        answer = self._context.request.post(
            f"{self._portal}/api/{path}", headers=headers, data=body
        )
        found: dict[str, Any] = answer.json()
        return found

    def submit(self, path: str, challenge: dict[str, Any], token: str) -> str:
        """Send what was obtained; return the code, or "ok"."""
        answer = self.post(path, challenge_id=challenge["challenge_id"], token=token)
        return str(answer["error"]["code"]) if "error" in answer else "ok"

    def register(self, contact: str) -> None:
        code = self.post("otp", contact=contact)["demo_code"]
        assert self.post("otp/confirm", contact=contact, code=code)["member"]["grade"] == "ordinary"

    def grade(self) -> str:
        found = self._context.request.get(f"{self._portal}/api/session").json()
        return str(found["member"]["grade"]) if found["member"] else "nobody"


@pytest.fixture
def attacker(browser: Browser, world: World) -> Iterator[Attacker]:
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT)
    yield Attacker(context, world)
    context.close()


def obtain(page: Page, world: World, script: str, **asked: str) -> str:
    """Have the citizen's card do what the page under way wants, with their PIN."""
    ports = [world.programs.ports.tls, world.programs.ports.ping]
    path = "/sdk/ankong.js" if page.url.startswith(world.url) else "/ankong.js"
    made: str = page.evaluate(script, [path, ports, {**asked, "pin": PIN}])
    return made


@pytest.fixture
def card(agent: World) -> TestCard:
    made = agent.card()
    agent.start_agent(made)
    return made


def test_a_citizen_elsewhere_makes_nobody_gold(
    page: Page, agent: World, card: TestCard, lottery: str, attacker: Attacker
) -> None:
    attacker.register("0911000001")
    page.goto(f"{lottery}/package.json")
    for purpose in ("identify", "login"):
        challenge = attacker.post("upgrade/card/challenge", id_number=card.id_number)
        token = obtain(page, agent, AUTHENTICATE, challenge=challenge["challenge"], purpose=purpose)
        assert attacker.submit("upgrade/card", challenge, token) == "origin_mismatch"
    assert attacker.grade() == "ordinary"


def test_a_citizen_elsewhere_logs_nobody_in(
    page: Page, agent: World, lottery: str, card: TestCard, attacker: Attacker
) -> None:
    victim = Attacker(page.context, agent)
    victim.register("0911000002")
    upgrade = victim.post("upgrade/card/challenge", id_number=card.id_number)
    page.goto(f"{agent.url}sdk/ankong.js")
    token = obtain(
        page,
        agent,
        AUTHENTICATE,
        challenge=upgrade["challenge"],
        purpose="identify",
    )
    assert victim.submit("upgrade/card", upgrade, token) == "ok"
    assert victim.grade() == "gold"

    page.goto(f"{lottery}/package.json")
    challenge = attacker.post("login/card/challenge")
    token = obtain(page, agent, AUTHENTICATE, challenge=challenge["challenge"])
    assert attacker.submit("login/card", challenge, token) == "origin_mismatch"
    # Nor does what the citizen signs there as a document.
    challenge = attacker.post("login/card/challenge")
    statement = (
        '{"type":"ankong.authenticate.v1","purpose":"login","origin":"'
        + agent.url.rstrip("/")
        + f'","challenge":"{challenge["challenge"]}","time":"2026-06-15T12:00:00Z"}}'
    )
    signed = obtain(page, agent, SIGN, data=statement, documentName="免費抽獎 同意書.pdf")
    assert attacker.submit("login/card", challenge, signed) == "wrong_content_type"
    assert attacker.grade() == "nobody"


def test_what_was_made_for_the_site_itself_counts_once_and_there(
    page: Page, agent: World, card: TestCard, attacker: Attacker
) -> None:
    citizen = Attacker(page.context, agent)
    citizen.register("0911000003")
    challenge = citizen.post("upgrade/card/challenge", id_number=card.id_number)
    page.goto(f"{agent.url}sdk/ankong.js")
    token = obtain(page, agent, AUTHENTICATE, challenge=challenge["challenge"], purpose="identify")
    # Whoever saw it go by comes first, with a session of their own.
    attacker.register("0911000004")
    own = attacker.post("upgrade/card/challenge", id_number=card.id_number)
    assert attacker.submit("upgrade/card", challenge, token) == "challenge_unknown"
    assert attacker.submit("upgrade/card", own, token) == "challenge_mismatch"
    assert citizen.submit("upgrade/card", challenge, token) == "ok"
    assert attacker.submit("upgrade/card", challenge, token) == "challenge_unknown"
    assert attacker.grade() == "ordinary"
