"""``ankong completion``: print what completes command lines in a shell."""

from dataclasses import dataclass

from agent.commands import completion_scripts
from agent.commands.completion_model import described
from agent.commands.output import say
from agent.commands.parser import CommandOptions, CommandParser, define


@dataclass(frozen=True, kw_only=True, slots=True)
class CompletionOptions(CommandOptions):
    """The options of ``completion``.

    Attributes:
        shell: one of :data:`agent.commands.completion_scripts.WRITERS`.

    """

    shell: str


def add(parser: CommandParser) -> None:
    """Add the command's options."""

    def completion(options: CompletionOptions) -> int:
        """Print the script, made of the parsers of all commands."""
        write = completion_scripts.WRITERS[options.shell]
        say(write(described(parser.root)).rstrip("\n"))
        return 0

    define(parser, CompletionOptions, completion)
    parser.add_argument(
        "shell",
        choices=tuple(completion_scripts.WRITERS),
        metavar="SHELL",
        help="cli.completion.shell",
    )
    parser.ending = "cli.completion.ending"
