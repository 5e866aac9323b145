"""What ``--help`` shows: in the language of the command line, as wide as the terminal."""

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from agent.commands.colour import Colour, coloured
from agent.commands.columns import cells, padded, screen_width, wrapped
from agent.commands.examples import examples_of
from agent.commands.tongue import tell
from agent.commands.usage import named

if TYPE_CHECKING:
    from agent.commands.parser import CommandParser

_WIDEST_TERM: Final = 28  # cells
_LONGEST_CHOICES: Final = 20  # cells; longer ones stand in the text
Row = tuple[str, str]


def shown_value(action: argparse.Action) -> str:
    """Return the placeholder of an argument's value; empty where it takes none."""
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, str):
        return named(action.metavar)
    if action.choices is not None:
        choices = "{" + ",".join(map(str, action.choices)) + "}"
        return choices if len(choices) <= _LONGEST_CHOICES else named("VALUE")
    return named(action.dest.upper())


def shown_choices(action: argparse.Action) -> str:
    """Return what an argument does, with its possible values unless the placeholder has them."""
    text = tell(action.help or "")
    value = shown_value(action)
    if action.choices is None or value.startswith("{"):
        return text
    return tell("cli.page.choices", text=text, names=", ".join(map(str, action.choices)))


def usage(parser: "CommandParser") -> str:
    """Return the line that says what has to be typed, and what may be; it has no line end."""
    words = [parser.prog]
    words += [_use(each) for each in parser.arguments if _use(each)]
    if parser.commands:
        words.append(named(parser.commands_name))
    words.append(f"[{tell('cli.page.any_option')}]")
    first, *others = wrapped(tell("cli.page.usage", command=" ".join(words)), screen_width())
    return "\n".join([first, *(f"    {each}" for each in others)])


def _use(action: argparse.Action) -> str:
    value = shown_value(action)
    if not action.option_strings:
        return {"?": f"[{value}]", "+": f"{value}…"}.get(str(action.nargs), value)
    return f"{action.option_strings[0]} {value}" if action.required else ""


def page(parser: "CommandParser") -> str:
    """Return all that ``--help`` prints."""
    options = sorted((each for each in parser.arguments if each.option_strings), key=_is_everywhere)
    others = [each for each in parser.arguments if not each.option_strings]
    parts = [usage(parser), "\n".join(wrapped(tell(parser.about), screen_width()))]
    if parser.commands:
        rows = [(each.name, tell(each.about)) for each in parser.commands.values()]
        parts.append(_section(f"cli.page.{parser.commands_name}", rows))
    if others:
        parts.append(_section("cli.page.arguments", map(_row, others)))
    parts.append(_section("cli.page.options", map(_row, options)))
    if parser.ending is not None:
        parts.append("\n".join(wrapped(tell(parser.ending), screen_width())))
    examples = examples_of(parser.path)
    if examples:
        lines = [line for each in examples for line in _example(each.line, tell(each.key))]
        parts.append("\n".join([_heading("cli.page.examples"), *lines]))
    if parser.commands:
        more = tell("cli.page.more", command=f"{parser.prog} {named(parser.commands_name)} --help")
        parts.append("\n".join(wrapped(more, screen_width())))
    return "\n\n".join(parts) + "\n"


def _is_everywhere(action: argparse.Action) -> bool:
    """Return whether nearly every command has the option: it comes behind a command's own."""
    return (action.help or "").startswith("cli.options.")


def _heading(key: str) -> str:
    return coloured(tell(key), Colour.BOLD)


def _row(action: argparse.Action) -> Row:
    names = ", ".join(action.option_strings)
    return " ".join(filter(None, (names, shown_value(action)))), shown_choices(action)


def _section(heading: str, rows: Iterable[Row]) -> str:
    rows = list(rows)
    longest = max(cells(term) for term, _ in rows)
    column = min(longest, _WIDEST_TERM, screen_width() // 2) + 4
    return "\n".join([_heading(heading), *(line for row in rows for line in _lines(row, column))])


def _lines(row: Row, column: int) -> Iterator[str]:
    term, text = row
    first, *others = wrapped(text, screen_width() - column)
    if cells(term) + 4 <= column:
        yield f"{padded('  ' + term, column)}{first}".rstrip()
    else:
        yield f"  {term}"
        others = [first, *others]
    yield from (" " * column + each for each in others if each)


def _example(line: str, text: str) -> Iterator[str]:
    yield f"  ankong {line}"
    yield from (f"      {each}" for each in wrapped(text, screen_width() - 6))
