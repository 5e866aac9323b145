"""A private pcscd for the tests of this folder, one per test process."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import ServiceUnavailableError
from agent.transport.pcsc import PcscProvider
from agent.virtualcard.pcscd import PrivatePcscd
from tests.pcsc.rig import PcscRig

SOCKET = "PCSCLITE_CSOCK_NAME"
"""The variable by which the library finds its daemon's socket."""


@pytest.fixture(scope="session")
def private_pcscd() -> Iterator[PrivatePcscd]:
    """Start a daemon where this process's PC/SC library looks for one (``tests/conftest.py``)."""
    pcscd = PrivatePcscd()
    try:
        pcscd.start()
    except ServiceUnavailableError as error:
        if "CI" in os.environ:  # there it is installed, and a skipped test would look like a pass
            raise
        pytest.skip(f"no private pcscd here: {error}")
    place = Path(os.environ[SOCKET])
    place.symlink_to(pcscd.environment()[SOCKET])
    seen = {state.name for state in PcscProvider().readers()}
    if seen != set(pcscd.readers):
        pytest.fail(f"PC/SC was led elsewhere before it could be made private: {seen}")
    yield pcscd
    pcscd.stop()
    place.unlink()


@pytest.fixture
def pcscd(private_pcscd: PrivatePcscd) -> Iterator[PrivatePcscd]:
    """Lend the daemon to a test that may stop and start it."""
    yield private_pcscd
    if private_pcscd.process_id is None:
        private_pcscd.restart()


@pytest.fixture
def rig(pcscd: PrivatePcscd) -> Iterator[PcscRig]:
    """Return a new provider and two empty readers."""
    rig = PcscRig(pcscd)
    yield rig
    rig.close()
