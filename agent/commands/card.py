"""``ankong card``: make virtual cards and put them into readers."""

import argparse
from pathlib import Path

from agent.commands.output import say, say_json
from agent.errors import BadRequestError
from agent.host.machine.paths import Paths
from agent.secret import SecretBytes
from agent.virtualcard.cardfile import load
from agent.virtualcard.scenarios import SCENARIOS
from agent.virtualcard.vpcd import VpcdDoor
from agent.virtualcard.workshop import MadeCard, new_card, new_scenario, order_card

MAX_PORT = 65535


def new(options: argparse.Namespace) -> int:
    """Make a virtual card."""
    with SecretBytes.from_text(options.pin) as pin:
        order = order_card(
            options.generation, options.name, options.id_number, pin, options.validity
        )
    made = new_card(options.out, _issuer_directory(options), order)
    return _say_made(made, as_json=options.json)


def scenarios(options: argparse.Namespace) -> int:
    """List the prepared test cards, or make one of them."""
    if options.make is not None:
        if options.out is None:
            raise BadRequestError("--make needs --out FILE")
        made = new_scenario(options.out, _issuer_directory(options), options.make)
        return _say_made(made, as_json=options.json)
    if options.json:
        rows = [{"name": each.name, "zh": each.zh, "en": each.en} for each in SCENARIOS]
        say_json({"scenarios": rows})
        return 0
    for each in SCENARIOS:
        say(f"{each.name}\n  {each.zh}\n  {each.en}")
    return 0


def insert(options: argparse.Namespace) -> int:
    """Put a virtual card into a vpcd reader, until stopped."""
    host, separator, port = options.vpcd.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > MAX_PORT:
        raise BadRequestError("--vpcd is HOST:PORT")
    door = VpcdDoor(load(options.file), host.strip("[]"), int(port))
    door.connect()
    say_json({"ready": True, "card": str(options.file), "vpcd": options.vpcd}, flush=True)
    door.run()
    return 0


def _issuer_directory(options: argparse.Namespace) -> Path:
    given: Path | None = options.issuer
    if given is not None:
        return given
    places = Paths.choose(options.state_dir)
    places.prepare()  # often the first thing that makes it: for its owner only, as the agent would
    return places.state / "issuer"


def _say_made(made: MadeCard, *, as_json: bool) -> int:
    facts = made.as_json()
    if as_json:
        say_json(facts)
    else:
        for name, value in facts.items():
            say(f"{name}: {value}")
    return 0
