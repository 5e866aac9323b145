"""The doctor of an agent that runs, for its panel: it never keeps the event loop waiting.

What examines is dozens of modules. They are loaded when somebody asks for them, in a thread: most
agents never examine anything.
"""

import asyncio
from types import ModuleType
from typing import TYPE_CHECKING, Any

from agent.host.machine.paths import Paths
from agent.signing.service import SigningService

if TYPE_CHECKING:
    from agent.doctor.card_survey import CardSurvey


class PanelDoctor:
    """Looks at the cards with the agent's own service, and at all else as the command does."""

    def __init__(self, paths: Paths, service: SigningService) -> None:
        """Examine this agent.

        Args:
            paths: of its files.
            service: sees its cards.

        """
        self._paths = paths
        self._service = service

    async def examine(self) -> dict[str, Any]:
        """Return the report for programs (see ``Report.as_json``)."""
        card_survey = await asyncio.to_thread(_load_survey)
        cards = await card_survey.survey(self._service)
        return await asyncio.to_thread(self._examine, cards)

    def _examine(self, cards: "CardSurvey") -> dict[str, Any]:
        from agent.doctor.examination import examine  # noqa: PLC0415  # see above
        from agent.doctor.installed_agent import InstalledAgent  # noqa: PLC0415  # likewise

        return examine(InstalledAgent.on_this_computer(self._paths, cards)).as_json()

    async def repair(self, name: str) -> None:
        """Carry out one repair.

        Raises:
            BadRequestError: there is no such repair.
            RepairError: it did not work.

        """
        await asyncio.to_thread(self._repair, name)

    def _repair(self, name: str) -> None:
        from agent.doctor.installed_agent import InstalledAgent  # noqa: PLC0415  # see above
        from agent.doctor.repairs import repair  # noqa: PLC0415  # likewise

        repair(name, InstalledAgent.on_this_computer(self._paths))


def _load_survey() -> ModuleType:
    from agent.doctor import card_survey  # noqa: PLC0415  # see above

    return card_survey
