"""The command ``ankong tray``; ``ankong`` without a command does the same."""

import json
import os
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
from agent.database import DatabaseError
from agent.errors import AgentError
from agent.host.instance.panel_key import PanelUnreachableError, panel_address
from agent.host.instance.panel_opening import first_address
from agent.host.instance.running import AlreadyRunningError
from agent.host.machine.paths import Paths
from tray.waiting import FolderWait, is_passing

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
    parser.add_argument("--panel", action="store_true", help="cli.tray.panel")


def run(options: TrayOptions) -> int:
    """Run the agent with its icon until it ends; where one runs already, open its panel.

    While the disk is full or read-only, an icon says so, and the start is tried again. On Windows a
    user's own copy of the program is removed first where this is the one for all users.
    """
    gone = _take_over(options)
    if options.panel:
        from agent.commands.setup import complete_once  # noqa: PLC0415  # few starts need it

        complete_once(options.state_dir)  # else the browser would warn of the panel's certificate
    while True:
        try:
            _run_agent(options, copy_is_gone=gone)
        except AlreadyRunningError:
            return _show_panel(options.state_dir)
        except (DatabaseError, OSError) as error:
            if not is_passing(error):
                raise
            if not _wait(options, error):
                return 0
        else:
            return 0


def _take_over(options: TrayOptions) -> bool:
    """Remove the user's own copy where that is to be done; return whether it is gone now."""
    if os.name != "nt" or options.state_dir is not None:
        return False
    from agent.commands.setup import take_over  # noqa: PLC0415  # Windows only

    return take_over()


def _run_agent(options: TrayOptions, *, copy_is_gone: bool) -> None:
    with opened(options.daemon) as daemon:
        from tray.icon.system import system_backend  # noqa: PLC0415  # a second start has no icon
        from tray.program import Program  # noqa: PLC0415  # likewise

        program = Program(daemon, system_backend, _announce)
        if options.panel:
            program.open_when_ready()
        if copy_is_gone:
            program.tell_that_copy_is_gone()
        program.run()


def _wait(options: TrayOptions, error: Exception) -> bool:
    """Wait until the folder may be usable; return whether to start again."""
    from tray.icon.system import system_backend  # noqa: PLC0415  # few starts wait

    if sys.stderr is not None:
        print(f"ankong: {error}; trying again every minute", file=sys.stderr)  # noqa: T201  # likewise

    def attempt() -> None:
        with opened(options.daemon):
            pass

    return FolderWait(system_backend, attempt).run()


def _announce(facts: dict[str, Any]) -> None:
    if sys.stdout is not None:  # a program without a console has none
        print(json.dumps(facts), flush=True)  # noqa: T201  # a command line prints


def _show_panel(state_dir: Path | None) -> int:
    """Open the panel of the agent that runs already; return the exit status 0."""
    paths = Paths.choose(state_dir)
    address = _wait_for(lambda: first_address(paths))
    if not open_address(address) and sys.stdout is not None:
        own = panel_address(paths)
        print(json.dumps({"running": True, "panel": own}), flush=True)  # noqa: T201  # likewise
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
