"""Choose the readers of a command by its options, and use cards without a running agent."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from agent.commands.parser import CommandOptions, CommandParser
from agent.signing.service import SigningService
from agent.transport.base import CardProvider

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReaderOptions(CommandOptions):
    """The options that choose the readers of a command.

    Attributes:
        provider: "pcsc" or "virtual"; None for "virtual" if there are files in ``virtual_card``,
            else "pcsc".
        virtual_card: files of virtual cards, each put into a virtual reader of its own.

    """

    provider: str | None = None
    virtual_card: tuple[Path, ...] = ()

    def open_provider(self) -> CardProvider:
        """Open the readers.

        Raises:
            AgentError: there is no PC/SC library, or a file is no virtual card.

        """
        kind = self.provider or ("virtual" if self.virtual_card else "pcsc")
        if kind == "pcsc":
            from agent.transport.pcsc import (  # noqa: PLC0415  # needs the PC/SC library
                PcscProvider,
            )

            return PcscProvider()
        from agent.virtualcard.card_file_provider import CardFileProvider  # noqa: PLC0415  # testers only

        return CardFileProvider(self.virtual_card)


def add_reader_options(parser: CommandParser) -> None:
    """Add the options of :class:`ReaderOptions`."""
    parser.add_argument(
        "--provider",
        choices=("pcsc", "virtual"),
        help="cli.readers.provider",
    )
    parser.add_argument(
        "--virtual-card",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="cli.readers.virtual_card",
    )


async def use_service(service: SigningService, use: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Start a service, await ``use()``, close the service, and return the result."""
    await service.start()
    try:
        return await use()
    finally:
        await service.close()
