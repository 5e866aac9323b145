"""A folder that cannot be used at the start is tried again, and the icon says why."""

import errno
import sqlite3
import threading
from pathlib import Path

import pytest

from agent.database import DatabaseError
from agent.errors import AgentError
from agent.host.instance import record
from agent.words.language import Language
from tests.tray.fake_icon import SECONDS, FakeIcon, Nowhere
from tray import command, waiting
from tray.icon.texts import load_texts
from tray.icon.view import IconStatus, waiting_view
from tray.waiting import FolderWait, is_passing


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "RETRY_SECONDS", 0.01)


class Attempts:
    """Attempts of which the first ones fail."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.count = 0

    def __call__(self) -> None:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


def database_error(code: int) -> DatabaseError:
    cause = sqlite3.OperationalError("refused")
    cause.sqlite_errorcode = code
    error = DatabaseError("refused")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("kind", [FakeIcon, Nowhere])
def test_it_is_tried_until_it_works(kind: type[FakeIcon]) -> None:
    icon, attempts = kind(), Attempts(full(), full(), OSError(errno.EROFS, "Read-only"))
    assert FolderWait(lambda: icon, attempts).run()
    assert attempts.count == 4
    assert icon.ended.is_set()


def test_what_does_not_pass_by_itself_ends_the_wait() -> None:
    attempts = Attempts(full(), AgentError("the settings make no sense"))
    assert FolderWait(FakeIcon, attempts).run()  # starting again says why
    assert attempts.count == 2


def test_the_citizen_sees_why_and_may_quit() -> None:
    icon = FakeIcon()

    def attempt() -> None:
        assert icon.running.wait(SECONDS)
        icon.chosen("quit")
        raise full()

    assert not FolderWait(lambda: icon, attempt).run()
    (view,) = icon.views
    assert view.status is IconStatus.ATTENTION
    assert [item.key for item in view.menu if item.label and item.enabled] == ["quit"]


def test_the_sentence_fits_a_tool_tip() -> None:
    for language in Language:
        assert len(waiting_view(load_texts(language)).title) <= 127


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (full(), True),
        (OSError(errno.EROFS, "x"), True),
        (PermissionError(errno.EACCES, "x"), False),
        (FileNotFoundError(errno.ENOENT, "x"), False),
        (database_error(sqlite3.SQLITE_FULL), True),
        (database_error(sqlite3.SQLITE_IOERR | 3 << 8), True),
        (database_error(sqlite3.SQLITE_CANTOPEN), False),
        (DatabaseError("x"), False),
        (AgentError("x"), False),
    ],
)
def test_what_passes_by_itself(error: Exception, passing: bool) -> None:
    assert is_passing(error) is passing


def test_a_start_on_a_full_disk_becomes_a_start_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command itself; what is written first is the agent's record."""
    replace_file = record.replace_file
    room = Attempts(full(), full())
    ran: list[bool] = []

    def replace(path: Path, content: bytes) -> None:
        room()
        replace_file(path, content)

    class Ends:
        def __init__(self, *_: object) -> None: ...

        def run(self) -> None:
            ran.append(threading.current_thread() is threading.main_thread())

    monkeypatch.setattr(record, "replace_file", replace)
    monkeypatch.setattr("tray.program.Program", Ends)
    icons: list[FakeIcon] = []

    def backend() -> FakeIcon:
        icons.append(FakeIcon())
        return icons[-1]

    monkeypatch.setattr("tray.icon.system.system_backend", backend)
    options = command.TrayOptions(provider="virtual", virtual_card=(), state_dir=tmp_path / "s")
    assert command.run(options) == 0
    assert ran == [True]
    assert len(icons) == 1
    assert icons[0].ended.is_set()
