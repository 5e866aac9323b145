"""What ``make installers`` has built, and homes to try it in."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import __version__
from agent.host.tls import identity
from agent.portal.demo.programs import free_port
from tests.tray.prompt.desktop import SHOTS, x_server

ROOT = Path(__file__).resolve().parents[4]
OUT = ROOT / "dist" / "installers"
PICTURES = ROOT / "build" / "pictures"
SECONDS = 60.0

sys.path.append(str(ROOT / "installer" / "linux"))
os.environ.setdefault(SHOTS, str(PICTURES))


def artefact(name: str) -> Path:
    """Return an artefact; ``{version}`` in its name is the agent's."""
    path = OUT / name.format(version=__version__)
    assert path.is_file(), f"{path.name} is not there: make installers ONLY=linux"
    return path


@pytest.fixture(scope="session")
def deb() -> Path:
    return artefact("ankong_{version}_amd64.deb")


@pytest.fixture(scope="session")
def rpm() -> Path:
    return artefact("ankong-{version}-1.x86_64.rpm")


@pytest.fixture(scope="session")
def run_file() -> Path:
    return artefact("ankong-{version}-x86_64.run")


@pytest.fixture(scope="session")
def unpacked(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the package where nothing of the checkout is."""
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "--extract", deb, folder], check=True)
    return folder


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    with x_server("1100x800x24") as name:
        yield name


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with a name that has to be quoted, and ports that nobody else has."""
    folder = tmp_path / "王 小明"
    state = folder / ".local" / "state" / "ankong"
    state.mkdir(parents=True, mode=0o700)
    first, second = free_port(), free_port()
    (state / "config.toml").write_text(f"port = {first}\nhipki_port = {second}\n")
    return folder


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a program finds that knows nothing of the checkout and its Python."""
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **more}


def wait_for_status(home: Path) -> dict[str, Any]:
    """Wait until the home's agent answers; give its status."""
    end = time.monotonic() + SECONDS
    while (status := ask_status(home)) is None:
        assert time.monotonic() < end, "no answer"
        time.sleep(0.1)
    return status


def ask_status(home: Path) -> dict[str, Any] | None:
    """Ask for the status over HTTPS, by the agent's own certificate; None for no answer."""
    state = home / ".local" / "state" / "ankong"
    try:
        port = int(json.loads((state / "instance.json").read_text())["port"])
        trust = ssl.create_default_context(cafile=str(state / "tls" / identity.AUTHORITY_FILE))
        address = f"https://localhost:{port}/v1/status"
        with urllib.request.urlopen(address, context=trust, timeout=10) as answer:
            status: dict[str, Any] = json.load(answer)
    except (OSError, KeyError, ValueError, TypeError):  # no port: it does not listen yet
        return None
    return status


def running_pid(home: Path) -> int | None:
    """Return which process the home's agent is, where it says so and lives."""
    try:
        facts = json.loads((home / ".local/state/ankong/instance.json").read_text())
        os.kill(facts["pid"], 0)
    except (OSError, ValueError, KeyError):
        return None
    pid: int = facts["pid"]
    return pid


def kill_agent(home: Path) -> None:
    """Leave no agent behind, whatever a test came to."""
    pid = running_pid(home)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def tree(folder: Path) -> dict[str, Any]:
    """Describe everything in a folder, but for times."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


def need(*programs: str) -> None:
    missing = [name for name in programs if shutil.which(name) is None]
    assert not missing, f"{', '.join(missing)} needed: make setup, or make installers"
