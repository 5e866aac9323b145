"""The .deb in a clean Debian: installed by apt, used by somebody, and purged without a trace."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent import __version__
from tests.documents.pdf_files import simple_pdf
from tests.installer.built.linux.chroot import USER, Debian, debian
from tests.installer.built.linux.conftest import need

pytestmark = [pytest.mark.artefact, pytest.mark.long, pytest.mark.timeout(1800)]
PIN = "246813"
CARD = "/tmp/my.card"  # noqa: S108  # of a system of its own


@pytest.fixture(params=["bookworm", "trixie"])
def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Debian]:
    if os.geteuid() != 0:
        pytest.skip("a system of its own takes root")
    need("debootstrap", "chroot", "mount")
    with debian(request.param, tmp_path_factory.mktemp("debian")) as made:
        made.apt("update")
        yield made


@contextmanager
def serving(system: Debian) -> Iterator[subprocess.Popen[str]]:
    """Run the agent as the system's user, with a virtual card."""
    words = ("ankong", "serve", "--virtual-card", CARD, "--port", "0", "--hipki-port", "0")
    command = system.command(*words, "--consent", "allow", user=USER)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["ready"] is True
            yield process
        finally:
            process.kill()


def test_installed_used_and_purged(system: Debian, deb: Path) -> None:
    depends = re.findall(r"(?:^|, )([a-z0-9.+-]+)", _field(deb, "Depends"))
    system.apt("install", "curl", *depends)
    system.run("useradd", "--create-home", USER)
    before = system.files()
    shutil.copyfile(deb, system.root / "tmp" / deb.name)
    system.apt("install", f"/tmp/{deb.name}")  # noqa: S108  # of a system of its own
    assert system.run("ankong", "--version", user=USER) == f"ankong {__version__}\n"
    _use(system)
    with serving(system) as agent:
        status = _status(system)
        assert status["version"] == __version__
        system.apt("purge", "ankong")
        assert agent.poll() is None  # somebody else's agent was left alone
        assert _status(system)["product"] == "ankong"
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(60) == 0
    after = system.files()
    assert {name: after[name] for name in after.keys() - before.keys()} == {}
    assert before.keys() - after.keys() == set()
    assert "ankong" not in system.run("dpkg-query", "--show")


def test_root_has_it_undone_before_it_goes(system: Debian, deb: Path) -> None:
    shutil.copyfile(deb, system.root / "tmp" / deb.name)
    system.apt("install", f"/tmp/{deb.name}")  # noqa: S108  # of a system of its own
    system.run("ankong", "setup", "complete")
    assert (system.root / "root/.local/state/ankong/tls").exists()
    system.apt("install", "--reinstall", f"/tmp/{deb.name}")  # noqa: S108  # likewise
    assert (system.root / "root/.local/state/ankong/tls").exists()
    system.apt("remove", "ankong")
    assert not (system.root / "root/.local").exists()
    # Removed but not purged: what is left of it starts nothing.
    autostart = (system.root / "etc/xdg/autostart/ankong.desktop").read_text()
    [program] = re.findall(r"^TryExec=/(.+)$", autostart, re.MULTILINE)
    assert not (system.root / program).exists()
    system.apt("purge", "ankong")
    assert not (system.root / "etc/xdg/autostart/ankong.desktop").exists()


def _use(system: Debian) -> None:
    """Do what a user does first: examine, make a card, sign, verify."""
    done = system.try_to("ankong", "doctor", "--json", user=USER)
    codes = {each["code"] for each in json.loads(done.stdout)["findings"]}
    assert "version" in codes
    make = ("card", "new", "--name", "王測試", "--pin", PIN, "--out", CARD)
    system.run("ankong", *make, user=USER)
    letter, signed = f"/home/{USER}/letter.txt", f"/home/{USER}/letter.p7m"
    (system.root / letter.removeprefix("/")).write_text("甲方同意。")
    sign = ("sign", letter, "--virtual-card", CARD, "--out", signed, "--pin-stdin")
    system.run("ankong", *sign, user=USER, typed=f"{PIN}\n")
    done = system.try_to("ankong", "verify", signed, user=USER)
    assert (done.returncode, done.stdout.partition(":")[0]) == (3, "not proven")  # a test card
    contract = f"/home/{USER}/contract.pdf"
    (system.root / contract.removeprefix("/")).write_bytes(simple_pdf("Contract"))
    sign = ("sign", contract, "--virtual-card", CARD, "--pin-stdin", "--json")
    told = json.loads(system.run("ankong", *sign, user=USER, typed=f"{PIN}\n"))
    done = system.try_to("ankong", "verify", told["out"], "--json", user=USER)
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (3, "unknown")
    # The service does not run here, but its library is found.
    none = system.try_to("ankong", "certificates", "--json", user=USER)
    error = json.loads(none.stdout)["error"]
    assert error["code"] == "pcsc_unavailable"
    assert "librar" not in error["message"]


def _status(system: Debian) -> dict[str, Any]:
    """Ask the user's agent over HTTPS; it answers nobody else on this computer."""
    state = system.home / ".local/state/ankong"
    port = json.loads((state / "instance.json").read_text())["port"]
    trust = f"/home/{USER}/.local/state/ankong/tls/authority.pem"
    address = f"https://localhost:{port}/v1/status"
    status: dict[str, Any] = json.loads(
        system.run("curl", "--silent", "--fail", "--cacert", trust, address, user=USER)
    )
    return status


def _field(deb: Path, name: str) -> str:
    command = ["dpkg-deb", "--field", str(deb), name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
