"""Choose the languages in which a command prints what people read."""

from collections.abc import Sequence

from agent.commands.parser import CommandParser
from agent.words import CHOICES, REVIEWED, Language
from agent.words.language import chosen_language


def add_language(parser: CommandParser) -> None:
    """Add ``--language``, whose value is None if it is not given."""
    parser.add_argument(
        "--language",
        choices=CHOICES,
        help="cli.options.language",
    )


def spoken_languages(choice: str | None) -> Sequence[Language]:
    """Return the language of ``--language``; every reviewed one where that is None."""
    return REVIEWED if choice is None else (chosen_language(choice),)
