"""``ankong panel``: open the running agent's panel in the browser."""

from dataclasses import dataclass

from agent.commands.browser import open_address
from agent.commands.output import say, say_json
from agent.commands.parser import CommandOptions, CommandParser, define
from agent.host.instance.panel_key import panel_address
from agent.host.instance.panel_opening import first_address
from agent.host.machine.paths import Paths


@dataclass(frozen=True, kw_only=True, slots=True)
class PanelOptions(CommandOptions):  # not JsonOptions: --print and --json exclude each other
    """The options of ``panel``.

    Attributes:
        print_only: whether the address is printed, and no browser opened.
        json: whether it is printed as JSON, and no browser opened.

    """

    print_only: bool = False
    json: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, PanelOptions, panel)
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--print",
        action="store_true",
        dest="print_only",
        help="cli.panel.print",
    )
    how.add_argument("--json", action="store_true", help="cli.panel.json")


def panel(options: PanelOptions) -> int:
    """Open the panel in the browser; print its address if asked to, or if there is no browser."""
    paths = Paths.choose(options.state_dir)
    if options.json:
        say_json({"url": panel_address(paths)})
    elif options.print_only or not open_address(first_address(paths)):
        say(panel_address(paths))
    return 0
