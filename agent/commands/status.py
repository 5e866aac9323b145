"""``ankong status``: whether the agent runs, and what its panel shows first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent import __version__
from agent.commands.colour import Colour, coloured
from agent.commands.columns import cells, padded, screen_width, wrapped
from agent.commands.output import log_aside, say, say_json
from agent.commands.panel_client import PanelClient
from agent.commands.parser import CommandParser, JsonOptions, define
from agent.commands.times import local_time
from agent.commands.tongue import tell
from agent.errors import AgentError
from agent.harmless import printable
from agent.host.instance.quitting import is_running
from agent.host.instance.record import InstanceRecord, read_record
from agent.host.machine.paths import Paths
from agent.host.settings.policy_in_force import policy_in_force

EXIT_SILENT: Final = 1
EXIT_NOT_RUNNING: Final = 3
"""As the Linux Standard Base has it for ``status``."""


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, JsonOptions, status)
    parser.ending = "cli.status.ending"


@dataclass(frozen=True, slots=True)
class AgentStanding:
    """What is known of the running agent.

    Attributes:
        record: what it says to other processes; None where that cannot be read.
        state: what its panel shows; None where it does not answer.
        sites_wait: whether questions about new sites wait, after many refusals.
        problem: the error, where it does not answer.
        policy: whether the policy of this computer is another one than when the agent started.

    """

    record: InstanceRecord | None
    state: Mapping[str, Any] | None = None
    sites_wait: bool = False
    problem: AgentError | None = None
    policy: bool = False

    @property
    def restart(self) -> tuple[str, ...]:
        """Why the agent should be started again: its version is older, or the policy is new."""
        old = self.state is not None and self.state["version"] != __version__
        reasons = {"version": old, "policy": self.policy}
        return tuple(name for name, holds in reasons.items() if holds)


def status(options: JsonOptions) -> int:
    """Print what the running agent says; return 3 where none runs, 1 where it does not answer."""
    log_aside()
    paths = Paths.choose(options.state_dir)
    standing = _ask(paths) if is_running(paths) else None
    if options.json:
        say_json({"running": False} if standing is None else _as_json(standing))
    else:
        _say(standing)
    if standing is None:
        return EXIT_NOT_RUNNING
    return EXIT_SILENT if standing.state is None else 0


def _ask(paths: Paths) -> AgentStanding:
    record = read_record(paths.instance)
    policy = policy_in_force(paths)
    changed = record is not None and record.policy not in {None, policy.fingerprint}
    try:
        with PanelClient(paths) as panel:
            state = panel.get("state")
            waits = panel.get("sites")["newcomers_wait"]
    except AgentError as error:
        return AgentStanding(record, problem=error, policy=changed)
    return AgentStanding(record, state, sites_wait=waits is True, policy=changed)


def _as_json(standing: AgentStanding) -> dict[str, Any]:
    record = standing.record
    answer: dict[str, Any] = {"running": True, "answers": standing.state is not None}
    answer["pid"] = None if record is None else record.pid
    if record is not None:
        answer["ports"] = {
            "https": record.port,
            "http": record.hipki_port,
            "jrsys": list(record.jrsys_ports),
            "missing": [port for port in record.missing if port not in record.left],
            "left": list(record.left),
            "porter": list(record.porter),
        }
    answer["restart"] = list(standing.restart)
    if standing.problem is not None:
        return {**answer, "problem": standing.problem.detail}
    state = standing.state or {}
    names = ("version", "since", "provider", "consent", "service", "readers", "policy", "update")
    return {
        **answer,
        **{name: state[name] for name in names},
        "sites_wait": standing.sites_wait,
    }


def _say(standing: AgentStanding | None) -> None:
    if standing is None:
        say(coloured(tell("cli.status.not_running"), Colour.YELLOW))
        return
    if standing.problem is not None:
        say(coloured(tell("cli.status.silent"), Colour.RED))
    else:
        say(coloured(tell("cli.status.running"), Colour.GREEN))
    rows = list(_rows(standing))
    widest = max((cells(name) for name, _ in rows), default=0) + 2
    for name, value in rows:
        first, *others = wrapped(value, screen_width() - widest - 2)
        say(f"  {padded(name, widest)}{first}")
        for line in others:
            say(" " * (widest + 2) + line)


Row = tuple[str, str]


def _rows(standing: AgentStanding) -> Iterator[Row]:
    record, state = standing.record, standing.state
    if record is not None:
        yield tell("cli.status.process"), str(record.pid)
    if state is not None:
        yield tell("cli.status.version"), state["version"]
        yield tell("cli.status.since"), local_time(state["since"])
    if record is not None:
        yield from _ports(record)
    if state is not None:
        yield from _readers(state)
        if standing.sites_wait:
            yield tell("cli.status.sites"), tell("cli.status.sites_wait")
    if standing.problem is not None:
        yield tell("cli.status.problem"), printable(standing.problem.detail)
    for reason in standing.restart:
        yield tell("cli.status.restart"), tell(f"cli.status.restart_{reason}", version=__version__)


def _ports(record: InstanceRecord) -> Iterator[Row]:
    none = tell("cli.status.none")
    yield "HTTPS", none if record.port is None else f"https://localhost:{record.port}"
    yield "HTTP", none if record.hipki_port is None else f"http://localhost:{record.hipki_port}"
    if record.jrsys_ports:
        yield "JRSYS", ", ".join(map(str, record.jrsys_ports))
    if record.porter:
        ports = ", ".join(map(str, record.porter))
        yield tell("cli.status.porter"), tell("cli.status.porter_ports", ports=ports)
    if record.left:
        ports = ", ".join(map(str, record.left))
        yield tell("cli.status.left"), tell("cli.status.left_ports", ports=ports)
    missing = [port for port in record.missing if port not in record.left]
    if missing:
        ports = ", ".join(map(str, missing))
        yield tell("cli.status.missing"), tell("cli.status.missing_ports", ports=ports)


def _readers(state: Mapping[str, Any]) -> Iterator[Row]:
    name = tell("cli.status.readers")
    if not state["service"]:
        yield name, tell("codes.pcsc_unavailable")
    elif not state["readers"]:
        yield name, tell("panel.codes.no_reader")
    for reader in state["readers"]:
        told = {"reader": printable(reader["name"]), "card": _card(reader)}
        yield name, tell("cli.status.reader", **told)


def _card(reader: Mapping[str, Any]) -> str:
    if reader["state"] != "card":
        return tell(f"icon.cards.{reader['state']}")
    parts = [tell(f"panel.readers.generation_{reader['generation'] or 'unknown'}")]
    left = reader["attempts_left"]
    if left is not None:
        parts.append(
            tell("prompt.attempts_left", count=left) if left else tell("panel.readers.locked")
        )
    return ", ".join(parts)
