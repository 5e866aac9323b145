"""A sample of the matrix of faults through a real pcscd; ``make proof`` plays more of it."""

from itertools import islice

import pytest

from agent.virtualcard.model import CITIZEN_GENERATIONS, Generation
from agent.virtualcard.pcscd import PrivatePcscd
from tests.faults.cell import Cell, Operation, Row, Sight, play
from tests.faults.doors import PcscDoor
from tests.faults.kinds import DAEMON_KINDS
from tests.faults.matrix import SAMPLES, sample_of

pytestmark = pytest.mark.pcsc


@pytest.fixture
def door(pcscd: PrivatePcscd) -> PcscDoor:
    return PcscDoor(pcscd)


@pytest.mark.parametrize("generation", CITIZEN_GENERATIONS)
def test_one_bad_answer_through_pcscd_does_not_outlive_its_request(
    door: PcscDoor, generation: Generation
) -> None:
    row = Row(generation, Operation.SIGN, Sight.AGAIN)
    cells = [
        *islice(sample_of(row, door), 0, None, SAMPLES),
        *(Cell(row, kind, index) for kind in DAEMON_KINDS for index in (3, 8)),
    ]
    outcomes = {str(cell): play(cell, door).wrong for cell in cells}
    door.abandon()
    assert {name: wrong for name, wrong in outcomes.items() if wrong} == {}
