"""The whole way: a page that nobody allowed, a real agent, windows on a desktop, a signature."""

import base64
import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.cms.login import CONTENT_TYPE, LoginPurpose, LoginStatement
from agent.cms.verify import verify
from agent.consent.site_store import Decision, SiteStore
from agent.origin import Origin
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard
from tests.conftest import TEST_PIN
from tests.documents.pdf_files import simple_pdf
from tests.tray.prompt.desktop import Desktop
from tests.tray.prompt.running_agent import (
    SECONDS,
    SITE,
    RunningAgent,
    code,
    running_agent,
    without_display,
)

pytestmark = pytest.mark.slow
CardFactory = Callable[..., VirtualCard]
DOCUMENT = {"data": base64.b64encode(b"hello").decode(), "hash": "SHA-256", "format": "cms"}
AWAKE = 1.0  # seconds after which a window that is to be seen takes keys


@pytest.fixture
def card(make_card: CardFactory, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Put a card into a file."""
    file = tmp_path / "card.json"
    cardfile.save(file, make_card(getattr(request, "param", "gen2")).data)
    return file


def answer_window(desktop: Desktop, agent: RunningAgent, *keys: str, after: str = "") -> str:
    """Answer the window that opens next; return its process."""
    process = agent.next_window(after)
    desktop.see()
    time.sleep(AWAKE)
    desktop.press(*keys)
    return process


def remember(state: Path, decision: Decision) -> None:
    state.mkdir()
    store = SiteStore(state / "sites.sqlite")
    store.remember(Origin.parse_any(SITE), decision)
    store.close()


@pytest.mark.parametrize("card", ["gen1", "gen2"], indirect=True)
def test_a_page_is_allowed_once_and_signs_with_a_pin_typed_in_our_window(
    desktop: Desktop, card: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    arguments = ("--virtual-card", str(card))
    with running_agent(state, desktop.environment, *arguments) as agent:
        assert code(agent.call("sign", **DOCUMENT)) == "origin_not_allowed"
        connecting = agent.start_call("connect")
        answer_window(desktop, agent, "alt+t")
        assert connecting.result(60)["result"] == {"allowed": True}
        signing = agent.start_call("sign", **DOCUMENT, document_name="合約.pdf")
        first = answer_window(desktop, agent, *"654321", "Return")
        answer_window(desktop, agent, *TEST_PIN, after=first)
        desktop.picture("agent-after-a-wrong-pin")
        desktop.press("Return")
        signature = base64.b64decode(signing.result(60)["result"]["signature"])
        assert verify(signature).content == b"hello"
        desktop.see_nothing()
    for log in (state / "logs").rglob("*"):
        assert TEST_PIN.encode() not in log.read_bytes()


def test_a_login_says_in_its_title_where_it_leads(desktop: Desktop, agent: RunningAgent) -> None:
    challenge = base64.b64encode(bytes(32)).decode()
    for purpose in LoginPurpose:
        asked = agent.start_call("authenticate", challenge=challenge, purpose=purpose.value)
        agent.next_window()
        title = desktop.do("xdotool", "getwindowname", desktop.see())
        assert "portal.example" in title
        time.sleep(AWAKE)
        desktop.press(*TEST_PIN, "Return")
        token = base64.b64decode(asked.result(60)["result"]["token"])
        desktop.see_nothing()
        stated = LoginStatement.parse(verify(token, content_types=(CONTENT_TYPE,)).content)
        assert (stated.origin, stated.purpose) == (SITE, purpose)


def test_never_is_never(desktop: Desktop, card: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    arguments = ("--virtual-card", str(card))
    with running_agent(state, desktop.environment, *arguments) as agent:
        connecting = agent.start_call("connect")
        answer_window(desktop, agent, "alt+n")
        assert code(connecting.result(60)) == "origin_blocked"
        assert code(agent.call("connect")) == "origin_blocked"
    with running_agent(state, desktop.environment, *arguments) as agent:
        assert code(agent.call("connect")) == "origin_blocked"


def test_without_a_display_each_request_ends_with_a_clear_code(card: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    arguments = ("--virtual-card", str(card))
    with running_agent(state, without_display(), *arguments) as agent:
        assert code(agent.call("connect")) == "window_unavailable"
    remember(tmp_path / "other", Decision.ALLOWED)
    with running_agent(tmp_path / "other", without_display(), *arguments) as agent:
        assert code(agent.call("sign", **DOCUMENT)) == "window_unavailable"
        error = agent.call("sign", **DOCUMENT, pin=TEST_PIN)["error"]
        assert (error["code"], "attempts_left" in error) == ("pin_last_attempt", False)
    (tmp_path / "other" / "config.toml").write_text('unknown_tries = "allow"')
    with running_agent(tmp_path / "other", without_display(), *arguments) as agent:
        assert agent.call("sign", **DOCUMENT, pin=TEST_PIN)["result"]


@pytest.fixture
def agent(desktop: Desktop, card: Path, tmp_path: Path) -> Iterator[RunningAgent]:
    """Start an agent that knows the site and asks for a PIN."""
    state = tmp_path / "state"
    remember(state, Decision.ALLOWED)
    arguments = ("--virtual-card", str(card))
    with running_agent(state, desktop.environment, *arguments) as running:
        yield running


def test_the_window_closes_when_the_page_goes_away(desktop: Desktop, agent: RunningAgent) -> None:
    connection = agent.connect()
    headers = {"Origin": SITE, "Content-Type": "application/json"}
    body = json.dumps({"method": "sign", "params": DOCUMENT})
    connection.request("POST", "/v1/sign", body, headers)
    desktop.see()
    connection.close()
    desktop.see_nothing()


def test_the_window_closes_when_the_card_is_pulled(
    desktop: Desktop, agent: RunningAgent, card: Path
) -> None:
    signing = agent.start_call("sign", **DOCUMENT)
    desktop.see()
    card.rename(card.with_suffix(".pulled"))
    assert code(signing.result(60)) == "card_removed"
    desktop.see_nothing()


def test_the_window_closes_when_the_agent_is_killed(desktop: Desktop, agent: RunningAgent) -> None:
    lost = agent.start_call("sign", **DOCUMENT)
    desktop.see()
    agent.process.kill()
    desktop.see_nothing()
    assert isinstance(lost.exception(60), ConnectionError | ssl.SSLError)


def test_who_cancels_twice_is_asked_at_the_third_click(
    desktop: Desktop, agent: RunningAgent
) -> None:
    process = ""
    for _ in range(3):
        signing = agent.start_call("sign", **DOCUMENT)
        process = answer_window(desktop, agent, "Escape", after=process)
        assert code(signing.result(60)) == "user_cancelled"


def test_a_page_s_pdf_is_looked_at_from_its_window_before_it_is_signed(
    desktop: Desktop, card: Path, tmp_path: Path
) -> None:
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o700)
    pdf = simple_pdf("Contract", "Second page")
    state = tmp_path / "state"
    remember(state, Decision.ALLOWED)
    environment = {**desktop.environment, "BROWSER": f"{browser} %s"}
    with running_agent(state, environment, "--virtual-card", str(card)) as agent:
        wanted = {"hash": "SHA-256", "format": "pades", "document_name": "合約.pdf"}
        signing = agent.start_call("sign", **wanted, data=base64.b64encode(pdf).decode())
        answer_window(desktop, agent, "alt+v")
        deadline = time.monotonic() + SECONDS
        while not opened.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        _, _, given = opened.read_text().partition("/panel/#token=")
        token, _, view = given.partition("&view=")
        assert panel_file(agent, token, f"documents/viewed/file?id={view}&number=1") == pdf
        desktop.press(*TEST_PIN, "Return")
        signed = base64.b64decode(signing.result(SECONDS)["result"]["pdf"])
        desktop.see_nothing()
    assert signed.startswith(pdf)
    assert len(signed) > len(pdf)


def panel_file(agent: RunningAgent, token: str, path: str) -> bytes:
    """Let a page into the panel and fetch something there, as its script does."""
    connection = agent.connect()
    origin = f"https://localhost:{agent.ready['port']}"
    usual = {"Origin": origin, "Content-Type": "application/json"}
    body = json.dumps({"token": token})
    connection.request("POST", "/panel/api/open", body, {**usual, "X-Ankong-Panel": "open"})
    answer = connection.getresponse()
    key = json.loads(answer.read())["key"]
    cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
    connection.request(
        "GET", f"/panel/api/{path}", headers={"X-Ankong-Panel": key, "Cookie": cookie}
    )
    found = connection.getresponse().read()
    connection.close()
    return found
