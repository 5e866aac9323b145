"""``ankong serve``: run the agent without a tray icon."""

import asyncio
import contextlib
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.commands.daemon import Daemon, DaemonOptions, Observer, opened
from agent.commands.output import say_json
from agent.commands.parser import CommandParser, UnfitOptionsError, define
from agent.commands.readers import ReaderOptions, add_reader_options
from agent.host.settings.flags import add_flags

if TYPE_CHECKING:
    from agent.testkit.testing import AgentTesting


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeOptions(ReaderOptions):
    """The options of a command that runs the agent.

    Attributes:
        flags: values of settings, by name; they take precedence over the configuration file.
        record: record what pages ask for, for as long as the agent runs.
        test_control: let tests control the agent, which must have virtual cards.
        answers: a file of rules by which a test answers the agent's questions; likewise.

    """

    flags: Mapping[str, object] = field(default_factory=dict)
    record: bool = False
    test_control: bool = False
    answers: Path | None = None

    @property
    def daemon(self) -> DaemonOptions:
        """The options with which the agent is opened.

        Raises:
            UnfitOptionsError: a test wants to control real readers, or an installed program.
            AgentError, OSError: the file of answers cannot be used.

        """
        testing = self._testing()
        return DaemonOptions(
            make_provider=self.open_provider if testing is None else testing.open_provider,
            testing=testing,
            state_dir=self.state_dir,
            flags=self.flags,
            record=self.record or self.test_control,
        )

    def _testing(self) -> "AgentTesting | None":
        if not self.test_control and self.answers is None:
            return None
        try:
            from agent.testkit.testing import (  # noqa: PLC0415  # testers only
                AgentTesting,
            )
        except ModuleNotFoundError as error:  # it is no part of an installed program
            raise _only_for_tests() from error
        if self.provider_kind != "virtual":
            raise _only_for_tests()
        testing = AgentTesting(self.open_provider, listens=self.test_control)
        if self.answers is not None:
            testing.read_answers(self.answers)
        return testing


def _only_for_tests() -> UnfitOptionsError:
    return UnfitOptionsError(
        "--test-control and --answers need virtual cards, and no installed program",
        said=("cli.error.only_for_tests", {}),
    )


class _Printing(Observer):
    def ready(self, facts: dict[str, Any]) -> None:
        say_json(facts, flush=True)


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, ServeOptions, serve)
    add_serve_options(parser)


def add_serve_options(parser: CommandParser) -> None:
    """Add the options of :class:`ServeOptions`."""
    add_reader_options(parser)
    add_flags(parser)
    parser.add_argument(
        "--record",
        action="store_true",
        help="cli.serve.record",
    )
    parser.add_argument("--test-control", action="store_true", help="cli.serve.test_control")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="cli.serve.answers")


def serve(options: ServeOptions) -> int:
    """Run the agent until it is asked to quit or gets a signal to end."""

    async def until_stopped(daemon: Daemon) -> None:
        await daemon.run(_stop_event(), _Printing())

    with opened(options.daemon) as daemon:
        asyncio.run(until_stopped(daemon))
    return 0


def _stop_event() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set; on Windows Ctrl-C raises instead."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stopped.set)
    return stopped
