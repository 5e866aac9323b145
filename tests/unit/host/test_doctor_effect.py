"""Trust is green only where the browser's own database accepts the certificate that is served."""

import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.doctor import effect
from agent.doctor.asking import PortAnswer
from agent.doctor.effect import see_effects
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, Level
from agent.doctor.tls import check_trust
from agent.host.instance.running import Instance
from agent.host.machine.paths import Paths
from agent.host.tls import identity
from agent.host.tls.machine import Completed, Machine, run
from agent.host.tls.store import AuthorityFile, Place, Presence
from agent.words import Language
from tests.unit.host.conftest import MachineFactory, new_database
from tests.unit.host.doctor_fixture import needs_certutil
from tests.unit.host.test_doctor_running import listen, tls  # noqa: F401  # a fixture

Listen = Callable[..., int]


@pytest.fixture
def paths(tmp_path: Path, local_identity: identity.ServerIdentity) -> Paths:
    paths = Paths(tmp_path / "state")
    paths.prepare()
    shutil.copytree(local_identity.authority.parent, paths.tls)
    return paths


def certutil(folder: Path, *arguments: str) -> None:
    done = run([shutil.which("certutil") or "", "-d", f"sql:{folder}", *arguments])
    assert done.status == 0, done


def trusting(folder: Path, authority: AuthorityFile, trust: str = "C,,") -> Path:
    new_database(folder)
    certutil(folder, "-A", "-t", trust, "-n", authority.name, "-i", str(authority.path))
    return folder


def without_browsers(name: str) -> str | None:
    """Find NSS's tools, and no browser of the computer that the tests run on."""
    return shutil.which(name) if name in {"certutil", "tstclnt", "vfychain", "timeout"} else None


def trust_findings(paths: Paths, machine: Machine) -> list[Finding]:
    return [
        each
        for each in check_trust(InstalledAgent(paths=paths, machine=machine))
        if each.code.startswith("trust_") and each.code != "trust_optional"
    ]


def codes(paths: Paths, machine: Machine) -> list[str]:
    return [each.code for each in trust_findings(paths, machine)]


@needs_certutil
def test_a_database_that_accepts_the_certificate_is_green_with_and_without_an_agent(
    paths: Paths,
    make_machine: MachineFactory,
    authority: AuthorityFile,
    listen: Listen,  # noqa: F811  # a fixture
) -> None:
    machine = make_machine(find=without_browsers)
    trusting(machine.home / ".pki" / "nssdb", authority)
    trusting(machine.home / ".mozilla" / "firefox" / "-x y.default", authority)
    assert codes(paths, machine) == ["trust_ok", "trust_ok"]
    served = []

    def answer(connection: object) -> None:
        served.append(connection)

    port = listen(tls(paths, answer))
    with Instance(paths) as running:
        running.announce(port=port)
        installation = InstalledAgent(paths=paths, machine=machine)
        authority_file = paths.tls / identity.AUTHORITY_FILE
        installation.ask._once("native", port, PortAnswer)
        assert installation.ask.native(port, authority_file).problem is None
        found = [each.code for each in check_trust(installation)]
    assert found.count("trust_ok") == 2
    assert len(served) == 2  # each database has shaken hands


@needs_certutil
def test_what_is_listed_and_distrusted_all_the_same_is_a_fault(
    paths: Paths, make_machine: MachineFactory, authority: AuthorityFile, tmp_path: Path
) -> None:
    """The certificate of the server itself is distrusted, which no list of authorities shows."""
    machine = make_machine(find=without_browsers)
    folder = trusting(machine.home / ".pki" / "nssdb", authority)
    assert codes(paths, machine) == ["trust_ok"]
    for leaf in paths.tls.glob("leaf-*.pem"):
        certificate = tmp_path / "leaf.pem"
        text = leaf.read_text()
        certificate.write_text(text[text.index("-----BEGIN CERTIFICATE") :])
        certutil(folder, "-A", "-t", "p,p,p", "-n", leaf.name, "-i", str(certificate))
    (found,) = trust_findings(paths, machine)
    assert (found.code, found.level, found.repair) == ("trust_no_effect", Level.FAULT, "renew_tls")
    assert str(folder) in found.message(Language.CHINESE)


@needs_certutil
@pytest.mark.parametrize("missing", ["vfychain"])
def test_without_the_tool_it_is_said_what_was_not_checked(
    paths: Paths, make_machine: MachineFactory, authority: AuthorityFile, missing: str
) -> None:
    machine = make_machine(find=lambda name: None if name == missing else without_browsers(name))
    trusting(machine.home / ".pki" / "nssdb", authority)
    (found,) = trust_findings(paths, machine)
    assert (found.code, found.level, found.unsure) == ("trust_not_proven", Level.NOTE, True)
    assert missing in found.message(Language.ENGLISH)
    assert "libnss3-tools" in found.message(Language.CHINESE)


