"""``ankong trust``: show which browsers trust the local certificate, and make them trust it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from agent.commands.colour import Colour, coloured
from agent.commands.columns import cells, padded
from agent.commands.output import log_aside, say, say_json
from agent.commands.parser import (
    CommandAction,
    CommandOptions,
    CommandParser,
    JsonOptions,
    add_actions,
)
from agent.commands.tongue import tell
from agent.host.machine.paths import Paths
from agent.host.tls.machine import Machine
from agent.host.tls.places import TlsSource
from agent.host.tls.store import NAMES, SERVED, AuthorityFile, Place
from agent.host.tls.trust import Trust


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallOptions(JsonOptions):
    """The options of ``trust install``.

    Attributes:
        system: whether the stores of all users are changed too.

    """

    system: bool = False


def add(parser: CommandParser) -> None:
    """Add the command's actions."""
    add_actions(
        parser,
        (
            CommandAction("check", JsonOptions, check),
            CommandAction("install", InstallOptions, install, _add_install_options),
            CommandAction("uninstall", JsonOptions, uninstall),
        ),
    )


def _add_install_options(parser: CommandParser) -> None:
    parser.add_argument("--system", action="store_true", help="cli.trust.system")


def check(options: JsonOptions) -> int:
    """Print the state of each trust store; return 1 if one that a browser needs lacks it."""
    paths = _paths(options)
    trust, authority = _trust(paths), _authority(paths)
    return _say(options, trust, trust.check(authority))


def install(options: InstallOptions) -> int:
    """Make the user's stores trust the local certificate, with ``--system`` those of all users."""
    paths = _paths(options)
    trust, authority = _trust(paths), _authority(paths)
    return _say(options, trust, trust.install(authority, for_all_users=options.system))


def uninstall(options: JsonOptions) -> int:
    """Undo whatever install has ever done; return 1 if a store could not be restored."""
    left = _trust(_paths(options)).uninstall()
    if options.json:
        say_json({"left": [asdict(place) for place in left]})
    else:
        for place in left:
            say(f"{_named(place)}: {place.path}: {place.detail}")
    return 1 if left else 0


def _paths(options: CommandOptions) -> Paths:
    log_aside()
    paths = Paths.choose(options.state_dir)
    paths.prepare()
    return paths


def _trust(paths: Paths) -> Trust:
    return Trust(paths.trust, Machine())


def _authority(paths: Paths) -> AuthorityFile:
    return AuthorityFile.load(TlsSource(paths).ensure().authority)


def _named(place: Place) -> str:
    return NAMES.get(place.store, place.store)


def _say(options: JsonOptions, trust: Trust, places: Sequence[Place]) -> int:
    bad = [place for place in places if trust.is_needed(place) and place.presence not in SERVED]
    if options.json:
        rows = [{**asdict(place), "needed": trust.is_needed(place)} for place in places]
        say_json({"trusted": not bad, "stores": rows})
    else:
        states = [tell(f"cli.trust.presence.{place.presence}") for place in places]
        width = max(map(cells, states), default=0)
        for place, state in zip(places, states, strict=True):
            detail = f" ({place.detail})" if place.detail else ""
            colour = Colour.RED if place in bad else Colour.GREEN
            known = coloured(padded(state, width), colour if trust.is_needed(place) else None)
            say(f"{known}  {_named(place)}: {place.path}{detail}")
    return 1 if bad else 0
