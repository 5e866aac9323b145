"""``ankong doctor``: examine this installation, repair it, or write a support bundle."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.commands.colour import Colour, coloured
from agent.commands.out_file import add_out, require_free
from agent.commands.output import log_aside, say, say_json
from agent.commands.parser import CommandParser, JsonOptions, define
from agent.commands.readers import ReaderOptions, add_reader_options
from agent.commands.speaking import add_language, spoken_languages
from agent.doctor.bundle import write_bundle
from agent.doctor.card_survey import CardSurvey, survey_readers
from agent.doctor.command_line import command_line
from agent.doctor.examination import examine
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.repairs import repair
from agent.doctor.report import Level, Report
from agent.doctor.running import find_running
from agent.errors import AgentError
from agent.host.machine.paths import Paths
from agent.transport.base import CardProvider
from agent.words import Language, load

_COLOURS = {Level.OK: Colour.GREEN, Level.NOTE: Colour.YELLOW, Level.FAULT: Colour.RED}
_SIGNS = {Level.OK: "✓", Level.NOTE: "•", Level.FAULT: "✗"}


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorOptions(ReaderOptions, JsonOptions):
    """The options of ``doctor``.

    Attributes:
        repair: the name of a repair that is carried out first; None for none.
        bundle: the ZIP file for those who help, without personal data; None for none.
        force: whether that file may be there already, and is replaced.
        language: the one in which people read the answer; None for every reviewed one.

    """

    repair: str | None = None
    bundle: Path | None = None
    force: bool = False
    language: str | None = None


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, DoctorOptions, lambda options: run(options, options.open_provider))
    add_reader_options(parser)
    parser.add_argument("--repair", metavar="NAME", help="cli.doctor.repair")
    add_out(parser, "--bundle", text="cli.doctor.bundle")
    add_language(parser)


def run(options: DoctorOptions, provider: Callable[[], CardProvider]) -> int:
    """Carry out the repair if one is named, then examine; return 1 if something is broken."""
    log_aside()
    if options.bundle is not None:
        require_free(options.bundle, force=options.force)
    paths = Paths.choose(options.state_dir)
    if options.repair is not None:
        repair(options.repair, InstalledAgent.on_this_computer(paths))
    installation = InstalledAgent.on_this_computer(paths, *_cards(options, paths, provider))
    report = examine(installation)
    if options.bundle is not None:
        write_bundle(options.bundle, installation, report)
    if options.json:
        say_json(report.as_json())
    else:
        _say(report, spoken_languages(options.language), paths)
    return 0 if report.clean else 1


def _cards(
    options: DoctorOptions, paths: Paths, provider: Callable[[], CardProvider]
) -> tuple[CardSurvey | None, str]:
    """Survey the readers; return None where the running agent has virtual ones of its own.

    Also where they cannot be opened; why is returned beside it, in English.
    """
    running = find_running(paths)
    was_told = options.provider is not None or options.virtual_card
    if running is not None and running.virtual and not was_told:
        return None, ""
    try:
        return asyncio.run(survey_readers(provider)), ""
    except AgentError as error:
        return None, error.detail or str(error.code)


def _say(report: Report, languages: Sequence[Language], paths: Paths) -> None:
    for finding in report.findings:
        first, *others = dict.fromkeys(map(finding.message, languages))
        sign = coloured(_SIGNS[finding.level], _COLOURS[finding.level])
        say(f"{sign} {first}")
        for other in others:
            say(f"  {other}")
        if finding.repair is not None:
            command = command_line(paths, "doctor", "--repair", finding.repair)
            say(f"  → {command}")
    say()
    say(" ".join(str(load(language)[report.verdict]) for language in languages))
