"""Opens the panel at the documents of a question, beside the window that asks it."""

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

PAUSE: Final = 2.0
"""Seconds after which the documents may be shown once more: somebody clicked twice before."""

_log = structlog.get_logger(__name__)


class DocumentViewer:
    """Opens the panel at the documents of a question; belongs to the event loop."""

    def __init__(self, make_token: Callable[[], str], open_page: Callable[[str], bool]) -> None:
        """Begin where there is no panel yet.

        Args:
            make_token: makes what lets a page into the panel, once.
            open_page: opens an address in the citizen's browser; may block.

        """
        self._make_token = make_token
        self._open_page = open_page
        self._port: int | None = None
        self._last = float("-inf")

    def listening(self, port: int | None) -> None:
        """Note where the panel is; None for nowhere."""
        self._port = port

    def show(self, view: str) -> None:
        """Show documents in a window of the browser; the question stays."""
        now = time.monotonic()
        if self._port is None or now - self._last < PAUSE:
            _log.info("documents are not shown now", port=self._port)
            return
        self._last = now
        # In the fragment: it goes to no server, no log and no Referer.
        token = self._make_token()
        address = f"https://localhost:{self._port}/panel/#token={token}&view={view}"
        # In a thread of its own: a browser that $BROWSER names is waited for until it is closed.
        threading.Thread(
            target=self._open_page, args=(address,), name="documents' browser", daemon=True
        ).start()
