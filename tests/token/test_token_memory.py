"""What is left of a PIN in the two processes that it went through (Linux only)."""

import secrets
import string
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.token.token_memory_child import PIN_LENGTH
from tests.tray.prompt.memory import copies_in_memory, said_about

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'")


def test_nothing_is_left_of_a_pin_in_the_agent_and_in_the_module_s_process(
    stub: Callable[[str], Path], stub_log: Path
) -> None:
    letters = string.ascii_letters + string.digits
    pin = "".join(secrets.choice(letters) for _ in range(PIN_LENGTH)).encode()
    command = [sys.executable, "-m", "tests.token.token_memory_child", str(stub("any-pin private"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(pin)
            host = int(child.stdout.readline())
            assert f"login {PIN_LENGTH}" in stub_log.read_text()
            for process in (child.pid, host):
                assert copies_in_memory(process, pin) == []
                assert pin not in said_about(process)
        finally:
            child.kill()
