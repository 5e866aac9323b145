"""A stand-in for Windows' named pipes, and for what puts a socket into another process.

It keeps what the porter relies on: a packet for a client has no room in the pipe, so that its write
ends when the client has read it; what is under way at an end that is closed fails.
"""

import os
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from queue import SimpleQueue

from agent.host.machine.windows_acl import SYSTEM
from agent.host.porter.pipe_entrance import PipeClient, PipeEvent
from agent.host.porter.pipe_registering import PipePlace

USER = b"a person"


@dataclass
class _Sending:
    token: int
    is_taken: bool = False


@dataclass
class _End:
    """The porter's end of one pipe, and what is on its way."""

    awaits: int | None = None
    reads: tuple[int, int] | None = None
    for_client: deque[tuple[_Sending, bytes]] = field(default_factory=deque)
    for_porter: deque[bytes] = field(default_factory=deque)
    client: "StandinPipe | None" = None
    is_closed: bool = False


class StandinPipes:
    """Windows, as far as a porter asks it for pipes.

    Attributes:
        owner: who made the pipe.
        client_user: whose process the next clients' are.
        speaking_user: whose words the clients' are.
        held: processes that are held.
        refuses: the call that it refuses, by its name; empty for none.

    """

    def __init__(self) -> None:
        self.owner = SYSTEM
        self.client_user = self.speaking_user = USER
        self.held = 0
        self.refuses = ""
        self.changed = threading.Condition()
        self._events: SimpleQueue[PipeEvent | None] = SimpleQueue()
        self._ends: dict[int, _End] = {}
        self._number = 0
        self._shared: dict[bytes, int] = {}

    @property
    def awaiting(self) -> int:
        """At how many ends somebody can knock."""
        with self.changed:
            return sum(each.awaits is not None for each in self._ends.values())

    # What the porter asks

    def _new_number(self) -> int:
        self._number += 1
        return self._number

    def _answer(self, call: str) -> None:
        if self.refuses == call:
            raise OSError(1450, "insufficient system resources")

    def make(self) -> int:
        self._answer("make")
        with self.changed:
            number = self._new_number()
            self._ends[number] = _End()
            return number

    def await_client(self, pipe: int) -> int:
        self._answer("await_client")
        with self.changed:
            token = self._ends[pipe].awaits = self._new_number()
            self.changed.notify_all()
            return token

    def read(self, pipe: int, size: int) -> int:
        with self.changed:
            end = self._ends[pipe]
            if end.client is None and not end.for_porter:
                raise OSError(109, "broken pipe")
            token = self._new_number()
            end.reads = token, size
            self._pass_on(end)
            return token

    def _pass_on(self, end: _End) -> None:
        if end.reads is not None and end.for_porter:
            (token, size), packet = end.reads, end.for_porter.popleft()
            end.reads = None
            self._events.put(PipeEvent(token, packet if len(packet) <= size else None))

    def write(self, pipe: int, packet: bytes) -> _Sending:
        with self.changed:
            end = self._ends[pipe]
            if end.client is None:
                raise OSError(109, "broken pipe")
            sending = _Sending(self._new_number())
            end.for_client.append((sending, packet))
            self.changed.notify_all()
            return sending

    def next(self) -> PipeEvent | None:
        return self._events.get()

    def stop(self) -> None:
        self._events.put(None)

    def client(self, pipe: int) -> PipeClient:
        del pipe
        self.held += 1
        return PipeClient(4711, self.client_user, 1)

    def let_go(self, client: PipeClient) -> None:
        assert client.held
        self.held -= 1

    def speaker(self, pipe: int) -> bytes:
        del pipe
        return self.speaking_user

    def close(self, pipe: int) -> None:
        with self.changed:
            end = self._ends.pop(pipe)
            end.is_closed = True
            self._fail(end)
            if end.awaits is not None:
                self._events.put(PipeEvent(end.awaits, None))
            self.changed.notify_all()

    def _fail(self, end: _End) -> None:
        if end.reads is not None:
            self._events.put(PipeEvent(end.reads[0], None))
            end.reads = None
        while end.for_client:
            self._events.put(PipeEvent(end.for_client.popleft()[0].token, None))

    def dispose(self) -> None:
        assert not self._ends
        assert self.held == 0
        for descriptor in self._shared.values():
            os.close(descriptor)  # they were in processes that have ended

    def share(self, connection: socket.socket, process: int) -> bytes:
        assert process == 4711
        descriptor = os.dup(connection.fileno())
        described = b"%0600d" % descriptor
        self._shared[described] = descriptor
        return described

    # What an agent asks

    def find(self, described: bytes) -> socket.socket:
        try:
            return socket.socket(fileno=self._shared.pop(described))
        except KeyError:
            raise ValueError("nothing was shared like that") from None

    def knock(self, name: str, seconds: float) -> "StandinPipe":
        del name

        def free() -> _End | None:
            return next((each for each in self._ends.values() if each.awaits is not None), None)

        with self.changed:
            end = self.changed.wait_for(free, seconds)
            if end is None:
                raise OSError(231, "busy")
            token, end.awaits = end.awaits, None
            assert token is not None
            end.client = StandinPipe(self, end)
            self._events.put(PipeEvent(token, b""))
            return end.client

    def heard(self, end: _End, packet: bytes) -> None:
        with self.changed:
            if end.is_closed:
                raise OSError(109, "broken pipe")
            end.for_porter.append(packet)
            self._pass_on(end)

    def taken(self, end: _End, size: int, seconds: float | None, client: "StandinPipe") -> bytes:
        def is_something() -> bool:
            return bool(end.for_client) or end.is_closed or client.is_over

        with self.changed:
            self.changed.wait_for(is_something, seconds)
            if client.is_over or not end.for_client:
                raise OSError(109, "broken pipe")
            sending, packet = end.for_client.popleft()
            sending.is_taken = True
            self._events.put(PipeEvent(sending.token, b""))
            if len(packet) > size:
                raise OSError(234, "more data")
            return packet

    def left(self, end: _End) -> None:
        with self.changed:
            end.client = None
            self._fail(end)

    def place(self) -> PipePlace:
        def look(_: str) -> bool:
            return bool(self._ends)

        return PipePlace(knock=self.knock, look=look, find=self.find)


class StandinPipe:
    """An agent's end."""

    def __init__(self, pipes: StandinPipes, end: _End) -> None:
        self._pipes = pipes
        self._end = end
        self.is_over = False

    def owner(self) -> str:
        return self._pipes.owner

    def receive(self, size: int, seconds: float | None) -> bytes:
        return self._pipes.taken(self._end, size, seconds, self)

    def send(self, packet: bytes) -> None:
        self._pipes.heard(self._end, packet)

    def end(self) -> None:
        with self._pipes.changed:
            self.is_over = True
            self._pipes.changed.notify_all()

    def close(self) -> None:
        self._pipes.left(self._end)
