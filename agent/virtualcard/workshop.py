"""What the command line does with virtual cards: make one, or a prepared one."""

from dataclasses import asdict, dataclass
from pathlib import Path

from agent.errors import BadRequestError
from agent.secret import SecretBytes
from agent.virtualcard import cardfile
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import KEY_SIZE, Validity
from agent.virtualcard.issuer_directory import DirectoryIssuer
from agent.virtualcard.model import CardData, Generation
from agent.virtualcard.personalise import Order, check_order, personalise
from agent.virtualcard.scenarios import make_scenario

GENERATIONS = {"1": Generation.GEN1, "2": Generation.GEN2}
"""What the command line calls the generations."""


@dataclass(frozen=True, slots=True)
class MadeCard:
    """What is said of a card that was made; no PIN.

    Attributes:
        file: the card file.
        issuer: the test authority's directory, with ``root.cer``, ``ca.cer`` and both CRLs.

    """

    file: str
    generation: str
    serial: str
    name: str
    id_number: str
    issuer: str

    def as_json(self) -> dict[str, str]:
        """Return it as a JSON object."""
        return asdict(self)


def order_card(
    generation: str, name: str, id_number: str | None, pin: SecretBytes, validity: str = "valid"
) -> Order:
    """Understand what card is wanted, before any slow work.

    Args:
        generation: ``"1"`` or ``"2"``.
        name: 1 to 64 bytes in UTF-8, of an invented person.
        id_number: with a right check digit; a generated one if None.
        pin: 6 to 8 letters and digits.
        validity: a value of :class:`agent.virtualcard.issuer.Validity`.

    Raises:
        BadRequestError: one of these is not what it should be.
        PinError: the PIN is none.

    """
    order = Order(
        generation=_generation(generation),
        name=name,
        id_number=generate_id_number() if id_number is None else id_number,
        pin=bytes(pin.buffer),
        validity=_validity(validity),
    )
    check_order(order)
    return order


def new_card(out: Path, issuer: Path, order: Order, *, key_size: int = KEY_SIZE) -> MadeCard:
    """Make a card for an invented person and write its file.

    Args:
        out: the card file; an old one is replaced.
        issuer: the test authority's directory; a new authority if it is empty or not there.
        order: what card.
        key_size: bits of a new authority's keys.

    Raises:
        BadRequestError, PinError: the order is none, or a file cannot be read or written.

    """
    return _write(out, issuer, personalise(order, DirectoryIssuer.open(issuer, key_size)))


def new_scenario(out: Path, issuer: Path, scenario: str, *, key_size: int = KEY_SIZE) -> MadeCard:
    """Make a prepared card and write its file; arguments as :func:`new_card`.

    Raises:
        BadRequestError: there is no such scenario, or a file cannot be written.

    """
    return _write(out, issuer, make_scenario(scenario, DirectoryIssuer.open(issuer, key_size)))


def _write(out: Path, issuer: Path, data: CardData) -> MadeCard:
    try:
        cardfile.save(out, data)
    except OSError as error:
        raise BadRequestError(f"{out}: {error.strerror}") from error
    return MadeCard(
        file=str(out),
        generation=data.generation.value,
        serial=data.serial,
        name=data.person.name,
        id_number=data.person.id_number,
        issuer=str(issuer),
    )


def _generation(text: str) -> Generation:
    found = GENERATIONS.get(text)
    if found is None:
        raise BadRequestError(f"no such generation; there are: {', '.join(GENERATIONS)}")
    return found


def _validity(text: str) -> Validity:
    try:
        return Validity(text)
    except ValueError as error:
        raise BadRequestError(f"no such validity; there are: {', '.join(Validity)}") from error
