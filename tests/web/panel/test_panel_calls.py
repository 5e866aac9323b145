"""What the panel does for its own user, call by call."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from agent.consent.questions import Scope
from agent.consent.site_store import Decision
from agent.errors import MuteCardError, ServiceUnavailableError
from agent.host.settings.preferences import Preferences
from agent.origin import Origin
from agent.signing.model import ReaderProblem
from agent.web.panel.panel import PanelPorts
from tests.web.conftest import Agent, AgentFactory
from tests.web.panel.panel_door import Door, PanelService, entry, open_door, write


async def test_certificates_come_with_the_cards_that_were_not_read(door: Door) -> None:
    service = cast("PanelService", door.agent.service)
    service.problems = (ReaderProblem("R", MuteCardError("detail for the log")),)
    answer = await door.get("certificates")
    assert answer["problems"] == [{"reader": "R", "code": "card_mute"}]
    service.failure = ServiceUnavailableError("detail for the log")
    response, refused = await door.ask("GET", "api/certificates")
    assert (response.status, json.loads(refused)["error"]["code"]) == (503, "pcsc_unavailable")


async def test_a_site_can_be_blocked_and_forgotten_but_not_allowed(door: Door) -> None:
    site = Origin.parse_any("https://shop.example")
    await asyncio.wrap_future(door.store.remember(site, Decision.ALLOWED))
    (row,) = (await door.get("sites"))["sites"]
    assert (row["origin"], row["decision"], row["ruling"]) == (str(site), "allowed", "silent")
    await door.post("sites", {"origin": str(site), "action": "block"})
    assert door.store.decision(site) is Decision.BLOCKED
    answer = await door.post("sites", {"origin": str(site), "action": "forget"})
    assert answer["sites"] == []
    for action in ("allow", "allowed", "this_time", "allow_blind", "BLOCK", ""):
        response, _ = await door.ask("POST", "api/sites", {"origin": str(site), "action": action})
        assert response.status == 400
    assert door.store.decision(site) is Decision.UNKNOWN


@pytest.mark.parametrize("waiting", [True, False])
async def test_it_is_said_whether_new_sites_wait(
    start_agent: AgentFactory, card_certificate: Any, tmp_path: Path, *, waiting: bool
) -> None:
    wait = {"newcomers_wait": lambda: waiting}
    async with open_door(start_agent, card_certificate, tmp_path, **wait) as door:
        assert (await door.get("sites"))["newcomers_wait"] is waiting


async def test_signatures_over_what_cannot_be_shown_are_taken_back_by_themselves(
    door: Door,
) -> None:
    site = Origin.parse_any("https://shop.example")
    door.store.remember(site, Decision.ALLOWED)
    await asyncio.wrap_future(door.store.remember(site, Decision.ALLOWED, Scope.BLIND))
    (row,) = (await door.get("sites"))["sites"]
    assert (row["decision"], row["blind"]) == ("allowed", "allowed")
    answer = await door.post("sites", {"origin": str(site), "action": "forget_blind"})
    (row,) = answer["sites"]
    assert (row["decision"], row["blind"]) == ("allowed", "unknown")


async def test_what_is_no_origin_is_not_remembered(door: Door) -> None:
    for origin in ("", "shop.example", "https://shop.example/path", "local://user", "null"):
        response, _ = await door.ask("POST", "api/sites", {"origin": origin, "action": "block"})
        assert response.status == 400
    assert door.store.snapshot() == ()


async def test_the_history_is_found_by_words_and_by_pages(door: Door) -> None:
    entries = [
        entry(site="https://shop.example", document=f"文件 {number}.pdf") for number in range(120)
    ]
    await asyncio.to_thread(
        write, door, *entries, entry(site="https://tax.example", holder="王測試")
    )
    first = await door.get("history?q=")
    assert len(first["lines"]) == 50
    assert first["lines"][0]["holder"] == "王測試"
    second = await door.get(f"history?q=&before={first['before']}")
    third = await door.get(f"history?q=&before={second['before']}")
    assert [len(second["lines"]), len(third["lines"]), third["before"]] == [50, 21, None]
    seen = [line["seq"] for page in (first, second, third) for line in page["lines"]]
    assert seen == list(range(121, 0, -1))
    for words, found in (("TAX.example", 1), ("王測", 1), ("文件 7.pdf", 1), ("nothing", 0)):
        answer = await door.get(f"history?q={words}")
        assert (len(answer["lines"]), answer["before"]) == (found, None)


@pytest.mark.parametrize("before", ["-1", "x", "1e3", "", "9" * 30])
async def test_a_place_in_the_history_is_a_number(door: Door, before: str) -> None:
    response, _ = await door.ask("GET", f"api/history?before={before}")
    assert response.status == 400


async def test_the_chain_is_examined_and_the_history_exported(door: Door) -> None:
    await asyncio.to_thread(write, door, entry(site="https://shop.example", document="=1+1"))
    assert (await door.get("history/chain"))["intact"] is True
    response, table = await door.ask("GET", "api/history/export?format=csv")
    assert response.content_type == "text/csv"
    assert "'=1+1" in table.decode("utf-8-sig")
    exported = await door.get("history/export?format=json")
    assert exported["lines"][0]["document"] == "=1+1"


async def test_every_change_is_told_at_once(door: Door) -> None:
    service = door.agent.service
    assert isinstance(service, PanelService)
    url = f"{door.origin}/panel/api/events"
    async with door.agent.http.get(url, headers=door.headers()) as response:
        first = json.loads(await response.content.readline())
        assert first["working"] is False
        service.view = type(service.view)(
            service_available=True, readers=service.view.readers, working=True
        )
        for changed in tuple(service.watchers):
            changed()
        assert json.loads(await response.content.readline())["working"] is True
        door.panel.key_used()
        assert json.loads(await response.content.readline())["uses"] == 1
        door.panel.close()
        assert await response.content.read() == b""
    await Agent.until(lambda: not service.watchers)


async def test_a_page_that_leaves_is_not_told_any_more(door: Door) -> None:
    service = door.agent.service
    assert isinstance(service, PanelService)
    url = f"{door.origin}/panel/api/events"
    async with door.agent.http.get(url, headers=door.headers()) as response:
        await response.content.readline()
        assert len(service.watchers) == 1
        response.close()
    await Agent.until(lambda: not service.watchers)


async def test_a_language_that_is_chosen_lasts(door: Door) -> None:
    state = await door.post("settings", {"language": "en"})
    assert state["language"] == "en"
    again = await asyncio.to_thread(Preferences, door.paths.preferences)
    assert again.language == "en"
    response, _ = await door.ask("POST", "api/settings", {"language": "fr"})
    assert response.status == 400


async def test_the_ports_of_jrsys_pages_are_shown_with_who_else_has_one(door: Door) -> None:
    """It is no warning: the citizen may want to leave the other program."""
    assert (await door.get("state"))["ports"]["jrsys_holders"] == []
    holder = {"en": "Port 17022: SecurityTool (pid 1)."}
    door.panel.listening(
        PanelPorts(28443, 61161, jrsys_tls_ports=(17040,), jrsys_holders=(holder,))
    )
    ports = (await door.get("state"))["ports"]
    assert (ports["jrsys_ports"], ports["jrsys_tls_ports"]) == ([], [17040])
    assert ports["jrsys_holders"] == [holder]
    (component, *_) = (await door.post("selftest", {"signature": False}))["steps"]
    assert (component["name"], component["outcome"]) == ("component", "good")


async def test_ports_that_are_left_to_who_is_in_front_are_no_fault(door: Door) -> None:
    assert (await door.get("state"))["ports"]["left"] is False
    door.panel.listening(PanelPorts(28443, left=True))
    assert (await door.get("state"))["ports"]["left"] is True
    (component, *_) = (await door.post("selftest", {"signature": False}))["steps"]
    assert (component["name"], component["outcome"]) == ("component", "good")
