"""Whatever a citizen opens for the first time, the agent goes on answering everybody else."""

import asyncio
import http.client
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.host.instance.panel_key import panel_address
from agent.host.machine.paths import Paths
from agent.virtualcard.cardfile import save
from tests.tray.prompt.running_agent import RunningAgent, without_display
from tests.web.panel.panel_door import READS

Answer = tuple[http.client.HTTPResponse, bytes]
PIECES = ("", "js/app.js", "css/base.css", "js/views/doctor.js")


class Panel:
    """A browser that opens the panel of a running agent."""

    def __init__(self, agent: RunningAgent) -> None:
        self.agent = agent
        port = agent.ready["port"]
        self.headers = {
            "Origin": f"https://localhost:{port}",
            "Content-Type": "application/json",
            "X-Ankong-Panel": "open",
        }
        token = panel_address(Paths(agent.state)).partition("token=")[2]
        response, body = self.ask("POST", "api/open", {"token": token})
        assert response.status == 200, body
        self.headers["X-Ankong-Panel"] = json.loads(body)["key"]
        self.headers["Cookie"] = str(response.headers["Set-Cookie"]).partition(";")[0]

    def ask(
        self, method: str, path: str, body: Any = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self.agent.connect()
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, f"/panel/{path}", content, self.headers)
            response = connection.getresponse()
            return response, response.readline() if path == "api/events" else response.read()
        finally:
            connection.close()


@pytest.fixture
def watched(tmp_path: Path, make_card: Any, generation: str) -> Any:
    card = tmp_path / "my.card"
    save(card, make_card(generation).data)
    report = tmp_path / "report"
    agent = RunningAgent(
        tmp_path / "state",
        without_display(),
        *("--virtual-card", str(card)),
        program=(sys.executable, "-m", "tests.loop_watch", str(report), "agent"),
    )
    with agent.process:
        try:
            agent.wait_ready()
            report.write_text("")  # beginning may take what it takes
            yield agent, report
        finally:
            agent.stop()


async def test_no_view_of_the_panel_keeps_the_loop_to_itself(watched: Any) -> None:
    agent, report = watched

    def visit() -> None:
        panel = Panel(agent)
        # The first answer about a site reads the list of public suffixes.
        site = {"origin": "https://www.portal.example", "action": "block"}
        response, body = panel.ask("POST", "api/sites", site)
        assert json.loads(body)["sites"][0]["domain"] == "portal.example", response.status
        assert not report.read_text(), "a site"
        for path in (*PIECES, *(f"api/{name}" for name in READS)):
            response, body = panel.ask("GET", path)
            assert response.status == 200, (path, body)
            assert not report.read_text(), path
        response, body = panel.ask("POST", "api/doctor", {"repair": "nothing"})
        assert json.loads(body)["failed"], response.status
        assert not report.read_text(), "a repair"

    await asyncio.to_thread(visit)
