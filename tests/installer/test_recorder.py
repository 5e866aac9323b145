"""What ``make test`` keeps of a run: how each test ended, and whether all were asked for."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from devkit import results

from tests import recorder


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, str], bool]]:
    """What is recorded, instead of a file that belongs to the run which runs this."""
    heard: list[tuple[dict[str, str], bool]] = []

    def record(_state: object, outcomes: dict[str, str], *, is_whole: bool) -> None:
        heard.append((outcomes, is_whole))

    monkeypatch.setattr(results, "record", record)
    return heard


def report(name: str, when: str, outcome: str) -> pytest.TestReport:
    return cast("pytest.TestReport", SimpleNamespace(nodeid=name, when=when, outcome=outcome))


def test_the_worst_of_a_test_counts(kept: list[tuple[dict[str, str], bool]]) -> None:
    heard = recorder.ResultRecorder(is_whole=True)
    for name, when, outcome in (
        *(("good", "setup", "passed"), ("good", "call", "passed"), ("good", "teardown", "passed")),
        *(("left", "setup", "skipped"), ("left", "teardown", "passed")),
        *(("torn", "setup", "passed"), ("torn", "call", "passed"), ("torn", "teardown", "failed")),
        *(("bad", "call", "failed"), ("bad", "teardown", "passed"), ("unset", "setup", "failed")),
    ):
        heard.pytest_runtest_logreport(report(name, when, outcome))
    heard.pytest_sessionfinish(1)
    ended = {"good": "passed", "left": "skipped", "torn": "failed"}
    assert kept == [({**ended, "bad": "failed", "unset": "failed"}, True)]


@pytest.mark.parametrize("exitstatus", [2, 3, 4, 5])
def test_a_run_that_was_broken_off_is_not_whole(
    kept: list[tuple[dict[str, str], bool]], exitstatus: int
) -> None:
    heard = recorder.ResultRecorder(is_whole=True)
    heard.pytest_sessionfinish(exitstatus)
    assert kept == [({}, False)]


def config(**changed: Any) -> pytest.Config:
    marks = "not artefact"
    inis = {"addopts": ["-ra", "-m", marks], "testpaths": ["tests"]}
    args = changed.pop("args", ["tests"])
    option = SimpleNamespace(**{"markexpr": marks, "keyword": "", "lf": False, **changed})
    return cast("pytest.Config", SimpleNamespace(args=args, option=option, getini=inis.__getitem__))


def test_a_run_that_leaves_tests_out_is_not_whole() -> None:
    assert recorder.asks_for_all(config())
    for changed in (
        *({"args": ["tests/unit"]}, {"keyword": "pin"}, {"lf": True}, {"maxfail": 1}),
        *({"markexpr": "artefact"}, {"deselect": ["x"]}, {"ignore": ["x"]}),
    ):
        assert not recorder.asks_for_all(config(**changed)), changed
