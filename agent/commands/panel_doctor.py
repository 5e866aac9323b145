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
    """Leaves the work to :mod:`agent.doctor.running_agent`, which says what may go wrong."""

    def __init__(self, paths: Paths, service: SigningService) -> None:
        self._paths = paths
        self._service = service

    async def examine(self) -> dict[str, Any]:
        """Examine the agent; see :class:`agent.web.panel.panel.Doctor`."""
        loaded = await asyncio.to_thread(_load)
        report: dict[str, Any] = await loaded.examine_running(self._paths, self._service)
        return report

    async def repair(self, name: str) -> None:
        """Carry out one repair; errors as of :class:`agent.web.panel.panel.Doctor`."""
        loaded = await asyncio.to_thread(_load)
        await loaded.repair_running(self._paths, name)


def _load() -> Any:
    from agent.doctor import running_agent  # noqa: PLC0415  # see above

    return running_agent
