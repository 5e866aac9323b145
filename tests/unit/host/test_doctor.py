"""The doctor: clean when all is well, and the fault by its name when something is not."""

import os
import shutil
import socket
import stat
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.commands import doctor
from agent.doctor import examination
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.repairs import REPAIRS
from agent.doctor.report import Level
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.tls import identity
from agent.host.tls.machine import run
from agent.host.tls.store import AuthorityFile
from agent.transport.base import CardProvider
from agent.virtualcard import cardfile
from agent.virtualcard.new_cards import new_scenario
from agent.virtualcard.provider import VirtualProvider
from agent.words import Language
from tests.unit.host.conftest import MachineFactory, Tools, new_database
from tests.unit.host.doctor_fixture import DoctorFixture, needs_certutil, with_card

NOW = datetime.now(UTC)


@needs_certutil
def test_all_is_well(installed: DoctorFixture) -> None:
    assert installed.faults() == {}
    _, answer = installed.run()
    checks = {row["check"] for row in answer["findings"]}
    assert checks >= {
        *("version", "state", "database", "config", "policy", "service", "reader", "card"),
        *("windows", "agent", "port", "tls", "clock", "trust", "browser"),
    }
    for row in answer["findings"]:
        assert set(row["message"]) == set(Language)
        assert all(row["message"].values())
        assert row["repair"] is None or row["repair"] in REPAIRS


# The faults that are caused.


def service_down(installed: DoctorFixture) -> None:
    def make() -> CardProvider:
        provider = VirtualProvider()
        provider.set_service(False)
        # A virtual service is no service of the system's: this one stands for PC/SC's.
        provider_kind = type("Pcsc", (VirtualProvider,), {"kind": property(lambda _: "pcsc")})
        provider.__class__ = provider_kind
        return provider

    installed.provider = make


def no_reader(installed: DoctorFixture) -> None:
    installed.provider = lambda: VirtualProvider(readers=0)


def scenario(name: str) -> Callable[[DoctorFixture], None]:
    def cause(installed: DoctorFixture) -> None:
        file = installed.home.parent / "card.json"
        new_scenario(file, installed.issuer, name, key_size=2048)
        installed.provider = with_card(cardfile.load(file))

    return cause


def authority_missing(installed: DoctorFixture) -> None:
    name = AuthorityFile.load(installed.paths.tls / "authority.pem").name
    command = [shutil.which("certutil") or "", "-D", "-n", name]
    assert run([*command, "-d", f"sql:{installed.home / '.pki/nssdb'}"]).status == 0


def certutil_missing(installed: DoctorFixture) -> None:
    del installed
    pytest.MonkeyPatch().setenv("PATH", "/nowhere")


def leaf_expired(installed: DoctorFixture) -> None:
    identity.renew(installed.paths.tls, NOW - timedelta(days=365 * 6))


def ladder_ends_soon(installed: DoctorFixture) -> None:
    identity.renew(installed.paths.tls, NOW - timedelta(days=5 * 304 + 397 - 30))


def leaves_gone(installed: DoctorFixture) -> None:
    for path in installed.paths.tls.glob("leaf-*.pem"):
        path.write_bytes(b"")


def clock_behind(installed: DoctorFixture) -> None:
    """Seen from the certificates it is the same: they were made when it was later than now."""
    identity.renew(installed.paths.tls, NOW + timedelta(days=30))


def policy_unreadable(installed: DoctorFixture) -> None:
    installed.paths.policy.write_text("forbidden = [")


def config_broken(installed: DoctorFixture) -> None:
    installed.paths.config.write_text("port = 'none'\n")


def state_is_no_folder(installed: DoctorFixture) -> None:
    shutil.rmtree(installed.paths.state)
    installed.paths.state.write_bytes(b"")


def state_open(installed: DoctorFixture) -> None:
    installed.paths.state.chmod(0o755)


def keys_open(installed: DoctorFixture) -> None:
    (installed.paths.tls / "leaf-0.pem").chmod(0o644)


def database_damaged(installed: DoctorFixture) -> None:
    installed.paths.history.write_bytes(b"no database" * 1000)


def manifest_damaged(installed: DoctorFixture) -> None:
    installed.paths.trust.write_text("{")


