"""One event loop in a background thread of the process, for code that runs in threads.

The thread begins with the first call, so that a server may load a site and then fork. A process
that was forked has a loop of its own, and makes anew what its parent made: connections and tasks
of the parent's loop are no use to it.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
A = TypeVar("A")

_START: Final = 10.0  # seconds for a thread to begin
_CLOSE: Final = 5.0  # seconds for what is open to close when the process ends


class Wrapped(Generic[A]):
    """Something asynchronous, for any thread of any process that has it."""

    def __init__(self, make: Callable[[], A]) -> None:
        """Make it at once, so that what is wrong with its settings is told at the start.

        Args:
            make: is called again in a process that was forked.

        """
        self._make = make
        self._is_open = False
        self._here = _Here[A](_PROCESS.current)
        self.asynchronous()

    def asynchronous(self) -> A:
        """Return that of this process."""
        process = _PROCESS.current
        with process.lock:
            if self._here.process is not process:
                self._here = _Here(process)
            here = self._here
        with here.lock:
            if not here.made:
                here.made.append(self._make())
                if self._is_open:
                    process.enter(here.made[0])
            return here.made[0]

    def call(self, ask: Callable[[A], Coroutine[Any, Any, T]]) -> T:
        """Return what it answers, or raise what it raises.

        Raises:
            RuntimeError: this thread runs an event loop, which must not wait; or the process is
                ending.

        """
        process = _PROCESS.current
        process.require_thread()
        return process.run(ask(self.asynchronous()))

    def open(self) -> None:
        """Enter its context in this process, and in each that is forked from it when first used."""
        made = self.asynchronous()
        if not self._is_open:
            _PROCESS.current.enter(made)
            self._is_open = True

    def close(self) -> None:
        """Leave its context in this process."""
        if self._is_open:
            self._is_open = False
            _PROCESS.current.leave(self.asynchronous())


def unwrapped(value: Any) -> Any:
    """Return what is asynchronous of a value that may be wrapped."""
    return value.asynchronous() if isinstance(value, Wrapped) else value


class _BackgroundLoop:
    """An event loop and its thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        # A daemon: it must not keep a process alive. What is running ends in _Process.end.
        self._thread = threading.Thread(target=self._work, name="ankong-verify", daemon=True)
        self._thread.start()
        if not self._started.wait(_START):
            raise RuntimeError("no thread begins here: uWSGI needs enable-threads")

    def run(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(seconds)
        except BaseException:  # perhaps of the waiting itself: then nobody wants the result
            running.cancel()
            raise

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE)

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.call_soon(self._started.set)
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


class _Process:
    """What one process has."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._loop: _BackgroundLoop | None = None
        self._open: list[Any] = []
        self._has_ended = False

    def run(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        try:
            loop = self._begun()
        except BaseException:
            work.close()  # it is never awaited
            raise
        return loop.run(work, seconds)

    def require_thread(self) -> None:
        """Refuse a thread that would wait for itself, or keep its own loop from all other work."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise RuntimeError("this thread runs an event loop: await the asynchronous names instead")

    def enter(self, made: Any) -> None:
        self.require_thread()
        self.run(made.__aenter__())
        with self.lock:
            self._open.append(made)

    def leave(self, made: Any, seconds: float | None = None) -> None:
        with self.lock:
            if made not in self._open:
                return
            self._open.remove(made)
        self.run(made.__aexit__(None, None, None), seconds)

    def end(self) -> None:
        """Close what is open, and end the thread; later calls are refused."""
        for made in tuple(self._open):
            with suppress(Exception):  # nobody is left to be told
                self.leave(made, _CLOSE)
        with self.lock:
            self._has_ended = True
            loop = self._loop
        if loop is not None:
            loop.stop()

    def _begun(self) -> _BackgroundLoop:
        with self.lock:
            if self._has_ended:
                raise RuntimeError("this process is ending")
            if self._loop is None:
                self._loop = _BackgroundLoop()
            return self._loop


class _Here(Generic[A]):
    """Something as one process made it; nothing until then."""

    def __init__(self, process: _Process) -> None:
        self.process = process
        self.lock = threading.Lock()
        self.made: list[A] = []


class _CurrentProcess:
    """The process this is."""

    def __init__(self) -> None:
        self.current = _Process()
        self._parents: list[_Process] = []

    def begin_anew(self) -> None:
        """Leave what the parent had as it is, without closing it.

        A closed loop would be taken out of the parent's own epoll instance, which both share.
        """
        self._parents.append(self.current)
        self.current = _Process()

    def end(self) -> None:
        self.current.end()


_PROCESS: Final = _CurrentProcess()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_PROCESS.begin_anew)
atexit.register(_PROCESS.end)
