"""The doctor in the panel: examines the agent that it is part of."""

import asyncio
from typing import Any

from agent.commands.doctor import card_facts, gather
from agent.host.doctor.examination import examine
from agent.host.doctor.repairs import repair
from agent.host.paths import Paths
from agent.signing.service import SigningService


class PanelDoctor:
    """Looks at the cards with the agent's own service, and at all else as the command does."""

    def __init__(self, places: Paths, service: SigningService) -> None:
        """Take over a patient."""
        self._places = places
        self._service = service

    async def examine(self) -> dict[str, Any]:
        """Look; give the report for programs (see ``Report.as_json``)."""
        cards = await card_facts(self._service)
        patient = await asyncio.to_thread(gather, self._places, cards)
        return (await asyncio.to_thread(examine, patient)).as_json()

    async def repair(self, name: str) -> None:
        """Carry out one repair.

        Raises:
            AgentError: there is none of that name, or it did not work.

        """
        patient = await asyncio.to_thread(gather, self._places, None)
        await asyncio.to_thread(repair, name, patient)
