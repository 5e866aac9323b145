"""The doctor: clean when all is well, and the fault by its name when something is not."""

import argparse
import io
import json
import logging
import os
import re
import shutil
import socket
import sqlite3
import stat
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from agent.commands import doctor
from agent.errors import BadRequestError
from agent.host import logs
from agent.host import policy as policy_module
from agent.host.doctor import browsers, examination
from agent.host.doctor.patient import CardFacts, Patient, ReaderFacts
from agent.host.doctor.repairs import REPAIRS, RepairError, repair
from agent.host.doctor.report import Level
from agent.host.doctor.words import WORDS
from agent.host.paths import Paths
from agent.host.tls import identity
from agent.host.tls.machine import Completed, run
from agent.host.tls.store import AuthorityFile
from agent.transport.base import CardProvider
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import VirtualProvider
from agent.virtualcard.workshop import new_scenario
from tests.conftest import CardFactory
from tests.unit.host.conftest import MachineFactory, Tools, new_database

NOW = datetime.now(UTC)
needs_certutil = pytest.mark.skipif(
    shutil.which("certutil") is None or sys.platform != "linux", reason="needs libnss3-tools"
)


@dataclass
class Clinic:
    """One installation, in order, and ways to look at it as a citizen would."""

    places: Paths
    home: Path
    provider: Callable[[], CardProvider]
    capsys: pytest.CaptureFixture[str]
    issuer: Path

    def doctor(self, *, repair: str | None = None, bundle: Path | None = None) -> tuple[int, Any]:
        """Run the command; give its exit status and its JSON."""
        options = argparse.Namespace(
            state_dir=self.places.state, repair=repair, bundle=bundle, json=True
        )
        self.capsys.readouterr()
        status = doctor.run(options, self.provider)
        return status, json.loads(self.capsys.readouterr().out)

    def faults(self) -> dict[str, dict[str, Any]]:
        """Give the faults by their codes."""
        status, answer = self.doctor()
        found = {row["code"]: row for row in answer["findings"] if row["level"] == "fault"}
        assert answer["clean"] == (not found)
        assert status == (1 if found else 0)
        return found


