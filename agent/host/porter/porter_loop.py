"""The porter of every system: one thread, one loop, no privilege but the port that it holds.

Whose agents and connections are, the system says. A connection stays open here until its agent has
it: an agent that does not take it costs its own user two seconds, and nobody else anything.
"""

import socket
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from agent.host.porter import farewell
from agent.host.porter.doors import Doors
from agent.host.porter.entrance import AgentDoor, Entrance
from agent.host.porter.fair_crowd import FairCrowd
from agent.host.porter.farewell import Farewell, WhyTurnedAway
from agent.host.porter.lookout import Lookout, waking_pair
from agent.host.porter.porter_wire import greeting
from agent.host.porter.users import Address, Owners, UnknownUserError

HAND_OVER_SECONDS: Final = 2.0
RETAKE_SECONDS: Final = 1.0  # between two attempts at a port that another program has
REPORT_SECONDS: Final = 3600.0
_STEP_SECONDS: Final = 0.2  # how late something that takes too long may be noticed
_REST_SECONDS: Final = 5.0  # likewise, where nobody waits for it
_BACKLOG: Final = 1024  # of one listening socket: a crowd of one user leaves room for others
_MAX_AT_ONCE: Final = 32  # of one listening socket, before others have their turn
_PAUSE_SECONDS: Final = 0.2  # after the system could give us no descriptor

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Counts:
    """What a porter has done since it last said so.

    Attributes:
        handed: connections that an agent has.
        refused: connections that were turned away.
        agents: that registered.
        dropped: of these, those that left, or did not do what they should.

    """

    handed: int = 0
    refused: int = 0
    agents: int = 0
    dropped: int = 0

    @property
    def facts(self) -> Mapping[str, int]:
        """For a line of the log."""
        names = ("handed", "refused", "agents", "dropped")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True, slots=True)
class PorterPlan:
    """What a porter looks after.

    Attributes:
        plain: ports of HTTP, on which people can be told why they are turned away.
        tls: ports on which that is not possible: the connection just ends.
        take: listens on a port, on loopback addresses alone; raises an error where it is taken.
        taken: the class of that error.
        users: tells whose a connection is.
        clock: seconds that only grow.

    """

    plain: tuple[int, ...]
    tls: tuple[int, ...] = ()
    take: Callable[[int], Sequence[socket.socket]]
    taken: type[Exception] = OSError
    users: Owners
    clock: Callable[[], float] = field(default=time.monotonic)


