"""A package is installed for everybody: each user has the rest done when they open the program."""

import sys
from pathlib import Path

import pytest

from agent.commands.setup import complete_once
from agent.host.machine.paths import Paths
from agent.host.tls import identity
from agent.setup.record import SetupRecord


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG desktops")
def test_who_opens_a_packaged_program_has_it_set_up_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "packaged"))
    entry = tmp_path / "config" / "autostart" / "ankong.desktop"
    entry.parent.mkdir(parents=True)
    packaged = tmp_path / "packaged" / "autostart" / "ankong.desktop"
    packaged.parent.mkdir(parents=True)
    packaged.write_text("[Desktop Entry]\n")
    entry.write_text("[Desktop Entry]\nHidden=true\n")  # the citizen does not want that
    paths = Paths.choose(tmp_path / "state")
    complete_once(paths.state)
    assert (paths.tls / identity.AUTHORITY_FILE).exists()
    found = SetupRecord.read(paths.installed)
    assert found is not None
    assert found.complete
    assert "Hidden=true" in entry.read_text()
    entry.unlink()
    complete_once(paths.state)
    assert not entry.exists()