def with_card(card: VirtualCard | None) -> Callable[[], CardProvider]:
    def make() -> CardProvider:
        provider = VirtualProvider()
        if card is not None:
            provider.insert(provider.readers()[0].name, card)
        return provider

    return make


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the test authority of the prepared cards is made, once."""
    return tmp_path_factory.mktemp("issuer")


@pytest.fixture
def clinic(
    tmp_path: Path,
    issuer: Path,
    make_card: CardFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Clinic:
    """Make an installation in which everything is as it should be."""
    home = tmp_path / "home"
    new_database(home / ".pki" / "nssdb")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", "")
    # Whatever policy this computer has is not the test's.
    monkeypatch.setattr(policy_module, "system_path", lambda: tmp_path / "no-policy.toml")
    places = Paths(tmp_path / "state")
    places.prepare()
    places.config.write_text("port = 0\nhipki_port = 0\n")
    identity.ensure(places.tls)
    clinic = Clinic(places, home, with_card(make_card("gen2")), capsys, issuer)
    clinic.doctor(repair="install_trust")
    return clinic


@needs_certutil
def test_all_is_well(clinic: Clinic) -> None:
    assert clinic.faults() == {}
    _, answer = clinic.doctor()
    checks = {row["check"] for row in answer["findings"]}
    assert checks >= {
        *("version", "state", "database", "config", "policy", "service", "reader", "card"),
        *("agent", "port", "tls", "clock", "trust", "browser"),
    }
    for row in answer["findings"]:
        assert set(row["message"]) == {"zh-Hant", "en"}
        assert all(row["message"].values())
        assert row["repair"] is None or row["repair"] in REPAIRS


# The faults that are caused.


def service_down(clinic: Clinic) -> None:
    def make() -> CardProvider:
        provider = VirtualProvider()
        provider.set_service(False)
        # A virtual service is no service of the system's: this one stands for PC/SC's.
        provider_kind = type("Pcsc", (VirtualProvider,), {"kind": property(lambda _: "pcsc")})
        provider.__class__ = provider_kind
        return provider

    clinic.provider = make


def no_reader(clinic: Clinic) -> None:
    clinic.provider = lambda: VirtualProvider(readers=0)


def scenario(name: str) -> Callable[[Clinic], None]:
    def cause(clinic: Clinic) -> None:
        file = clinic.home.parent / "card.json"
        new_scenario(file, clinic.issuer, name, key_size=2048)
        clinic.provider = with_card(cardfile.load(file))

    return cause


def authority_missing(clinic: Clinic) -> None:
    name = AuthorityFile.load(clinic.places.tls / "authority.pem").name
    command = [shutil.which("certutil") or "", "-D", "-n", name]
    assert run([*command, "-d", f"sql:{clinic.home / '.pki/nssdb'}"]).status == 0


def certutil_missing(clinic: Clinic) -> None:
    del clinic
    pytest.MonkeyPatch().setenv("PATH", "/nowhere")


def leaf_expired(clinic: Clinic) -> None:
    identity.renew(clinic.places.tls, NOW - timedelta(days=365 * 6))


def ladder_ends_soon(clinic: Clinic) -> None:
    identity.renew(clinic.places.tls, NOW - timedelta(days=5 * 304 + 397 - 30))


def leaves_gone(clinic: Clinic) -> None:
    for path in clinic.places.tls.glob("leaf-*.pem"):
        path.write_bytes(b"")


def clock_behind(clinic: Clinic) -> None:
    """Seen from the certificates it is the same: they were made when it was later than now."""
    identity.renew(clinic.places.tls, NOW + timedelta(days=30))


def policy_unreadable(clinic: Clinic) -> None:
    clinic.places.policy.write_text("forbidden = [")


def config_broken(clinic: Clinic) -> None:
    clinic.places.config.write_text("port = 'none'\n")


def state_is_no_folder(clinic: Clinic) -> None:
    shutil.rmtree(clinic.places.state)
    clinic.places.state.write_bytes(b"")


def state_open(clinic: Clinic) -> None:
    clinic.places.state.chmod(0o755)


def keys_open(clinic: Clinic) -> None:
    (clinic.places.tls / "leaf-0.pem").chmod(0o644)


def database_damaged(clinic: Clinic) -> None:
    clinic.places.history.write_bytes(b"no database" * 1000)


def manifest_damaged(clinic: Clinic) -> None:
    clinic.places.trust.write_text("{")


Cause = Callable[[Clinic], None]
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
    clinic: Clinic, cause: Cause, code: str, remedy: str | None
) -> None:
    cause(clinic)
    found = clinic.faults()
    assert code in found
    if code == "service_down":
        remedy = found[code]["repair"]  # only where there is systemd
        return
    assert found[code]["repair"] == remedy
    if remedy is not None:
        status, answer = clinic.doctor(repair=remedy)
        assert code not in {row["code"] for row in answer["findings"]}
        assert (status, answer["clean"]) == (0, True)


@needs_certutil
def test_a_foreign_program_on_our_ports_is_named(clinic: Clinic) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as first,
        closing(socket.create_server(("127.0.0.1", 0))) as second,
    ):
        ports = [each.getsockname()[1] for each in (first, second)]
        clinic.places.config.write_text(f"port = {ports[0]}\nhipki_port = {ports[1]}\n")
        _, answer = clinic.doctor()
        rows = [row for row in answer["findings"] if row["code"] == "port_taken"]
        assert [row["facts"]["port"] for row in rows] == [str(port) for port in ports]
        assert all(f"pid {os.getpid()}" in row["facts"]["owner"] for row in rows)
    assert clinic.faults() == {}


def test_one_of_three_ports_is_no_matter(tmp_path: Path, make_machine: MachineFactory) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        places = Paths(tmp_path / "state")
        places.prepare()
        places.config.write_text("hipki_port = 0\n")
        port = taken.getsockname()[1]
        patient = Patient(places=places, machine=make_machine(), native_ports=(port, 0))
        report = examination.examine(patient)
    codes = {finding.code: finding.level for finding in report.findings}
    assert codes["port_taken_spare"] is Level.NOTE
    assert "port_taken" not in codes


def test_a_machine_without_certutil_is_told_what_to_install(
    tmp_path: Path, make_machine: MachineFactory, tools: Tools
) -> None:
    places = Paths(tmp_path / "state")
    places.prepare()
    identity.ensure(places.tls)
    machine = make_machine(find=tools.find, run=tools.run)
    new_database(machine.home / ".pki" / "nssdb")
    report = examination.examine(Patient(places=places, machine=machine))
    (finding,) = [each for each in report.findings if each.code == "trust_needs_tool"]
    assert "certutil" in finding.en
    assert "libnss3-tools" in finding.zh


# The smart-card side, as far as it needs no card.


def examined(machine: Any, cards: CardFacts, folder: Path) -> dict[str, Level]:
    patient = Patient(places=Paths(folder), machine=machine, cards=cards)
    return {finding.code: finding.level for finding in examination.examine(patient).findings}


def test_a_service_that_is_not_installed_is_not_called_stopped(
    make_machine: MachineFactory, tools: Tools, tmp_path: Path
) -> None:
    gone = CardFacts(virtual=False, service_available=False)
    found = examined(make_machine(find=tools.find), gone, tmp_path / "s")
    assert found["service_not_installed"] is Level.FAULT
    tools.answers["pcscd"] = lambda _: Completed(0)
    found = examined(make_machine(find=tools.find), gone, tmp_path / "s")
    assert found["service_down"] is Level.FAULT
    assert "reader_none" not in found  # one thing at a time


def test_a_missing_driver_explains_a_missing_reader(
    make_machine: MachineFactory, tmp_path: Path
) -> None:
    machine = make_machine()
    alone = CardFacts(virtual=False, service_available=True)
    assert examined(machine, alone, tmp_path / "s")["driver_missing"] is Level.FAULT
    other = CardFacts(
        virtual=False, service_available=True, readers=[ReaderFacts(name="x", state="empty")]
    )
    assert examined(machine, other, tmp_path / "s")["driver_missing"] is Level.NOTE
    (machine.root / "usr/lib/pcsc/drivers/ifd-ccid.bundle").mkdir(parents=True)
    assert "driver_ok" in examined(machine, alone, tmp_path / "s")


def test_a_foreign_card_beside_a_good_one_is_no_fault(
    make_machine: MachineFactory, tmp_path: Path
) -> None:
    readers = [
        ReaderFacts(name="a", state="card", generation="gen2", attempts_left=3),
        ReaderFacts(name="b", state="unsupported"),
        ReaderFacts(name="c", state="mute"),
    ]
    cards = CardFacts(virtual=True, service_available=True, readers=readers)
    found = examined(make_machine(), cards, tmp_path / "s")
    assert (found["card_unsupported"], found["card_mute"]) == (Level.NOTE, Level.NOTE)


def test_a_locked_card_is_said_to_be(make_machine: MachineFactory, tmp_path: Path) -> None:
    locked = ReaderFacts(name="a", state="card", generation="gen1", attempts_left=0)
    cards = CardFacts(virtual=True, service_available=True, readers=[locked])
    assert examined(make_machine(), cards, tmp_path / "s")["card_locked"] is Level.FAULT


# Browsers' policies.


@pytest.mark.parametrize(
    ("policy", "code", "level"),
    [
        ({"LoopbackNetworkBlockedForUrls": ["*"]}, "browser_blocks", Level.FAULT),
        ({"LocalNetworkAccessBlockedForUrls": ["https://*"]}, "browser_blocks", Level.FAULT),
        (
            {"LocalNetworkAccessBlockedForUrls": ["https://a.example"]},
            "browser_blocks_some",
            Level.NOTE,
        ),
        ({"LocalNetworkAccessAllowedForUrls": ["*"]}, "browser_ok", Level.OK),
        ({"LoopbackNetworkBlockedForUrls": []}, "browser_ok", Level.OK),
        ("not a policy", "browser_policy_unreadable", Level.NOTE),
    ],
)
@pytest.mark.parametrize(
    ("platform", "file"),
    [
        ("linux", "etc/chromium/policies/managed/lna.json"),
        ("linux", "etc/opt/chrome/policies/managed/a.json"),
        ("darwin", "Library/Managed Preferences/com.google.Chrome.plist"),
    ],
)
def test_policies_that_keep_pages_away_are_found(  # noqa: PLR0917  # two tables at once
    make_machine: MachineFactory,
    tmp_path: Path,
    policy: Any,
    code: str,
    level: Level,
    platform: str,
    file: str,
) -> None:
    import plistlib

    machine = make_machine(platform=platform)
    path = machine.root / file
    path.parent.mkdir(parents=True)
    path.write_bytes(
        json.dumps(policy).encode() if file.endswith("json") else plistlib.dumps(policy)
    )
    patient = Patient(places=Paths(tmp_path / "s"), machine=machine)
    found = {each.code: each.level for each in browsers.check_browsers(patient)}
    assert found[code] is level


class Registry:
    """The part of ``winreg`` that is used."""

    HKEY_LOCAL_MACHINE = 2

    def __init__(self, keys: dict[str, list[str]]) -> None:
        self.keys = keys

    def OpenKey(self, root: int, key: str) -> Any:  # noqa: N802  # winreg's own name
        assert root == 2
        if key not in self.keys:
            raise FileNotFoundError(2, "no such key")
        values = self.keys[key]

        class Opened:
            def __enter__(self) -> list[str]:
                return values

            def __exit__(self, *_: object) -> None:
                pass

        return Opened()

    def EnumValue(self, opened: list[str], index: int) -> tuple[str, str, int]:  # noqa: N802  # likewise
        if index >= len(opened):
            raise OSError(259, "no more data")
        return str(index + 1), opened[index], 1


def test_windows_keeps_the_same_policies_in_its_registry() -> None:
    key = r"SOFTWARE\Policies\Google\Chrome"
    registry = Registry({rf"{key}\LoopbackNetworkBlockedForUrls": ["*", "https://a.example"]})
    found = browsers.read_registry(key, registry)
    assert found == {"LoopbackNetworkBlockedForUrls": ["*", "https://a.example"]}
    assert browsers.read_registry(r"SOFTWARE\Policies\Microsoft\Edge", registry) == {}


# Words, repairs, and checks that fail themselves.


def test_every_code_has_words_and_every_word_a_code() -> None:
    folder = Path(examination.__file__).parent
    source = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    used = set(re.findall(r'(?:ok|note|fault)\(\s*"\w+",\s*"(\w+)"', source))
    used |= set(re.findall(r'"(browser_blocks\w*|check_failed)"', source))
    assert used == set(WORDS)


def test_a_check_that_fails_does_not_silence_the_others(
    tmp_path: Path, make_machine: MachineFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_nothing(_: Patient) -> list[Any]:
        raise ZeroDivisionError

    checks = (check_nothing, *examination.CHECKS)
    monkeypatch.setattr(examination, "CHECKS", checks)
    report = examination.examine(Patient(places=Paths(tmp_path / "s"), machine=make_machine()))
    assert not report.clean
    assert report.findings[0].facts == {"name": "nothing", "detail": "ZeroDivisionError"}
    assert len(report.findings) > 5


def test_a_repair_that_there_is_not_or_that_fails_says_so(
    tmp_path: Path, make_machine: MachineFactory, tools: Tools
) -> None:
    patient = Patient(places=Paths(tmp_path / "s"), machine=make_machine(find=tools.find))
    with pytest.raises(BadRequestError, match="renew_tls"):
        repair("magic", patient)
    with pytest.raises(RepairError, match="set_config_aside"):
        repair("set_config_aside", patient)
    with pytest.raises(RepairError, match="systemctl"):
        repair("start_service", patient)
    tools.answers["systemctl"] = lambda arguments: Completed(
        0 if list(arguments) == ["--no-ask-password", "start", "pcscd.socket"] else 1
    )
    machine = make_machine(find=tools.find, run=tools.run)
    repair("start_service", Patient(places=Paths(tmp_path / "s"), machine=machine))
    tools.answers["systemctl"] = lambda _: Completed(1, b"", "access denied")
    with pytest.raises(RepairError, match="access denied"):
        repair("start_service", Patient(places=Paths(tmp_path / "s"), machine=machine))


@needs_certutil
def test_what_was_set_aside_is_kept(clinic: Clinic) -> None:
    config_broken(clinic)
    clinic.doctor(repair="set_config_aside")
    (kept,) = clinic.places.state.glob("config.toml.broken-*")
    assert kept.read_text() == "port = 'none'\n"


@needs_certutil
def test_it_also_speaks_to_people(clinic: Clinic) -> None:
    authority_missing(clinic)
    options = argparse.Namespace(
        state_dir=clinic.places.state, repair=None, bundle=None, json=False
    )
    assert doctor.run(options, clinic.provider) == 1
    said = clinic.capsys.readouterr().out
    assert "網頁會顯示「未運行」" in said
    assert "does not trust the local certificates" in said
    assert "ankong doctor --repair install_trust" in said


# The bundle.

SECRETS = {
    "name": "王測試",
    "id": "A123456789",
    "card": "TP00000000012345",
    "pin": "739164",
    "site": "shop.example",
    "document": "離婚協議書.pdf",
    "reader serial": "5305060708",
    "user": "wang-testuser",
    "host": "wang-laptop",
}


def write_log(folder: Path) -> None:
    with logs.logging_to(folder, "debug"):
        log = structlog.get_logger("agent.signing.service")
        log.info("signed", site=f"https://{SECRETS['site']}", document=SECRETS["document"])
        log.warning("probing failed %s", SECRETS["card"], reader=SECRETS["name"])
        logging.getLogger("aiohttp.server").error("from %s", SECRETS["site"])
        logging.getLogger(f"agent.{SECRETS['user']}").error("strange logger")
        try:
            int(f"{SECRETS['name']} {SECRETS['id']} in /home/{SECRETS['user']}/x")
        except ValueError:
            log.exception("unexpected error", host=SECRETS["host"])


@needs_certutil
def test_the_bundle_holds_nothing_personal(
    clinic: Clinic, make_card: CardFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = clinic.home.rename(tmp_path / SECRETS["user"])
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USER", SECRETS["user"])
    monkeypatch.setattr(socket, "gethostname", lambda: SECRETS["host"])
    places = Paths(clinic.places.state.rename(home / "state"))
    clinic.places = places
    write_log(places.logs)
    places.config.write_text(f'port = 0\nhipki_port = 0\nhipki_reader = "{SECRETS["name"]}"\n')
    places.policy.write_text(f'forbidden = ["{SECRETS["site"]} {SECRETS["user"]}')
    with closing(sqlite3.connect(places.sites)) as database:
        database.execute("CREATE TABLE site (origin TEXT)")
        database.execute("INSERT INTO site VALUES (?)", [SECRETS["site"]])
        database.commit()
    card = make_card("gen2", name=SECRETS["name"], id_number=SECRETS["id"], pin=SECRETS["pin"])
    serial = card.data.serial

    def provider() -> CardProvider:
        made = VirtualProvider(readers=0)
        for name in (f"ACME Reader [CCID] ({SECRETS['reader serial']}) 00 00", "Wide Eye 00"):
            made.add_reader(name)
        made.insert("Wide Eye 00", card)
        return made

    clinic.provider = provider
    path = tmp_path / "bundle.zip"
    clinic.doctor(bundle=path)
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as bundle:
        content = {name: bundle.read(name).decode() for name in bundle.namelist()}
    everything = "\n".join([*content, *content.values()])
    for what, secret in {**SECRETS, "serial": serial, "folder": str(tmp_path)}.items():
        assert secret not in everything, what
        assert json.dumps(secret).strip('"') not in everything, what
    assert set(content) == {"report.json", "settings.json", "readers.json", "log.jsonl"}
    report = json.loads(content["report.json"])
    assert "policy_unusable" in {row["code"] for row in report["findings"]}
    models = [row["model"] for row in json.loads(content["readers.json"])["readers"]]
    assert models == ["ACME Reader 00 00", "Wide Eye 00"]
    lines = [json.loads(line) for line in content["log.jsonl"].splitlines()]
    assert {"signed", "unexpected error"} <= {line.get("event") for line in lines}
    (trace,) = [line["exception"] for line in lines if "exception" in line]
    assert trace == ["ValueError"]
    assert json.loads(content["settings.json"])["hipki_reader"] is True


def test_the_bundle_of_a_broken_installation_is_still_made(
    tmp_path: Path, make_machine: MachineFactory
) -> None:
    from agent.host.doctor.bundle import write_bundle

    places = Paths(tmp_path / "state")
    places.prepare()
    places.config.write_bytes(b"\xff")
    places.logs.mkdir()
    (places.logs / "ankong.log").write_bytes(b"\xff\n[]\n7\n{}\n" + b"[" * 100_000 + b"\n")
    patient = Patient(places=places, machine=make_machine())
    path = tmp_path / "bundle.zip"
    write_bundle(path, patient, examination.examine(patient))
    with zipfile.ZipFile(path) as bundle:
        assert bundle.read("log.jsonl") == b""
        assert json.loads(bundle.read("settings.json")) == {"broken": True}


@needs_certutil
def test_looking_changes_nothing(clinic: Clinic) -> None:
    def everything() -> dict[str, tuple[int, bytes]]:
        return {
            str(path): (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
            for path in sorted(clinic.places.state.rglob("*"))
            if path.is_file()
        }

    before = everything()
    clinic.doctor()
    assert everything() == before
