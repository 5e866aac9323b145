"""What is Windows' own about the porter: who knocks, who is a person, and what a pipe may hear.

The promises of every porter are held against this one too, in test_porter.py.
"""

import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from unittest.mock import Mock

import pytest

from agent.host.peer.windows import AF_INET
from agent.host.porter import porter_loop, server_pipes
from agent.host.porter.lookout import waking_pair
from agent.host.porter.pipe_entrance import LISTENING, PipeEntrance, share
from agent.host.porter.pipe_registering import found_again
from agent.host.porter.porter_wire import MAX_SHARED, PIPE
from agent.host.porter.registering import NoPorterError, ports_of_porter
from agent.host.porter.users import UnknownUserError
from agent.host.porter.windows_users import WindowsUsers
from tests.unit.host.porter_rig import SECONDS, Rig, all_of, descriptors, running, until
from tests.unit.host.standin_pipes import StandinPipes

ALICE = (5, 21, 1, 2, 3, 1001)
ENTRA = (12, 1, 7, 8, 9, 10)
NOBODY = {
    "system": (5, 18),
    "service": (5, 19),
    "service of its own": (5, 80, 1, 2, 3, 4, 5),
    "administrators": (5, 32, 544),
    "everyone": (1, 0),
    "authority alone": (5,),
}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    before = descriptors() if sys.platform == "linux" else 0
    with running(tmp_path, "windows") as found:
        yield found
    assert sys.platform != "linux" or descriptors() <= before


def windows_of(rig: Rig) -> StandinPipes:
    assert rig.pipes is not None
    return rig.pipes


def sid(authority: int, *parts: int) -> bytes:
    """Write a SID as Windows does (winnt.h)."""
    head = struct.pack(">BB6s", 1, len(parts), authority.to_bytes(6, "big"))
    return head + struct.pack(f"<{len(parts)}I", *parts)


def test_an_agent_speaks_only_to_a_porter_of_the_system(rig: Rig) -> None:
    windows_of(rig).owner = "S-1-5-21-1-2-3-1001"
    with pytest.raises(NoPorterError, match="not the system"):
        rig.register()
    assert ports_of_porter(rig.place) == frozenset()
    windows_of(rig).owner = "S-1-5-18"
    assert ports_of_porter(rig.place) == {rig.port, rig.tls}


def test_who_speaks_for_a_process_of_somebody_else_is_no_door(rig: Rig) -> None:
    """The process that knocked has ended, and its number is another user's by now."""
    windows_of(rig).speaking_user = b"somebody else"
    with closing(rig.register()) as thief:
        thief.ready()
        assert thief.next() is None
    with rig.client() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert all_of(client).startswith(b"HTTP/1.1 503")
    assert rig.porter.counts.agents == 0


