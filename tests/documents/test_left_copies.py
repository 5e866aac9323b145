"""Private copies that a killed process left: when they go, and that none goes that is in use."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.documents.copies import WorkFolder, receive_into
from agent.host.machine.document_copies import AGENTS, COMMANDS, LEFT_SECONDS, clear_abandoned

CRASHED, ENDING = "work-0123456789abcdef.pdf", "work-fedcba9876543210.signed"
OF_COMMAND, OLD = "command-0123456789abcdef.pdf", "command-fedcba9876543210.pdf"
NOT_OURS = "letter.pdf"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of copies that others have left: one of a command may be in use."""
    made = tmp_path / "state/documents"
    made.mkdir(parents=True, mode=0o700)
    made.parent.chmod(0o700)
    for name in (CRASHED, ENDING, OF_COMMAND, OLD, NOT_OURS):
        (made / name).write_bytes(b"%PDF-1.7")
    then = time.time() - 2 * LEFT_SECONDS
    os.utime(made / OLD, (then, then))
    return made


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def test_an_agent_that_starts_clears_what_the_last_one_left(folder: Path) -> None:
    clear_abandoned(folder)
    assert names(folder) == {OF_COMMAND, NOT_OURS}
    clear_abandoned(folder / "missing")


def test_work_clears_what_is_old_and_nothing_else(folder: Path) -> None:
    with WorkFolder(folder, COMMANDS) as work:
        work.name(".pdf").touch()
        assert len(names(folder)) == 5
        clear_abandoned(folder)  # an agent starts beside it
        assert len(names(folder)) == 3
    assert names(folder) == {OF_COMMAND, NOT_OURS}


def test_whose_a_copy_is_stands_in_its_name(tmp_path: Path) -> None:
    assert WorkFolder(tmp_path).name(".pdf").name.startswith(f"{AGENTS}-")
    assert WorkFolder(tmp_path, COMMANDS).name(".pdf").name.startswith(f"{COMMANDS}-")


async def test_a_piece_that_comes_too_late_leaves_nothing(tmp_path: Path) -> None:
    """Whoever hands a document over went away, and a thread was about to write."""
    work = WorkFolder(tmp_path)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7"
        work.clear()
        yield bytes(2 * 1024 * 1024)

    with pytest.raises(FileNotFoundError):
        await receive_into(work, "a.pdf", pieces())
    assert not names(tmp_path)
