"""The porter: each user's connections go to that user's agent, whatever anybody does."""

import contextlib
import os
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.host.porter import farewell, porter_loop
from agent.host.porter.doors import MAX_OF_USER, Doors
from agent.host.porter.fair_crowd import MAX_WAITING, FairCrowd
from agent.host.porter.porter_wire import READY, greeting, read_greeting
from agent.host.porter.registering import NoPorterError, Registration
from agent.host.porter.unix_door import UnfitFolderError, open_registry
from agent.host.porter.unix_entrance import UnixEntrance
from agent.host.porter.unix_registering import UnixRegistration
from agent.host.porter.users import LinuxUsers, UnknownUserError
from tests.unit.host.porter_rig import SECONDS, Rig, all_of, descriptors, running, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the porter of Linux")
SECRET = b"POST /sign HTTP/1.1\r\nHost: localhost\r\n\r\npin=123456"


SYSTEMS = ("linux", "windows")
only_linux = pytest.mark.parametrize("rig", ["linux"], indirect=True)


@pytest.fixture(params=SYSTEMS)
def rig(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Run a porter of each system; the one of Windows on a stand-in for its pipes."""
    before = descriptors()
    with running(tmp_path, request.param) as found:
        yield found
    assert descriptors() <= before


def taken(agent: Registration) -> socket.socket:
    """Take the next connection, as an agent does."""
    connection = agent.next()
    assert connection is not None
    agent.ready()
    connection.settimeout(SECONDS)
    return connection


def say(agent: Any, packet: bytes) -> None:
    """Say what no agent says."""
    (agent._channel if hasattr(agent, "_channel") else agent._pipe).send(packet)


def peer_of(agent: Registration) -> object:
    """Take the next connection, and say whose it was."""
    with taken(agent) as connection:
        return connection.getpeername()


def test_each_user_has_the_own_connection_with_every_octet_in_it(rig: Rig) -> None:
    with ExitStack() as stack:
        agents = {user: stack.enter_context(closing(rig.agent(user))) for user in (1, 2)}
        for user in (2, 1, 1, 2):
            client = stack.enter_context(rig.client(user))
            client.sendall(SECRET)
            connection = stack.enter_context(taken(agents[user]))
            assert connection.recv(4096) == SECRET
            assert connection.getpeername() == client.getsockname()
            connection.sendall(b"an answer")
            connection.close()
            assert all_of(client) == b"an answer"  # nobody else keeps it open


def test_who_has_no_agent_reads_why_and_a_page_sees_that_nothing_runs(rig: Rig) -> None:
    with closing(rig.agent(1)), rig.client(2) as client:
        client.sendall(SECRET)
        head, _, body = all_of(client).decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 503 Service Unavailable\r\n")
    assert f"Content-Length: {len(body.encode())}" in head
    assert "Access-Control" not in head
    assert "安控" in body
    assert "Ankong does not run for your account" in body


def test_a_page_that_sends_a_lot_reads_the_answer_too(rig: Rig) -> None:
    with rig.client(2) as client:
        client.sendall(SECRET)
        assert client.recv(8) == b"HTTP/1.1"
        client.sendall(bytes(300_000))  # it is dropped, and the answer stays whole
        assert b"\r\n\r\n" in all_of(client)


def test_where_tls_is_spoken_the_connection_just_ends(rig: Rig) -> None:
    with rig.client(2, rig.tls) as client:
        assert all_of(client) == b""


@pytest.mark.parametrize("reason", ["superuser", "container"])
def test_who_is_no_person_is_refused_clearly(rig: Rig, reason: str) -> None:
    del reason
    with rig.client(-1) as client:
        client.sendall(SECRET)
        assert all_of(client).startswith(b"HTTP/1.1 403 Forbidden\r\n")


def test_who_is_gone_gets_nothing(rig: Rig) -> None:
    with rig.client(None) as client, contextlib.suppress(ConnectionError):
        assert all_of(client) == b""


def test_a_silent_client_is_not_waited_for(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farewell, "SECONDS", 0.1)
    with rig.client(2) as client:
        assert all_of(client).startswith(b"HTTP/1.1 503")


def test_the_newest_door_wins_and_the_one_before_comes_back(rig: Rig) -> None:
    with closing(rig.agent()) as old, rig.client() as first, rig.client() as second:
        taken(old).close()
        taken(old).close()
        with closing(rig.agent()) as new, rig.client() as third:
            assert peer_of(new) == third.getsockname()
        until(lambda: len(rig.porter._doors) == 1)
        with rig.client() as fourth:
            assert peer_of(old) == fourth.getsockname()
        del first, second


def test_an_agent_that_dies_with_a_connection_costs_that_connection(rig: Rig) -> None:
    agent = rig.agent()
    with rig.client() as client, rig.client() as next_one:
        client.sendall(SECRET)
        held = agent.next()  # taken, and never said so
        agent.end()
        agent.close()
        assert held is not None
        held.close()
        assert all_of(client).startswith(b"HTTP/1.1 503")
        next_one.sendall(SECRET)
        assert all_of(next_one).startswith(b"HTTP/1.1 503")
    with closing(rig.agent()) as again, rig.client() as after:
        assert peer_of(again) == after.getsockname()


def test_an_agent_that_never_reads_loses_its_place_and_no_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(rig.agent(2)) as good, closing(rig.agent(1)) as hostile:
        with rig.client(1) as client:
            client.sendall(SECRET)
            with rig.client(2) as other:  # meanwhile
                assert peer_of(good) == other.getsockname()
            monkeypatch.setattr(porter_loop, "HAND_OVER_SECONDS", 0.1)
            assert all_of(client).startswith(b"HTTP/1.1 503")
        # What lies unread in its socket counts against the porter: no second place meanwhile.
        # Windows takes it back.
        with pytest.raises(NoPorterError) if rig.pipes is None else contextlib.nullcontext():
            rig.register(1).close()
        hostile.close()
        until(lambda: not rig.porter._leaving or rig.porter._wake.send(b"\0") < 0)
        with closing(rig.agent(1)) as again, rig.client(1) as client:
            assert peer_of(again) == client.getsockname()


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_agent_that_is_late_to_say_so_keeps_the_connection_that_it_has(
    tmp_path: Path, system: str
) -> None:
    """Else the porter's words stood in the middle of an answer, and a signature would be lost."""
    now = [0.0]

    def pass_time(porter: porter_loop.Porter) -> bool:
        now[0] += porter_loop.HAND_OVER_SECONDS
        return not len(porter._doors)

    with (
        running(tmp_path, system, clock=lambda: now[0]) as rig,
        closing(rig.agent()) as agent,
        rig.client() as client,
    ):
        held = agent.next()
        assert held is not None
        until(lambda: pass_time(rig.porter))
        assert rig.porter.counts.handed == 1
        with held:
            held.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        assert all_of(client) == b"HTTP/1.1 200 OK\r\n\r\n"


def test_a_lying_agent_is_found_out_by_the_kernel(rig: Rig) -> None:
    with closing(rig.agent()) as liar, rig.client() as client:
        until(lambda: rig.porter._busy)
        liar.ready()  # it has read nothing
        client.sendall(SECRET)
        assert all_of(client).startswith(b"HTTP/1.1 503")
        assert rig.porter.counts.handed == 0


@pytest.mark.parametrize("garbage", [b"", b"\0", READY * 2, READY, b"x" * 5000])
def test_an_agent_that_says_anything_else_is_dropped(rig: Rig, garbage: bytes) -> None:
    with closing(rig.agent(2)) as good:
        with closing(rig.agent(1)) as hostile:
            say(hostile, garbage)
            assert hostile.next() is None
        with rig.client(1) as client:
            client.sendall(SECRET)
            assert all_of(client).startswith(b"HTTP/1.1 503")
        with rig.client(2) as other:
            assert peer_of(good) == other.getsockname()


@only_linux
def test_a_thousand_registrations_leave_the_newest_and_no_descriptor(rig: Rig) -> None:
    with ExitStack() as stack:
        good = stack.enter_context(closing(rig.agent(2)))
        before = descriptors()
        many = [rig.register(1) for _ in range(1000)]
        until(lambda: len(rig.porter._doors) <= MAX_OF_USER + 1)
        for each in many:
            stack.enter_context(closing(each))
        assert descriptors() < before + len(many) + 2 * MAX_OF_USER
        newest = stack.enter_context(closing(rig.agent(1)))
        for agent, user in ((newest, 1), (good, 2)):
            client = stack.enter_context(rig.client(user))
            assert peer_of(agent) == client.getsockname()


def test_who_never_says_ready_is_no_door(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(porter_loop, "HAND_OVER_SECONDS", 0.1)
    with closing(rig.register()) as mute:
        assert mute.next() is None
        with rig.client() as client:
            client.sendall(SECRET)
            assert all_of(client).startswith(b"HTTP/1.1 503")


def test_one_users_flood_costs_nobody_else_a_connection(rig: Rig) -> None:
    with ExitStack() as stack:
        slow = stack.enter_context(closing(rig.agent(1)))
        flood = [stack.enter_context(rig.client(1)) for _ in range(MAX_WAITING * 3)]
        until(lambda: len(rig.porter._waiting) == MAX_WAITING)
        good = stack.enter_context(closing(rig.agent(2)))
        clients = [stack.enter_context(rig.client(2)) for _ in range(MAX_WAITING // 2)]
        peers = {peer_of(good) for _ in clients}
        assert peers == {each.getsockname() for each in clients}
        flood[1].sendall(SECRET)  # the oldest that waited; the first one was handed over
        assert all_of(flood[1]).startswith(b"HTTP/1.1 503")
        assert peer_of(slow) == flood[0].getsockname()


def test_one_users_crowd_of_refusals_leaves_the_others_answers_alone(rig: Rig) -> None:
    with ExitStack() as stack:
        stack.enter_context(closing(rig.agent(1)))  # takes nothing
        other = stack.enter_context(rig.client(2))  # says nothing yet, has no agent
        until(lambda: len(rig.porter._farewells) == 1)
        for _ in range(MAX_WAITING * 3):
            stack.enter_context(rig.client(1))
        until(lambda: rig.porter.counts.refused > MAX_WAITING * 2)
        other.sendall(SECRET)
        head = all_of(other)
    assert b"Ankong does not run for your account" in head


def test_an_agent_may_hold_the_port_until_it_has_registered(tmp_path: Path) -> None:
    with running(tmp_path) as rig:
        until(lambda: rig.porter.ports == {rig.port, rig.tls})
    with socket.create_server(("127.0.0.1", rig.port)) as taken_by_agent:
        plan = rig.porter._plan
        entrance = UnixEntrance(open_registry(rig.path), rig.users.person)
        porter = porter_loop.Porter(plan, entrance)
        porter._take_ports()
        assert porter.ports == {rig.tls}
        taken_by_agent.close()
        porter._retake_due = 0
        porter._take_ports()
        assert porter.ports == {rig.port, rig.tls}
        porter.stop()
        porter.run()


def test_when_the_porter_ends_agents_hear_of_it(tmp_path: Path) -> None:
    with running(tmp_path) as rig:
        agent = rig.agent()
    assert agent.next() is None
    agent.close()
    with pytest.raises(NoPorterError):
        UnixRegistration.begin(rig.path)
    with running(tmp_path) as again, closing(again.agent()):  # its socket was left behind
        assert stat.S_IMODE(again.path.stat().st_mode) == 0o666


@pytest.mark.parametrize("system", SYSTEMS)
def test_only_counts_are_logged(tmp_path: Path, system: str) -> None:
    with (
        capture_logs() as lines,
        running(tmp_path, system) as rig,
        closing(rig.agent()) as agent,
        rig.client() as client,
    ):
        client.sendall(SECRET)
        taken(agent).close()
        until(lambda: rig.porter.counts.handed)
        rig.register().close()  # as "ankong doctor" does, which is no agent
        until(lambda: len(rig.porter._doors) == 1)
    counts = {"handed": 1, "refused": 0, "agents": 1, "dropped": 1}
    assert lines[-1] == {"event": "the porter's counts", "log_level": "info", **counts}
    events = {line["event"] for line in lines[:-1]}
    assert events == {"agents may register", "the porter has a port"}


def test_no_porter_where_the_folder_is_others(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(UnfitFolderError):
        open_registry(folder / "porter.sock")
    folder.chmod(0o755)
    (folder / "porter.sock").write_text("precious")
    with pytest.raises(UnfitFolderError):
        open_registry(folder / "porter.sock")
    assert (folder / "porter.sock").read_text() == "precious"


def test_agents_may_enter_the_folder_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        open_registry(tmp_path / "run" / "porter.sock").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o755


@only_linux
def test_two_porters_do_not_share_a_place(rig: Rig) -> None:
    with pytest.raises(UnfitFolderError):
        open_registry(rig.path)
    with closing(rig.agent()):
        assert rig.path.exists()


@only_linux
@pytest.mark.skipif(os.geteuid() != 0, reason="a folder of somebody else needs root")
def test_an_agent_trusts_only_whoever_was_given_the_folder(rig: Rig) -> None:
    os.chown(rig.path.parent, 65533, -1)
    with pytest.raises(NoPorterError, match="does not own"):
        UnixRegistration.begin(rig.path)


def test_an_agent_waits_its_turn_where_others_crowd_at_the_porter(tmp_path: Path) -> None:
    registry = open_registry(tmp_path / "run" / "porter.sock")
    registry.listen(0)
    registry.setblocking(True)
    with ExitStack() as stack:
        stack.enter_context(registry)
        crowd = 0
        while True:  # until there is no room left
            one = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            one.setblocking(False)
            if one.connect_ex(registry.getsockname()):
                break
            crowd += 1

        def greet() -> None:
            sleep(0.05)
            for _ in range(crowd + 1):
                channel = stack.enter_context(registry.accept()[0])
                channel.send(greeting((61161,)))

        porter = threading.Thread(target=greet)
        porter.start()
        found = UnixRegistration.begin(tmp_path / "run" / "porter.sock")
        stack.enter_context(closing(found))
        porter.join(SECONDS)
        assert found.ports == {61161}


def test_an_agent_takes_only_what_a_browser_opens() -> None:
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    agent = UnixRegistration(ours, frozenset({61161}))
    with theirs, socket.create_server(("127.0.0.1", 0)) as other:
        before = descriptors()
        for sent in (other, theirs):
            socket.send_fds(theirs, [b"\x01"], [sent.fileno()])
            assert agent.next() is None
        socket.send_fds(theirs, [b"\x01"], [other.fileno()] * 3)
        assert agent.next() is None
        with Path(os.devnull).open("rb") as file:  # no socket at all
            socket.send_fds(theirs, [b"\x01"], [file.fileno()])
            assert agent.next() is None
        theirs.send(b"garbage, and long")
        assert agent.next() is None
        assert descriptors() == before
    agent.close()


@pytest.mark.parametrize(
    "packet", [b"", b"ankong-porter 2 61161", b"ankong-porter 1", b"ankong-porter 1 0", b"\xff" * 9]
)
def test_a_greeting_that_is_none(packet: bytes) -> None:
    with pytest.raises(ValueError, match="understands"):
        read_greeting(packet)


def test_a_greeting_names_the_ports() -> None:
    assert read_greeting(greeting((61161, 28443))) == {61161, 28443}
    assert read_greeting(b"ankong-porter 1 70000 61161") == {61161}


def test_root_and_containers_are_no_persons(tmp_path: Path) -> None:
    overflow, containers = tmp_path / "overflow", tmp_path / "subuid"
    overflow.write_text("65000\n")
    containers.write_text("alice:100000:65536\nnonsense\nbob:x:1\nroot:1000:1\n")
    users = LinuxUsers(overflow, containers)
    for number in (0, 65000, 100000, 165535):
        with pytest.raises(UnknownUserError):
            users.person(number)
    for number in (1000, 65534, 99999, 165536):
        assert users.person(number) == number
    containers.write_text("alice:200000:65536\n")
    os.utime(containers, ns=(1, 1))
    assert users.person(100000) == 100000


def test_a_malformed_address_is_nobodys() -> None:
    with pytest.raises(UnknownUserError):
        LinuxUsers().whose(("nowhere", 1), ("127.0.0.1", 2))


def test_the_largest_share_gives_way() -> None:
    crowd: FairCrowd[int] = FairCrowd(3)
    assert [crowd.add("a", 1), crowd.add("a", 2), crowd.add("b", 3)] == [None] * 3
    assert crowd.add("c", 4) == ("a", 1)
    assert list(crowd) == [2, 3, 4]
    assert crowd.add("b", 5) == ("b", 3)
    crowd.remove(99)
    assert crowd.first("a") == 2
    assert crowd.first("nobody") is None


class _MadeUpDoor:
    is_open = True

    def __init__(self, user: int) -> None:
        self.user = user


def test_a_full_house_loses_the_door_that_was_used_longest_ago() -> None:
    doors: Doors[_MadeUpDoor] = Doors(of_user=2, together=3)
    made = [_MadeUpDoor(user) for user in (1, 2, 3, 4)]
    assert [doors.add(each) for each in made[:3]] == [None] * 3
    doors.used(made[0])
    assert doors.add(made[3]) is made[1]
    doors.remove(made[1])
    assert doors.newest(1) is made[0]
    assert doors.newest(2) is None


def test_a_door_that_was_overtaken_stays_so_when_it_takes_its_last_connection() -> None:
    doors: Doors[_MadeUpDoor] = Doors()
    old, new = _MadeUpDoor(1), _MadeUpDoor(1)
    doors.add(old)
    doors.add(new)
    new.is_open = False  # it has not answered yet
    doors.used(old)
    doors.used(new)
    new.is_open = True
    doors.used(old)
    assert doors.newest(1) is new
