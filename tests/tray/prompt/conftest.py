"""Fixtures: a desktop for each worker, skipped where there is no X server to run."""

import shutil
from collections.abc import Iterator

import pytest

from tests.tray.prompt.desktop import PROGRAMS, Desktop, x_server


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """Run an X server for the session."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} needed: apt-get install xvfb xdotool imagemagick")
    with x_server() as name:
        yield name


@pytest.fixture
def desktop(display: str) -> Desktop:
    """Return a desktop in Chinese."""
    return Desktop(display)
