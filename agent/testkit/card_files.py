"""A test authority, and cards in files that it certifies, for a session of tests."""

import secrets
from pathlib import Path

from agent.testkit.handles import CardFile
from agent.testkit.testing import KEY_SIZE
from agent.virtualcard import cardfile
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import Validity
from agent.virtualcard.issuer_directory import DirectoryIssuer
from agent.virtualcard.model import CardData
from agent.virtualcard.new_cards import GENERATIONS
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.scenarios import NAME, PIN, make_scenario


class KitIssuer:
    """The authority of a session's cards, as the server under test has to trust it.

    Attributes:
        folder: with ``root.cer``, ``ca.cer``, ``root.crl`` and ``ca.crl``, DER.

    """

    def __init__(self, folder: Path) -> None:
        """Open the authority in ``folder``, or make one there.

        Raises:
            BadRequestError: the folder has something else in it, or cannot be written.

        """
        self.folder = folder
        self._issuer = DirectoryIssuer.open(folder, KEY_SIZE)

    @property
    def root(self) -> bytes:
        """The root's certificate, DER."""
        return (self.folder / "root.cer").read_bytes()

    @property
    def cas(self) -> tuple[bytes, ...]:
        """The certificates of the authorities below it, DER."""
        return ((self.folder / "ca.cer").read_bytes(),)

    @property
    def lists(self) -> tuple[bytes, ...]:
        """The revocation lists as they are now, DER."""
        return tuple((self.folder / name).read_bytes() for name in ("root.crl", "ca.crl"))

    def revoke(self, serial: str) -> None:
        """Put a certificate on the list.

        Args:
            serial: of the certificate, lower-case hexadecimal.

        Raises:
            BadRequestError: it is of another authority.

        """
        self._issuer.revoke(serial)

    def make_card(  # noqa: PLR0913  # whatever may be ordered
        self,
        folder: Path,
        *,
        generation: int = 2,
        name: str = NAME,
        id_number: str | None = None,
        pin: str = PIN,
        validity: str = Validity.NOW,
        tries_left: int = 3,
        scenario: str | None = None,
    ) -> CardFile:
        """Make a card and write its file into ``folder``.

        Args:
            folder: that exists.
            generation: 1 or 2.
            name: of the invented holder.
            id_number: the holder's, with a right check digit; None for a generated one.
            pin: 6 to 8 letters and digits.
            validity: ``valid``, ``expired``, ``not-yet-valid`` or ``revoked``.
            tries_left: PIN attempts, 0 to 3.
            scenario: a prepared card's name, in place of all that; None for none.

        Raises:
            BadRequestError, PinError: there can be no such card.
            OSError: its file cannot be written.

        """
        if scenario is not None:
            return _written(folder, make_scenario(scenario, self._issuer))
        order = Order(
            generation=GENERATIONS[str(generation)],
            name=name,
            id_number=generate_id_number() if id_number is None else id_number,
            pin=pin.encode(),
            validity=Validity(validity),
            attempts_left=tries_left,
        )
        return _written(folder, personalise(order, self._issuer))


def _written(folder: Path, data: CardData) -> CardFile:
    path = folder / f"{secrets.token_hex(4)}.card"
    cardfile.save(path, data)
    return CardFile(
        path=path,
        serial=data.serial,
        generation=data.generation.value,
        pin=data.pin.decode("ascii"),
        name=data.person.name,
        id_number=data.person.id_number,
    )
