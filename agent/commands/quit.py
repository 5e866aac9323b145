"""``ankong quit``: ask the running agent to end."""

from agent.commands.output import log_aside, say
from agent.commands.parser import CommandOptions, CommandParser, define
from agent.commands.tongue import tell
from agent.host.instance.quitting import end_running
from agent.host.machine.paths import Paths


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, CommandOptions, leave)


def leave(options: CommandOptions) -> int:
    """Ask the running agent to end, and wait until it has.

    Raises:
        StillRunningError: it did not end in time.

    """
    log_aside()
    was_there = end_running(Paths.choose(options.state_dir))
    say(tell("cli.quit.said.ended" if was_there else "cli.quit.said.none"))
    return 0
