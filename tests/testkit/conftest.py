"""One agent that tests control, for all tests of a module."""

import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.testkit.agent_process import running_agent
from agent.testkit.card_files import KitIssuer
from agent.testkit.handles import AgentHandle, CardFile

collect_ignore = ["outside", "outside_failing"]  # projects of others: test_outside.py runs them
SITE = "https://portal.example"


@dataclass(frozen=True, slots=True)
class Stand:
    """An agent that started with one card, and a site's way to it."""

    agent: AgentHandle
    issuer: KitIssuer
    card: CardFile
    state: Path

    def ask(self, method: str, origin: str = SITE, **params: Any) -> dict[str, Any]:
        """Send a site's request; return the result, or the error under "error"."""
        context = ssl.create_default_context(cafile=self.state / "tls" / "authority.pem")
        connection = http.client.HTTPSConnection(
            "localhost", self.agent.port, timeout=60, context=context
        )
        headers = {"Origin": origin, "Content-Type": "application/json"}
        connection.request("POST", f"/v1/{method}", json.dumps({"params": params}), headers)
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        result: dict[str, Any] = found.get("result", found)
        return result

    def sign(self, **params: Any) -> str:
        """Ask for a signature as a site does; return "ok" or the code of the error."""
        refused = self.ask("connect")
        if "error" in refused:
            return str(refused["error"]["code"])
        asked = {"data": "aGVsbG8=", "hash": "SHA-256", "format": "cms"} | params
        found = self.ask("sign", **asked)
        return str(found["error"]["code"]) if "error" in found else "ok"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("stand")
    state = folder / "agent"
    state.mkdir(mode=0o700)
    issuer = KitIssuer(state / "issuer")
    card = issuer.make_card(folder)
    with running_agent(state, f"--virtual-card={card.path}") as agent:
        yield Stand(agent, issuer, card, state)


@pytest.fixture
def stand(running: Stand) -> Stand:
    """Return the agent as it was when it started."""
    running.agent.reset()
    return running
