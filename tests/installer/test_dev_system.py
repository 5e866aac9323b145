"""System packages: only what is missing, by name; where we may not, the exact command."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from devkit import families, system

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="apt is Linux")

FAKE_APT_GET = """#!/bin/sh
echo "$DEBIAN_FRONTEND apt-get $*" >> {log}
for word; do last=$word; done
case "$*" in
    *update*) [ ! -e {broken} ] || exit 100; touch {lists} ;;
esac
"""
FAKE_APT_CACHE = """#!/bin/sh
shift
for name; do
    case $name in
        unheard-of) ;;
        new-*) echo "$name:"; echo "  Installed: (none)"
               if [ -e {lists} ]; then echo "  Candidate: 1.0"
               else echo "  Candidate: (none)"; fi ;;
        *) echo "$name:"; echo "  Installed: (none)"; echo "  Candidate: 1.0" ;;
    esac
done
"""


class Machine:
    """A machine with a false apt that writes down what it was told."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.broken = folder / "broken"
        self.folder = folder
        names = {"log": self.log, "broken": self.broken, "lists": folder / "lists"}
        self.program("apt-get", FAKE_APT_GET.format(**names))
        self.program("apt-cache", FAKE_APT_CACHE.format(**names))

    def program(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(script)
        path.chmod(0o755)

    def told(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return Machine(tmp_path)


def packages(**present: bool) -> list[system.Package]:
    def known(answer: bool) -> Callable[[], bool]:
        return lambda: answer

    return [system.Package(name.replace("_", "-"), known(there)) for name, there in present.items()]


INSTALL = "noninteractive apt-get -o DPkg::Lock::Timeout=900 install -y --no-install-recommends"
UPDATE = "noninteractive apt-get -o DPkg::Lock::Timeout=900 update"


def test_nothing_is_touched_when_nothing_is_missing(machine: Machine) -> None:
    system.ensure(packages(gcc=True, pcscd=True))
    assert machine.told() == []


def test_only_what_is_missing_is_installed(machine: Machine) -> None:
    system.ensure(packages(gcc=True, pcscd=False, opensc=False))
    assert machine.told() == [UPDATE, f"{INSTALL} pcscd opensc"]


def test_a_package_that_does_not_exist_does_not_stop_the_others(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    system.ensure(packages(unheard_of=False, pcscd=False))
    assert machine.told() == [UPDATE, f"{INSTALL} pcscd"]
    assert "has no unheard-of" in capfd.readouterr().out


def test_lists_that_cannot_be_fetched_are_used_as_they_are(machine: Machine) -> None:
    machine.broken.touch()
    system.ensure(packages(pcscd=False))
    assert machine.told() == [UPDATE, f"{INSTALL} pcscd"]


def test_without_the_right_the_exact_command_is_said(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.program("sudo", "#!/bin/sh\nexit 1\n")
    system.ensure(packages(pcscd=False))
    assert machine.told() == []
    said = capfd.readouterr().out
    assert "sudo apt-get -o DPkg::Lock::Timeout=900 install -y pcscd\n" in said


def test_sudo_is_used_where_it_asks_no_password(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.program("sudo", '#!/bin/sh\n[ "$1" = -n ] || exit 1\nshift\nexec "$@"\n')
    system.ensure(packages(pcscd=False))
    assert machine.told() == [UPDATE, f"{INSTALL} pcscd"]


FAMILIES = {
    "dnf": "sudo dnf install nss-tools python3-tkinter",
    "pacman": "sudo pacman -S --needed nss tk",
    "zypper": "sudo zypper install mozilla-nss-tools python3-tk",
}


@pytest.mark.parametrize("tool", FAMILIES)
def test_another_system_is_told_its_own_names_and_what_goes_on_without(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tool: str
) -> None:
    (machine.folder / "apt-get").unlink()
    machine.program(tool, "#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(machine.folder))
    system.ensure(packages(libnss3_tools=False, python3_tk=False, vsmartcard_vpcd=False))
    said = capfd.readouterr().out
    assert FAMILIES[tool] in said
    assert "what Debian calls: vsmartcard-vpcd" in said
    for name in ("libnss3-tools: certutil", "python3-tk: the agent has no windows"):
        assert f"without {name}" in said
    assert "going on without: libnss3-tools python3-tk vsmartcard-vpcd" in said


@pytest.mark.parametrize("family", families.FAMILIES, ids=lambda each: each.tool)
def test_every_family_has_a_column_of_its_own(family: families.Family) -> None:
    lines = families.install_lines(family, ["libnss3-tools"])
    own = families.NAMES["libnss3-tools"][family.column]
    assert own in lines[0] or lines == ["and what Debian calls: libnss3-tools"]
    assert all(len(names) == len(families.FAMILIES) for names in families.NAMES.values())
    known = {package.name for package in system.EVERYTHING}
    assert set(families.NAMES) | set(families.WITHOUT) <= known


@pytest.mark.usefixtures("machine")
def test_what_is_installed_is_said_before(capfd: pytest.CaptureFixture[str]) -> None:
    system.ensure(packages(pcscd=False, opensc=False))
    first = capfd.readouterr().out.splitlines()[0]
    assert first == "· installing 2 system packages, as root: pcscd opensc"


def test_no_package_lies_about_this_machine() -> None:
    # The tests run here, so what they were built with is here.
    assert all(package.present() for package in system.BUILD if package.name != "libc6-dev")
