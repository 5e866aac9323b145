"""An agent that a file manager starts does not stay in the folder of the file that was chosen."""

import sys
from pathlib import Path

import pytest

from agent.errors import AgentError
from agent.host.instance.starting import start_agent
from agent.host.machine.paths import Paths


def test_an_agent_runs_in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = Paths.choose(tmp_path / "state")
    paths.prepare()
    chosen = tmp_path / "stick"
    chosen.mkdir()
    monkeypatch.chdir(chosen)
    told = tmp_path / "told"
    script = f"import os; open({str(told)!r}, 'w').write(os.getcwd())"
    with pytest.raises(AgentError, match="ended at once"):
        start_agent(paths, [sys.executable, "-c", script])
    assert Path(told.read_text()) == paths.state