Cause = Callable[[DoctorFixture], None]
CAUSED: Sequence[tuple[Cause, str, str | None]] = (
    (service_down, "service_down", None),
    (no_reader, "reader_none", None),
    (scenario("mute"), "card_mute", None),
    (scenario("foreign"), "card_unsupported", None),
    (scenario("expired"), "card_expired", None),
    (scenario("not-yet-valid"), "card_not_yet_valid", None),
    (scenario("garbage-certificate"), "card_unreadable", None),
    (authority_missing, "trust_missing", "install_trust"),
    (leaf_expired, "tls_expired", "renew_tls"),
    (ladder_ends_soon, "tls_ends_soon", "renew_tls"),
    (leaves_gone, "tls_damaged", "renew_tls"),
    (clock_behind, "clock_behind", "renew_tls"),
    (policy_unreadable, "policy_unusable", None),
    (config_broken, "config_broken", "set_config_aside"),
    (state_is_no_folder, "state_unusable", None),
    (state_open, "state_open", "close_state_dir"),
    (keys_open, "tls_key_open", "close_state_dir"),
    (database_damaged, "database_damaged", None),
    (manifest_damaged, "manifest_damaged", "set_manifest_aside"),
)


@needs_certutil
@pytest.mark.parametrize(("cause", "code", "remedy"), CAUSED, ids=[row[1] for row in CAUSED])
def test_each_fault_has_its_name_and_its_repair(
    installed: DoctorFixture, cause: Cause, code: str, remedy: str | None
) -> None:
    cause(installed)
    found = installed.faults()
    assert code in found
    if code == "service_down":
        remedy = found[code]["repair"]  # only where there is systemd
        return
    assert found[code]["repair"] == remedy
    if remedy is not None:
        _, answer = installed.run(repair=remedy)
        assert code not in {row["code"] for row in answer["findings"]}
        left = {row["code"] for row in answer["findings"] if row["level"] == "fault"}
        if remedy == "set_config_aside":
            left.discard("port_taken")  # the usual ports again, which this computer may need
        assert not left


@needs_certutil
def test_a_foreign_program_on_our_ports_is_named(installed: DoctorFixture) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as first,
        closing(socket.create_server(("127.0.0.1", 0))) as second,
    ):
        ports = [each.getsockname()[1] for each in (first, second)]
        installed.paths.config.write_text(f"port = {ports[0]}\nhipki_port = {ports[1]}\n")
        _, answer = installed.run()
        rows = [row for row in answer["findings"] if row["code"] == "port_taken"]
        assert [row["facts"]["port"] for row in rows] == [str(port) for port in ports]
        assert all(f"pid {os.getpid()}" in row["facts"]["owner"] for row in rows)
    assert installed.faults() == {}


def test_one_of_three_ports_is_no_matter(
    tmp_path: Path, make_machine: MachineFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        paths = Paths(tmp_path / "state")
        paths.prepare()
        paths.config.write_text("hipki_port = 0\n")
        port = taken.getsockname()[1]
        monkeypatch.setattr(config, "NATIVE_PORTS", (port, 0))
        installation = InstalledAgent(paths=paths, machine=make_machine())
        report = examination.examine(installation)
    codes = {finding.code: finding.level for finding in report.findings}
    assert codes["port_taken_spare"] is Level.NOTE
    assert "port_taken" not in codes


def test_a_machine_without_certutil_is_told_what_to_install(
    tmp_path: Path, make_machine: MachineFactory, tools: Tools
) -> None:
    paths = Paths(tmp_path / "state")
    paths.prepare()
    identity.ensure(paths.tls)
    machine = make_machine(find=tools.find, run=tools.run)
    new_database(machine.home / ".pki" / "nssdb")
    report = examination.examine(InstalledAgent(paths=paths, machine=machine))
    (finding,) = [each for each in report.findings if each.code == "trust_needs_tool"]
    assert "certutil" in finding.message(Language.ENGLISH)
    assert "libnss3-tools" in finding.message(Language.CHINESE)


@needs_certutil
def test_what_was_set_aside_is_kept(installed: DoctorFixture) -> None:
    config_broken(installed)
    installed.run(repair="set_config_aside")
    (kept,) = installed.paths.state.glob("config.toml.broken-*")
    assert kept.read_text() == "port = 'none'\n"


@needs_certutil
def test_it_also_speaks_to_people(installed: DoctorFixture) -> None:
    authority_missing(installed)
    options = doctor.DoctorOptions(state_dir=installed.paths.state)
    assert doctor.run(options, installed.provider) == 1
    said = installed.capsys.readouterr().out
    assert "網頁會顯示「未運行」" in said
    assert "does not trust the local certificates" in said
    assert "ankong doctor --repair install_trust" in said


@needs_certutil
def test_looking_changes_nothing(installed: DoctorFixture) -> None:
    def everything() -> dict[str, tuple[int, bytes]]:
        return {
            str(path): (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
            for path in sorted(installed.paths.state.rglob("*"))
            if path.is_file()
        }

    before = everything()
    installed.run()
    assert everything() == before
