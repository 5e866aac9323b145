"""A porter in a thread of a test, whose users the test makes up."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.host.porter.pipe_entrance import PipeEntrance
from agent.host.porter.porter_loop import Porter, PorterPlan
from agent.host.porter.registering import PorterPlace
from agent.host.porter.unix_door import open_registry
from agent.host.porter.unix_entrance import UnixEntrance
from agent.host.porter.unix_registering import UnixPlace
from agent.host.porter.users import UnknownUserError
from agent.portal.demo.programs import free_port
from tests.unit.host.standin_pipes import StandinPipes

SECONDS = 60.0  # a busy machine takes its time; nothing waits for this where all is well


@dataclass
class MadeUpUsers:
    """Whose connections are, by the client's port; whoever is not named is the first one's.

    Attributes:
        clients: the users of clients, by their ports; None for one that is gone.
        registrants: the users of the next agents that register, in turn.

    """

    clients: dict[int, int | None] = field(default_factory=dict)
    registrants: list[int] = field(default_factory=list)

    def person(self, user: object) -> int:
        """Return the user whom the test wants to register; nobody is one below zero."""
        found = self.registrants.pop(0) if self.registrants else 1
        if found < 0:
            raise UnknownUserError(f"{user} is made up")
        return found

    def whose(self, peer: Sequence[Any], local: Sequence[Any]) -> int | None:
        """Return whose the other end is."""
        del local
        found = self.clients.get(peer[1], 1)
        if found is not None and found < 0:
            raise UnknownUserError("made up")
        return found


@dataclass
class Rig:
    """A running porter.

    Attributes:
        porter: it.
        port: of HTTP.
        tls: where TLS would be spoken.
        path: where agents register on Linux.
        users: whose connections are.
        place: where agents register.
        pipes: Windows, where the porter is one of Windows.

    """

    porter: Porter
    port: int
    tls: int
    path: Path
    users: MadeUpUsers
    place: PorterPlace
    pipes: StandinPipes | None = None

    def register(self, user: int = 1) -> Any:
        """Register, but say nothing yet."""
        self.users.registrants.append(user)
        return self.place.register()

    def agent(self, user: int = 1) -> Any:
        """Register, and be where the connections of a user go."""
        before = self.porter.counts.agents
        agent = self.register(user)
        agent.ready()
        until(lambda: self.porter.counts.agents > before)
        return agent

    def client(self, user: int | None = 1, port: int = 0) -> socket.socket:
        """Connect as a user's browser."""
        client = socket.socket()
        client.settimeout(SECONDS)
        client.bind(("127.0.0.1", 0))
        self.users.clients[client.getsockname()[1]] = user
        client.connect(("127.0.0.1", port or self.port))
        return client


def listen(port: int) -> list[socket.socket]:
    """Listen as the porter does, on one family."""
    listening = socket.create_server(("127.0.0.1", port))
    listening.setblocking(False)
    return [listening]


@contextmanager
def running(folder: Path, system: str = "linux", **plan: Any) -> Iterator[Rig]:
    """Run a porter while the context lasts; one of Windows has a stand-in for its pipes."""
    path = folder / "run" / "porter.sock"
    users = MadeUpUsers()
    port, tls = free_port(), free_port()
    wanted = PorterPlan(plain=(port,), tls=(tls,), take=listen, users=users, **plan)
    pipes = StandinPipes() if system == "windows" else None
    if pipes is None:
        place: PorterPlace = UnixPlace(path)
        porter = Porter(wanted, UnixEntrance(open_registry(path), users.person))
    else:
        place = pipes.place()
        porter = Porter(wanted, PipeEntrance(pipes, users.person, pipes.share))
    thread = threading.Thread(target=porter.run)
    thread.start()
    try:
        until(lambda: porter.ports == {port, tls})
        yield Rig(porter, port, tls, path, users, place, pipes)
    finally:
        porter.stop()
        thread.join(SECONDS)
        assert not thread.is_alive()


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds that another thread brings about."""
    end = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > end:
            raise AssertionError("it never came")
        time.sleep(0.005)


def descriptors() -> int:
    """Count what this process has open."""
    return len(tuple(Path("/proc/self/fd").iterdir()))


def all_of(client: socket.socket) -> bytes:
    """Read until the other end hangs up."""
    found = b""
    while piece := client.recv(65536):
        found += piece
    return found