class Porter:
    """Hands connections over until it is stopped.

    Attributes:
        counts: what it has done since it last said so.

    """

    def __init__(self, plan: PorterPlan, entrance: Entrance) -> None:
        """Hold no port yet.

        Args:
            plan: what it looks after.
            entrance: where agents register; closed with this object.

        """
        self.counts = Counts()
        self._plan = plan
        self._entrance = entrance
        self._answers = farewell.answers()
        self._lookout = Lookout()
        self._wake, self._woken = waking_pair()
        self._is_ended = False
        self._missing = [*plan.plain, *plan.tls]
        self._listening: list[socket.socket] = []
        self._doors: Doors[AgentDoor] = Doors()
        self._leaving: list[AgentDoor] = []  # with something in them that nobody has read
        self._busy: dict[AgentDoor, float] = {}  # until when each has to say that it is ready
        self._waiting: FairCrowd[socket.socket] = FairCrowd()
        self._farewells: FairCrowd[Farewell] = FairCrowd()
        self._report_due = plan.clock() + REPORT_SECONDS
        self._retake_due = 0.0
        self._lookout.watch(self._woken, self._stir)

    @property
    def ports(self) -> frozenset[int]:
        """The ports that it holds now."""
        return frozenset({*self._plan.plain, *self._plan.tls} - {*self._missing})

    @property
    def wakes(self) -> int:
        """The descriptor of a socket; an octet that is sent to it has :meth:`run` look around."""
        return self._wake.fileno()

    def stop(self) -> None:
        """Have :meth:`run` end soon; may be called from anywhere, a signal's handler too."""
        self._is_ended = True
        with suppress(OSError):
            self._wake.send(b"\0")

    def _stir(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(64)

    def run(self) -> None:
        """Hand connections over until :meth:`stop` is called; then let go of everything.

        Raises:
            OSError: agents cannot register.

        """
        try:
            self._entrance.open(self._lookout, self._greet)
            _log.info("agents may register")
            while not self._is_ended:
                self._take_ports()
                # What agents say comes first: who has just said that connections may come gets one.
                self._lookout.wait(self._patience(), last=self._listening)
                self._look_at_clock()
        finally:
            self._close()

    def _patience(self) -> float | None:
        """Return for how many seconds nothing needs to be looked at; None for good."""
        if self._busy or len(self._farewells):
            return _STEP_SECONDS
        if self._missing:
            return RETAKE_SECONDS
        return _REST_SECONDS if self._leaving else None

    # Ports

    def _take_ports(self) -> None:
        """Take the ports that others had: an agent lets go of them when it has registered."""
        now = self._plan.clock()
        if not self._missing or now < self._retake_due:
            return
        self._retake_due = now + RETAKE_SECONDS
        for port in tuple(self._missing):
            try:
                taken = self._plan.take(port)
            except self._plan.taken:
                continue
            self._missing.remove(port)
            self._listening += taken
            for each in taken:
                each.listen(_BACKLOG)
                self._lookout.watch(each, partial(self._accept, each))
            _log.info("the porter has a port", port=port)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_MAX_AT_ONCE):
            try:
                connection, peer = listening.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError:  # no descriptor is left for a moment
                time.sleep(_PAUSE_SECONDS)
                return
            connection.setblocking(False)
            self._admit(connection, peer)

    def _admit(self, connection: socket.socket, peer: Address) -> None:
        try:
            user = self._plan.users.whose(peer, connection.getsockname())
        except UnknownUserError:
            self._turn_away(connection, None, WhyTurnedAway.NO_PERSON)
            return
        except OSError:
            user = None
        if user is None:  # who is gone needs no answer
            connection.close()
        elif self._doors.newest(user) is None:
            self._turn_away(connection, user, WhyTurnedAway.NO_AGENT)
        else:
            crowded = self._waiting.add(user, connection)
            if crowded is not None:
                whose, oldest = crowded
                self._turn_away(oldest, whose, WhyTurnedAway.CROWDED)
            self._serve(user)

    # Agents

    def _greet(self, door: AgentDoor) -> None:
        """Let a registrant in; it is a door once it has answered."""
        has_unread = any(each.user == door.user for each in self._leaving)
        if has_unread or not door.say(greeting((*self._plan.plain, *self._plan.tls))):
            door.close()
            return
        crowded = self._doors.add(door)
        self._busy[door] = self._plan.clock() + HAND_OVER_SECONDS
        door.watch(self._lookout, partial(self._hear, door))
        if crowded is not None:
            self._retire(crowded)

    def _hear(self, door: AgentDoor) -> None:
        """Take an agent's word that it is ready, where the kernel says that it has read all."""
        answer = door.hear()
        if answer is None:
            return
        if door not in self._busy or not door.is_ready(answer):
            self._retire(door)
            return
        del self._busy[door]
        self._doors.used(door)
        if door.is_open:
            self.counts.handed += 1
            door.let_go()
        else:
            door.is_open = True
            self.counts.agents += 1
        self._serve(door.user)

    def _serve(self, user: Hashable) -> None:
        """Give the next connection of a user to the user's newest agent, if that is free."""
        while (connection := self._waiting.first(user)) is not None:
            door = self._doors.newest(user)
            if door is not None and door in self._busy:
                return
            if door is None:
                self._waiting.remove(connection)
                self._turn_away(connection, user, WhyTurnedAway.SILENT_AGENT)
            elif door.hand(connection):
                self._waiting.remove(connection)
                self._busy[door] = self._plan.clock() + HAND_OVER_SECONDS
            else:
                self._end(door)

    def _retire(self, door: AgentDoor) -> None:
        """Give an agent no more, and turn away whom it was given and did not take."""
        self._end(door)
        self._serve(door.user)

    def _end(self, door: AgentDoor) -> None:
        self._doors.remove(door)
        self._busy.pop(door, None)
        door.unwatch(self._lookout)
        self.counts.dropped += door.is_open  # others only asked which ports there are
        held, door.holds = door.holds, None
        if held is not None:
            self.counts.refused += 1
            farewell.cut(held, self._answer(held, WhyTurnedAway.SILENT_AGENT))
        door.shut()
        if door.unread:
            self._leaving.append(door)
        else:
            door.close()

    # Who is turned away

    def _turn_away(self, connection: socket.socket, user: Hashable, reason: WhyTurnedAway) -> None:
        self.counts.refused += 1
        answer = self._answer(connection, reason)
        if not answer:
            connection.close()
            return
        leaving = Farewell(connection, answer, self._plan.clock() + farewell.SECONDS)
        self._lookout.watch(connection, partial(self._go_on, leaving))
        crowded = self._farewells.add(user, leaving)
        if crowded is not None:
            self._close_farewell(crowded[1])

    def _answer(self, connection: socket.socket, reason: WhyTurnedAway) -> bytes:
        """Return what is said on a connection: nothing where TLS is spoken."""
        with suppress(OSError):
            if connection.getsockname()[1] in self._plan.plain:
                return self._answers[reason]
        return b""

    def _go_on(self, leaving: Farewell) -> None:
        if not leaving.go_on(self._plan.clock()):
            self._close_farewell(leaving)

    def _close_farewell(self, leaving: Farewell) -> None:
        self._farewells.remove(leaving)
        self._lookout.forget(leaving.connection)
        leaving.close()

    # Time

    def _look_at_clock(self) -> None:
        now = self._plan.clock()
        for door in [each for each, until in self._busy.items() if until <= now]:
            if door in self._busy:
                if door.unread == 0:  # it has the connection, and is late to say so
                    self.counts.handed += door.holds is not None
                    door.let_go()
                self._retire(door)
        for leaving in [each for each in self._farewells if each.deadline <= now]:
            self._close_farewell(leaving)
        for door in [each for each in self._leaving if not each.unread]:
            self._leaving.remove(door)
            door.close()
        if now >= self._report_due:
            self._report()

    def _report(self) -> None:
        """Write down how much was done: of whom, and of what, nothing."""
        self._report_due = self._plan.clock() + REPORT_SECONDS
        if self.counts != Counts():
            _log.info("the porter's counts", **self.counts.facts)
            self.counts = Counts()

    def _close(self) -> None:
        for door in self._doors:
            self._end(door)
        for leaving in self._farewells:
            self._close_farewell(leaving)
        for each in (*self._waiting, *self._listening, *self._leaving):
            each.close()
        self._entrance.close()
        self._lookout.close()
        for own in (self._wake, self._woken):
            own.close()
        self._report()
