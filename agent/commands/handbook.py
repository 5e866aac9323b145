"""``ankong handbook``: open the handbook for people who write pages and servers in the browser."""

from dataclasses import dataclass

from agent.commands.browser import open_address
from agent.commands.output import say
from agent.commands.parser import CommandOptions, CommandParser, define
from agent.commands.tongue import tongue
from agent.host.instance.panel_key import pages_origin
from agent.host.machine.paths import Paths
from agent.web.panel.files import handbook_path


@dataclass(frozen=True, kw_only=True, slots=True)
class HandbookOptions(CommandOptions):
    """The options of ``handbook``.

    Attributes:
        print_only: whether the address is printed, and no browser opened.

    """

    print_only: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, HandbookOptions, handbook)
    parser.add_argument(
        "--print", action="store_true", dest="print_only", help="cli.handbook.print"
    )


def handbook(options: HandbookOptions) -> int:
    """Open it in the person's language; print its address if asked to, or without a browser."""
    address = pages_origin(Paths.choose(options.state_dir)) + handbook_path(tongue())
    if options.print_only or not open_address(address):
        say(address)
    return 0
