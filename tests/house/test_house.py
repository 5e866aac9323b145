import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

import pytest

from tests.house import __main__ as house
from tests.house import recipes, road
from tests.house.change import Change, Edit


def test_no_figure_is_worse_than_the_committed_one() -> None:
    committed = json.loads(house.COMMITTED.read_text("utf-8"))
    assert house.worse(house.measure(prove=False), committed) == []


def test_a_figure_that_got_worse_is_named() -> None:
    assert house.worse({"a": 2, "b": 1}, {"a": 1, "b": 1}) == ["a"]


def test_a_figure_that_is_not_committed_is_named() -> None:
    assert house.worse({"a": 1, "modules": 9}, {"a": 1}) == ["modules"]


def test_a_figure_that_is_measured_no_longer_is_named() -> None:
    assert house.worse({"a": 1}, {"a": 1, "gone": 0}) == ["gone"]


def test_what_is_only_told_may_grow() -> None:
    assert house.worse({"modules": 9}, {"modules": 8}) == []


def test_every_aim_is_of_a_figure() -> None:
    assert set(house.AIMS) <= set(json.loads(house.COMMITTED.read_text("utf-8")))


def test_the_table_says_now_committed_and_aim() -> None:
    lines = house.table({"frames at VERIFY": 12}, {"frames at VERIFY": 13, "gone": 1}).splitlines()
    assert [line.split() for line in lines] == [
        ["now", "committed", "aim"],
        ["12", "13", "13", "frames", "at", "VERIFY"],
        ["-", "1", "-", "gone"],
    ]


def test_a_climb_is_seen() -> None:
    def call(inner: Callable[[], None]) -> None:
        inner()

    driver = FunctionType(call.__code__, {"__name__": "agent.cards.x"})
    use_case = FunctionType(call.__code__, {"__name__": "agent.signing.x"})
    notes = road.Notes()
    driver(lambda: use_case(lambda: notes.look("here")))
    assert (notes.climbs, notes.frames["here"]) == (1, 3)


def test_only_a_module_that_was_left_is_turned_back_to() -> None:
    assert road.turns_back(["web", "web", "signing", "cards", "cards"]) == 0
    assert road.turns_back(["signing", "cards", "signing", "signing", "cards"]) == 2


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with one module, and a generator that copies it."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "amounts.py").write_text("ONE = 1\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "names.txt").write_text("ONE\n")
    generator = (
        "from pathlib import Path\n\nPath('made').write_text(Path('amounts.py').read_text())\n"
    )
    (tmp_path / "generate.py").write_text(generator)
    (tmp_path / "made").write_text("ONE = 1\n")
    return tmp_path


def adding_two(proof: str) -> Change:
    edits = (
        Edit("amounts.py", "TWO = 2\n", before="ONE = 1\n"),
        Edit("tests/names.txt", "TWO\n", before="ONE\n"),
        Edit("more.py", "MORE = True\n"),
    )
    return Change("a number", edits, f"def test_it() -> None:\n    {proof}\n", ("generate",))


def test_a_change_is_made_in_a_copy_and_its_files_counted_by_kind(checkout: Path) -> None:
    change = adding_two("from amounts import TWO")
    assert change.measure(checkout, prove=False) == {
        "files to add a number": 2,
        "tests to add a number": 1,
        "generated files to add a number": 1,
    }
    assert (checkout / "amounts.py").read_text() == "ONE = 1\n"
    assert not (checkout / "more.py").exists()


def test_a_change_whose_proof_fails_is_none(checkout: Path) -> None:
    with pytest.raises(AssertionError, match="1 failed"):
        adding_two("assert False").measure(checkout, prove=True)


def test_a_recipe_that_is_out_of_date_says_so(checkout: Path) -> None:
    change = Change("a number", (Edit("amounts.py", "TWO = 2\n", before="ZERO = 0\n"),), "")
    with pytest.raises(LookupError, match="ZERO"):
        change.measure(checkout, prove=False)


@pytest.mark.parametrize("change", recipes.CHANGES, ids=lambda change: change.name)
def test_a_proof_fails_without_its_change(change: Change) -> None:
    with pytest.raises(AssertionError, match="test_proof"):
        Change(change.name, (), change.proof).measure(house.ROOT, prove=True)
