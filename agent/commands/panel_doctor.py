"""The doctor that the panel of a running agent uses, loaded when somebody asks for it.

``agent.doctor`` imports dozens of modules, which most agents never need. The first request imports
them, in a thread, because the event loop must not wait that long.
"""

import asyncio
from typing import Any

from agent.host.machine.paths import Paths
from agent.signing.service import SigningService
from agent.web.panel.panel import Doctor


class PanelDoctor(Doctor):
    """Loads :class:`agent.doctor.running_agent.RunningAgentDoctor`, and leaves the work to it."""

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
        doctor = await asyncio.to_thread(self._load)
        return await doctor.examine()

    async def repair(self, name: str) -> None:
        """Carry out one repair.

        Raises:
            BadRequestError: there is no such repair.
            RepairError: it did not work.

        """
        doctor = await asyncio.to_thread(self._load)
        await doctor.repair(name)

    def _load(self) -> Doctor:
        from agent.doctor.running_agent import RunningAgentDoctor  # noqa: PLC0415  # see above

        return RunningAgentDoctor(self._paths, self._service)
