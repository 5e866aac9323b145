"""The doctor in the panel: examines the agent that it is part of.

What it needs is loaded when somebody asks for it, in a thread: most agents never examine anything.
"""

import asyncio
from types import ModuleType
from typing import Any

from agent.host.machine.paths import Paths
from agent.signing.service import SigningService


class PanelDoctor:
    """Looks at the cards with the agent's own service, and at all else as the command does."""

    def __init__(self, paths: Paths, service: SigningService) -> None:
        """Examine this agent: its state folder, and the cards that its service sees."""
        self._paths = paths
        self._service = service

    async def examine(self) -> dict[str, Any]:
        """Look; give the report for programs (see ``Report.as_json``)."""
        doctor = await asyncio.to_thread(_load)
        cards = await doctor.card_facts(self._service)

        def look() -> dict[str, Any]:
            report: dict[str, Any] = doctor.examine(doctor.gather(self._paths, cards)).as_json()
            return report

        return await asyncio.to_thread(look)

    async def repair(self, name: str) -> None:
        """Carry out one repair.

        Raises:
            AgentError: there is none of that name, or it did not work.

        """

        def mend() -> None:
            doctor = _load()
            doctor.repair(name, doctor.gather(self._paths, None))

        await asyncio.to_thread(mend)


def _load() -> ModuleType:
    """Load what examines: dozens of modules, which the event loop must not wait for."""
    from agent.commands import doctor  # noqa: PLC0415  # see above

    return doctor
