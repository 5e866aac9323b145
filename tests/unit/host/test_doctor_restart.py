"""The doctor says which running browser was started before it could trust us."""

import sys
from pathlib import Path

import pytest

from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.restart import check_restart
from agent.host.machine.paths import Paths
from tests.restart_due import write_down_reader

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there anybody knows")


def test_a_browser_that_was_running_before_is_named_until_it_ends(tmp_path: Path) -> None:
    paths = Paths.choose(tmp_path)
    assert list(check_restart(InstalledAgent(paths=paths))) == []
    write_down_reader(paths)
    (finding,) = check_restart(InstalledAgent(paths=paths))
    assert (finding.code, finding.facts) == ("trust_restart", {"browsers": "Chromium"})
    write_down_reader(paths, has_ended=True)
    assert list(check_restart(InstalledAgent(paths=paths))) == []


def test_a_damaged_list_is_another_check_s_business(tmp_path: Path) -> None:
    paths = Paths.choose(tmp_path)
    paths.trust.write_text("{")
    assert list(check_restart(InstalledAgent(paths=paths))) == []
