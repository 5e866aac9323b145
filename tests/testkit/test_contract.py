"""The handles for Python and for Node.js do the same."""

import dataclasses
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from agent.testkit.agent_process import running_agent
from agent.testkit.control_client import ControlCallError
from agent.testkit.handles import AgentHandle

HERE = Path(__file__).parent
STEPS: list[dict[str, Any]] = json.loads((HERE / "contract.json").read_text("utf-8"))


def has(found: Any, wanted: Any) -> bool:
    """Return whether ``found`` has all that is wanted, and lists are of one length."""
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(has, found, wanted))
    if isinstance(wanted, dict):
        return all(has(found[name], value) for name, value in wanted.items())
    return bool(found == wanted)


def do(agent: AgentHandle, name: str, given: list[Any]) -> Any:
    """Take one step, as the contract's words say it."""
    match name, given:
        case "readers", []:
            found = agent.control.call("GET", "readers")["readers"]
        case "card", []:
            found = agent.readers[0].card
        case "insert", [wanted]:
            found = agent.insert(**wanted.get("order", {}))
        case "change", [{"faults": faults}]:
            found = agent.readers[0].change(**faults)
        case "change", [wanted]:
            found = agent.readers[0].change(**wanted)
        case "answer", [kind, answer, more]:
            found = agent.answer(kind, answer, **more)
        case (("questions" | "unanswered"), []):
            found = getattr(agent, name)
        case _:
            found = getattr(agent, name)(*given)
    return dataclasses.asdict(found) if dataclasses.is_dataclass(found) else found


def test_the_handle_for_python_keeps_the_contract(tmp_path: Path) -> None:
    state = tmp_path / "agent"
    state.mkdir(mode=0o700)
    with running_agent(state) as agent:
        for number, step in enumerate(STEPS, 1):
            told = f"step {number}, {step['do']}"
            if "refused" in step:
                with pytest.raises(ControlCallError) as refused:
                    do(agent, step["do"], step["with"])
                assert [refused.value.status, refused.value.path] == step["refused"], told
                continue
            found = do(agent, step["do"], step.get("with", []))
            assert "expect" not in step or has(found, step["expect"]), f"{told}: {found}"


@pytest.mark.skipif(which("node") is None, reason="Node.js is needed")
def test_the_handle_for_node_keeps_the_contract() -> None:
    program = shlex.join([sys.executable, "-P", "-m", "agent"])
    done = subprocess.run(
        ["node", HERE / "contract.mjs"],
        env={**os.environ, "ANKONG": program, "PYTHONPATH": str(HERE.parents[1])},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(len(STEPS))]
