"""The doctor in the panel: examines the agent that it is part of.

What it needs is loaded when somebody asks for it, in a thread: most agents never examine anything.
"""

import asyncio
from typing import Any

from agent.host.machine.paths import Paths
from agent.signing.service import SigningService


class PanelDoctor:
    """Looks at the cards with the agent's own service, and at all else as the command does."""

    def __init__(self, places: Paths, service: SigningService) -> None:
        """Take over a patient."""
        self._places = places
        self._service = service

    async def examine(self) -> dict[str, Any]:
        """Look; give the report for programs (see ``Report.as_json``)."""
        await asyncio.to_thread(_load)
        from agent.commands.doctor import card_facts  # noqa: PLC0415  # loaded a moment ago

        cards = await card_facts(self._service)

        def look() -> dict[str, Any]:
            from agent.commands.doctor import gather  # noqa: PLC0415  # likewise
            from agent.doctor.examination import examine  # noqa: PLC0415  # likewise

            return examine(gather(self._places, cards)).as_json()

        return await asyncio.to_thread(look)

    async def repair(self, name: str) -> None:
        """Carry out one repair.

        Raises:
            AgentError: there is none of that name, or it did not work.

        """

        def mend() -> None:
            from agent.commands.doctor import gather  # noqa: PLC0415  # seldom needed
            from agent.doctor.repairs import repair  # noqa: PLC0415  # likewise

            repair(name, gather(self._places, None))

        await asyncio.to_thread(mend)


def _load() -> None:
    pass  # seldom needed
