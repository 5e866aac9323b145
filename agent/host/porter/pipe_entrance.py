"""Where agents register on Windows: a named pipe, at whose other end Windows knows who is.

A thread waits for whatever ends at one of the pipe's ends, and wakes the porter's lookout, in whose
thread all else is done.
"""

import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from agent.host.porter.entrance import AgentDoor
from agent.host.porter.lookout import Lookout, waking_pair
from agent.host.porter.porter_wire import CONNECTION, MAX_ANSWER, READY
from agent.host.porter.users import UnknownUserError

LISTENING: Final = 8
"""Ends at which the next agents can knock at once; others wait in Windows for their turn."""
_MAX_AT_ONCE: Final = 32  # before others have their turn
_END_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class PipeEvent:
    """Something that was waited for at a pipe.

    Attributes:
        token: names what was waited for.
        packet: that was read; empty where a client came or a packet was taken; None: it failed.

    """

    token: int
    packet: bytes | None


class Sending(Protocol):
    """A packet that is on its way to a client."""

    @property
    def token(self) -> int:
        """What names it in :meth:`ServerPipes.next`."""

    @property
    def is_taken(self) -> bool:
        """Whether the client has read it by now, whatever :meth:`ServerPipes.next` has told."""


@dataclass(frozen=True, slots=True)
class PipeClient:
    """Who is at the other end of a pipe.

    Attributes:
        process: its number.
        user: whose it is, SID.
        held: keeps the number from being another process'.

    """

    process: int
    user: bytes
    held: int


class ServerPipes(Protocol):
    """What Windows is asked for; see :class:`agent.host.porter.server_pipes.WindowsPipes`.

    Whatever takes its time is begun, and named by a number that :meth:`next` gives back. Where it
    cannot be begun, that is an OSError.
    """

    def make(self) -> int:
        """Make one more end of the pipe."""

    def await_client(self, pipe: int) -> int:
        """Begin to wait for a client."""

    def read(self, pipe: int, size: int) -> int:
        """Begin to wait for a packet of so many octets at most; a longer one fails."""

    def write(self, pipe: int, packet: bytes) -> Sending:
        """Begin to send a packet; that has ended when the client has read it."""

    def next(self) -> PipeEvent | None:
        """Wait for what ends next; None after :meth:`stop`. In a thread of its own."""

    def stop(self) -> None:
        """Have :meth:`next` return None."""

    def client(self, pipe: int) -> PipeClient:
        """Find who has the other end."""

    def let_go(self, client: PipeClient) -> None:
        """Hold a client's process no more."""

    def speaker(self, pipe: int) -> bytes:
        """Return whose program sent the last packet that was read: its SID."""

    def close(self, pipe: int) -> None:
        """Close an end; what is under way there fails."""

    def dispose(self) -> None:
        """Let go of everything, when nothing is open and nobody is in :meth:`next`."""


def share(connection: socket.socket, process: int) -> bytes:
    """Put a connection into another process; return what lets that process find it there.

    Raises:
        OSError: it cannot be done.

    """
    if sys.platform == "win32":
        return connection.share(process)
    raise OSError("sockets are shared on Windows only")


class PipeEntrance:
    """Lets agents in that are a person's."""

    def __init__(
        self,
        pipes: ServerPipes,
        person: Callable[[bytes], Hashable],
        share: Callable[[socket.socket, int], bytes] = share,
    ) -> None:
        """Let nobody in yet.

        Args:
            pipes: makes the ends.
            person: returns a user who may have an agent, or raises an UnknownUserError.
            share: puts a connection into a process.

        """
        self.pipes = pipes
        self.share = share
        self._person = person
        self._ended: deque[PipeEvent] = deque()
        self._soon: deque[Callable[[], object]] = deque()
        self._awaited: dict[int, Callable[[bytes | None], object]] = {}
        self._knocking: set[int] = set()
        self._is_deaf = False
        self._wake, self._woken = waking_pair()
        self._thread = threading.Thread(target=self._wait, name="pipes", daemon=True)

    def open(self, lookout: Lookout, came: Callable[[AgentDoor], object]) -> None:
        """Have ``came`` called with each agent that comes.

        Raises:
            OSError: another program has the pipe, or Windows refuses.

        """
        self._listen(came)
        lookout.watch(self._woken, self._look)
        self._thread.start()

    def close(self) -> None:
        """Let nobody in any more, and end the thread."""
        for pipe in self._knocking:
            self.pipes.close(pipe)
        if self._thread.is_alive():
            self.pipes.stop()
            self._thread.join(_END_SECONDS)
        if not self._thread.is_alive():
            self.pipes.dispose()
        for each in (self._wake, self._woken):
            each.close()

    def when_ended(self, token: int, then: Callable[[bytes | None], object]) -> None:
        """Call ``then`` from the lookout with what came of something."""
        self._awaited[token] = then

    def soon(self, then: Callable[[], object]) -> None:
        """Call ``then`` from the lookout, and not at once."""
        self._soon.append(then)
        self._tell()

    def _listen(self, came: Callable[[AgentDoor], object]) -> None:
        """Have as many ends as Windows gives; the next knock asks for those that are missing.

        Raises:
            OSError: there is none left at which anybody could knock.

        """
        try:
            while len(self._knocking) < LISTENING:
                self._add_end(came)
        except OSError:
            if not self._knocking:
                raise

    def _add_end(self, came: Callable[[AgentDoor], object]) -> None:
        pipe = self.pipes.make()
        try:
            token = self.pipes.await_client(pipe)
        except OSError:
            self.pipes.close(pipe)
            raise
        self._knocking.add(pipe)
        self.when_ended(token, partial(self._admit, pipe, came))

    def _admit(self, pipe: int, came: Callable[[AgentDoor], object], packet: bytes | None) -> None:
        self._knocking.remove(pipe)
        try:
            self._listen(came)
        except OSError:
            self.pipes.close(pipe)
            raise
        if packet is None:
            self.pipes.close(pipe)
            return
        try:
            client = self.pipes.client(pipe)
        except OSError:
            self.pipes.close(pipe)
            return
        try:
            user = self._person(client.user)
        except UnknownUserError:
            self.pipes.let_go(client)
            self.pipes.close(pipe)
        else:
            came(PipeDoor(self, pipe, client, user))

    def _wait(self) -> None:
        try:
            while (event := self.pipes.next()) is not None:
                self._ended.append(event)
                self._tell()
        finally:
            self._is_deaf = True
            self._tell()

    def _tell(self) -> None:
        with suppress(OSError):  # it is awake already
            self._wake.send(b"\0")

    def _look(self) -> None:
        """Do what ended and what is due.

        Raises:
            OSError: the thread that waits has ended.

        """
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        if self._is_deaf:  # better no porter than one to which agents knock in vain
            raise OSError("what comes through the pipes is heard no more")
        for _ in range(len(self._soon)):
            self._soon.popleft()()
        for _ in range(_MAX_AT_ONCE):
            if not self._ended:
                return
            event = self._ended.popleft()
            self._awaited.pop(event.token)(event.packet)
        self._tell()


