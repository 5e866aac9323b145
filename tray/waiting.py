"""The icon while the agent's folder cannot be used for the time being: a full disk, say.

An agent that is started at sign-in would otherwise end without a word, and be missed until the
next sign-in.
"""

import errno
import sqlite3
import threading
from collections.abc import Callable
from typing import Final

import structlog

from agent.database import DatabaseError
from agent.words.language import SYSTEM, chosen_language
from tray.icon.backend import Backend, NoTrayError
from tray.icon.texts import load_texts
from tray.icon.view import waiting_view

RETRY_SECONDS: Final = 60.0
"""Pause between two attempts."""
_PASSING: Final = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE),
        *(errno.ENFILE, errno.EMFILE, errno.ENOMEM, errno.EBUSY, errno.ETIMEDOUT),
    }
)
_PASSING_ON_WINDOWS: Final = frozenset({32, 33})  # a sharing or lock violation, winerror.h
_PASSING_IN_SQLITE: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY}
)

_log = structlog.get_logger(__name__)


def is_passing(error: BaseException | None) -> bool:
    """Return whether what kept the agent from its folder may be over in a while by itself."""
    if isinstance(error, DatabaseError):
        return is_passing(error.__cause__)
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING_IN_SQLITE
    if not isinstance(error, OSError):
        return False
    return error.errno in _PASSING or getattr(error, "winerror", None) in _PASSING_ON_WINDOWS


class FolderWait:
    """Tries again and again, and shows meanwhile what is the matter; runs once."""

    def __init__(self, make_backend: Callable[[], Backend], attempt: Callable[[], None]) -> None:
        """Prepare the wait.

        Args:
            make_backend: returns the icon.
            attempt: opens the folder and leaves it again; raises what keeps it from that. Called
                in a thread of its own.

        """
        self._make_backend = make_backend
        self._attempt = attempt
        self._backend: Backend | None = None
        self._quitting = threading.Event()

    def run(self) -> bool:
        """Wait in the main thread; return whether to go on, False when the citizen has quit.

        It also ends when what is in the way will not pass by itself: starting again tells what.
        """
        trying = threading.Thread(target=self._try_until_ended, name="waiting", daemon=True)
        try:
            self._backend = self._make_backend()
        except NoTrayError as error:
            _log.info("there is no tray", detail=str(error))
        trying.start()
        if self._backend is not None:
            self._show(self._backend)
        trying.join()
        return not self._quitting.is_set()

    def _show(self, backend: Backend) -> None:
        try:
            backend.run(waiting_view(load_texts(chosen_language(SYSTEM))), self._chosen)
        except NoTrayError as error:
            _log.info("there is no tray", detail=str(error))
        except Exception:  # noqa: BLE001  # whatever a toolkit raises
            _log.exception("the icon failed; the agent is still to start")

    def _chosen(self, key: str) -> None:
        if key == "quit":
            self._quitting.set()

    def _try_until_ended(self) -> None:
        while not self._quitting.wait(RETRY_SECONDS) and self._is_in_the_way():
            pass
        if self._backend is not None:
            self._backend.stop()

    def _is_in_the_way(self) -> bool:
        try:
            self._attempt()
        except Exception as error:  # noqa: BLE001  # starting again raises it for all to see
            return is_passing(error)
        return False