def test_a_crowd_that_knocks_and_says_nothing_keeps_nobody_out(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        good = stack.enter_context(closing(rig.agent(2)))
        for _ in range(LISTENING * 8):
            stack.enter_context(closing(rig.register(1)))
        with closing(rig.agent(3)) as late, rig.client(3) as client:
            connection = late.next()
            assert connection is not None
            with connection:
                assert connection.getpeername() == client.getsockname()
        monkeypatch.setattr(porter_loop, "HAND_OVER_SECONDS", 0.1)
        rig.register(1).close()
        with rig.client(2) as client:
            connection = good.next()
            assert connection is not None
            connection.close()


def test_a_thousand_that_knock_and_leave_are_forgotten(rig: Rig) -> None:
    with closing(rig.agent(2)):
        for _ in range(1000):
            rig.register(1).close()
        until(lambda: len(rig.porter._doors) == 1)
        until(lambda: windows_of(rig).held == 1)


@pytest.mark.parametrize("call", ["make", "await_client"])
def test_an_end_that_windows_refuses_is_asked_for_again(rig: Rig, call: str) -> None:
    windows = windows_of(rig)
    windows.refuses = call
    with ExitStack() as stack:
        for user in range(1, LISTENING):
            stack.enter_context(closing(rig.agent(user)))
        windows.refuses = ""
        for user in range(LISTENING, 3 * LISTENING):
            stack.enter_context(closing(rig.agent(user)))
        assert windows.awaiting == LISTENING


def test_a_porter_at_which_nobody_can_knock_any_more_ends() -> None:
    """Windows starts it again then; it would never hear of anybody."""

    class Scarce(StandinPipes):
        def make(self) -> int:
            self.refuses = "make" if self._ends else ""
            return super().make()

    pipes = Scarce()
    plan = porter_loop.PorterPlan(plain=(), take=lambda _: [], users=WindowsUsers(Windows()))
    porter = porter_loop.Porter(plan, PipeEntrance(pipes, lambda user: user))
    knocks = threading.Thread(target=pipes.knock, args=(PIPE, SECONDS))
    knocks.start()
    with pytest.raises(OSError, match="resources"):
        porter.run()
    knocks.join(SECONDS)
    assert pipes.awaiting == 0


def test_a_porter_that_hears_nobody_any_more_ends() -> None:
    """Whatever ended the thread that waits, agents would knock in vain."""
    pipes = StandinPipes()
    plan = porter_loop.PorterPlan(plain=(), take=lambda _: [], users=WindowsUsers(Windows()))
    porter = porter_loop.Porter(plan, PipeEntrance(pipes, lambda user: user))
    pipes.stop()
    with pytest.raises(OSError, match="heard no more"):
        porter.run()
    assert pipes.awaiting == 0


@pytest.mark.parametrize("code", [535, 232], ids=["is there", "has left again"])
def test_who_comes_before_windows_is_asked_is_heard_of(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Any program can come, and leave, between two calls of ours (ERROR_NO_DATA)."""
    libraries = Mock()
    libraries.kernel32.CreateIoCompletionPort.return_value = 7
    libraries.kernel32.ConnectNamedPipe.return_value = 0
    libraries.last_error.return_value = code
    monkeypatch.setattr(server_pipes, "PipeLibraries", lambda: libraries)
    monkeypatch.setattr(server_pipes, "open_system", Mock())
    pipes = server_pipes.WindowsPipes(PIPE)
    token = pipes.await_client(4)
    port, size, key, place = libraries.kernel32.PostQueuedCompletionStatus.call_args.args
    assert (port, size, key) == (7, 0, 0)
    assert pipes._under_way[place][0] == token


def test_who_is_no_person_is_not_let_in(rig: Rig) -> None:
    with pytest.raises(NoPorterError):
        rig.register(-1)
    assert windows_of(rig).held == 0


def test_a_process_that_takes_no_connection_loses_its_place(rig: Rig) -> None:
    def refuse(*_: object) -> bytes:
        raise OSError(5, "access is denied")

    with closing(rig.agent()) as agent:
        for door in rig.porter._doors:
            entrance = door._entrance  # type: ignore[attr-defined]  # that of Windows
            entrance.share = refuse
        with rig.client() as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert all_of(client).startswith(b"HTTP/1.1 503")
        assert agent.next() is None


@pytest.mark.parametrize("packet", [b"\x01" * (MAX_SHARED + 1), b"\x02", b"\x01garbage", b""])
def test_an_agent_takes_nothing_that_is_no_connection(rig: Rig, packet: bytes) -> None:
    with closing(rig.agent()) as agent:
        for door in rig.porter._doors:
            assert door.say(packet)
        assert agent.next() is None


def test_a_pipe_that_another_program_has_is_a_clear_error() -> None:
    class Taken(StandinPipes):
        def make(self) -> int:
            raise OSError(5, f"Windows refuses CreateNamedPipe for {PIPE}")

    entrance = PipeEntrance(Taken(), lambda user: user)
    plan = porter_loop.PorterPlan(plain=(), take=lambda _: [], users=WindowsUsers(Windows()))
    porter = porter_loop.Porter(plan, entrance)
    with pytest.raises(OSError, match="ankong-porter"):
        porter.run()


class Windows:
    """Who has the one connection of a table, from port 1 to port 2 of 127.0.0.1."""

    def __init__(self, user: bytes | None = None) -> None:
        self.user = user

    def table(self, family: int) -> bytes:
        if family != AF_INET:
            return struct.pack("<I", 0)
        here = bytes([127, 0, 0, 1])
        ports = [int.from_bytes(port.to_bytes(2, "big"), "little") for port in (1, 2)]
        return struct.pack("<II4sI4sII", 1, 5, here, ports[0], here, ports[1], 4711)

    def user_of(self, process: int | None) -> bytes | None:
        return self.user if process == 4711 else sid(5, 18)


@pytest.mark.parametrize("user", [ALICE, ENTRA], ids=["of a domain", "of Entra ID"])
def test_whose_a_connection_is(user: tuple[int, ...]) -> None:
    users = WindowsUsers(Windows(sid(*user)))
    assert users.whose(("127.0.0.1", 1), ("127.0.0.1", 2)) == sid(*user)
    assert users.whose(("127.0.0.1", 3), ("127.0.0.1", 2)) is None


@pytest.mark.parametrize("name", NOBODY)
def test_the_system_and_its_services_are_no_persons(name: str) -> None:
    user = sid(*NOBODY[name])
    with pytest.raises(UnknownUserError):
        WindowsUsers(Windows()).person(user)
    with pytest.raises(UnknownUserError):
        WindowsUsers(Windows(user)).whose(("127.0.0.1", 1), ("127.0.0.1", 2))


def test_whom_windows_does_not_show_is_nobody() -> None:
    with pytest.raises(UnknownUserError, match="4711"):
        WindowsUsers(Windows(None)).whose(("127.0.0.1", 1), ("127.0.0.1", 2))
    with pytest.raises(UnknownUserError):
        WindowsUsers(Windows()).whose(("nowhere", 1), ("127.0.0.1", 2))


@pytest.mark.skipif(sys.platform == "win32", reason="there it is so")
def test_sockets_are_shared_on_windows_only(rig: Rig) -> None:
    with rig.client() as client, pytest.raises(OSError, match="Windows only"):
        share(client, 1)
    with pytest.raises(OSError, match="Windows only"):
        found_again(b"")


def test_a_pair_that_somebody_else_got_into_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows makes a pair of a port, to which any program of the computer can connect."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = [socket.create_connection(listening.getsockname()) for _ in range(2)]
        (theirs, _), (ours, _) = listening.accept(), listening.accept()
        monkeypatch.setattr(socket, "socketpair", lambda: (made[1], theirs))
        with made[0], ours, pytest.raises(OSError, match="ours alone"):
            waking_pair()
        assert theirs.fileno() == made[1].fileno() == -1
