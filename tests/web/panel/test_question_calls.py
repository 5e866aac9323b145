"""The calls of a question's page: who gets in, what is taken as an answer, and how it ends."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent.consent.page import QuestionPage
from agent.consent.questions import Prompt, SiteAnswer, UnaskedError
from agent.errors import AgentError, ErrorCode
from agent.secret import SecretBytes
from agent.web.panel import question_desk
from agent.web.panel.question_desk import QuestionDesk, secret_of
from tests.signing.prompt_support import (
    ALL,
    ALLOW,
    CARD,
    CHOOSE,
    LAST,
    LOCKED,
    OTHER_CARD,
    PIN,
    VIEWED,
)
from tests.web.conftest import AgentFactory
from tests.web.panel.panel_door import Door, open_door

PAGE = QuestionPage("en", "portal.example", "May it?", alarm=False, parts=(), buttons=())


@dataclass
class Browser:
    """Notes what is opened."""

    opens: bool = True
    addresses: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def open(self, address: str) -> bool:
        self._loop.call_soon_threadsafe(self.addresses.put_nowait, address)
        return self.opens

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    async def token(self) -> str:
        return (await self.addresses.get()).partition("#token=")[2]


@dataclass
class Desk:
    """A door whose panel has a desk, and the browser that its pages are opened in."""

    door: Door
    desk: QuestionDesk
    browser: Browser

    def ask(self, prompt: Prompt[Any]) -> asyncio.Task[Any]:
        return asyncio.create_task(self.desk.ask(prompt, PAGE))

    async def call(
        self, method: str, path: str, key: str, body: Any = None
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """Call as the page does, which has no cookie."""
        headers = {"X-Ankong-Panel": key, "Cookie": None}
        return await self.door.ask(method, f"api/question{path}", body, **headers)

    async def let_in(self) -> str:
        """Open the page; return its key."""
        return await self.spend(await self.browser.token())

    async def spend(self, token: str) -> str:
        response, raw = await self.call("POST", "/open", "open", {"token": token})
        assert response.status == 200, raw
        return str(json.loads(raw)["key"])

    async def answer(self, key: str, answer: str, pin: str | None = None) -> int:
        given = {"answer": answer} | ({} if pin is None else {"pin": list(pin.encode())})
        response, _ = await self.call("POST", "/answer", key, given)
        return response.status

    async def see(self, key: str) -> dict[str, Any]:
        response, raw = await self.call("GET", "", key)
        assert response.status == 200
        told: dict[str, Any] = json.loads(raw)
        return told


@pytest.fixture
async def at_desk(
    start_agent: AgentFactory,
    card_certificate: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Desk]:
    """Start an agent with a desk whose pages take a yes at once."""
    monkeypatch.setattr(question_desk, "THINKING_SECONDS", 0.0)
    browser = Browser()
    desk = QuestionDesk(browser.open)
    async with open_door(start_agent, card_certificate, tmp_path, desk=desk) as door:
        yield Desk(door, desk, browser)


@pytest.mark.parametrize(
    ("prompt", "answer", "result"),
    [
        (ALLOW, "always", SiteAnswer.ALWAYS),
        (ALLOW, "never", SiteAnswer.NEVER),
        (CHOOSE, "card:1", OTHER_CARD),
        (CHOOSE, "card:0", CARD),
        (LAST, "yes", True),
        (LAST, "no", False),
        (LOCKED, "seen", None),
    ],
    ids=["always", "never", "second-card", "first-card", "yes", "no", "seen"],
)
async def test_an_answer_is_the_windows(
    at_desk: Desk, prompt: Prompt[Any], answer: str, result: object
) -> None:
    asking = at_desk.ask(prompt)
    key = await at_desk.let_in()
    assert (await at_desk.see(key))["page"]["title"] == "May it?"
    assert await at_desk.answer(key, answer) == 204
    assert await asking == result
    assert await at_desk.answer(key, answer) == 401


async def test_a_pin_comes_as_numbers_and_its_copies_are_wiped(at_desk: Desk) -> None:
    octets = [49, 50, 51]
    secret = secret_of(octets)
    assert octets == [0, 0, 0]
    assert secret == SecretBytes(bytearray(b"123"))
    asking = at_desk.ask(PIN)
    key = await at_desk.let_in()
    await at_desk.see(key)
    for wrong in ("", "12345", "123456789", "12345\n", "12 456"):
        assert await at_desk.answer(key, "pin:", wrong) == 400
    assert await at_desk.answer(key, "pin:") == 400
    assert await at_desk.answer(key, "cancel", "123456") == 400
    assert await at_desk.answer(key, "pin:", "246813") == 204
    assert await asking == SecretBytes(bytearray(b"246813"))


@pytest.mark.parametrize("prompt", ALL, ids=lambda each: type(each).__name__)
async def test_what_no_window_answers_no_page_does(at_desk: Desk, prompt: Prompt[Any]) -> None:
    asking = at_desk.ask(prompt)
    key = await at_desk.let_in()
    await at_desk.see(key)
    for answer in ("", "yess", "card:2", "card:-1", "block", "pin:123456", "\u2603"):
        assert await at_desk.answer(key, answer) == 400, answer
    asking.cancel()


async def test_a_yes_counts_only_after_it_was_shown_for_a_moment(
    at_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question_desk, "THINKING_SECONDS", 3600.0)
    asking = at_desk.ask(ALLOW)
    key = await at_desk.let_in()
    assert await at_desk.answer(key, "always") == 409
    await at_desk.see(key)
    assert await at_desk.answer(key, "always") == 409
    assert await at_desk.answer(key, "cancel") == 204
    assert await asking is SiteAnswer.CANCEL


async def test_a_token_lets_one_page_in_and_a_second_one_ends_the_question(at_desk: Desk) -> None:
    asking = at_desk.ask(PIN)
    token = await at_desk.browser.token()
    await at_desk.spend(token)
    response, _ = await at_desk.call("POST", "/open", "open", {"token": token})
    assert response.status == 403
    with pytest.raises(AgentError) as told:
        await asking
    assert told.value.code is ErrorCode.USER_CANCELLED


async def test_panel_and_question_do_not_open_each_other(at_desk: Desk) -> None:
    asking = at_desk.ask(ALLOW)
    key = await at_desk.let_in()
    door = at_desk.door
    for path in ("", "/events"):
        response, _ = await door.ask("GET", f"api/question{path}")
        assert response.status == 401
    response, _ = await door.ask("POST", "api/question/answer", {"answer": "always"})
    assert response.status == 401
    response, _ = await door.ask("GET", "api/state", **{"X-Ankong-Panel": key})
    assert response.status == 401
    token = {"token": door.key.make_token()}
    response, _ = await at_desk.call("POST", "/open", "open", token)
    assert response.status == 403
    asking.cancel()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
async def test_no_other_origin_answers(at_desk: Desk, origin: str) -> None:
    asking = at_desk.ask(ALLOW)
    key = await at_desk.let_in()
    await at_desk.see(key)
    for path in ("", "/open", "/answer", "/more", "/events"):
        method, body = ("GET", None) if path in {"", "/events"} else ("POST", {"answer": "always"})
        response, _ = await at_desk.door.ask(
            method, f"api/question{path}", body, Origin=origin, **{"X-Ankong-Panel": key}
        )
        assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers
    assert not asking.done()
    asking.cancel()


@pytest.mark.parametrize(
    ("prompt", "result"),
    [(ALLOW, SiteAnswer.CANCEL), (LAST, False), (LOCKED, None)],
    ids=["site", "last", "locked"],
)
async def test_a_page_that_goes_away_has_answered_as_a_closed_window_does(
    at_desk: Desk, prompt: Prompt[Any], result: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question_desk, "LEAVE_SECONDS", 0.05)
    asking = at_desk.ask(prompt)
    key = await at_desk.let_in()
    await at_desk.call("GET", "/events", key)  # reads one line, and hangs up
    assert await asking == result


async def test_the_page_hears_how_it_ended(at_desk: Desk) -> None:
    door = at_desk.door
    asking = at_desk.ask(ALLOW)
    key = await at_desk.let_in()
    url = f"{door.origin}/panel/api/question/events"
    headers = {"X-Ankong-Panel": key, "Origin": door.origin}
    async with door.agent.http.get(url, headers=headers) as stream:
        assert "left" in json.loads(await stream.content.readline())
        response, _ = await at_desk.call("POST", "/more", key, {})
        assert response.status == 204
        assert json.loads(await stream.content.readline())["more"] == question_desk.MORE_TIMES - 1
        asking.cancel()
        assert json.loads(await stream.content.readline()) == {"ended": "withdrawn"}


async def test_who_does_not_answer_in_time_was_asked_in_vain(
    start_agent: AgentFactory, card_certificate: Any, tmp_path: Path
) -> None:
    browser = Browser()
    desk = QuestionDesk(browser.open, seconds=0.2)
    async with open_door(start_agent, card_certificate, tmp_path, desk=desk) as door:
        at = Desk(door, desk, browser)
        asking = at.ask(PIN)
        await at.let_in()
        with pytest.raises(AgentError) as told:
            await asking
        assert told.value.code is ErrorCode.TIMEOUT


async def test_where_no_page_comes_nobody_was_asked(
    at_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No browser, or one that does not trust the agent's certificate: a window may ask."""
    monkeypatch.setattr(question_desk, "ARRIVE_SECONDS", 0.05)
    with pytest.raises(UnaskedError):
        await at_desk.ask(PIN)
    at_desk.browser.opens = False
    with pytest.raises(UnaskedError):
        await at_desk.ask(PIN)
    at_desk.desk.listening(None)
    with pytest.raises(UnaskedError):
        await at_desk.ask(PIN)


