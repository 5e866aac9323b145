"""The memory of the process that holds PINs: no other process of the same user reads it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.host.machine import memory

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0,
    reason="/proc is Linux', and only root can become another user",
)
USER = 65534
ROOT = Path(__file__).resolve().parents[3]
# As the agent does; root, to whom this test belongs, may still look.
HOLDER = """
import ctypes, os, resource, sys
from agent.host.machine.memory import leave_no_core, shut_others_out
os.setgid(65534); os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
if sys.argv[1] == "shut":
    leave_no_core()
    shut_others_out()
print(os.getpid(), flush=True)
sys.stdin.read()
"""
THIEF = """
import ctypes, os, resource, sys
pid = int(sys.argv[1])
os.setgid(65534); os.setuid(65534)
def opens(name):
    try:
        open(f"/proc/{pid}/{name}", "rb", buffering=0).close()
        return True
    except PermissionError:
        return False
library = ctypes.CDLL(None, use_errno=True)
attached = library.ptrace(16, pid, None, None) == 0  # PTRACE_ATTACH
print(opens("mem"), opens("environ"), attached)
"""


def what_a_thief_gets(how: str) -> str:
    python = [sys.executable, "-c"]
    with subprocess.Popen(
        [*python, HOLDER, how],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        pid = holder.stdout.readline().strip()
        if how == "shut":
            limits = Path(f"/proc/{pid}/limits").read_text()
            assert [line.split()[4] for line in limits.splitlines() if "core" in line] == ["0"]
        done = subprocess.run(
            [*python, THIEF, pid], capture_output=True, text=True, check=True, cwd="/"
        )
        holder.kill()
    return done.stdout.strip()


def test_another_process_of_the_same_user_reads_nothing() -> None:
    assert what_a_thief_gets("shut") == "False False False"


def test_without_the_protection_it_would() -> None:
    assert what_a_thief_gets("open").startswith("True True")


def test_the_daemon_and_the_window_shut_others_out() -> None:
    """Each calls it before anything else that could hold a secret."""
    assert memory.shut_others_out.__doc__
    for file, before in (
        ("agent/commands/daemon.py", "Paths.choose("),
        ("tray/prompt/process.py", "decode_request(_read"),
    ):
        source = (ROOT / file).read_text("utf-8")
        assert source.index("    shut_others_out()") < source.index(before), file
    for file in ("agent/commands/sign.py", "agent/commands/sign_pdfs.py"):
        source = (ROOT / file).read_text("utf-8")
        assert source.index("    keep_secrets()") < source.index("= read_pin(from"), file
    own = (ROOT / "agent/commands/own_service.py").read_text("utf-8")
    assert "    shut_others_out()" in own
