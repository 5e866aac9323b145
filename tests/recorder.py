"""A plugin for pytest that keeps how the tests of ``make test`` end: see ``devkit.results``."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "installer"))

from devkit import results


class ResultRecorder:
    """Hears how each test ends, whichever process runs it."""

    def __init__(self, *, is_whole: bool) -> None:
        self._is_whole = is_whole
        self._state = results.source_state()
        self._outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the end of a test; what fails in setting up or tidying up has failed."""
        ends = report.when == "call" or report.outcome != results.PASSED
        if ends and self._outcomes.get(report.nodeid) != results.FAILED:
            self._outcomes[report.nodeid] = report.outcome

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write what was heard; a run that was broken off was not whole."""
        ended = exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
        results.record(self._state, self._outcomes, is_whole=self._is_whole and ended)


def pytest_configure(config: pytest.Config) -> None:
    """Record in the process that hears of all the tests, alone."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(ResultRecorder(is_whole=asks_for_all(config)))


def asks_for_all(config: pytest.Config) -> bool:
    """Return whether no test is left out that a run without arguments has."""
    narrowed = ("keyword", "lf", "deselect", "ignore", "ignore_glob", "maxfail", "stepwise")
    marks = config.getini("addopts")[config.getini("addopts").index("-m") + 1]
    return (
        config.args == config.getini("testpaths")
        and config.option.markexpr == marks
        and not any(getattr(config.option, name, None) for name in narrowed)
    )
