"""``ankong card``: make virtual cards and insert them into virtual readers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.commands.out_file import add_out, require_free
from agent.commands.output import say, say_aside, say_json
from agent.commands.parser import (
    CommandAction,
    CommandOptions,
    CommandParser,
    JsonOptions,
    add_actions,
)
from agent.commands.tongue import tell
from agent.errors import BadRequestError
from agent.host.machine.paths import Paths
from agent.virtualcard.cardfile import load
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import Validity
from agent.virtualcard.model import Generation
from agent.virtualcard.new_cards import GENERATIONS, MadeCard, new_card, new_scenario
from agent.virtualcard.personalise import PIV_USES, USUAL_SLOTS, Order
from agent.virtualcard.piv_key import PivKeyKind
from agent.virtualcard.scenarios import PIN as SCENARIO_PIN
from agent.virtualcard.scenarios import SCENARIOS, Scenario
from agent.virtualcard.vpcd import VpcdConnection
from agent.words import REVIEWED, Language
from agent.words import load as load_texts

MAX_PORT: Final = 65535


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuerOptions(JsonOptions):
    """The options of an action that makes cards.

    Attributes:
        issuer: the test authority's folder; None for one in the state folder.

    """

    issuer: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewCardOptions(IssuerOptions):
    """The options of ``card new``.

    Attributes:
        generation: "1", "2" or "piv".
        key: of a PIV card, one of :class:`PivKeyKind`; None for the usual one.
        slots: of a PIV card, as "9a,9c"; None for the usual ones.
        name: of the invented holder.
        id_number: the holder's invented ID number; None for a generated one.
        pin: of the test card; not a secret.
        out: the file that the card is written to.
        force: whether that file may be there already, and is replaced.
        validity: what is wrong with its certificates, one of :class:`Validity`.

    """

    generation: str
    key: str | None = None
    slots: str | None = None
    name: str
    id_number: str | None = None
    pin: str
    out: Path
    force: bool = False
    validity: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ScenarioOptions(IssuerOptions):
    """The options of ``card scenarios``.

    Attributes:
        make: the name of the scenario whose card is made; None to list all scenarios.
        out: the file that the card is written to.
        force: whether that file may be there already, and is replaced.

    """

    make: str | None = None
    out: Path | None = None
    force: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class InsertOptions(CommandOptions):
    """The options of ``card insert``.

    Attributes:
        file: the virtual card.
        vpcd: the address of the virtual reader, as HOST:PORT.

    """

    file: Path
    vpcd: str


def add(parser: CommandParser) -> None:
    """Add the command's actions."""
    add_actions(
        parser,
        (
            CommandAction("new", NewCardOptions, new, _add_new_options),
            CommandAction("insert", InsertOptions, insert, _add_insert_options),
            CommandAction("scenarios", ScenarioOptions, scenarios, _add_scenario_options),
        ),
    )


def _add_new_options(parser: CommandParser) -> None:
    parser.add_argument(
        "--generation", choices=tuple(GENERATIONS), default="2", help="cli.card.generation"
    )
    parser.add_argument("--key", choices=tuple(map(str, PivKeyKind)), help="cli.card.key")
    parser.add_argument("--slots", metavar="LIST", help="cli.card.slots")
    parser.add_argument("--name", required=True, help="cli.card.holder")
    parser.add_argument("--id-number", metavar="ID", help="cli.card.id_number")
    parser.add_argument("--pin", required=True, metavar="PIN", help="cli.card.pin")
    add_out(parser, required=True, text="cli.card.out")
    parser.add_argument("--issuer", type=Path, metavar="DIR", help="cli.card.issuer")
    parser.add_argument(
        "--validity",
        choices=tuple(map(str, Validity)),
        default="valid",
        help="cli.card.validity",
    )


def _add_insert_options(parser: CommandParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="cli.card.file")
    parser.add_argument("--vpcd", required=True, metavar="HOST:PORT", help="cli.card.vpcd")


