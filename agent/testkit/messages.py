"""The requests of the test control, as msgspec reads them; unknown fields are refused."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.virtualcard.cardfile import MAX_COMMANDS, MAX_DELAY
from agent.virtualcard.issuer import Validity
from agent.virtualcard.model import MAX_ATTEMPTS
from agent.virtualcard.piv_key import PivKeyKind

Tries = Annotated[int, Meta(ge=0, le=MAX_ATTEMPTS)]
_FromNow = Annotated[int, Meta(ge=0, le=MAX_COMMANDS)]
_Text = Annotated[str, Meta(min_length=1, max_length=128)]


class ControlMessage(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request's body."""


class PlugReader(ControlMessage, frozen=True):
    """Plug a reader in.

    Attributes:
        name: of the reader, at most 127 bytes in UTF-8; None for the next number.

    """

    name: _Text | None = None


class OrderedCard(ControlMessage, frozen=True):
    """A new card of an invented person.

    Attributes:
        generation: 1 or 2, or "piv".
        key: what the keys of a PIV card are.
        name: at most 64 bytes in UTF-8.
        id_number: with a right check digit; None for a generated one.
        pin: 6 to 8 letters and digits.
        validity: what is wrong with its certificates.
        tries_left: PIN attempts, 0 to 3.

    """

    generation: Literal[1, 2, "piv"] = 2
    key: PivKeyKind = PivKeyKind.RSA2048
    name: str | None = None
    id_number: str | None = None
    pin: str | None = None
    validity: Validity = Validity.NOW
    tries_left: Tries = MAX_ATTEMPTS


class InsertCard(ControlMessage, frozen=True):
    """Put a card into a reader: one of these; without any, the one that was pulled last there.

    Attributes:
        scenario: a prepared card's name, as of ``ankong card scenarios``.
        file: the path of a card file, for the agent.
        order: a new card.
        serial: a card that was in a reader before.

    """

    scenario: _Text | None = None
    file: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    order: OrderedCard | None = None
    serial: _Text | None = None


class ChangedFaults(ControlMessage, frozen=True):
    """Faults to change, as of :class:`agent.virtualcard.model.Faults`; the others stay.

    Attributes:
        remove_at: the card is pulled at this command from now on, 1 for the next; 0 never.
        drop_at: likewise, the command whose answer is lost.

    """

    remove_at: _FromNow | UnsetType = UNSET
    drop_at: _FromNow | UnsetType = UNSET
    rsa_delay_ms: Annotated[int, Meta(ge=0, le=MAX_DELAY)] | UnsetType = UNSET
    max_read: Annotated[int, Meta(ge=0, le=256)] | UnsetType = UNSET
    foreign: Annotated[int, Meta(ge=0, le=0xFFFF)] | UnsetType = UNSET
    mute: bool | UnsetType = UNSET


class ChangeCard(ControlMessage, frozen=True):
    """Change a card, whether or not it is in a reader.

    Attributes:
        tries_left: PIN attempts, as if another program had used them up.
        faults: what goes wrong from now on.

    """

    tries_left: Tries | UnsetType = UNSET
    faults: ChangedFaults | UnsetType = UNSET


class HoldReader(ControlMessage, frozen=True):
    """Let another program have the card in a reader for itself, or no longer."""

    held: bool


class SwitchService(ControlMessage, frozen=True):
    """Stop the card service, or start it."""

    available: bool


class Nothing(ControlMessage, frozen=True):
    """A request that says all by its address; the body is empty or ``{}``."""
