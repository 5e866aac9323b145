"""``ankong setup``: set the program up for one user, or undo that; installers call it."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import structlog

from agent.commands.machine import (
    AuthorityOptions,
    MachineOptions,
    add_authority_options,
    add_machine_options,
    authority,
    machine,
    say_steps,
)
from agent.commands.output import log_aside
from agent.commands.parser import (
    CommandAction,
    CommandOptions,
    CommandParser,
    JsonOptions,
    add_actions,
)
from agent.commands.speaking import add_language
from agent.host.autostart import Autostart, autostart, start_command
from agent.host.filemanager import file_manager, sign_command
from agent.host.machine.paths import Paths
from agent.host.shared_program import SharedProgram
from agent.host.tls.machine import Machine
from agent.host.tls.trust import Trust
from agent.setup.own_copy import OwnCopy
from agent.setup.record import SetupRecord
from agent.setup.uninstall import Uninstall
from agent.setup.user_setup import SetupOptions, UserSetup

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class SetupCommandOptions(JsonOptions):
    """The options of every action of ``setup``.

    Attributes:
        language: the one in which people read the answer; None for every reviewed one.

    """

    language: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CompleteOptions(SetupCommandOptions):
    """The options of ``setup complete``.

    Attributes:
        autostart: whether the agent starts at sign-in; None to leave it as the user chose.
        trust: whether browsers are made to trust the certificate; None for yes, unless the
            installation for all users left that to the organisation.
        file_manager: whether file managers offer to sign; None to leave it as the user chose.
        repair: whether damaged settings and certificates are mended first.

    """

    autostart: bool | None = None
    trust: bool | None = None
    file_manager: bool | None = None
    repair: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoOptions(SetupCommandOptions):
    """The options of ``setup undo``.

    Attributes:
        forget: whether the history and the site decisions are removed too.

    """

    forget: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's actions."""
    add_actions(
        parser,
        (
            CommandAction("complete", CompleteOptions, complete, _add_complete_options),
            CommandAction("undo", UndoOptions, undo, _add_undo_options),
            CommandAction("machine", MachineOptions, machine, add_machine_options),
            CommandAction("authority", AuthorityOptions, authority, add_authority_options),
        ),
    )


def _add_complete_options(parser: CommandParser) -> None:
    for name in ("autostart", "trust", "file-manager"):
        parser.add_argument(
            f"--{name}",
            action=argparse.BooleanOptionalAction,
            help=f"cli.setup.{name.replace('-', '_')}",
        )
    parser.add_argument("--repair", action="store_true", help="cli.setup.repair")
    add_language(parser)


def _add_undo_options(parser: CommandParser) -> None:
    parser.add_argument("--forget", action="store_true", help="cli.setup.forget")
    add_language(parser)


def complete(options: CompleteOptions) -> int:
    """Set the program up for this user; return 1 if a step failed."""
    log_aside()
    paths = Paths.choose(options.state_dir)
    setup = SetupOptions(
        autostart=options.autostart,
        trust=_wanted_trust() if options.trust is None else options.trust,
        file_manager=options.file_manager,
        repair=options.repair,
    )
    offering = file_manager(sign_command(options.state_dir))
    results = UserSetup(paths, _trust(paths), _autostart(options), setup, offering).run()
    return say_steps(options, results, options.language)


def complete_once(state_dir: Path | None) -> None:
    """Set the program up for this user unless that is done; leave autostart as it is.

    For packages, which are installed for all users: the first start does the rest for each user.
    Nothing is printed, because the doctor reports what could not be done.
    """
    paths = Paths.choose(state_dir)
    found = SetupRecord.read(paths.installed)
    if found is not None and found.complete:
        return
    way = autostart(start_command(state_dir))
    setup = SetupOptions(autostart=way is not None and way.is_on(), trust=_wanted_trust())
    UserSetup(paths, _trust(paths), way, setup, file_manager(sign_command(state_dir))).run()


def take_over(copy: OwnCopy | None = None) -> bool:
    """Have the user's own copy give way to this program; return whether it is gone now.

    What started the copy, or offered it to sign, does that with this program then. What browsers
    trust stays as it is: at sign-in Windows is to ask nothing.

    Args:
        copy: the one of the user who is signed in unless given.

    """
    try:
        found = autostart(start_command(None)), file_manager(sign_command(None))
        chosen = [each for each in found if each and each.is_on()]
        if not (copy or OwnCopy()).give_way():
            return False
    except OSError as error:  # a registry that may not be read; who starts is to start all the same
        _log.warning("the user's own copy cannot be looked for", detail=str(error))
        return False
    for each in chosen:
        try:
            each.turn_on()
        except OSError as error:
            _log.warning("what started the user's own copy starts nothing", detail=str(error))
    return True


def undo(options: UndoOptions) -> int:
    """Undo the setup of this user; return 1 if a step failed."""
    log_aside()
    paths = Paths.choose(options.state_dir)
    offering = file_manager(sign_command(options.state_dir))
    results = Uninstall(
        paths, _trust(paths), _autostart(options), offering, forget=options.forget
    ).run()
    return say_steps(options, results, options.language)


def _wanted_trust() -> bool | None:
    """Return what holds where nobody says otherwise, as ``SetupOptions`` has it."""
    return None if SharedProgram().leaves_trust() else True


def _trust(paths: Paths) -> Trust:
    return Trust(paths.trust, Machine())


def _autostart(options: CommandOptions) -> Autostart | None:
    return autostart(start_command(options.state_dir))
