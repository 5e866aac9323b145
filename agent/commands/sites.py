"""``ankong sites``: show and change the user's decisions about sites."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.commands.output import log_aside, say, say_aside, say_json
from agent.commands.parser import CommandParser, JsonOptions, define
from agent.commands.times import local_time
from agent.commands.tongue import tell
from agent.consent.questions import Scope
from agent.consent.site_store import Decision, SiteRecord, SiteStore
from agent.errors import BadRequestError
from agent.harmless import printable
from agent.host.machine.paths import Paths
from agent.host.settings.policy import Policy, Ruling
from agent.host.settings.policy_in_force import policy_in_force
from agent.origin import Origin

DECISIONS: Final = {
    "allow": (Decision.ALLOWED, Scope.CARD),
    "block": (Decision.BLOCKED, Scope.CARD),
    "forget": (Decision.UNKNOWN, Scope.CARD),
    "allow-blind": (Decision.ALLOWED, Scope.BLIND),
    "block-blind": (Decision.BLOCKED, Scope.BLIND),
    "forget-blind": (Decision.UNKNOWN, Scope.BLIND),
}
_RULINGS: Final = {Ruling.ALLOWED: "allowed", Ruling.FORBIDDEN: "forbidden", Ruling.SILENT: None}
_BLIND: Final = {
    Decision.UNKNOWN: None,
    Decision.THIS_TIME: "blind_this_time",
    Decision.ALLOWED: "blind_allowed",
    Decision.BLOCKED: "blind_blocked",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SitesOptions(JsonOptions):
    """The options of ``sites``.

    Attributes:
        decision: one of :data:`DECISIONS`; None to list the sites only.
        origin: of the site that the decision is about.

    """

    decision: str | None = None
    origin: str | None = None


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, SitesOptions, sites)
    parser.add_argument("decision", nargs="?", choices=DECISIONS, help="cli.sites.decision")
    parser.add_argument("origin", nargs="?", metavar="ORIGIN", help="cli.sites.origin")


def sites(options: SitesOptions) -> int:
    """Store a decision if one is given, then list all sites.

    A running agent adopts the decision within two seconds.

    Raises:
        BadRequestError: a decision without a site, or a site that is not an origin.

    """
    log_aside()
    paths = Paths.choose(options.state_dir)
    policy = policy_in_force(paths)
    if options.decision is not None:
        if options.origin is None:
            raise BadRequestError(
                f"{options.decision} which site? Name its origin",
                said=("cli.error.which_site", {"decision": options.decision}),
            )
        _decide(paths, _origin(options.origin), *DECISIONS[options.decision])
    records = _listed(paths.sites)
    if options.json:
        say_json({"policy_problem": policy.problem, "sites": [_row(r, policy) for r in records]})
    else:
        _say(records, policy)
    return 0


def _origin(text: str) -> Origin:
    try:
        return Origin.parse_any(text)
    except BadRequestError as error:
        said = ("cli.error.no_origin", {"text": text})
        raise BadRequestError(error.detail, said=said) from error


def _decide(paths: Paths, site: Origin, decision: Decision, scope: Scope) -> None:
    paths.prepare()
    with closing(SiteStore(paths.sites, fresh=False)) as store:
        store.remember(site, decision, scope).result()


def _listed(path: Path) -> tuple[SiteRecord, ...]:
    if not path.exists():
        return ()
    with closing(SiteStore(path, fresh=False)) as store:
        return store.snapshot()


def _row(record: SiteRecord, policy: Policy) -> dict[str, str | None]:
    return {
        "origin": str(record.site),
        "decision": str(record.decision),
        "since": record.since.isoformat(),
        "blind": str(record.blind),
        "last_used": None if record.last_used is None else record.last_used.isoformat(),
        "policy": _RULINGS[policy.decision(record.site)],
    }


def _say(records: tuple[SiteRecord, ...], policy: Policy) -> None:
    if policy.problem is not None:
        say(_told("refused", problem=printable(policy.problem)))
    if not records:
        say_aside(_told("none"))
    for record in records:
        row = _row(record, policy)
        parts = [_told("since", time=local_time(record.since))]
        if record.last_used is not None:
            parts.append(_told("used", time=local_time(record.last_used)))
        blind = _BLIND[record.blind]
        if blind is not None:
            parts.append(_told(blind))
        ruled = f" {_told('policy_' + row['policy'])}" if row["policy"] else ""
        say(f"{row['decision']:<10}{row['origin']}  {', '.join(parts)}{ruled}")


def _told(name: str, **facts: str) -> str:
    return tell(f"cli.sites.said.{name}", **facts)
