"""An agent that does not start for a test says why, whatever it was meant to be."""

import sys
from pathlib import Path

import pytest

from agent.testkit.agent_process import COMMAND, AgentStartError, running_agent


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("/nowhere/ankong", "ANKONG names no program: /nowhere/ankong"),
        (f"{sys.executable} -c pass", "it said nothing"),
        (f"{sys.executable} -c 'raise SystemExit(\"why not\")'", "why not"),
    ],
    ids=["missing", "silent", "telling"],
)
def test_what_did_not_start_is_told(
    command: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COMMAND, command)
    with pytest.raises(AgentStartError, match=why), running_agent(tmp_path / "agent"):
        pass
