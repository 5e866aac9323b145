"""The doctor asks the agent that runs, and believes no record: ports, version, icon, sign-in."""

import os
import shlex
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from agent import __version__
from agent.doctor import asking
from agent.doctor.asking import PortAsker
from agent.doctor.command_line import command_line
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.network import check_ports
from agent.doctor.repairs import repair
from agent.doctor.report import Finding, Level, Report, note, ok
from agent.doctor.running import check_agent, check_autostart, check_file_manager, check_icon
from agent.host.filemanager.desktop_actions import DesktopActions
from agent.host.instance.record import read_record
from agent.host.instance.running import Instance
from agent.host.machine.paths import Paths
from agent.host.tls import identity
from agent.setup.record import SetupRecord
from agent.words import Language
from tests.unit.host.conftest import MachineFactory
from tests.unit.host.test_doctor_ports import answering

AGENT = '{"product": "ankong", "version": "0.0.1", "tls": 4711}'


@pytest.fixture
def paths(tmp_path: Path, local_identity: identity.ServerIdentity) -> Paths:
    paths = Paths(tmp_path / "state")
    paths.prepare()
    shutil.copytree(local_identity.authority.parent, paths.tls)
    return paths


@pytest.fixture
def listen() -> Iterator[Callable[..., int]]:
    """Answer each connection on a port with a function of it; give the port."""
    with ExitStack() as stack:

        def start(answer: Callable[[socket.socket], None]) -> int:
            server = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0))))

            def serve() -> None:
                while True:
                    try:
                        connection, _ = server.accept()
                    except OSError:
                        return
                    with connection:
                        try:
                            answer(connection)
                        except OSError:
                            continue

            threading.Thread(target=serve, daemon=True).start()
            port: int = server.getsockname()[1]
            return port

        yield start


def http(body: str, status: str = "200 OK") -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall((head + body).encode())

    return answer


