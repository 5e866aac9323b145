"""A session bus of our own, with nobody on it who was not asked."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={folder}</listen>
  <auth>EXTERNAL</auth>
  {services}
  <policy context="default">
    {users}
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class Bus:
    """A bus daemon.

    Attributes:
        address: for ``DBUS_SESSION_BUS_ADDRESS``.

    """

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self._process = process
        self.address = address

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@contextmanager
def session_bus(
    folder: Path,
    environment: dict[str, str] | None = None,
    *,
    services: bool = False,
    everybody: bool = False,
) -> Iterator[Bus]:
    """Run a bus daemon; with ``services`` it starts what is installed when somebody asks for it.

    With ``everybody`` other users may use it too, as a system's bus.
    """
    program = shutil.which("dbus-daemon")
    if program is None:
        pytest.skip("dbus-daemon needed: apt-get install dbus-daemon")
    file = folder / "bus.conf"
    known = "<standard_session_servicedirs/>" if services else ""
    users = '<allow user="*"/>' if everybody else ""
    file.write_text(_CONFIGURATION.format(folder=folder, services=known, users=users))
    command = [program, f"--config-file={file}", "--nofork", "--nopidfile", "--print-address=1"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment or dict(os.environ),
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address, "dbus-daemon did not start"
            yield Bus(process, address)
        finally:
            process.terminate()


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder: the path of a socket has at most 107 bytes."""
    return tmp_path_factory.mktemp("b")


@pytest.fixture
def bus(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    """Run a bus and make it this process's."""
    with session_bus(short_path) as running:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", running.address)
        yield running
