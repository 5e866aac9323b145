"""Sockets that are looked at together, and what is done when something happens on one."""

import selectors
import socket
from collections.abc import Callable, Container


def waking_pair() -> tuple[socket.socket, socket.socket]:
    """Return two sockets that do not block; what is sent to the first wakes who looks at the other.

    Raises:
        OSError: there are none; or, where Windows makes them of a port, somebody else was quicker
            to connect to it.

    """
    wakes, woken = socket.socketpair()
    ends = (wakes.getsockname(), wakes.getpeername())
    if (woken.getpeername(), woken.getsockname()) != ends:
        wakes.close()
        woken.close()
        raise OSError("another program has connected to a socket that is ours alone")
    for each in (wakes, woken):
        each.setblocking(False)
    return wakes, woken


class Lookout:
    """Calls back from one thread, the one that waits."""

    def __init__(self) -> None:
        """Look at nothing yet."""
        self._selector = selectors.DefaultSelector()

    def watch(self, what: socket.socket, then: Callable[[], object]) -> None:
        """Call ``then`` whenever there is something to read, to accept, or the other end left."""
        self._selector.register(what, selectors.EVENT_READ, then)

    def forget(self, what: socket.socket) -> None:
        """Look at a socket no more; it is not closed yet."""
        self._selector.unregister(what)

    def wait(self, seconds: float | None, last: Container[object]) -> None:
        """Wait until something happens, and do what is to be done then.

        Args:
            seconds: at most; None for however long it takes.
            last: sockets that have their turn after the others.

        """
        ready = self._selector.select(seconds)
        for key, _ in sorted(ready, key=lambda each: each[0].fileobj in last):
            if self._selector.get_map().get(key.fd) is key:  # not closed just now
                key.data()

    def close(self) -> None:
        """Look at nothing any more; the sockets stay open."""
        self._selector.close()
