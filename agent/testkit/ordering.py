"""Make the card that a tester orders."""

from agent.errors import BadRequestError, PinError
from agent.testkit.messages import OrderedCard
from agent.testkit.mistakes import of_request, wrong_field
from agent.virtualcard.identity import generate_id_number, is_id_number
from agent.virtualcard.issuer import TestIssuer, check_name
from agent.virtualcard.model import CardData
from agent.virtualcard.new_cards import GENERATIONS
from agent.virtualcard.personalise import Order, check_pin, personalise
from agent.virtualcard.scenarios import NAME, PIN


def made(wanted: OrderedCard, issuer: TestIssuer) -> CardData:
    """Make a card; blocks for as long as two RSA keys take.

    Args:
        wanted: the card.
        issuer: who certifies its keys.

    Raises:
        RefusedControlError: 400: there can be no such card; ``path`` names the field.

    """
    order = Order(
        generation=GENERATIONS[str(wanted.generation)],
        name=NAME if wanted.name is None else wanted.name,
        id_number=generate_id_number() if wanted.id_number is None else wanted.id_number,
        pin=(PIN if wanted.pin is None else wanted.pin).encode(),
        validity=wanted.validity,
        attempts_left=wanted.tries_left,
        key=wanted.key,
    )
    try:
        check_pin(order.pin, order.generation)
    except PinError as error:
        raise wrong_field("$.order.pin", error.detail) from error
    try:
        check_name(order.name)
    except BadRequestError as error:
        raise of_request(error, "$.order.name") from error
    if not is_id_number(order.id_number):
        raise wrong_field("$.order.id_number", "the check digit is wrong, or it is none")
    try:
        return personalise(order, issuer)
    except BadRequestError as error:
        raise of_request(error, "$.order") from error
