"""``ankong inspect``: which programs on this computer a page tried, by a browser's own log."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.browserlog.answers import SWITCHING_PROTOCOLS, RequestAnswer
from agent.browserlog.known_ports import KNOWN_PORTS
from agent.browserlog.reading import LoopbackReport, read_log
from agent.browserlog.tally import MAX_ENDPOINTS, TriedEndpoint
from agent.commands.output import say, say_aside, say_json
from agent.commands.parser import CommandParser, JsonOptions, define
from agent.commands.speaking import add_language, spoken_languages
from agent.errors import BadRequestError
from agent.words import Language, load
from agent.words import say as words_for


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectOptions(JsonOptions):
    """The options of ``inspect``.

    Attributes:
        file: the net log or HAR.
        language: the one in which people read the answer; None for every reviewed one.

    """

    file: Path
    language: str | None = None


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, InspectOptions, inspect)
    parser.add_argument("file", type=Path, metavar="FILE", help="cli.inspect.file")
    add_language(parser)


def inspect(options: InspectOptions) -> int:
    """Print the loopback endpoints that pages tried, and nothing else of the file."""
    report = _read(options.file)
    if options.json:
        say_json(
            {
                "endpoints": [_row(tried) for tried in report.endpoints],
                "whole": report.is_whole,
                "more": report.has_more,
            }
        )
    else:
        _say(report, spoken_languages(options.language))
    return 0


def _read(file: Path) -> LoopbackReport:
    try:
        return read_log(file)
    except BadRequestError as error:
        raise BadRequestError(error.detail, said=("cli.error.no_log", {})) from error


def _row(tried: TriedEndpoint) -> dict[str, Any]:
    return {
        "scheme": tried.endpoint.scheme,
        "host": tried.endpoint.host,
        "port": tried.endpoint.port,
        "seconds": tried.seconds,
        "count": tried.count,
        "answers": [
            {"kind": str(answer.kind), "status": answer.status, "count": count}
            for answer, count in tried.answers.items()
        ],
        "family": KNOWN_PORTS.get(tried.endpoint.port),
    }


def _say(report: LoopbackReport, languages: Sequence[Language]) -> None:
    """Print the lines that are to be sent on standard output, and all remarks beside it."""
    for number, tried in enumerate(report.endpoints, 1):
        when = "" if tried.seconds is None else f"  +{tried.seconds:.3f} s"
        say(f"{number}. {tried.endpoint}{when}  ×{tried.count}")
        for line in dict.fromkeys(_told(tried, language) for language in languages):
            say(f"   {line}")
    remarks = [("inspect.send_only_these" if report.endpoints else "inspect.nothing")]
    if not report.is_whole:
        remarks.append("inspect.no_end")
    if report.has_more:
        remarks.append("inspect.more")
    for remark in remarks:
        for language in languages:
            say_aside(words_for(language, remark, {"limit": MAX_ENDPOINTS}))


def _told(tried: TriedEndpoint, language: Language) -> str:
    """Say in one language what became of the requests, and whose port it is."""
    several = len(tried.answers) > 1
    parts = [
        _answer(answer, language) + (f" ×{count}" if several else "")
        for answer, count in tried.answers.items()
    ]
    family = KNOWN_PORTS.get(tried.endpoint.port)
    if family is not None:
        parts.append(str(load(language)[f"inspect.family.{family}"]))
    return " · ".join(parts)


def _answer(answer: RequestAnswer, language: Language) -> str:
    name = "opened" if answer.status == SWITCHING_PROTOCOLS else str(answer.kind)
    return words_for(language, f"inspect.answer.{name}", {"status": answer.status})
