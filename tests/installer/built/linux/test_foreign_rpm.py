"""The .rpm by dnf, in a system that has Fedora's names: solved, installed, upgraded, removed.

The files are a Debian's, whose glibc is old enough; a package without files has the names that
Fedora's have. What a real Fedora does beyond that is for a real one to show.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from release.repository import main

from agent import __version__
from tests.installer.built.linux.chroot import USER, Debian, debian
from tests.installer.built.linux.conftest import need
from tests.installer.repository_judges import Dnf, new_key, said, small_rpm, table_of

pytestmark = [pytest.mark.artefact, pytest.mark.long, pytest.mark.timeout(1800)]
OLD = "0.0.1"
LIBRARIES = ("libc.so.6(GLIBC_2.36)(64bit)", "libxcb.so.1()(64bit)", "libpcsclite.so.1()(64bit)")
FEDORA = (*LIBRARIES, "pcsc-lite", "pcsc-lite-ccid", "/bin/sh")
OPENSUSE = (*LIBRARIES, "pcsc-lite", "pcsc-ccid", "/bin/sh")
OTHERS = """
[others]
name=Others
baseurl={}
gpgcheck=0
"""
# What rpm and dnf keep for themselves.
RPMS_OWN = ("var/lib/rpm", "var/lib/dnf", "var/cache/dnf", "usr/lib/sysimage", "etc/pki", "etc/dnf")
FILESYSTEM = {
    *("etc/xdg", "etc/xdg/autostart", "usr/share/applications", "usr/share/icons"),
    *("usr/share/bash-completion", "usr/share/bash-completion/completions", "usr/share/fish"),
    *("usr/share/fish/vendor_completions.d", "usr/share/zsh", "usr/share/zsh/site-functions"),
    *("usr/share/man/man1", "usr/share/metainfo"),
}
"""Folders that Fedora's package ``filesystem`` owns, so that no other package takes them away."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    if os.geteuid() != 0:
        pytest.skip("a system of its own takes root")
    need("debootstrap", "chroot", "mount", "dnf", "rpmbuild", "rpmsign", "createrepo_c")
    with debian("bookworm", tmp_path_factory.mktemp("foreign")) as made:
        made.apt("update")
        made.apt("install", "libxcb1", "libpcsclite1")
        made.run("useradd", "--create-home", USER)
        yield made


@pytest.fixture
def dnf(system: Debian, tmp_path: Path) -> Dnf:
    return Dnf(tmp_path / "dnf", system.root)


def provider(folder: Path, names: tuple[str, ...]) -> Path:
    """Make a package of no files that has other packages' names."""
    return small_rpm(folder, "1", name="others", provides=names)


def repository(folder: Path, url: str, *rpms: Path) -> str:
    """Sign a repository, one version after the other; return its definition."""
    key = new_key(folder / "release.key")
    out = folder / "served"
    for number, rpm in enumerate(rpms):
        build = folder / f"build-{number}"
        build.mkdir()
        table = table_of(build, Path(shutil.copyfile(rpm, build / rpm.name)))
        before = ["--previous", str(out)] if number else []
        words = ["--key", str(key), "--table", str(table), "--url", url, *before]
        assert main(["make", *words, "--out", str(out)]) == 0
    return (out / "ankong.repo").read_text()


