"""Run slow work in a thread, so that the window stays responsive."""

import queue
import threading
import tkinter as tk
from collections.abc import Callable
from typing import Any

_LOOK_MILLISECONDS = 40


class Background:
    """Work in a thread; its progress and its end are reported in the window's thread."""

    def __init__(self, root: tk.Misc) -> None:
        self._root = root
        self._said: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]]
        self._said = queue.SimpleQueue()
        self.cancelled = threading.Event()

    def tell(self, listener: Callable[..., object], *facts: Any) -> None:
        """Call ``listener`` in the window's thread; for the thread of the work."""
        self._said.put((listener, facts))

    def run(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], object],
        failed: Callable[[Exception], object],
    ) -> None:
        """Start the work; at its end ``done`` or ``failed`` is called."""

        def whole() -> None:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001  # the window tells of it
                self.tell(self._end, failed, error)
            else:
                self.tell(self._end, done, result)

        threading.Thread(target=whole, name="work", daemon=True).start()
        self._ended = False
        self._look()

    def _end(self, listener: Callable[[Any], object], what: Any) -> None:
        self._ended = True
        listener(what)

    def _look(self) -> None:
        while not self._ended:
            try:
                listener, facts = self._said.get_nowait()
            except queue.Empty:
                self._root.after(_LOOK_MILLISECONDS, self._look)
                return
            listener(*facts)
