"""The panel's door, open."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent.consent.site_store import SiteStore
from agent.history.store import History
from agent.host.instance.panel_key import PanelKey
from agent.host.machine.paths import Paths
from agent.host.settings.policy import Policy
from agent.host.settings.preferences import Preferences
from agent.web.panel.panel import Panel, Sources
from tests.web.conftest import AgentFactory
from tests.web.panel.panel_door import Door, PanelService


@pytest.fixture
async def door(
    start_agent: AgentFactory, card_certificate: Any, tmp_path: Path
) -> AsyncIterator[Door]:
    """Start an agent with a panel, which is open."""
    paths = Paths.choose(tmp_path)
    service = PanelService(card_certificate)
    store = await asyncio.to_thread(SiteStore, paths.sites)
    history = await asyncio.to_thread(History, paths.history)
    key = PanelKey(bytes(32))
    sources = Sources(
        service=service,
        paths=paths,
        policy=Policy(),
        preferences=Preferences(paths.preferences),
        sites=store,
        history=history,
    )
    panel = await asyncio.to_thread(Panel, sources, key.spend)
    agent = await start_agent(service=service, native_mounts=(panel.mount,))
    panel.listening(agent.serving.port, agent.plain_port, None)
    # A cookie jar would put back what a test leaves out.
    connector = aiohttp.TCPConnector(ssl=agent.trust, limit=0)
    agent.http = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    made = Door(agent, panel, key, store, history, paths)
    await made.open()
    yield made
    panel.close()
    await agent.http.close()
    await asyncio.to_thread(store.close)
    await asyncio.to_thread(history.close)
