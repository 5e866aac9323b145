"""``ankong inventory``: what is installed here, for whoever cares for many computers."""

from collections.abc import Iterator

import msgspec

from agent.commands.colour import Colour, coloured
from agent.commands.columns import cells, padded, screen_width, wrapped
from agent.commands.output import log_aside, say, say_json
from agent.commands.parser import CommandParser, JsonOptions, define
from agent.commands.tongue import tell, tongue
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.inventory_facts import gather
from agent.harmless import printable
from agent.host.inventory_report import Inventory, InventoryProblem
from agent.host.machine.paths import Paths
from agent.words import load

Row = tuple[str, str]


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, JsonOptions, inventory)
    parser.ending = "cli.inventory.ending"


def inventory(options: JsonOptions) -> int:
    """Print the inventory; 0 also where a part of it says that something is wrong."""
    log_aside()
    found = gather(InstalledAgent.on_this_computer(Paths.choose(options.state_dir)))
    if options.json:
        say_json(msgspec.to_builtins(found))
    else:
        _say(found)
    return 0


def _say(found: Inventory) -> None:
    rows = [(tell(f"cli.inventory.{name}"), printable(text)) for name, text in _rows(found)]
    widest = max(cells(name) for name, _ in rows) + 2
    before = ""
    for name, text in rows:
        first, *others = wrapped(text, screen_width() - widest)
        say(coloured(padded("" if name == before else name, widest), Colour.BOLD) + first)
        for line in others:
            say(" " * widest + line)
        before = name


def _rows(found: Inventory) -> Iterator[Row]:
    none = tell("cli.status.none")
    yield "version", found.version
    yield "commit", found.commit or none
    scope = tell(f"cli.inventory.scope_{found.scope}")
    yield "place", tell("cli.inventory.in_folder", folder=found.folder, scope=scope)
    yield "system", f"{found.system} {found.architecture}"
    yield "policy", found.policy.source or none
    yield from _problem("policy", found.policy.problem)
    yield "trust", _trust(found) if found.trust.mode is not None else none
    if found.trust.left:
        yield "trust", tell("cli.inventory.trust_left")
    yield from _problem("trust", found.trust.problem)
    yield "agent", _agent(found)
    yield from _problem("agent", found.agent.problem)
    yield from _ports(found)
    yield from _problem("ports", found.ports.problem)
    yield from _readers(found)
    yield from _problem("readers", found.smart_cards.problem)
    yield from _browsers(found)
    yield from _problem("browsers", found.browsers.problem)
    yield from _update(found)
    yield from _problem("update", found.update.problem)


def _problem(name: str, problem: InventoryProblem | None) -> Iterator[Row]:
    if problem is not None:
        yield name, tell(f"cli.inventory.problems.{problem}")


def _trust(found: Inventory) -> str:
    mode = f"cli.inventory.trust_{found.trust.mode}"
    whose = tell(mode) if mode in load(tongue()) else str(found.trust.mode)
    until = (found.trust.ends or "").partition("T")[0]
    return tell("cli.inventory.until", whose=whose, date=until) if until else whose


def _agent(found: Inventory) -> str:
    if not found.agent.running:
        return tell("cli.inventory.not_running")
    if found.agent.session is None:
        return tell("cli.inventory.running")
    return tell("cli.inventory.running_in", session=found.agent.session)


def _ports(found: Inventory) -> Iterator[Row]:
    for state in ("held", "taken", "free"):
        ports = [str(row.port) for row in found.ports.ports if row.state == state]
        if ports:
            yield "ports", tell(f"cli.inventory.port_{state}", ports=", ".join(ports))


def _readers(found: Inventory) -> Iterator[Row]:
    if found.smart_cards.service and not found.smart_cards.readers:
        yield "readers", tell("panel.codes.no_reader")
    for reader in found.smart_cards.readers:
        driver = [word for word in (reader.driver, reader.driver_version) if word]
        yield "readers", f"{reader.name} ({' '.join(driver)})" if driver else reader.name


def _browsers(found: Inventory) -> Iterator[Row]:
    for finding in found.browsers.findings:
        facts = {"browser": finding.browser or "", "policy": finding.policy or ""}
        yield "browsers", _found(f"doctor.{finding.code}", finding.code, facts)


def _found(key: str, code: str, facts: dict[str, str]) -> str:
    """Return the doctor's words; the code where these want more facts than an inventory has."""
    try:
        return tell(key, **facts)
    except KeyError:
        return " ".join(filter(None, (facts["browser"], code, facts["policy"])))


def _update(found: Inventory) -> Iterator[Row]:
    update = found.update
    if update.asking is None:
        return
    if update.newest is None:
        known = update.age if update.asking == "on" else update.asking
        yield "update", tell(f"update.{known}")
    else:
        told = {"newest": update.newest, "date": (update.answered or "").partition("T")[0]}
        yield "update", tell("cli.inventory.newest", **told)
