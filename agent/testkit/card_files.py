"""A test authority, and cards in files that it certifies, for a session of tests."""

import secrets
from pathlib import Path
from typing import Any

import msgspec

from agent.testkit.handles import CardFile
from agent.testkit.messages import OrderedCard
from agent.testkit.mistakes import read_json
from agent.testkit.ordering import made
from agent.testkit.testing import KEY_SIZE
from agent.virtualcard import cardfile
from agent.virtualcard.issuer_directory import DirectoryIssuer
from agent.virtualcard.model import CardData
from agent.virtualcard.scenarios import make_scenario


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

    def make_card(self, folder: Path, *, scenario: str | None = None, **wanted: Any) -> CardFile:
        """Make a card and write its file into ``folder``.

        Args:
            folder: that exists.
            scenario: a prepared card's name; None for what ``wanted`` says.
            wanted: ``generation``, ``name``, ``id_number``, ``pin``, ``validity`` and
                ``tries_left``, as of :class:`agent.testkit.messages.OrderedCard`.

        Raises:
            BadRequestError: there is no such scenario.
            RefusedControlError: there can be no such card; it says which field is wrong.
            OSError: its file cannot be written.

        """
        if scenario is not None:
            return _written(folder, make_scenario(scenario, self._issuer))
        ordered = read_json(msgspec.json.encode(wanted), OrderedCard)
        return _written(folder, made(ordered, self._issuer))


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
