"""The panel's door, open."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import AgentFactory
from tests.web.panel.panel_door import Door, open_door


@pytest.fixture
async def door(
    start_agent: AgentFactory, card_certificate: Any, tmp_path: Path
) -> AsyncIterator[Door]:
    """Start an agent with a panel, which is open."""
    async with open_door(start_agent, card_certificate, tmp_path) as opened:
        yield opened
