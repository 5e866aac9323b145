"""What the doctor says of ports: which the agent has, lacks, or leaves to another program."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import __version__
from agent.doctor import network
from agent.doctor.asking import PortAnswer, PortAsker
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.network import check_jrsys_ports, check_ports
from agent.doctor.report import Level
from agent.doctor.running import check_agent
from agent.host.instance.running import Instance
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.portal.demo.programs import free_port
from agent.words import Language


def answering(*ports: int, native: int = 28443, version: str = __version__) -> PortAsker:
    """Make a computer on whose ports this agent answers, without opening any."""
    asker = PortAsker()
    for port in (native, *ports):
        for kind in ("native", "plain", "tls"):
            asker._answers[kind, port] = PortAnswer(version=version, tls=native)
    return asker


def port_findings(folder: Path, ask: PortAsker | None = None, **announced: Any) -> dict[str, Any]:
    paths = Paths(folder)
    paths.prepare()
    with Instance(paths) as running:
        running.announce(**announced)
        found = list(check_ports(InstalledAgent(paths=paths, ask=ask or answering())))
        found = [each for each in found if "port" in each.facts]
    return {f"{each.facts['port']} {each.code}": each for each in found}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_free_port_that_the_running_agent_lacks_is_a_fault(tmp_path: Path) -> None:
    port = free_port()
    found = port_findings(tmp_path / "s", port=28443, provider="pcsc", missing=(port,))
    assert found[f"{port} port_missing"].level is Level.FAULT
    assert f"{port} port_ok" not in found


def test_a_port_that_is_left_to_who_is_in_front_is_no_fault(
    tmp_path: Path, taken_port: int
) -> None:
    """Neither while the other agent has it, nor while it is about to be taken again."""
    paths = Paths(tmp_path / "s")
    paths.prepare()
    (paths.state / "config.toml").write_text(f"hipki_port = {taken_port}\n")
    for missing in ((), (taken_port,)):
        with Instance(paths) as running:
            running.announce(port=28443, provider="pcsc", left=(taken_port,), missing=missing)
            found = list(check_ports(InstalledAgent(paths=paths, ask=answering())))
        (left,) = (each for each in found if str(taken_port) in str(each.facts))
        assert (left.code, left.level) == ("port_left", Level.OK)
        assert str(taken_port) in left.message(Language.CHINESE)
        assert not [each for each in found if each.code in {"port_missing", "ports_changed"}]


def test_a_taken_port_that_the_running_agent_lacks_is_named_with_its_program(
    tmp_path: Path, taken_port: int
) -> None:
    found = port_findings(tmp_path / "s", port=28443, provider="pcsc", missing=(taken_port,))
    assert f"pid {os.getpid()}" in found[f"{taken_port} port_taken"].facts["owner"]


def test_an_agent_without_any_port_is_a_fault_that_names_who_has_them(
    tmp_path: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "NATIVE_PORTS", (taken_port,))
    paths = Paths(tmp_path / "s")
    paths.prepare()
    with Instance(paths) as running, socket.create_server(("127.0.0.1", 0)) as plain:
        own = plain.getsockname()[1]
        running.announce(hipki_port=own, provider="pcsc", missing=(taken_port,))
        installation = InstalledAgent(paths=paths, ask=answering(own))
        installation.ask._answers["plain", own] = PortAnswer("another program answers (HTTP 503)")
        (agent,) = check_agent(installation)
        found = [each for each in check_ports(installation) if "port" in each.facts]
        ports = {each.facts["port"]: each for each in found}
    assert (agent.code, agent.level) == ("agent_no_port", Level.FAULT)
    assert ports[str(taken_port)].level is Level.FAULT
    assert f"pid {os.getpid()}" in ports[str(taken_port)].facts["owner"]
    assert ports[str(own)].code == "port_used_by_agent"  # not a stranger's


def test_the_ports_that_the_agent_took_later_are_its_own(
    tmp_path: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "NATIVE_PORTS", (taken_port, 28444))
    found = port_findings(
        *(tmp_path / "s", answering(taken_port, 61161, native=28444)),
        port=28444,
        provider="pcsc",
        hipki_port=61161,
        also=(taken_port,),
    )
    assert f"{taken_port} port_used_by_agent" in found
    assert "61161 port_used_by_agent" in found


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="starts another user's server"
)
def test_another_users_server_is_said_to_be_that(tmp_path: Path) -> None:
    serve = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0));"
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        ["/usr/bin/python3", "-c", serve],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        user=65534,
        cwd="/",
    ) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        found = port_findings(tmp_path / "s", port=28443, provider="pcsc", missing=(port,))
        other.communicate()
    finding = found[f"{port} port_of_another_user"]
    assert finding.facts["user"] == "nobody"
    assert "PIN" in finding.message(Language.CHINESE)


def lacks(port: int) -> dict[str, tuple[int, ...]]:
    return {"missing": (port,), "jrsys_missing": (port,)}


def jrsys_findings(folder: Path, config_text: str, **announced: Any) -> dict[str, Any]:
    paths = Paths(folder)
    paths.prepare()
    paths.config.write_text(config_text)
    with Instance(paths) as running:
        running.announce(port=28443, provider="pcsc", **announced)
        ask = answering(17022, 17522, 17040, 17540)
        found = check_jrsys_ports(InstalledAgent(paths=paths, ask=ask))
        return {each.code: each for each in found}


def test_who_has_a_port_of_jrsys_pages_is_named_and_may_stay(
    tmp_path: Path, taken_port: int
) -> None:
    wanted = f"jrsys_ports = [{taken_port}, 17022]\njrsys_tls_ports = []"
    found = jrsys_findings(tmp_path / "s", wanted, jrsys_ports=(17022,), **lacks(taken_port))
    assert found["jrsys_ports"].facts == {"ports": "17022"}
    assert found["jrsys_port_taken"].level is Level.NOTE
    assert found["jrsys_port_taken"].facts["port"] == str(taken_port)
    assert f"pid {os.getpid()}" in found["jrsys_port_taken"].facts["owner"]
    assert (
        port_findings(tmp_path / "s", port=28443, **lacks(taken_port))
        .keys()
        .isdisjoint({f"{taken_port} port_taken", f"{taken_port} port_missing"})
    )


def test_a_free_port_of_jrsys_pages_that_the_agent_lacks_is_a_fault(tmp_path: Path) -> None:
    port = free_port()
    wanted = f"jrsys_ports = [{port}]\njrsys_tls_ports = []"
    found = jrsys_findings(tmp_path / "s", wanted, **lacks(port))
    assert found["port_missing"].level is Level.FAULT


def test_without_ports_of_jrsys_pages_nothing_is_said_of_them(
    tmp_path: Path, taken_port: int
) -> None:
    assert jrsys_findings(tmp_path / "s", f"jrsys = false\njrsys_ports = [{taken_port}]") == {}


def test_jrsys_pages_are_given_up_in_the_settings_until_the_agent_is_started_again(
    tmp_path: Path, taken_port: int
) -> None:
    """Whoever does what the doctor said is not told of a fault by it."""
    folder, announced = tmp_path / "s", {"jrsys_ports": (17022,), **lacks(taken_port)}
    found = jrsys_findings(folder, "jrsys = false", **announced)
    assert set(found) == {"jrsys_ports", "jrsys_port_taken", "jrsys_ports_changed"}
    assert all(each.level is not Level.FAULT for each in found.values())
    others = port_findings(folder, port=28443, provider="pcsc", hipki_port=61161, **announced)
    assert others.keys().isdisjoint({f"{taken_port} port_taken", f"{taken_port} port_missing"})


@pytest.mark.parametrize(
    ("started_with", "changed"),
    [
        ({"hipki_port": 61161, "jrsys_ports": (17022, 17522, 17040, 17540)}, False),
        ({"missing": (61161, 17022), "jrsys_ports": (17522, 17040, 17540)}, True),
        ({"hipki_port": 61161, "jrsys_ports": (17022,)}, True),
        ({"hipki_port": 4000}, False),  # a flag's: it stands beside another agent
    ],
)
def test_what_the_settings_say_is_held_against_what_the_agent_has(
    tmp_path: Path, started_with: dict[str, Any], changed: bool
) -> None:
    found = jrsys_findings(tmp_path / "s", "", **started_with)
    assert ("jrsys_ports_changed" in found) == changed


def test_an_agent_that_does_not_run_yet_would_meet_another_program(
    tmp_path: Path, taken_port: int
) -> None:
    paths = Paths(tmp_path / "s")
    paths.prepare()
    paths.config.write_text(f"jrsys_ports = [{taken_port}, {free_port()}]\njrsys_tls_ports = []")
    (finding,) = check_jrsys_ports(InstalledAgent(paths=paths))
    assert (finding.code, finding.facts["port"]) == ("jrsys_port_taken", str(taken_port))


def test_ports_that_a_porter_holds_are_nobodys_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_port: int
) -> None:
    announced = {"port": 28443, "hipki_port": 61161, "provider": "pcsc"}
    paths = Paths(tmp_path / "s")
    paths.prepare()
    with Instance(paths) as running:
        running.announce(**announced, porter=(28443, 61161))
        found = list(check_ports(InstalledAgent(paths=paths, ask=answering(61161))))
    (told,) = [each for each in found if each.code == "ports_with_porter"]
    assert told.facts["ports"] == "28443, 61161"
    # Without an agent, a porter's port is not "another user's program".
    monkeypatch.setattr(network, "ports_of_porter", lambda: frozenset({taken_port}))
    (tmp_path / "s" / "config.toml").write_text(f"hipki_port = {taken_port}\n")
    found = list(check_ports(InstalledAgent(paths=paths)))
    mine = [each for each in found if each.facts.get("port") == str(taken_port)]
    assert [(each.code, each.level) for each in mine] == [("port_of_porter", Level.OK)]
