"""The .deb from a signed repository, in a clean Debian: installed, upgraded, and refused."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from release.repository import main

from agent import __version__
from tests.installer.built.linux.chroot import Debian, debian
from tests.installer.built.linux.conftest import need
from tests.installer.repository_judges import new_key, small_deb, table_of

pytestmark = [pytest.mark.artefact, pytest.mark.long, pytest.mark.timeout(1800)]
SOURCES = "etc/apt/sources.list.d/ankong.sources"
OLD = "0.0.1"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Say nothing."""


class Host:
    """A repository on a web server of this computer.

    Attributes:
        root: its folder.
        url: its address.

    """

    def __init__(self, folder: Path, url: str) -> None:
        self.root = folder / "served"
        self.url = url
        self._folder = folder
        self._key = new_key(folder / "release.key")

    def publish(self, deb: Path) -> None:
        """Add a package to the repository, and sign it."""
        table = table_of(self._folder, self._brought(deb))
        before = ["--previous", str(self.root)] if self.root.exists() else []
        words = ["--key", str(self._key), "--table", str(table), "--url", self.url]
        assert main(["make", *words, *before, "--out", str(self.root)]) == 0

    def _brought(self, deb: Path) -> Path:
        """Have the package beside the table, as a build has it."""
        if deb.parent == self._folder:
            return deb
        return Path(shutil.copyfile(deb, self._folder / deb.name))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    (tmp_path / "web").mkdir()
    handler = partial(_Quiet, directory=str(tmp_path / "web"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
        try:
            yield Host(tmp_path / "web", f"http://127.0.0.1:{server.server_port}/served/")
        finally:
            server.shutdown()


@pytest.fixture(params=["bookworm", "trixie"])  # gpgv verifies in the first, sqv in the second
def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Debian]:
    if os.geteuid() != 0:
        pytest.skip("a system of its own takes root")
    need("debootstrap", "chroot", "mount", "rpm")
    with debian(request.param, tmp_path_factory.mktemp("debian")) as made:
        yield made


def test_installed_upgraded_and_kept_from_what_is_wrong(
    system: Debian, deb: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(deb.stat().st_mtime)))
    wants = subprocess.run(
        ["dpkg-deb", "--field", deb, "Depends"], capture_output=True, text=True, check=True
    )
    host.publish(small_deb(deb_folder(host), OLD, Depends=wants.stdout.strip()))
    shutil.copyfile(host.root / "ankong.sources", system.root / SOURCES)
    system.apt("update")
    system.apt("install", "ankong")
    assert version(system) == OLD

    # A newer one whose lists are good, and whose package somebody has changed.
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(deb.stat().st_mtime) + 60))
    host.publish(deb)
    served = next(host.root.glob(f"pool/**/{deb.name}"))
    good = served.read_bytes()
    served.write_bytes(good[:-1] + bytes([good[-1] ^ 0xFF]))
    system.apt("update")
    refused = system.try_to("apt-get", "-y", "--no-install-recommends", "upgrade")
    assert refused.returncode != 0
    assert "Hash Sum mismatch" in refused.stdout + refused.stderr
    assert version(system) == OLD

    served.write_bytes(good)
    system.apt("upgrade")
    assert version(system) == __version__
    assert system.run("ankong", "--version") == f"ankong {__version__}\n"
    assert not (system.root / "usr/share/ankong/version").exists()  # a file of the old one

    # Lists with a signature of somebody else's change nothing.
    stranger = Host(deb_folder(host, "stranger"), host.url)
    stranger.publish(small_deb(deb_folder(stranger), "9.0.0"))
    shutil.rmtree(host.root / "dists")
    shutil.copytree(stranger.root, host.root, dirs_exist_ok=True)
    system.try_to("apt-get", "update")
    assert "9.0.0" not in system.run("apt-cache", "policy", "ankong")
    system.try_to("apt-get", "-y", "--no-install-recommends", "upgrade")
    assert version(system) == __version__
    system.apt("purge", "ankong")
    assert not (system.root / "usr/bin/ankong").exists()


def deb_folder(host: Host, name: str = "") -> Path:
    """Return the folder of a host, or one beside what it serves."""
    folder = host.root.parent / name
    folder.mkdir(exist_ok=True)
    return folder


def version(system: Debian) -> str:
    """Return which version dpkg says is installed."""
    return system.run("dpkg-query", "--show", "--showformat=${Version}", "ankong")
