"""Make virtual cards in files: one that is ordered, or a prepared one."""

from dataclasses import asdict, dataclass
from pathlib import Path

from agent.errors import BadRequestError
from agent.virtualcard import cardfile
from agent.virtualcard.issuer import KEY_SIZE
from agent.virtualcard.issuer_directory import DirectoryIssuer
from agent.virtualcard.model import CardData, Generation
from agent.virtualcard.personalise import Order, check_order, personalise
from agent.virtualcard.scenarios import make_scenario

GENERATIONS = {"1": Generation.GEN1, "2": Generation.GEN2, "piv": Generation.PIV}
"""What the command line calls the generations."""


@dataclass(frozen=True, slots=True)
class MadeCard:
    """The facts about a new card that are printed; without its PIN.

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


def new_card(out: Path, issuer: Path, order: Order, *, key_size: int = KEY_SIZE) -> MadeCard:
    """Make a card for an invented person and write its file.

    Args:
        out: the card file; an old one is replaced.
        issuer: the test authority's directory; a new authority if it is empty or not there.
        order: the card that is wanted.
        key_size: bits of a new authority's keys.

    Raises:
        BadRequestError: no such card can be made, or a file cannot be read or written.
        PinError: the PIN has another length than 6 to 8, or other characters.

    """
    check_order(order)  # making an authority takes seconds
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
