"""A reader's own thread: one card operation after the other, never on the event loop."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """One daemon thread with a queue.

    Not a ThreadPoolExecutor: that one is joined when the program ends, and a card or a PC/SC
    service that never answers must not keep the agent from ending.
    """

    def __init__(self, name: str) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._pending = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        """How many operations wait or run."""
        with self._lock:
            return self._pending

    def submit(self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue an operation; the future can be cancelled until it starts."""
        future: Future[T] = Future()
        with self._lock:
            self._pending += 1
        self._queue.put(partial(_fulfil, future, partial(operation, *args, **kwargs)))
        return future

    def stop(self) -> None:
        """End the thread after what is queued; return at once."""
        self._queue.put(None)

    def join(self, timeout: float) -> bool:
        """Wait until the thread has ended; return whether it did within ``timeout`` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (task := self._queue.get()) is not None:
            try:
                task()
            finally:
                del task  # what was answered is not kept until the next comes
                with self._lock:
                    self._pending -= 1


def _fulfil(future: Future[T], operation: Callable[[], T]) -> None:
    try:
        if future.set_running_or_notify_cancel():
            future.set_result(operation())
    except BaseException as error:  # noqa: BLE001  # whoever waits is told, whatever it was
        future.set_exception(error)
    finally:
        # An error knows this frame, and through its other frames what a page sent: with the future
        # here they would keep each other until the collector comes.
        del future, operation
