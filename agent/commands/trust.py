"""``ankong trust``: which browsers trust the local certificate, and making them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from agent.commands.output import log_aside, say, say_json
from agent.commands.parser import CommandOptions, CommandParser, add_actions, add_json, define
from agent.host.machine.paths import Paths
from agent.host.tls import identity
from agent.host.tls.machine import Machine
from agent.host.tls.store import AuthorityFile, Place, Presence
from agent.host.tls.trust import Trust


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustOptions(CommandOptions):
    """What each action of ``trust`` is told.

    Attributes:
        json: whether the answer is for a program.

    """

    json: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallOptions(TrustOptions):
    """What ``trust install`` is told.

    Attributes:
        system: whether the stores of all users are meant too.

    """

    system: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's actions."""
    add_actions(
        parser,
        (
            ("check", "say which trust stores know us", _add_check),
            ("install", "make this user's stores trust us", _add_install),
            ("uninstall", "undo all that install ever did", _add_uninstall),
        ),
    )


def _add_check(parser: CommandParser) -> None:
    define(parser, TrustOptions, check)
    add_json(parser)


def _add_install(parser: CommandParser) -> None:
    define(parser, InstallOptions, install)
    parser.add_argument(
        "--system", action="store_true", help="also the stores of all users, as administrator"
    )
    add_json(parser)


def _add_uninstall(parser: CommandParser) -> None:
    define(parser, TrustOptions, uninstall)
    add_json(parser)


def check(options: TrustOptions) -> int:
    """Say how each store stands; fail where a browser's does not trust us."""
    paths = _paths(options)
    trust, authority = _trust(paths), _authority(paths)
    return _say(options, trust, trust.check(authority))


def install(options: InstallOptions) -> int:
    """Make the user's stores trust us, and with ``--system`` those of all users."""
    paths = _paths(options)
    trust, authority = _trust(paths), _authority(paths)
    return _say(options, trust, trust.install(authority, for_all_users=options.system))


def uninstall(options: TrustOptions) -> int:
    """Undo whatever install has ever done; fail where something could not be undone."""
    left = _trust(_paths(options)).uninstall()
    if options.json:
        say_json({"left": [asdict(place) for place in left]})
    else:
        for place in left:
            say(f"{place.store}: {place.path}: {place.detail}")
    return 1 if left else 0


def _paths(options: TrustOptions) -> Paths:
    log_aside()
    paths = Paths.choose(options.state_dir)
    paths.prepare()
    return paths


def _trust(paths: Paths) -> Trust:
    return Trust(paths.trust, Machine())


def _authority(paths: Paths) -> AuthorityFile:
    return AuthorityFile.load(identity.ensure(paths.tls).authority)


def _say(options: TrustOptions, trust: Trust, places: Sequence[Place]) -> int:
    bad = [
        place
        for place in places
        if trust.is_needed(place) and place.presence is not Presence.TRUSTED
    ]
    if options.json:
        rows = [{**asdict(place), "needed": trust.is_needed(place)} for place in places]
        say_json({"trusted": not bad, "stores": rows})
    else:
        for place in places:
            detail = f" ({place.detail})" if place.detail else ""
            say(f"{place.presence:<19} {place.store}: {place.path}{detail}")
    return 1 if bad else 0
