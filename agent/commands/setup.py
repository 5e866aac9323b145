"""``ankong setup``: what installers and uninstallers call."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.commands.output import log_aside, say, say_json
from agent.commands.parser import CommandOptions, CommandParser, add_actions, add_json, define
from agent.commands.speaking import add_language, spoken_languages
from agent.host.autostart import Autostart, autostart, start_command
from agent.host.machine.paths import Paths
from agent.host.tls.machine import Machine
from agent.host.tls.trust import Trust
from agent.setup.record import SetupRecord
from agent.setup.report import StepResult
from agent.setup.uninstall import Uninstall
from agent.setup.user_setup import SetupOptions, UserSetup


@dataclass(frozen=True, kw_only=True, slots=True)
class SetupCommandOptions(CommandOptions):
    """What each action of ``setup`` is told.

    Attributes:
        json: whether the answer is for a program.
        language: in which people read the answer; None for every reviewed one.

    """

    json: bool = False
    language: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CompleteOptions(SetupCommandOptions):
    """What ``setup complete`` is told.

    Attributes:
        autostart: whether the agent starts at sign-in; None to leave it as it was chosen.
        trust: whether the certificate is trusted; None for yes.

    """

    autostart: bool | None = None
    trust: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoOptions(SetupCommandOptions):
    """What ``setup undo`` is told.

    Attributes:
        forget: whether the history and the sites go too.

    """

    forget: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's actions."""
    text = "make the certificate, have it trusted, start at sign-in"
    add_actions(
        parser,
        (
            ("complete", text, _add_complete),
            ("undo", "end the agent and undo what complete did", _add_undo),
        ),
    )


def _add_complete(parser: CommandParser) -> None:
    define(parser, CompleteOptions, complete)
    for name, what in (("autostart", "start the agent at sign-in"), ("trust", "have it trusted")):
        text = f"{what} (default: yes)"
        parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=text)
    add_language(parser)
    add_json(parser)


def _add_undo(parser: CommandParser) -> None:
    define(parser, UndoOptions, undo)
    parser.add_argument("--forget", action="store_true", help="history and sites too")
    add_language(parser)
    add_json(parser)


def complete(options: CompleteOptions) -> int:
    """Do what is left to do for this user; fail where a step did."""
    log_aside()
    paths = Paths.choose(options.state_dir)
    wanted = SetupOptions(autostart=options.autostart, trust=options.trust is not False)
    steps = UserSetup(paths, _trust(paths), _autostart(options), wanted).run()
    return _say(options, steps)


def complete_once(state_dir: Path | None) -> None:
    """Set the program up for this user unless that is done; whether it starts at login stays.

    A package is installed for everybody, so nobody has done it for this user yet; the doctor
    tells of what could not be done.
    """
    paths = Paths.choose(state_dir)
    found = SetupRecord.read(paths.installed)
    if found is not None and found.complete:
        return
    way = autostart(start_command(state_dir))
    wanted = SetupOptions(autostart=way is not None and way.is_on())
    UserSetup(paths, _trust(paths), way, wanted).run()


def undo(options: UndoOptions) -> int:
    """Undo it; fail where a step did."""
    log_aside()
    paths = Paths.choose(options.state_dir)
    steps = Uninstall(paths, _trust(paths), _autostart(options), forget=options.forget).run()
    return _say(options, steps)


def _trust(paths: Paths) -> Trust:
    return Trust(paths.trust, Machine())


def _autostart(options: SetupCommandOptions) -> Autostart | None:
    return autostart(start_command(options.state_dir))


def _say(options: SetupCommandOptions, steps: Sequence[StepResult]) -> int:
    all_well = all(step.ok for step in steps)
    if options.json:
        say_json({"ok": all_well, "steps": [step.as_json() for step in steps]})
    else:
        languages = spoken_languages(options.language)
        for step in steps:
            words = " ".join(step.message(language) for language in languages)
            say(f"{'✓' if step.ok else '✗'} {words}")
    return 0 if all_well else 1
