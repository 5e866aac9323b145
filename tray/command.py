"""The command ``ankong tray``; ``ankong`` without a command does the same."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.commands.browser import open_address
from agent.commands.daemon import opened
from agent.commands.parser import CommandParser, define
from agent.commands.serve import ServeOptions, add_serve_options
from agent.errors import AgentError
from agent.host.instance.panel_key import PanelUnreachableError, panel_address
from agent.host.instance.running import AlreadyRunningError
from agent.host.machine.paths import Paths

STARTING_SECONDS: Final = 15.0
"""How long an agent that was just started may take to be ready."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrayOptions(ServeOptions):
    """The options of ``tray``.

    Attributes:
        panel: set the program up for this user if it is not, and open the panel.

    """

    panel: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, TrayOptions, run)
    add_serve_options(parser)
    parser.add_argument(
        "--panel",
        action="store_true",
        help="set it up for this user if need be, and open the panel",
    )


def run(options: TrayOptions) -> int:
    """Run the agent with its icon until it ends; where one runs already, open its panel."""
    if options.panel:
        from agent.commands.setup import complete_once  # noqa: PLC0415  # few starts need it

        complete_once(options.state_dir)  # else the browser would warn of the panel's certificate
    try:
        with opened(options.daemon) as daemon:
            from tray.icon.system import system_backend  # noqa: PLC0415  # a second start has no icon
            from tray.program import Program  # noqa: PLC0415  # likewise

            program = Program(daemon, system_backend, _announce)
            if options.panel:
                program.open_when_ready()
            program.run()
    except AlreadyRunningError:
        return _show_panel(options.state_dir)
    return 0


def _announce(facts: dict[str, Any]) -> None:
    if sys.stdout is not None:  # a program without a console has none
        print(json.dumps(facts), flush=True)  # noqa: T201  # a command line prints


def _show_panel(state_dir: Path | None) -> int:
    """Open the panel of the agent that runs already; return the exit status 0."""
    address = _wait_for(lambda: panel_address(Paths.choose(state_dir)))
    if not open_address(address) and sys.stdout is not None:
        print(json.dumps({"running": True, "panel": address}), flush=True)  # noqa: T201  # likewise
    return 0


def _wait_for(address: Callable[[], str]) -> str:
    """Return what ``address`` returns once it no longer raises.

    Raises:
        PanelUnreachableError: it got none of its ports, which waiting does not change.
        AgentError: it still raises after ``STARTING_SECONDS``.

    """
    end = time.monotonic() + STARTING_SECONDS
    while True:
        try:
            return address()
        except PanelUnreachableError:
            raise
        except AgentError:
            if time.monotonic() >= end:
                raise
        time.sleep(0.2)
