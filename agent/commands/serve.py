"""``ankong serve``: run the agent without a tray icon."""

import asyncio
import contextlib
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.commands.daemon import Daemon, DaemonOptions, Observer, opened
from agent.commands.output import say_json
from agent.commands.parser import CommandParser, define
from agent.commands.readers import ReaderOptions, add_reader_options
from agent.host.settings.flags import add_flags


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeOptions(ReaderOptions):
    """The options of a command that runs the agent.

    Attributes:
        flags: values of settings, by name; they take precedence over the configuration file.
        record: record what pages ask for, for as long as the agent runs.

    """

    flags: Mapping[str, object] = field(default_factory=dict)
    record: bool = False

    @property
    def daemon(self) -> DaemonOptions:
        """The options with which the agent is opened."""
        return DaemonOptions(
            make_provider=self.open_provider,
            state_dir=self.state_dir,
            flags=self.flags,
            record=self.record,
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
