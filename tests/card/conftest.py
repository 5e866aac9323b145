"""Cards on the wire."""

from collections.abc import Callable

import pytest

from agent.virtualcard.card import VirtualCard
from tests.card.wire import Gen1Wire, Gen2Wire

CardFactory = Callable[..., VirtualCard]


@pytest.fixture
def gen1(make_gen1_card: CardFactory) -> Gen1Wire:
    """Power a new gen1 card."""
    return Gen1Wire(make_gen1_card())


@pytest.fixture
def gen2(make_gen2_card: CardFactory) -> Gen2Wire:
    """Power a new gen2 card."""
    return Gen2Wire(make_gen2_card())


@pytest.fixture
def wire(request: pytest.FixtureRequest, generation: str) -> Gen1Wire | Gen2Wire:
    """Power a new card, once of each generation, in its key directory and channel."""
    wire: Gen1Wire | Gen2Wire = request.getfixturevalue(generation)
    if isinstance(wire, Gen2Wire):
        wire.open_channel()
    wire.enter_keys()
    return wire
