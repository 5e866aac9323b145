"""Choose the readers of a command by its options, and use cards without a running agent."""

import importlib.util
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from agent.commands.parser import CommandOptions, CommandParser
from agent.errors import ServiceUnavailableError
from agent.signing.service import SigningService
from agent.transport.base import CardProvider

T = TypeVar("T")
_INSTALL: Final = "pip install 'ankong[pcsc]'"


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

    @property
    def provider_kind(self) -> str:
        """What the options choose: "pcsc" or "virtual"."""
        return self.provider or ("virtual" if self.virtual_card else "pcsc")

    def open_provider(self) -> CardProvider:
        """Open the readers.

        Raises:
            AgentError: there is no PC/SC library or pyscard, or a file is no virtual card.

        """
        if self.provider_kind == "pcsc":
            if importlib.util.find_spec("smartcard") is None:
                raise ServiceUnavailableError(
                    f"pyscard is not installed: {_INSTALL}",
                    said=("cli.error.no_pyscard", {"command": _INSTALL}),
                )
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