def tls(paths: Paths, answer: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(next(iter(sorted(paths.tls.glob("leaf-*.pem")))))

    def wrapped(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            answer(secured)

    return wrapped


def one(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


# The record against what answers.


def test_an_agent_of_another_version_is_a_fault_that_says_how_to_change_that(
    paths: Paths, listen: Callable[..., int]
) -> None:
    port = listen(tls(paths, http(AGENT)))
    with Instance(paths) as running:
        running.announce(port=port, provider="pcsc")
        found = one(check_agent(InstalledAgent(paths=paths)))
    assert (found.code, found.level) == ("agent_other_version", Level.FAULT)
    assert found.repair == "restart_agent"
    assert {found.facts["running"], found.facts["version"]} == {"0.0.1", __version__}


@pytest.mark.parametrize("inside", [False, True])
def test_a_record_of_a_port_where_nobody_listens_is_not_believed(
    paths: Paths, inside: bool
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        port = gone.getsockname()[1]
    with Instance(paths) as running:
        running.announce(port=port, hipki_port=port, provider="pcsc")
        installation = InstalledAgent(paths=paths, inside=inside)
        agent, ports = one(check_agent(installation)), list(check_ports(installation))
    assert (agent.code, agent.level) == ("agent_silent", Level.FAULT)
    assert agent.repair == (None if inside else "restart_agent")
    silent = [each for each in ports if each.code == "port_silent"]
    assert [each.facts["port"] for each in silent] == [str(port)] * 2


def test_another_program_with_the_port_of_the_record_is_not_taken_for_the_agent(
    paths: Paths, tmp_path: Path, listen: Callable[..., int]
) -> None:
    others = Paths(tmp_path / "other")
    identity.ensure(others.tls)
    native, plain = listen(tls(others, http(AGENT))), listen(http(AGENT))
    with Instance(paths) as running:
        running.announce(port=native, hipki_port=plain, provider="pcsc")
        installation = InstalledAgent(paths=paths)
        assert one(check_agent(installation)).code == "agent_silent"
        found = {each.facts.get("port"): each for each in check_ports(installation)}
    assert found[str(native)].code == "port_silent"
    assert found[str(plain)].code == "port_silent"
    assert "another agent" in found[str(plain)].facts["detail"]


def drip(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: 1\r\n" if connection.recv(1) else b"")


def endless(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


@pytest.mark.parametrize(
    "answer",
    [
        *(drip, endless, http("<html>"), http('{"product": "ankong"}'), http("[" * 30_000)),
        *(http(AGENT, "999"), lambda c: c.sendall(b"\0" * 100), lambda c: c.close()),
    ],
    ids=["drip", "endless", "page", "half", "deep", "status", "noise", "closed"],
)
def test_whatever_answers_is_judged_in_time(
    answer: Callable[[socket.socket], None],
    listen: Callable[..., int],
    paths: Paths,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "_SECONDS", 0.5)
    port, authority = listen(answer), paths.tls / identity.AUTHORITY_FILE
    asker = PortAsker()
    assert asker.plain(port).problem
    assert asker.native(port, authority).problem
    assert asker.with_tls(port, authority).problem


def test_each_port_is_asked_once(listen: Callable[..., int]) -> None:
    asked = []

    def answer(connection: socket.socket) -> None:
        asked.append(1)
        http(AGENT)(connection)

    port, asker = listen(answer), PortAsker()
    assert asker.plain(port) == asker.plain(port)
    assert (asker.plain(port).version, asker.plain(port).tls) == ("0.0.1", 4711)
    assert asked == [1]


def test_settings_that_the_agent_does_not_follow_are_said(paths: Paths) -> None:
    paths.config.write_text("port = 4000\nhipki_port = 4001\n")
    with Instance(paths) as running:
        running.announce(port=28443, hipki_port=61161, provider="pcsc")
        installation = InstalledAgent(paths=paths, ask=answering(61161))
        found = {each.code: each for each in check_ports(installation)}
    assert found["ports_changed"].unsure
    assert found["ports_changed"].level is Level.NOTE


# No agent, or none of this folder.


@pytest.mark.parametrize(("set_up", "level"), [(True, Level.FAULT), (False, Level.NOTE)])
def test_no_agent_is_a_fault_where_one_was_set_up_and_never_well(
    paths: Paths, set_up: bool, level: Level
) -> None:
    paths.config.write_text("hipki_port = 0\n")
    if set_up:
        SetupRecord(__version__, complete=True, folders=()).write(paths.installed)
    found = one(check_agent(InstalledAgent(paths=paths)))
    assert (found.code, found.level, found.repair) == ("agent_not_running", level, "start_agent")
    assert Report([found]).verdict == ("command.broken" if set_up else "common.nothing_broken")


def test_an_agent_with_another_folder_is_said_to_be_that(
    paths: Paths, listen: Callable[..., int]
) -> None:
    port = listen(http(AGENT))
    paths.config.write_text(f"hipki_port = {port}\n")
    found = {each.code: each for each in check_agent(InstalledAgent(paths=paths))}
    assert found["agent_elsewhere"].level is Level.FAULT
    assert str(paths.state) in found["agent_elsewhere"].message(Language.CHINESE)


def test_an_agent_that_just_starts_is_not_called_broken_nor_well(paths: Paths) -> None:
    with Instance(paths):
        found = one(check_agent(InstalledAgent(paths=paths)))
        assert (found.code, found.unsure) == ("agent_starting", True)
        paths.instance.write_bytes(b"{")
        assert one(check_agent(InstalledAgent(paths=paths))).code == "agent_unknown"


# The icon.


def test_the_icon_is_what_the_agent_says_of_it(paths: Paths) -> None:
    installation = InstalledAgent(paths=paths)
    assert not list(check_icon(installation))
    with Instance(paths) as running:
        running.announce(port=28443)
        assert not list(check_icon(installation))  # an agent that wants none
        running.announce_icon(shown=False)
        none = one(check_icon(installation))
        assert (none.code, none.unsure) == ("icon_none", True)
        assert "panel" in none.message(Language.ENGLISH)
        running.announce_icon(shown=True)
        running.announce(port=28443)  # a port came; the icon stays
        assert one(check_icon(installation)).code == "icon_ok"
    running.announce_icon(shown=False)
    assert read_record(paths.instance) is None  # the next agent's is not written over


# Sign-in.


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "An kong" / "ankong"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def signing_in(
    paths: Paths, make_machine: MachineFactory, program: Path, monkeypatch: pytest.MonkeyPatch
) -> InstalledAgent:
    command = (str(program), "tray")
    monkeypatch.setattr(InstalledAgent, "start_command", property(lambda _: command))
    return InstalledAgent(paths=paths, machine=make_machine())


linux_only = pytest.mark.skipif(sys.platform == "win32", reason="desktop files")


@linux_only
def test_sign_in_is_well_only_with_this_program(
    signing_in: InstalledAgent, program: Path, tmp_path: Path
) -> None:
    way = signing_in.autostart
    assert way is not None
    assert one(check_autostart(signing_in)).code == "autostart_off"
    way.turn_on()
    assert one(check_autostart(signing_in)).code == "autostart_ok"
    program.rename(tmp_path / "elsewhere")
    broken = one(check_autostart(signing_in))
    assert (broken.code, broken.level) == ("autostart_broken", Level.FAULT)
    assert broken.facts["path"] == str(program)
    (tmp_path / "elsewhere").rename(program)
    program.chmod(0o644)
    assert one(check_autostart(signing_in)).code == "autostart_broken"


@linux_only
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Exec=/bin/sh tray", "autostart_other"),
        ("Exec=sh", "autostart_other"),
        ("Exec=", "autostart_broken"),
        ("", "autostart_broken"),
        ('Exec="unclosed', "autostart_broken"),
        ("Exec=sh\nHidden=true", "autostart_off"),
        ("Exec=sh\nX-GNOME-Autostart-enabled=false", "autostart_off"),
    ],
)
def test_an_entry_of_another_program_or_of_none_is_not_well(
    signing_in: InstalledAgent, line: str, code: str
) -> None:
    way = signing_in.autostart
    assert way is not None
    (folder,) = way.folders
    folder.mkdir(parents=True)
    (folder / "ankong.desktop").write_text(f"[Desktop Entry]\n{line}\n")
    assert one(check_autostart(signing_in)).code == code


@linux_only
def test_file_managers_are_well_only_with_this_program(
    signing_in: InstalledAgent,
    program: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = (str(program), "sign", "--window", "--")
    monkeypatch.setattr(InstalledAgent, "file_manager_command", property(lambda _: command))
    assert one(check_file_manager(signing_in)).code == "file_manager_off"
    repair("renew_file_manager", signing_in)
    assert one(check_file_manager(signing_in)).code == "file_manager_ok"
    program.rename(tmp_path / "elsewhere")
    broken = one(check_file_manager(signing_in))
    assert (broken.code, broken.level) == ("file_manager_broken", Level.FAULT)
    assert broken.repair == "renew_file_manager"
    (tmp_path / "elsewhere").rename(program)
    DesktopActions(("/bin/sh", "sign", "--window", "--"), signing_in.machine).turn_on()
    assert one(check_file_manager(signing_in)).code == "file_manager_other"


# The words at the end, and the commands.


def test_all_is_well_only_where_everything_was_seen() -> None:
    assert Report([ok("a", "clock_ok")]).verdict == "common.all_well"
    assert Report([note("a", "reader_empty", reader="x")]).verdict == "common.all_well"
    unsure = Report([note("a", "service_unknown", unsure=True)])
    assert (unsure.verdict, unsure.clean, unsure.complete) == ("common.nothing_broken", True, False)


def test_a_command_that_is_told_works_as_it_stands(tmp_path: Path) -> None:
    line = command_line(Paths(tmp_path / "it's $HOME"), "doctor", "--json")
    done = subprocess.run(
        shlex.split(line), capture_output=True, check=False, timeout=100, env=dict(os.environ)
    )
    assert b'"findings"' in done.stdout, done
    assert "--state-dir" not in command_line(Paths.choose(), "panel")


@linux_only
def test_the_record_is_for_its_owner_only(paths: Paths) -> None:
    with Instance(paths) as running:
        running.announce_icon(shown=True)
        assert stat.S_IMODE(paths.instance.stat().st_mode) & 0o077 == 0


def test_a_repair_starts_the_agent_and_starts_it_again(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agent.host.instance.quitting import end_running

    program = [sys.executable, "-m", "agent", "serve", "--provider", "virtual"]
    program += ["--port", "0", "--hipki-port", "0", "--state-dir", str(paths.state)]
    monkeypatch.setattr(InstalledAgent, "start_command", property(lambda _: tuple(program)))
    installation: Any = InstalledAgent(paths=paths)
    try:
        repair("start_agent", installation)
        first = read_record(paths.instance)
        repair("start_agent", installation)  # it runs: nothing happens
        assert read_record(paths.instance) == first
        repair("restart_agent", installation)
        second = read_record(paths.instance)
    finally:
        end_running(paths)
    assert first is not None
    assert second is not None
    assert first.pid != second.pid
    assert second.port is not None
