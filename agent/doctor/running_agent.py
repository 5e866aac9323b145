"""Examine and repair the running agent itself; its event loop is not kept waiting."""

import asyncio
from typing import Any

from agent.doctor.card_survey import CardSurvey, survey
from agent.doctor.examination import examine
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.repairs import repair
from agent.host.machine.paths import Paths
from agent.signing.service import SigningService


class RunningAgentDoctor:
    """Examines the cards by the agent's own service, and all else as ``ankong doctor`` does."""

    def __init__(self, paths: Paths, service: SigningService) -> None:
        """Examine one agent.

        Args:
            paths: of its files.
            service: the one that uses its readers.

        """
        self._paths = paths
        self._service = service

    async def examine(self) -> dict[str, Any]:
        """Return the report as a JSON object (see :meth:`agent.doctor.report.Report.as_json`)."""
        cards = await survey(self._service)
        return await asyncio.to_thread(self._examine, cards)

    def _examine(self, cards: CardSurvey) -> dict[str, Any]:
        return examine(InstalledAgent.on_this_computer(self._paths, cards)).as_json()

    async def repair(self, name: str) -> None:
        """Carry out one repair.

        Raises:
            BadRequestError: there is no such repair.
            RepairError: it did not work.

        """
        await asyncio.to_thread(self._repair, name)

    def _repair(self, name: str) -> None:
        repair(name, InstalledAgent.on_this_computer(self._paths))