async def test_a_browser_that_is_waited_for_holds_no_answer_back(at_desk: Desk) -> None:
    """$BROWSER may name one that Python waits for until it is closed."""
    closed = threading.Event()
    at_desk.desk._open_page = lambda address: at_desk.browser.open(address) and closed.wait()
    try:
        asking = at_desk.ask(ALLOW)
        key = await at_desk.let_in()
        await at_desk.see(key)
        assert await at_desk.answer(key, "always") == 204
        assert await asking is SiteAnswer.ALWAYS
    finally:
        closed.set()


async def test_a_browser_that_never_opens_holds_no_question_up(
    at_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question_desk, "ARRIVE_SECONDS", 0.01)
    closed = threading.Event()
    at_desk.desk._open_page = lambda _: closed.wait()
    try:
        with pytest.raises(UnaskedError):
            await at_desk.ask(ALLOW)
    finally:
        closed.set()


async def test_looking_at_the_documents_answers_nothing_and_gives_time_to_read_them(
    at_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(at_desk.desk, "_view", shown.append)
    asking = at_desk.ask(VIEWED)
    key = await at_desk.let_in()
    before = (await at_desk.see(key))["left"]
    assert await at_desk.answer(key, "?") == 204
    assert await at_desk.answer(key, "?") == 204
    assert shown == ["ab" * 16] * 2
    assert (await at_desk.see(key))["left"] > before
    assert await at_desk.answer(key, "pin:", "246813") == 204
    assert await asking == SecretBytes(bytearray(b"246813"))
    asking = at_desk.ask(PIN)
    key = await at_desk.let_in()
    assert await at_desk.answer(key, "?") == 400  # it has none
    assert await at_desk.answer(key, "cancel") == 204
    with pytest.raises(AgentError):
        await asking
