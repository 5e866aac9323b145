"""Examine and repair the running agent itself; its event loop is not kept waiting.

The cards are examined by the agent's own service, and all else as ``ankong doctor`` does.
"""

import asyncio
from typing import Any

from agent.doctor.card_survey import survey
from agent.doctor.examination import examine
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.repairs import repair
from agent.host.machine.paths import Paths
from agent.signing.service import SigningService


async def examine_running(paths: Paths, service: SigningService) -> dict[str, Any]:
    """Return the report as a JSON object (see :meth:`agent.doctor.report.Report.as_json`).

    Args:
        paths: of the agent's files.
        service: the one that uses its readers.

    """
    cards = await survey(service)

    def work() -> dict[str, Any]:
        return examine(InstalledAgent.on_this_computer(paths, cards, inside=True)).as_json()

    return await asyncio.to_thread(work)


async def repair_running(paths: Paths, name: str) -> None:
    """Carry out one repair on the agent with these files.

    Raises:
        BadRequestError: there is no such repair.
        RepairError: it did not work.

    """

    def work() -> None:
        repair(name, InstalledAgent.on_this_computer(paths))

    await asyncio.to_thread(work)
