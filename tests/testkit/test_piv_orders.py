"""A tester orders a PIV card as any other."""

import pytest

from agent.testkit.messages import OrderedCard
from agent.testkit.mistakes import RefusedControlError, read_json
from agent.testkit.ordering import made
from agent.virtualcard import cardfile
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.model import Generation
from agent.virtualcard.piv_key import PivKeyKind


def test_a_piv_card_is_made_with_the_key_that_was_ordered(test_issuer: TestIssuer) -> None:
    wanted = read_json(b'{"generation": "piv", "key": "p256", "tries_left": 2}', OrderedCard)
    data = cardfile.parse(cardfile.dump(made(wanted, test_issuer)))
    assert (data.generation, data.attempts_left) == (Generation.PIV, 2)
    assert {slot.key.kind for slot in data.slots} == {PivKeyKind.P256}


def test_what_there_is_not_is_named_with_its_field(test_issuer: TestIssuer) -> None:
    with pytest.raises(RefusedControlError, match=r"possible: .*p384") as refused:
        read_json(b'{"generation": "piv", "key": "p521"}', OrderedCard)
    assert refused.value.path == "$.key"
    wanted = read_json(b'{"generation": "piv", "pin": "abc123"}', OrderedCard)
    with pytest.raises(RefusedControlError) as refused:
        made(wanted, test_issuer)
    assert refused.value.path == "$.order.pin"
