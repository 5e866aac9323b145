"""Keep how the proofs end, for the table that ``make test-installers`` prints at the end."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
KNOWN = "proofs"
"""What the processes of one run tell of the tests that they have collected."""


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


class ProofCollector:
    """Knows the names of all tests here, before some are deselected."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Learn of all tests."""
        for item in items:
            if HERE in item.path.parents:
                self.outcomes[_name(item.nodeid)] = proofs.NOT_RUN


class ProofTeller(ProofCollector):
    """In one of several processes: tells the first one which tests there are."""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        workeroutput: dict[str, object] = session.config.workeroutput  # type: ignore[attr-defined]
        workeroutput[KNOWN] = sorted(self.outcomes)


class Recorder(ProofCollector):
    """Hears how each test here ends, and binds it to the artefacts that lie there meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._before = artefact_hashes()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the end of a test; what fails in setting up or tidying up has failed."""
        name = _name(report.nodeid)
        ends = report.when == "call" or report.outcome != proofs.PASSED
        if name and ends and self.outcomes.get(name) != proofs.FAILED:
            self.outcomes[name] = report.outcome

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear which tests a process knew that ran a part of them."""
        for name in getattr(node, "workeroutput", {}).get(KNOWN, ()):
            self.outcomes.setdefault(name, proofs.NOT_RUN)

    def pytest_sessionfinish(self) -> None:
        proofs.record(set(self._before) & set(artefact_hashes()), self.outcomes)


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
    """Record in runs of the proofs themselves only, where whole files are seen."""
    is_whole = not any("::" in argument for argument in config.args)
    if is_whole and config.option.markexpr.startswith("artefact"):
        is_one_of_several = hasattr(config, "workerinput")
        config.pluginmanager.register(ProofTeller() if is_one_of_several else Recorder())
