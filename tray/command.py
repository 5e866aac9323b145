"""The command ``ankong tray``, which is also what ``ankong`` alone does."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from agent.cli import EXIT_OK, add_command, add_run_options, serve_options
from agent.errors import AgentError

STARTING_SECONDS: Final = 15.0
"""How long an agent that was started a moment ago may take to be ready."""


def add(commands: Any) -> None:
    """Add the command to a parser's."""
    text = "run the agent with its icon; where one runs already, open its panel (the default)"
    parser = add_command(commands, "tray", run, text)
    add_run_options(parser)
    parser.add_argument(
        "--panel",
        action="store_true",
        help="set it up for this user if need be, and open the panel",
    )


def run(options: argparse.Namespace) -> int:
    """Run the agent with its icon until it ends."""
    from agent.commands.daemon import opened  # noqa: PLC0415  # --help must not load everything
    from agent.host.instance.running import AlreadyRunningError  # noqa: PLC0415  # likewise

    if options.panel:
        from agent.commands.setup import complete_once  # noqa: PLC0415  # likewise

        complete_once(options.state_dir)  # else the citizen's browser would warn of our own pages
    try:
        with opened(serve_options(options)) as daemon:
            from tray.icon.backend import system_backend  # noqa: PLC0415  # likewise
            from tray.program import Program  # noqa: PLC0415  # likewise

            program = Program(daemon, system_backend, _announce)
            if options.panel:
                program.open_when_ready()
            program.run()
    except AlreadyRunningError:
        return _show_panel(options)
    return EXIT_OK


def _announce(facts: dict[str, Any]) -> None:
    if sys.stdout is not None:  # a program without a console has none
        print(json.dumps(facts), flush=True)  # noqa: T201  # a command line prints


def _show_panel(options: argparse.Namespace) -> int:
    """Open the panel of the agent that runs; a second start is no mistake."""
    from agent.commands.browser import open_address  # noqa: PLC0415  # --help must be quick
    from agent.host.instance.panel_key import panel_address  # noqa: PLC0415  # likewise
    from agent.host.machine.paths import Paths  # noqa: PLC0415  # likewise

    address = _wait_for(lambda: panel_address(Paths.choose(options.state_dir)))
    if not open_address(address) and sys.stdout is not None:
        print(json.dumps({"running": True, "panel": address}), flush=True)  # noqa: T201  # likewise
    return EXIT_OK


def _wait_for(address: Callable[[], str]) -> str:
    end = time.monotonic() + STARTING_SECONDS
    while True:
        try:
            return address()
        except AgentError:
            if time.monotonic() >= end:
                raise
        time.sleep(0.2)