def test_dnf_solves_installs_upgrades_and_removes(
    system: Debian, dnf: Dnf, rpm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = tmp_path / "others"
    others.mkdir()
    provider(others, FEDORA)
    subprocess.run(["createrepo_c", "--quiet", others], check=True)
    served = tmp_path / "served"
    when = int(rpm.stat().st_mtime)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(when))
    definition = repository(tmp_path, f"{served.as_uri()}/", small_rpm(tmp_path, OLD))
    dnf.knows(definition + OTHERS.format(others.as_uri()))
    before = others_files(system)
    done = dnf("install", "ankong")
    assert done.returncode == 0, done.stdout
    assert OLD in query(dnf, "ankong")

    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(when + 60))
    words = ("--table", str(newer_table(tmp_path, rpm)), "--previous", str(served))
    key = ("--key", str(tmp_path / "release.key"), "--url", f"{served.as_uri()}/")
    assert main(["make", *key, *words, "--out", str(served)]) == 0
    done = dnf("upgrade", "ankong")
    assert done.returncode == 0, done.stdout
    assert f"ankong-{__version__}-1" in query(dnf, "ankong")
    assert "others-1-1" in query(dnf, "others")
    use(system)
    verified = said("rpm", "--root", system.root, "--verify", "ankong", folder=dnf.folder)
    assert (verified.returncode, verified.stdout) == (0, "")

    done = dnf("remove", "ankong")
    assert done.returncode == 0, done.stdout
    after = others_files(system)
    assert {name: after.get(name) for name in before} == before
    assert after.keys() - before.keys() <= FILESYSTEM


def test_without_its_signature_it_is_the_releases_octet_for_octet(
    rpm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(rpm.stat().st_mtime)))
    repository(tmp_path, "https://ankong.example/", rpm)
    [served] = (tmp_path / "served").glob("rpm/*/*.rpm")
    assert served.read_bytes() != rpm.read_bytes()
    done = said("rpmsign", "--delsign", served, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert served.read_bytes() == rpm.read_bytes()


def newer_table(folder: Path, rpm: Path) -> Path:
    """Return the table of a build of the package."""
    build = folder / "newer"
    build.mkdir()
    return table_of(build, Path(shutil.copyfile(rpm, build / rpm.name)))


def use(system: Debian) -> None:
    """Do what a user does first."""
    assert system.run("ankong", "--version", user=USER) == f"ankong {__version__}\n"
    done = system.try_to("ankong", "doctor", "--json", user=USER)
    codes = {each["code"] for each in json.loads(done.stdout)["findings"]}
    assert "version" in codes
    shutil.rmtree(system.home / ".local", ignore_errors=True)


def others_files(system: Debian) -> Mapping[str, tuple[int, int]]:
    """List the system's files, without what rpm and dnf keep for themselves."""
    found = system.files()
    return {name: facts for name, facts in found.items() if not name.startswith(RPMS_OWN)}


def query(dnf: Dnf, name: str) -> str:
    return said("rpm", "--root", dnf.root, "--query", name, folder=dnf.folder).stdout


@pytest.mark.parametrize("names", [FEDORA, OPENSUSE], ids=["fedora", "opensuse"])
def test_rpm_is_content_with_the_names_of_both_families(
    rpm: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    done = tried(tmp_path, provider(tmp_path, names), rpm)
    assert done.returncode == 0, done.stdout
    assert "needed" not in done.stdout


def test_without_them_rpm_names_all_that_is_missing(rpm: Path, tmp_path: Path) -> None:
    done = tried(tmp_path, rpm)
    assert done.returncode != 0
    missing = set(re.findall(r"^\s+(.+) is needed by ankong", done.stdout, re.MULTILINE))
    assert {*LIBRARIES, "pcsc-lite", "(pcsc-lite-ccid or pcsc-ccid)"} <= missing


def test_without_them_dnf_refuses_and_installs_nothing(
    rpm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(rpm.stat().st_mtime)))
    alone = Dnf(tmp_path / "alone")
    alone.knows(repository(tmp_path, f"{(tmp_path / 'served').as_uri()}/", rpm))
    done = alone("install", "ankong")
    assert done.returncode != 0
    assert "nothing provides" in done.stdout
    assert "not installed" in query(alone, "ankong")


def tried(folder: Path, *rpms: Path) -> subprocess.CompletedProcess[str]:
    """Ask rpm whether it would install packages in an empty system."""
    root = folder / "empty"
    root.mkdir()
    return said("rpm", "--root", root, "--install", "--test", *rpms, folder=folder)
