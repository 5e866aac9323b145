"""A running agent under a policy: nothing that a citizen, a flag or a page says is stronger."""

import asyncio
import json
import os
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent.commands.daemon import Daemon, DaemonOptions, Observer, opened
from agent.consent.site_store import Decision, SiteStore
from agent.history.store import read
from agent.host.settings import policy as policy_module
from agent.origin import Origin
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider

SITE = "https://portal.example"
DOCUMENT = {"data": "aGVsbG8=", "hash": "SHA-256", "format": "pkcs1", "pin": "123456"}


class Ready(Observer):
    def __init__(self) -> None:
        self.facts: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def ready(self, facts: dict[str, Any]) -> None:
        self.facts.set_result(facts)


class Page:
    """A page of some site that asks the agent."""

    def __init__(self, client: aiohttp.ClientSession, port: int) -> None:
        self._client = client
        self._port = port

    async def ask(self, method: str, origin: str = SITE, **params: Any) -> dict[str, Any]:
        url = f"https://localhost:{self._port}/v1/{method}"
        body = {"id": 1, "method": method, "params": params}
        tls = ssl._create_unverified_context()  # noqa: S323  # whose certificate it is does not matter here
        headers = {"Origin": origin}
        async with self._client.post(url, json=body, headers=headers, ssl=tls) as response:
            answer: dict[str, Any] = await response.json()
            return answer

    async def code(self, method: str, origin: str = SITE, **params: Any) -> str | None:
        answer = await self.ask(method, origin, **params)
        return answer["error"]["code"] if "error" in answer else None


Use = Callable[[Page], Awaitable[None]]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(policy_module, "system_path", lambda: tmp_path / "policy.toml")
    monkeypatch.setattr(policy_module, "check_policy_file", os.stat)
    return tmp_path / "state"


def serve(state: Path, card: VirtualCard, use: Use, **flags: Any) -> None:
    """Run an agent with every flag for the page, and a page that uses it."""
    provider = VirtualProvider(readers=1)
    provider.insert(READER_NAME.format(0), card)
    values = {"port": 0, "hipki_port": 0, "consent": "allow", **flags}
    options = DaemonOptions(make_provider=lambda: provider, state_dir=state, flags=values)

    async def run(daemon: Daemon) -> None:
        stopped, observer = asyncio.Event(), Ready()
        running = asyncio.create_task(daemon.run(stopped, observer))
        done, _ = await asyncio.wait((running, observer.facts), return_when="FIRST_COMPLETED")
        if running in done:
            await running
        try:
            async with aiohttp.ClientSession() as client:
                await use(Page(client, observer.facts.result()["port"]))
        finally:
            stopped.set()
            await running

    with opened(options) as daemon:
        asyncio.run(run(daemon))


def lay_down(state: Path, text: str) -> None:
    (state.parent / "policy.toml").write_text(text)


def outcomes(state: Path) -> list[tuple[str, str]]:
    lines = reversed(read(state / "history.sqlite"))
    return [(line.entry.site, line.entry.outcome) for line in lines]


def test_without_a_policy_the_flag_decides(state: Path, make_card: Callable[..., Any]) -> None:
    async def use(page: Page) -> None:
        assert (await page.ask("status"))["result"]["state"] == "running"
        assert "signature" in (await page.ask("sign", **DOCUMENT))["result"]

    serve(state, make_card(), use)
    assert outcomes(state) == [(SITE, "done")]


def test_a_forbidden_site_is_refused_whatever_the_flag_says(
    state: Path, make_card: Callable[..., Any]
) -> None:
    lay_down(state, 'forbidden = ["https://*.evil.example"]')

    async def use(page: Page) -> None:
        evil = "https://a.evil.example"
        assert await page.code("connect", evil) == "origin_blocked"
        assert await page.code("sign", evil, **DOCUMENT) == "origin_not_allowed"
        assert (await page.ask("status", evil))["result"]["allowed"] is False
        assert await page.code("sign", SITE, **DOCUMENT) is None

    serve(state, make_card(), use)
    assert outcomes(state) == [("https://a.evil.example", "origin_blocked"), (SITE, "done")]


def test_a_policy_that_cannot_be_read_refuses_everybody_and_says_so(
    state: Path, make_card: Callable[..., Any]
) -> None:
    lay_down(state, "this is no policy")
    state.mkdir()
    with closing(SiteStore(state / "sites.sqlite")) as store:
        store.remember(Origin.parse_any(SITE), Decision.ALLOWED).result()

    async def use(page: Page) -> None:
        status = (await page.ask("status"))["result"]
        assert status["allowed"] is False
        assert "state" not in status  # strangers learn no more than that it runs
        assert await page.code("connect") == "origin_blocked"
        assert await page.code("certificates") == "origin_not_allowed"
        assert await page.code("sign", **DOCUMENT) == "origin_not_allowed"

    for consent in ("allow", "ask"):
        serve(state, make_card(), use, consent=consent)
    log = (state / "logs" / "ankong.log").read_text("utf-8")
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert "the policy cannot be used: every site is refused" in events
    assert set(outcomes(state)) == {(SITE, "origin_blocked")}


