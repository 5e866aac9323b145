import json
from collections.abc import Callable
from types import FunctionType

from tests.house import __main__ as house
from tests.house import road


def test_no_figure_is_worse_than_the_committed_one() -> None:
    committed = json.loads(house.COMMITTED.read_text("utf-8"))
    found = house.measure()
    assert set(found) == set(committed)
    assert house.worse(found, committed) == []


def test_a_figure_that_got_worse_is_named() -> None:
    assert house.worse({"a": 2, "b": 1, "new": 0}, {"a": 1, "b": 1}) == ["a", "new"]


def test_a_climb_is_seen() -> None:
    def call(inner: Callable[[], None]) -> None:
        inner()

    driver = FunctionType(call.__code__, {"__name__": "agent.cards.x"})
    use_case = FunctionType(call.__code__, {"__name__": "agent.signing.x"})
    notes = road._Notes()
    driver(lambda: use_case(lambda: notes.look("here")))
    assert (notes.climbs, notes.frames["here"]) == (1, 3)
