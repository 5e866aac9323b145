"""A system bus of the test's own, and logind on it."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.seat.fake_logind import FakeLogind
from tests.tray.conftest import Bus, session_bus


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a short-named folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="seat"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def system_bus(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    """Run a bus and make it the system's, for this process and those that it starts."""
    with session_bus(open_folder, everybody=True) as running:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", running.address)
        yield running


@pytest.fixture
async def logind(system_bus: Bus) -> AsyncIterator[FakeLogind]:
    """Run a logind without sessions."""
    made = FakeLogind(system_bus.address)
    await made.appear()
    yield made
    await made.vanish()
