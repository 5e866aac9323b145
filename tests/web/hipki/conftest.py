"""A card and a desk for the door of existing pages."""

from collections.abc import Callable

import pytest

from agent.virtualcard.card import VirtualCard
from tests.web.hipki.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def card(make_card: Callable[..., VirtualCard]) -> VirtualCard:
    return make_card()