def test_an_allowed_site_is_not_asked_about_and_a_block_does_not_count(
    state: Path, make_card: Callable[..., Any]
) -> None:
    lay_down(state, f'allowed = ["{SITE}"]\nunknown_tries = "allow"')
    state.mkdir()
    with closing(SiteStore(state / "sites.sqlite")) as store:
        store.remember(Origin.parse_any(SITE), Decision.BLOCKED).result()

    async def use(page: Page) -> None:
        assert await page.code("sign", **DOCUMENT) is None

    serve(state, make_card(), use, consent="ask")


def test_what_the_policy_forbids_a_page_cannot_have(
    state: Path, make_card: Callable[..., Any]
) -> None:
    lay_down(state, "page_pin = false\nallow_sha1 = false")
    state.mkdir()
    (state / "config.toml").write_text("page_pin = true\nallow_sha1 = true")

    async def use(page: Page) -> None:
        assert await page.code("sign", **DOCUMENT) == "pin_required"
        assert await page.code("sign", **{**DOCUMENT, "hash": "SHA-1"}) == "bad_request"

    card = make_card()
    serve(state, card, use)
    assert card.data.attempts_left == 3


def test_the_last_attempt_is_not_spent_where_the_policy_forbids_it(
    state: Path, make_card: Callable[..., Any]
) -> None:
    lay_down(state, "last_try = false")
    card = make_card()

    async def use(page: Page) -> None:
        wrong = {**DOCUMENT, "pin": "654321"}
        assert await page.code("sign", **wrong) == "pin_incorrect"
        assert await page.code("sign", **wrong) == "pin_incorrect"
        assert await page.code("sign", **DOCUMENT) == "pin_last_attempt"

    serve(state, card, use)
    assert card.data.attempts_left == 1


def test_a_port_of_the_policy_is_stronger_than_a_flag(
    state: Path, make_card: Callable[..., Any]
) -> None:
    lay_down(state, "port = 0")

    async def use(page: Page) -> None:
        assert page._port not in (0, 1)

    serve(state, make_card(), use, port=1)


def test_a_decision_taken_back_ends_a_running_site(
    state: Path, make_card: Callable[..., Any]
) -> None:
    """Allowed by the citizen, revoked on the command line, refused within seconds."""
    lay_down(state, 'unknown_tries = "allow"')
    state.mkdir()
    with closing(SiteStore(state / "sites.sqlite")) as store:
        store.remember(Origin.parse_any(SITE), Decision.ALLOWED).result()

    def take_back() -> None:
        with closing(SiteStore(state / "sites.sqlite", fresh=False)) as store:
            store.remember(Origin.parse_any(SITE), Decision.BLOCKED).result()

    async def use(page: Page) -> None:
        assert await page.code("sign", **DOCUMENT) is None
        await asyncio.to_thread(take_back)
        ends = time.monotonic() + 20
        while (await page.ask("status"))["result"]["allowed"]:
            assert time.monotonic() < ends
            await asyncio.sleep(0.2)
        assert await page.code("connect") == "origin_blocked"
        assert await page.code("sign", **DOCUMENT) == "origin_not_allowed"

    serve(state, make_card(), use, consent="ask")
    with closing(SiteStore(state / "sites.sqlite")) as store:
        (record,) = store.snapshot()
        assert record.last_used is not None


def test_a_policy_that_is_laid_down_meanwhile_holds(
    state: Path, make_card: Callable[..., Any]
) -> None:
    """Forbidden, then unusable, then gone: each within two rounds of the periodic checks."""

    async def until_allowed_is(page: Page, expected: bool) -> None:
        ends = time.monotonic() + 20
        while (await page.ask("status"))["result"]["allowed"] is not expected:
            assert time.monotonic() < ends
            await asyncio.sleep(0.2)

    async def use(page: Page) -> None:
        assert await page.code("sign", **DOCUMENT) is None
        lay_down(state, f'forbidden = ["{SITE}"]')
        await until_allowed_is(page, False)
        assert await page.code("sign", **DOCUMENT) == "origin_not_allowed"
        (state.parent / "policy.toml").unlink()
        await until_allowed_is(page, True)
        lay_down(state, "broken =")
        await until_allowed_is(page, False)
        record = json.loads((state / "instance.json").read_text())
        assert record["policy"] == policy_module.Policy.of_this_computer().fingerprint

    serve(state, make_card(), use)
