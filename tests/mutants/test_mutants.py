"""The judge of the tests: it makes the faults it says, and tells who noticed."""

from pathlib import Path

import pytest

from tests.mutants import __main__ as mutants
from tests.mutants.mutation import Mutant, mutant_at, places_in
from tests.mutants.packages import PACKAGES
from tests.mutants.trial import Outcome, run_trial

ROOT = mutants.ROOT
SOURCE = '''\
"""A module."""

LIMIT: int | None = 3


@dataclass(frozen=True)
class Some:
    def __repr__(self) -> str:
        return "%d" % 7

    def check(self, value: int | None) -> None:
        if value > LIMIT:
            raise ValueError
        _log.info("fine", times=2)
        self.value = value
'''


def texts(source: str) -> set[str]:
    made = (mutant_at(place, source) for place in places_in(source, "a.py"))
    return {mutant.text.removeprefix("a.py: ") for mutant in made if mutant is not None}


def test_the_faults_of_a_module() -> None:
    assert texts(SOURCE) == {
        "LIMIT: int | None = 3  ->  LIMIT: int | None = 4",
        "LIMIT: int | None = 3  ->  LIMIT: int | None = 2",
        "if value > LIMIT:  ->  if value >= LIMIT:",
        "if value > LIMIT:  ->  if not value > LIMIT:",
        "if value > LIMIT:  ->  if False:",
        "raise ValueError  ->  pass",
        "self.value = value  ->  pass",
    }


def test_a_fault_keeps_its_place_among_others_when_lines_move() -> None:
    before = {place.order for place in places_in(SOURCE, "a.py")}
    assert {place.order for place in places_in("\n\n" + SOURCE, "a.py")} == before


def trial(before: str, after: str) -> Outcome:
    path = "agent/iso7816/status_word.py"
    source = (ROOT / path).read_text("utf-8")
    assert before in source
    mutant = Mutant(path, 1, before, after, source.replace(before, after))
    return run_trial(ROOT, mutant, ["tests/unit/test_iso7816.py"])


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        ("if sw & 0xFFF0 == 0x63C0:", "if False:", Outcome.KILLED),
        ("SUCCESS = 0x9000", "SUCCESS = 0x9000  # as it was", Outcome.SURVIVED),
        ("SUCCESS = 0x9000", "SUCCESS = 0x6282", Outcome.UNABLE),  # a number that is used twice
    ],
)
def test_a_trial_says_who_noticed(before: str, after: str, outcome: Outcome) -> None:
    assert trial(before, after) is outcome


def test_every_package_has_tests_near_it() -> None:
    for package, patterns in PACKAGES.items():
        assert (ROOT / package / "__init__.py").is_file()
        for pattern in patterns:
            assert list(ROOT.glob(pattern)), pattern


def score(killed: int, survived: int) -> mutants.Score:
    mutant = Mutant("agent/a.py", 1, "before", "after", "")
    return mutants.Score("agent/a", "50", killed, (mutant,) * survived)


def test_a_score_may_only_rise() -> None:
    committed = {"agent/a": {"50": 90.0, "all": 70.0}, "agent/b": {"50": 80.0}}
    assert mutants.lower([score(45, 5)], committed) == []
    assert mutants.lower([score(44, 6)], committed) == ["agent/a"]
    assert mutants.lower([score(1, 49)], {}) == []
    assert mutants.raised([score(44, 6)], committed) == committed
    assert mutants.raised([score(46, 4)], committed)["agent/a"] == {"50": 92.0, "all": 70.0}
    assert mutants.raised([score(2, 1)], {}) == {"agent/a": {"50": 66.6}}
    assert " 92.0" in mutants.table([score(46, 4)], committed)


def test_known_equivalent_mutants_are_listed_by_their_text(tmp_path: Path) -> None:
    listed = tmp_path / "equivalent.txt"
    listed.write_text("# why\n\nagent/a.py: before  ->  after\n", "utf-8")
    (survivor,) = score(0, 1).survivors
    assert survivor.text in mutants.known_equivalent(listed.read_text("utf-8"))
    assert str(survivor) == "agent/a.py:1: before  ->  after"
