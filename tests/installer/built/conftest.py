"""Keep how the proofs end, for the table that ``make test-installers`` prints at the end."""

import re
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest
from devkit import proofs
from devkit.installers import artefact_hashes
from devkit.shell import ROOT

from agent.portal.demo.programs import USUAL_PORTS, Ports

HERE = Path(__file__).parent
IN_ENGLISH = {
    "test_a_second_wizard_gives_way_to_the_first",
    "test_an_old_windows_is_told_so",
    "test_help_is_ours_and_a_wrong_word_is_told",
    "test_repair_puts_everything_back_and_keeps_what_is_the_citizens",
}
"""Of the tests that are played in two languages, those that the gate plays in English alone; all
others it plays in Chinese alone. The other language of each is in the long part."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave one language of each test to the gate."""
    for item in items:
        if HERE in item.path.parents and isinstance(item, pytest.Function):
            language = _language_of(item)
            if language and (language == "en_US") != (item.originalname in IN_ENGLISH):
                item.add_marker(pytest.mark.long)


def _language_of(item: pytest.Function) -> str:
    """Return the language among a test's parameters, by their names; "" where there is none."""
    named = item.callspec.id if hasattr(item, "callspec") else ""
    found = re.search(r"(?:^|-)(zh_TW|en_US)(?:\.UTF-8)?(?:-|$)", named)
    return found[1] if found else ""


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


@pytest.fixture
def ports() -> Iterator[Ports]:
    """Have the agent's usual ports, or others where somebody else has them.

    The proofs of another system may run beside these, with an agent of their own.
    """
    lock = filelock.FileLock(ROOT / "build" / "usual-ports.lock", blocking=False)
    try:
        with lock:
            yield Ports.choose(usual=True)
    except filelock.Timeout:
        yield Ports.choose(usual=False)


def is_usual(ports: Ports) -> bool:
    """Return whether an agent takes them without being told."""
    return (ports.tls, ports.ping) == USUAL_PORTS


def _name(nodeid: str) -> str:
    return nodeid.partition("/built/")[2]


def pytest_configure(config: pytest.Config) -> None:
    """Record in runs of the proofs themselves only, where whole files are seen by one process."""
    is_whole = not any("::" in argument for argument in config.args)
    is_alone = not hasattr(config, "workerinput") and not config.getoption("numprocesses", None)
    if is_whole and is_alone and config.option.markexpr.startswith("artefact"):
        config.pluginmanager.register(Recorder())
