"""Keep how the proofs end, for the table that ``make test-installers`` prints at the end."""

from pathlib import Path

import pytest
from devkit import proofs
from devkit.installers import artefact_hashes

HERE = Path(__file__).parent


class Recorder:
    """Hears how each test here ends, and binds it to the artefacts that lie there meanwhile."""

    def __init__(self) -> None:
        self._before = artefact_hashes()
        self._outcomes: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Learn of all tests before some are deselected."""
        for item in items:
            if HERE in item.path.parents:
                self._outcomes[_name(item.nodeid)] = proofs.NOT_RUN

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = _name(report.nodeid)
        if name in self._outcomes and (report.when == "call" or report.outcome != proofs.PASSED):
            self._outcomes[name] = report.outcome

    def pytest_sessionfinish(self) -> None:
        proofs.record(set(self._before) & set(artefact_hashes()), self._outcomes)


def _name(nodeid: str) -> str:
    return nodeid.partition("/built/")[2]


def pytest_configure(config: pytest.Config) -> None:
    """Record in runs of the proofs themselves only, where whole files are seen by one process."""
    is_whole = not any("::" in argument for argument in config.args)
    is_alone = not hasattr(config, "workerinput") and not config.getoption("numprocesses", None)
    if is_whole and is_alone and config.option.markexpr.startswith("artefact"):
        config.pluginmanager.register(Recorder())