def _add_scenario_options(parser: CommandParser) -> None:
    parser.add_argument("--make", metavar="NAME", help="cli.card.make")
    add_out(parser, text="cli.card.out")
    parser.add_argument("--issuer", type=Path, metavar="DIR", help="cli.card.issuer")


def new(options: NewCardOptions) -> int:
    """Make a virtual card with the options' holder, PIN and validity.

    Raises:
        BadRequestError: no such card can be made, or a file cannot be read or written.
        PinError: the PIN has another length, or other characters than such a card's.

    """
    generation = GENERATIONS[options.generation]
    if generation is not Generation.PIV and (options.key or options.slots):
        raise BadRequestError("only a PIV card's keys are chosen", said=("cli.error.only_piv", {}))
    require_free(options.out, force=options.force)
    id_number = generate_id_number() if options.id_number is None else options.id_number
    order = Order(
        generation=generation,
        name=options.name,
        id_number=id_number,
        pin=options.pin.encode(),
        validity=Validity(options.validity),
        key=PivKeyKind(options.key or PivKeyKind.RSA2048),
        slots=_slots(options.slots),
    )
    made = new_card(options.out, _issuer_directory(options), order)
    return _say_made(made, as_json=options.json)


def _slots(listed: str | None) -> tuple[int, ...]:
    if listed is None:
        return USUAL_SLOTS
    known = {f"{reference:x}": reference for reference in PIV_USES}
    try:
        return tuple(known[name.strip().lower()] for name in listed.split(","))
    except KeyError as error:
        raise BadRequestError("no key of a PIV card", said=("cli.error.piv_slots", {})) from error


def scenarios(options: ScenarioOptions) -> int:
    """List the prepared test cards, or make one of them.

    Raises:
        BadRequestError: ``--out`` is missing, or there is no such scenario.

    """
    if options.make is not None:
        if options.out is None:
            raise BadRequestError("--make needs --out FILE", said=("cli.error.make_needs_out", {}))
        require_free(options.out, force=options.force)
        made = new_scenario(options.out, _issuer_directory(options), options.make)
        _say_made(made, as_json=options.json)
        say_aside(tell("cli.card.said.pin", pin=SCENARIO_PIN))
        return 0
    if options.json:
        rows = [
            {"name": each.name, "message": {tag: _description(each, tag) for tag in Language}}
            for each in SCENARIOS
        ]
        say_json({"scenarios": rows, "pin": SCENARIO_PIN})
        return 0
    for each in SCENARIOS:
        say("\n  ".join([each.name, *(_description(each, language) for language in REVIEWED)]))
    say_aside(tell("cli.card.said.make"))
    say_aside(tell("cli.card.said.pins", pin=SCENARIO_PIN))
    return 0


def _description(scenario: Scenario, language: Language) -> str:
    return str(load_texts(language)[f"scenario.{scenario.name}"])


def insert(options: InsertOptions) -> int:
    """Keep a virtual card in a reader of vpcd until the process is stopped.

    Raises:
        BadRequestError: the address is not HOST:PORT, or the file is no card file.
        NoReaderError: vpcd does not listen at the address.
        TransportError: vpcd cannot be reached there, or the card was removed.

    """
    host, separator, port = options.vpcd.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > MAX_PORT:
        raise BadRequestError("--vpcd is HOST:PORT", said=("cli.error.vpcd", {}))
    connection = VpcdConnection(load(options.file), host.strip("[]"), int(port))
    connection.connect()
    say_json({"ready": True, "card": str(options.file), "vpcd": options.vpcd}, flush=True)
    connection.run()
    return 0


def _issuer_directory(options: IssuerOptions) -> Path:
    if options.issuer is not None:
        return options.issuer
    paths = Paths.choose(options.state_dir)
    paths.prepare()  # often the first thing that makes it: for its owner only, as the agent would
    return paths.state / "issuer"


def _say_made(made: MadeCard, *, as_json: bool) -> int:
    facts = made.as_json()
    if as_json:
        say_json(facts)
    else:
        for name, value in facts.items():
            say(f"{name}: {value}")
    return 0