class PipeDoor:
    """An agent at the other end of a pipe.

    Attributes:
        user: whose it is: Windows says so, not the agent.
        is_open: whether it has said that it takes connections.
        holds: the connection that it was given and has not taken yet; None for none.

    """

    def __init__(
        self, entrance: PipeEntrance, pipe: int, client: PipeClient, user: Hashable
    ) -> None:
        """Begin with an agent that has said nothing; ``pipe`` is closed with this object."""
        self.user = user
        self.is_open = False
        self.holds: socket.socket | None = None
        self._entrance = entrance
        self._pipes = entrance.pipes
        self._pipe: int | None = pipe
        self._client = client
        self._answers: deque[bytes] = deque()
        self._sent: dict[int, tuple[Sending, int]] = {}
        self._heard: Callable[[], object] = lambda: None

    @property
    def unread(self) -> int:
        """How many octets it was sent and has not read."""
        return sum(size for sending, size in self._sent.values() if not sending.is_taken)

    def watch(self, lookout: Lookout, heard: Callable[[], object]) -> None:
        """Have ``heard`` called whenever the agent says something, or leaves."""
        del lookout  # which the entrance wakes
        self._heard = heard
        self._listen()

    def unwatch(self, lookout: Lookout) -> None:
        """Undo :meth:`watch`."""
        del lookout
        self._heard = lambda: None

    def say(self, packet: bytes) -> bool:
        """Send a packet; return whether it went off."""
        if self._pipe is None:
            return False
        try:
            sending = self._pipes.write(self._pipe, packet)
        except OSError:
            return False
        self._sent[sending.token] = sending, len(packet)
        self._entrance.when_ended(sending.token, partial(self._was_read, sending.token))
        return True

    def hand(self, connection: socket.socket) -> bool:
        """Give the agent a connection, which stays open here; return whether it went off."""
        try:
            # Only the process that knocked can find it with this, whoever has the pipe by now.
            described = self._entrance.share(connection, self._client.process)
        except OSError:
            return False
        if not self.say(CONNECTION + described):
            return False
        self.holds = connection
        return True

    def hear(self) -> bytes | None:
        """Return the agent's next packet, empty when it has left; None where there is none."""
        return self._answers.popleft() if self._answers else None

    def is_ready(self, answer: bytes) -> bool:
        """Return whether an answer says that all was read, and Windows says so too.

        The first answer has to be the words of the user whose process knocked. Else a program could
        knock, give the pipe away and end, so that its number is a process of somebody else's.
        """
        if answer != READY or self.unread or self._pipe is None:
            return False
        if self.is_open:
            return True
        try:
            return self._pipes.speaker(self._pipe) == self._client.user
        except OSError:
            return False

    def let_go(self) -> None:
        """Close our end of the connection that the agent has by now."""
        held, self.holds = self.holds, None
        if held is not None:
            held.close()

    def shut(self) -> None:
        """Close the pipe: what the agent has not read, Windows takes back."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            self._sent.clear()
            self._pipes.close(pipe)
            self._pipes.let_go(self._client)

    def close(self) -> None:
        """Close the pipe, if it is not."""
        self.shut()

    def _listen(self) -> None:
        if self._pipe is None:
            return
        try:
            token = self._pipes.read(self._pipe, MAX_ANSWER)
        except OSError:
            self._entrance.soon(partial(self._has_said, None))
        else:
            self._entrance.when_ended(token, self._has_said)

    def _has_said(self, packet: bytes | None) -> None:
        if self._pipe is not None:
            self._answers.append(packet or b"")
            self._heard()
            self._listen()

    def _was_read(self, token: int, packet: bytes | None) -> None:
        if packet is not None:
            self._sent.pop(token, None)
