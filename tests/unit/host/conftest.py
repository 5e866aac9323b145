"""A make-believe computer, an authority, and what each promises to a test."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from agent.host.machine.paths import Paths
from agent.host.settings import policy as policy_module
from agent.host.tls import identity
from agent.host.tls.machine import Completed, Machine, run
from agent.host.tls.store import AuthorityFile
from tests.conftest import CardFactory
from tests.unit.host.doctor_fixture import DoctorFixture, with_card


@pytest.fixture(scope="session")
def local_identity(tmp_path_factory: pytest.TempPathFactory) -> identity.ServerIdentity:
    """Local certificates, made once."""
    return identity.ensure(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def authority(local_identity: identity.ServerIdentity) -> AuthorityFile:
    return AuthorityFile.load(local_identity.authority)


@dataclass
class Tools:
    """Answers for tools that are not on this machine, and remembers the command lines."""

    answers: dict[str, Callable[[Sequence[str]], Completed]] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)

    def find(self, name: str) -> str | None:
        if name in self.answers:
            return f"/usr/bin/{name}"
        return None

    def run(self, command: Sequence[str]) -> Completed:
        self.commands.append(list(command))
        answer = self.answers.get(Path(command[0]).name)
        return Completed(127) if answer is None else answer(command[1:])


@pytest.fixture
def tools() -> Tools:
    return Tools()


MachineFactory = Callable[..., Machine]


@pytest.fixture
def make_machine(tmp_path: Path) -> MachineFactory:
    """Make a computer whose home and system files are in temporary folders."""

    def make(**options: Any) -> Machine:
        home, root = tmp_path / "home", tmp_path / "root"
        home.mkdir(exist_ok=True)
        root.mkdir(exist_ok=True)
        defaults: dict[str, Any] = {
            "home": home,
            "root": root,
            "platform": "linux",
            "administrator": False,
            "find": shutil.which,
            "run": run,
            "environment": {},
        }
        return Machine(**{**defaults, **options})

    return make


def new_database(folder: Path) -> Path:
    """Make an empty NSS database, as a browser does at its first start."""
    tool = shutil.which("certutil")
    if tool is None:
        pytest.skip("certutil is needed: libnss3-tools")
    folder.mkdir(parents=True)
    done = run([tool, "-N", "-d", f"sql:{folder}", "--empty-password"])
    assert done.status == 0, done
    return folder


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder, but for the insides of NSS databases, which are never the same."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.suffix != ".db" and path.name != "pkcs11.txt"
    }


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the test authority of the prepared cards is made, once."""
    return tmp_path_factory.mktemp("issuer")


@pytest.fixture
def installed(
    tmp_path: Path,
    issuer: Path,
    make_card: CardFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[DoctorFixture]:
    """Make an installation in which everything is as it should be."""
    home = tmp_path / "home"
    new_database(home / ".pki" / "nssdb")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", "")
    # Whatever policy this computer has is not the test's.
    monkeypatch.setattr(policy_module, "system_path", lambda: tmp_path / "no-policy.toml")
    paths = Paths(tmp_path / "state")
    paths.prepare()
    paths.config.write_text("port = 0\nhipki_port = 0\n")
    identity.ensure(paths.tls)
    installed = DoctorFixture(paths, home, with_card(make_card("gen2")), capsys, issuer)
    installed.run(repair="install_trust")
    yield installed
    structlog.reset_defaults()
