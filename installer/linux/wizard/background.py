"""Run slow work in a thread, so that the window keeps responding."""

import queue
import threading
import tkinter as tk
from collections.abc import Callable
from typing import Any

_POLL_MILLISECONDS = 40


class Background:
    """Runs one piece of work in a thread; reports its progress and end in the window's thread.

    Attributes:
        cancelled: set when the citizen cancels; the work may read it.

    """

    def __init__(self, root: tk.Misc) -> None:
        self._root = root
        self._calls: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]]
        self._calls = queue.SimpleQueue()
        self.cancelled = threading.Event()

    def call_in_window(self, function: Callable[..., object], *arguments: Any) -> None:
        """Have ``function`` called in the window's thread; may be called from any thread."""
        self._calls.put((function, arguments))

    def run(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], object],
        failed: Callable[[Exception], object],
    ) -> None:
        """Start the work and return.

        Args:
            work: called in the thread.
            done: called in the window's thread with the result of ``work``.
            failed: called in the window's thread with what ``work`` raised.

        """

        def run_work() -> None:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001  # the window shows it
                self.call_in_window(self._end, failed, error)
            else:
                self.call_in_window(self._end, done, result)

        threading.Thread(target=run_work, name="work", daemon=True).start()
        self._ended = False
        self._poll()

    def _end(self, listener: Callable[[Any], object], result: Any) -> None:
        self._ended = True
        listener(result)

    def _poll(self) -> None:
        while not self._ended:
            try:
                function, arguments = self._calls.get_nowait()
            except queue.Empty:
                self._root.after(_POLL_MILLISECONDS, self._poll)
                return
            function(*arguments)
