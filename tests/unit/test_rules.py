"""The table of rules in ``tests/README.md``: each test that it names is there."""

import re
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).resolve().parents[1]
HEADING: Final = "## Which test holds which rule"
_NAMED: Final = re.compile(r"`([^`]+\.(?:py|mjs))::([^`]+)`")


def rows() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return each rule with the files and names of its tests."""
    _, _, section = (TESTS / "README.md").read_text("utf-8").partition(HEADING)
    lines = [line.strip("| ").split(" | ", 1) for line in section.splitlines() if "|" in line]
    return [(rule, _NAMED.findall(tests)) for rule, tests in lines[2:]]


NAMED: Final = [test for _, tests in rows() for test in tests]


def test_every_rule_has_a_test() -> None:
    assert rows()
    assert [rule for rule, tests in rows() if not tests] == []


@pytest.mark.parametrize(("file", "name"), NAMED, ids=["::".join(test) for test in NAMED])
def test_each_test_that_is_named_is_there(file: str, name: str) -> None:
    source = (TESTS / file).read_text("utf-8")
    defined = (
        rf"^\s*(?:async )?def {re.escape(name)}\(" if file.endswith(".py") else re.escape(name)
    )
    assert re.search(defined, source, re.MULTILINE), name


def test_no_rule_stands_twice() -> None:
    rules = [rule for rule, _ in rows()]
    assert len(rules) == len(set(rules))
