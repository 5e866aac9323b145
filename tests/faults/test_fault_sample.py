"""A sample of the matrix: each fault in each request; ``make proof`` plays all of it."""

import pytest

from tests.faults.cell import Row, play
from tests.faults.doors import VirtualDoor
from tests.faults.matrix import ROWS, sample_of


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_one_bad_answer_does_not_outlive_its_request(row: Row) -> None:
    door = VirtualDoor()
    outcomes = {str(cell): play(cell, door).wrong for cell in sample_of(row, door)}
    assert {name: wrong for name, wrong in outcomes.items() if wrong} == {}
