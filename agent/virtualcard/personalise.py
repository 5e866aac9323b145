"""Card personalisation: keys, certificates, serial number and PIN of a new card."""

import secrets
from dataclasses import dataclass, field

from agent.errors import BadRequestError, ErrorCode, PinError
from agent.virtualcard.identity import is_id_number
from agent.virtualcard.issuer import MAX_CERTIFICATE, TestIssuer, Validity, check_name, der
from agent.virtualcard.model import (
    CARD_ID_LENGTH,
    ID_CA,
    ID_KEYX,
    ID_ROOT,
    ID_SIGN,
    MAX_ATTEMPTS,
    CardData,
    CardKey,
    Faults,
    FilledSlot,
    Generation,
    Options,
    Person,
    VirtualCertificate,
)
from agent.virtualcard.piv_key import PivKeyKind, PivPrivateKey
from agent.virtualcard.profile import Use
from agent.virtualcard.rsa_key import RsaKey

MIN_PIN, MAX_PIN = 6, 8
REFERENCE_SIGN, REFERENCE_KEYX = 0x01, 0x05
GUID_LENGTH = 16
PIV_USES = {0x9A: Use.AUTH, 0x9C: Use.SIGN, 0x9D: Use.KEYX, 0x9E: Use.CARD}
"""What the keys of a PIV card are for, by reference."""
USUAL_SLOTS = (0x9A, 0x9C, 0x9D)


@dataclass(frozen=True, slots=True)
class Order:
    """The card that is wanted.

    Attributes:
        generation: which card it is.
        name: common name, 1 to 64 bytes in UTF-8; of an invented person.
        id_number: 10 characters with a right check digit.
        pin: 6 to 8 ASCII letters and digits; on a PIV card digits.
        validity: whether its certificates are valid.
        attempts_left: 0 to 3.
        key: what the keys of a PIV card are.
        slots: the references of those that it has.

    """

    generation: Generation
    name: str
    id_number: str
    pin: bytes = field(repr=False)
    validity: Validity = Validity.NOW
    attempts_left: int = MAX_ATTEMPTS
    options: Options = field(default_factory=Options)
    faults: Faults = field(default_factory=Faults)
    files: dict[str, bytes] = field(default_factory=dict)
    key: PivKeyKind = PivKeyKind.RSA2048
    slots: tuple[int, ...] = USUAL_SLOTS


def personalise(
    order: Order, issuer: TestIssuer, keys: tuple[RsaKey, RsaKey] | None = None
) -> CardData:
    """Make the contents of a card.

    Args:
        order: the card that is wanted.
        issuer: who certifies its keys.
        keys: for signing and for decrypting, on a citizen card; new ones if None.

    Raises:
        BadRequestError: the name or the ID number is not valid.
        PinError: the PIN does not have 6 to 8 letters and digits.

    """
    check_order(order)
    if order.generation is Generation.PIV:
        return _personalise_piv(order, issuer)
    sign, keyx = keys or (RsaKey.generate(), RsaKey.generate())
    issued = issuer.issue(
        order.name,
        order.id_number,
        {Use.SIGN: sign.public_key, Use.KEYX: keyx.public_key},
        order.validity,
    )
    certificates = (
        VirtualCertificate(ID_ROOT, "ROOT CA Cert", der(issuer.root.certificate)),
        VirtualCertificate(ID_CA, "CA Cert", der(issuer.ca.certificate)),
        VirtualCertificate(ID_SIGN, "cert1", der(issued[Use.SIGN])),
        VirtualCertificate(ID_KEYX, "cert2", der(issued[Use.KEYX])),
    )
    if any(len(certificate.der) > MAX_CERTIFICATE for certificate in certificates):
        raise BadRequestError("the name makes a certificate that does not fit the card")
    return CardData(
        generation=order.generation,
        serial=f"TEST{secrets.randbelow(10**12):012d}",
        pin=order.pin,
        keys=(
            CardKey(ID_SIGN, "K1", REFERENCE_SIGN, sign),
            CardKey(ID_KEYX, "K2", REFERENCE_KEYX, keyx),
        ),
        certificates=certificates,
        channel_id=secrets.token_bytes(CARD_ID_LENGTH),
        attempts_left=order.attempts_left,
        person=Person(order.name, order.id_number),
        options=order.options,
        faults=order.faults,
        files=dict(order.files),
    )


def _personalise_piv(order: Order, issuer: TestIssuer) -> CardData:
    keys = {reference: PivPrivateKey.generate(order.key) for reference in sorted(set(order.slots))}
    public = {PIV_USES[reference]: key.public_key for reference, key in keys.items()}
    issued = issuer.issue(order.name, order.id_number, public, order.validity)
    slots = tuple(
        # One of them compressed, as cards are free to: whoever reads it must be able to.
        FilledSlot(
            reference, key, der(issued[PIV_USES[reference]]), PIV_USES[reference] is Use.KEYX
        )
        for reference, key in keys.items()
    )
    return CardData(
        generation=order.generation,
        serial=secrets.token_hex(GUID_LENGTH).upper(),
        pin=order.pin,
        keys=(),
        certificates=(),
        attempts_left=order.attempts_left,
        person=Person(order.name, order.id_number),
        options=order.options,
        faults=order.faults,
        files=dict(order.files),
        slots=slots,
    )


def check_pin(pin: bytes, generation: Generation = Generation.GEN1) -> None:
    """Refuse a PIN that does not have 6 to 8 ASCII letters and digits; on a PIV card, digits.

    Raises:
        PinError: ``pin_length``.

    """
    is_piv = generation is Generation.PIV
    has_its_characters = pin.isdigit() if is_piv else pin.isalnum()
    if not MIN_PIN <= len(pin) <= MAX_PIN or not has_its_characters:
        kind = "digits" if is_piv else "letters and digits"
        raise PinError(f"a PIN has 6 to 8 {kind}", code=ErrorCode.PIN_LENGTH)


def check_order(order: Order) -> None:
    """Refuse an order for a card that cannot be made.

    Raises:
        BadRequestError, PinError: as :func:`personalise`.

    """
    check_pin(order.pin, order.generation)
    check_name(order.name)
    if not order.slots or not set(order.slots) <= set(PIV_USES):
        raise BadRequestError("the keys of a PIV card are 9A, 9C, 9D and 9E")
    if not is_id_number(order.id_number):
        raise BadRequestError(
            "the ID number's check digit is wrong, or it is none", said=("cli.error.id_number", {})
        )
    if not 0 <= order.attempts_left <= MAX_ATTEMPTS:
        raise BadRequestError("a card has 0 to 3 PIN attempts")
