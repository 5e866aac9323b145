"""The mask of this process, which it has once for all its threads."""

import os
import sys
from collections.abc import Iterator

import pytest

from agent.host.machine.umask import private_files, users_own_mask

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
OWN, PRIVATE = 0o022, 0o077


def mask() -> int:
    found = os.umask(PRIVATE)
    os.umask(found)
    return found


@pytest.fixture(autouse=True)
def own() -> Iterator[None]:
    before = os.umask(OWN)
    yield
    os.umask(before)


def test_programs_start_with_the_users_own_mask() -> None:
    with private_files():
        assert mask() == PRIVATE
        with users_own_mask():
            assert mask() == OWN
        assert mask() == PRIVATE
    assert mask() == OWN


def test_two_that_start_programs_at_once_leave_files_private() -> None:
    """The icon opens the panel while a question opens its page."""
    with private_files():
        first, second = users_own_mask(), users_own_mask()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert mask() == OWN
        second.__exit__(None, None, None)
        assert mask() == PRIVATE


def test_a_browser_that_outlives_the_agent_changes_nothing_any_more() -> None:
    late = users_own_mask()
    with private_files():
        late.__enter__()
    late.__exit__(None, None, None)
    assert mask() == OWN
