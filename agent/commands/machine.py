"""``ankong setup machine`` and ``ankong setup authority``: trust for all users of a computer."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from agent.commands.colour import Colour, coloured
from agent.commands.output import log_aside, say, say_json
from agent.commands.parser import CommandParser, JsonOptions, UnfitOptionsError
from agent.commands.speaking import add_language, spoken_languages
from agent.commands.tongue import tell
from agent.errors import BadRequestError
from agent.files import create_file
from agent.host.machine.paths import MachinePaths
from agent.host.tls.authority import LocalAuthority
from agent.host.tls.ladder_file import LADDER_FILE, ROOT_FILE, Ladder, read_ladder
from agent.host.tls.machine import Machine
from agent.host.tls.trust import SHARED_KINDS, LeftTrust, Trust
from agent.setup.machine_setup import MachineSetup
from agent.setup.report import StepResult

_ROOT_MODE = 0o644  # a certificate is no secret


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineOptions(JsonOptions):
    """The options of ``setup machine``.

    Attributes:
        authority: an organisation's file, or the folder that it is in; None where the computer
            makes its own.
        trust: whether the stores of all users are made to trust them.
        undo: whether everything is taken away instead.
        language: the one in which people read the answer; None for every reviewed one.

    """

    authority: Path | None = None
    trust: bool = True
    undo: bool = False
    language: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorityOptions(JsonOptions):
    """The options of ``setup authority``.

    Attributes:
        out: the folder to write to.

    """

    out: Path


def add_machine_options(parser: CommandParser) -> None:
    """Add the options of ``setup machine``."""
    parser.add_argument(
        "--authority", type=Path, metavar="FILE_OR_DIR", help="cli.setup.machine.authority"
    )
    parser.add_argument(
        "--no-trust", dest="trust", action="store_false", help="cli.setup.machine.no_trust"
    )
    parser.add_argument("--undo", action="store_true", help="cli.setup.machine.undo")
    add_language(parser)


def add_authority_options(parser: CommandParser) -> None:
    """Add the options of ``setup authority``."""
    parser.add_argument(
        "--out", type=Path, metavar="DIR", required=True, help="cli.setup.authority.out"
    )


def machine(options: MachineOptions) -> int:
    """Set up, or undo, what all users of this computer share; return 1 if that failed.

    Raises:
        UnfitOptionsError: there is nothing to make of an authority while undoing.
        BadRequestError: the organisation's file cannot be used.
        OSError: it cannot be read.

    """
    log_aside()
    if options.undo and options.authority is not None:
        raise UnfitOptionsError("--undo takes no --authority", said=("cli.error.undo_alone", {}))
    ladder = None if options.authority is None else read_ladder(options.authority)
    return _set_up(options, MachinePaths(), Machine(), ladder)


def _set_up(
    options: MachineOptions, paths: MachinePaths, computer: Machine, ladder: Ladder | None
) -> int:
    kind = Trust if options.trust or options.undo else LeftTrust
    trust = kind(paths.trust, computer, SHARED_KINDS)
    setup = MachineSetup(paths, trust, administrator=computer.administrator, ladder=ladder)
    return say_steps(options, setup.undo() if options.undo else setup.run(), options.language)


def authority(options: AuthorityOptions) -> int:
    """Make an organisation's authority, and sign its ladder; nothing is trusted by that.

    Raises:
        BadRequestError: one of the files is there already.
        OSError: they cannot be written.

    """
    log_aside()
    made = LocalAuthority(datetime.now(UTC).replace(microsecond=0))
    ladder = Ladder(made.certificate, made.leaves())
    del made  # and its key with it
    options.out.mkdir(mode=0o700, parents=True, exist_ok=True)
    root, file = options.out / ROOT_FILE, options.out / LADDER_FILE
    for path in (root, file):
        if os.path.lexists(path):
            raise BadRequestError(
                f"{path}: this file is there already",
                said=("cli.error.authority_there", {"path": path}),
            )
    create_file(file, ladder.encoded())
    create_file(root, ladder.authority.public_bytes(Encoding.DER), mode=_ROOT_MODE)
    ends = f"{ladder.leaves[-1].certificate.not_valid_after_utc:%Y-%m-%d}"
    if options.json:
        say_json({"root": str(root), "ladder": str(file), "ends": ends})
    else:
        say(tell("cli.setup.authority.made", root=root, ladder=file, date=ends))
    return 0


def say_steps(options: JsonOptions, results: Sequence[StepResult], language: str | None) -> int:
    """Print how the steps ended; return 1 if one failed.

    Args:
        options: of the command.
        results: of the steps.
        language: the one in which people read them; None for every reviewed one.

    """
    all_well = all(result.ok for result in results)
    if options.json:
        say_json({"ok": all_well, "steps": [result.as_json() for result in results]})
    else:
        languages = spoken_languages(language)
        for result in results:
            words = " ".join(result.message(each) for each in languages)
            sign = coloured("✓", Colour.GREEN) if result.ok else coloured("✗", Colour.RED)
            say(f"{sign} {words}")
    return 0 if all_well else 1