@needs_certutil
def test_a_primary_password_does_not_keep_it_from_being_seen(
    paths: Paths, make_machine: MachineFactory, authority: AuthorityFile, tmp_path: Path
) -> None:
    machine = make_machine(find=without_browsers)
    folder = machine.home / ".mozilla" / "firefox" / "a.default"
    folder.mkdir(parents=True)
    password = tmp_path / "password"
    password.write_text("secret1\n")
    certutil(folder, "-N", "-f", str(password))
    certutil(
        folder,
        *("-A", "-f", str(password), "-t", "C,,", "-n", authority.name),
        *("-i", str(authority.path)),
    )
    assert codes(paths, machine) == ["trust_ok"]


def places(count: int) -> list[Place]:
    return [Place("firefox", f"/p/{number}", Presence.TRUSTED) for number in range(count)]


def judged(
    paths: Paths, machine: Machine, found: Sequence[Place], authority: AuthorityFile
) -> list[effect.Effect]:
    installation = InstalledAgent(paths=paths, machine=machine)
    return list(see_effects(installation, authority, found).values())


def test_hundreds_of_profiles_take_no_longer_than_is_allowed(
    paths: Paths,
    make_machine: MachineFactory,
    authority: AuthorityFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = iter(range(10_000))
    monkeypatch.setattr(effect.time, "monotonic", lambda: float(next(moments)))
    machine = make_machine(find=lambda name: name, run=lambda _: Completed(0))
    found = judged(paths, machine, places(200), authority)
    assert len(found) == 200
    works = [each.works for each in found]
    assert 0 < works.count(True) < 200
    assert works.count(None) == 200 - works.count(True)


@pytest.mark.parametrize(
    ("done", "works"),
    [
        (Completed(0), True),
        (Completed(254, b"", "tstclnt: SEC_ERROR_UNKNOWN_ISSUER\x1b[2J"), False),
        (Completed(-11), False),
        (Completed(124), None),
        (Completed(137), None),
        (Completed(127, b"", "no such file"), None),
    ],
    ids=["good", "refused", "crashed", "late", "killed", "not run"],
)
def test_how_a_tool_ends_is_judged(
    paths: Paths,
    make_machine: MachineFactory,
    authority: AuthorityFile,
    done: Completed,
    works: bool | None,
) -> None:
    commands: list[list[str]] = []

    def runner(command: Sequence[str]) -> Completed:
        commands.append(list(command))
        return done

    machine = make_machine(find=lambda name: f"/usr/bin/{name}", run=runner)
    (found,) = judged(paths, machine, places(1), authority)
    assert found.works is works
    assert "\x1b" not in found.detail
    assert bool(found.detail) == (works is not True)
    assert commands[0][0] == "/usr/bin/timeout"  # a database may keep its tool for ever


def test_what_a_policy_decides_is_not_held_against_the_database(
    paths: Paths, make_machine: MachineFactory, authority: AuthorityFile
) -> None:
    place = replace(places(1)[0], detail=effect.BY_POLICY)
    assert judged(paths, make_machine(), [place], authority) == []


def test_macos_is_asked_itself(
    paths: Paths, make_machine: MachineFactory, authority: AuthorityFile
) -> None:
    asked: list[list[str]] = []

    def runner(command: Sequence[str]) -> Completed:
        asked.append(list(command))
        return Completed(1, b"", "...certificate verification failed")

    machine = make_machine(platform="darwin", find=lambda name: f"/usr/bin/{name}", run=runner)
    keychain = Place("macos-user", "login.keychain", Presence.TRUSTED)
    (found,) = judged(paths, machine, [keychain], authority)
    assert found.works is False
    assert asked[0][:2] == ["/usr/bin/security", "verify-cert"]


def test_windows_verifies_with_its_own_stores(
    paths: Paths,
    make_machine: MachineFactory,
    authority: AuthorityFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = Place("windows-user", "ROOT", Presence.TRUSTED)
    machine = make_machine(platform="win32")
    assert [each.works for each in judged(paths, machine, [root], authority)] == [False]
    make = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: make(cafile=str(authority.path)))
    assert [each.works for each in judged(paths, machine, [root], authority)] == [True]


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("timeout"), reason="coreutils")
def test_the_guard_ends_a_tool_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effect, "_SECONDS", 0.1)
    command = ["timeout", "-k", "1", str(effect._SECONDS), "sleep", "60"]
    done = subprocess.run(command, check=False)
    assert effect._judged("sleep", Completed(done.returncode)).works is None
