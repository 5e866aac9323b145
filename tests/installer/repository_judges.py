"""Small packages for repositories, and the real apt and dnf, in folders of their own."""

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("dpkg-deb", "apt-get", "apt-ftparchive", "gpgv", "rpmbuild", "rpmsign", "createrepo_c")
WHEN = 1_790_000_000
"""When repositories of tests are signed, in seconds since 1970; it lies after every key's date."""
_SPEC = """\
Name: {name}
Version: {version}
Release: 1
Summary: a small package
License: MIT
%description
Small.
%install
mkdir -p %{{buildroot}}/usr/share/{name}
echo {text} > %{{buildroot}}/usr/share/{name}/version
%files
/usr/share/{name}
"""


def small_deb(folder: Path, version: str, text: str = "small", **fields: str) -> Path:
    """Make a package; its file says ``text``."""
    said = {"Package": "ankong", "Version": version, "Architecture": "amd64"}
    said |= {"Maintainer": "A <a@example.org>", "Description": "a small package"} | fields
    tree = folder / f"tree-{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    control = "".join(f"{field}: {value}\n" for field, value in said.items())
    (tree / "DEBIAN" / "control").write_text(control)
    (tree / "usr/share/ankong").mkdir(parents=True)
    (tree / "usr/share/ankong/version").write_text(text)
    out = folder / f"ankong_{version}_amd64.deb"
    command = ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out


def small_rpm(
    folder: Path,
    version: str,
    text: str = "small",
    *,
    name: str = "ankong",
    provides: Sequence[str] = (),
) -> Path:
    """Make a package; its file says ``text``.

    Args:
        folder: for it.
        version: its version; the release is 1.
        text: of the file.
        name: its name.
        provides: other names that it has.

    """
    top = folder / f"rpmbuild-{name}-{version}"
    top.mkdir(parents=True)
    spec = top / "small.spec"
    more = "".join(f"Provides: {each}\n" for each in provides)
    spec.write_text(more + _SPEC.format(name=name, version=version, text=text))
    define = [f"_topdir {top}", "_build_id_links none", "_buildhost localhost"]
    command = ["rpmbuild", "-bb", "--quiet", "--target", "x86_64", *_defined(define), str(spec)]
    subprocess.run(command, check=True, capture_output=True)
    [made] = top.glob("RPMS/x86_64/*.rpm")
    return made.rename(folder / made.name)


def _defined(macros: list[str]) -> list[str]:
    return [word for macro in macros for word in ("--define", macro)]


def moved(definition: str, old: Path, new: Path) -> str:
    """Return a definition of a repository that lies elsewhere now."""
    assert old.as_uri() in definition
    return definition.replace(old.as_uri(), new.as_uri())


def table_of(folder: Path, *files: Path, **instead: object) -> Path:
    """Write the table of what was built, with other values ``instead`` for all of its rows."""
    rows = [
        {
            "name": path.name,
            "system": "linux",
            "size": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            **instead,
        }
        for path in files
    ]
    table = folder / "artefacts.json"
    table.write_text(json.dumps(rows))
    return table


def new_key(path: Path) -> Path:
    """Write a release key."""
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


class Apt:
    """The real apt-get, with lists, caches and status of its own.

    Attributes:
        folder: with all of it.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("state/lists/partial", "cache/archives/partial", "sources", "trusted"):
            (folder / name).mkdir(parents=True)
        (folder / "state/status").touch()

    def knows(self, sources: str) -> None:
        """Let it have this file of sources."""
        (self.folder / "sources/ankong.sources").write_text(sources)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it."""
        options = {
            "Dir::State": self.folder / "state",
            "Dir::State::status": self.folder / "state/status",
            "Dir::Cache": self.folder / "cache",
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": self.folder / "sources",
            "Dir::Etc::trusted": "/dev/null",
            "Dir::Etc::trustedparts": self.folder / "trusted",
            "APT::Architecture": "amd64",
            "APT::Sandbox::User": "",
            "APT::Update::Error-Mode": "any",
            "Acquire::Languages": "none",
            "Acquire::Retries": "0",
        }
        # This is read first, and keeps apt from reading this computer's own settings.
        mine = self.folder / "apt.conf"
        mine.write_text('Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null";\n')
        given = [f"-o{name}={value}" for name, value in options.items()]
        command = ("env", f"APT_CONFIG={mine}", "apt-get", *given, *words)
        return said(*command, folder=self.folder)


class Dnf:
    """The real dnf, which installs into a folder.

    Attributes:
        folder: with its settings and caches.
        root: of the system that it installs into.

    """

    def __init__(self, folder: Path, root: Path | None = None) -> None:
        self.folder = folder
        self.root = root or folder / "root"
        for path in (folder / "root", folder / "repos", folder / "log"):
            path.mkdir(parents=True)

    def knows(self, definition: str) -> None:
        """Let it have this file of repositories."""
        (self.folder / "repos/ankong.repo").write_text(definition)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it; it says yes to the keys that the definition names."""
        options = {
            "reposdir": self.folder / "repos",
            "cachedir": self.folder / "cache",
            "logdir": self.folder / "log",
            "keepcache": 0,
        }
        # Metadata of this very second would be young enough for dnf, whatever is told to it.
        given = ["--refresh", *(f"--setopt={name}={value}" for name, value in options.items())]
        root = f"--installroot={self.root}"
        try:
            return said("dnf", root, "--releasever=1", "-y", *given, *words, folder=self.folder)
        finally:
            # It starts an agent for each keyring, and leaves it behind.
            for ring in (self.folder / "cache").glob("*/pubring"):
                said("gpgconf", "--homedir", ring, "--kill", "gpg-agent", folder=self.folder)


class Zypper:
    """The real zypper, which installs into a folder.

    Attributes:
        folder: with that system.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def __call__(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run it; it says yes to the keys that the definition names."""
        given = ("--non-interactive", "--gpg-auto-import-keys", "--root", self.folder)
        return said("zypper", *given, *words, folder=self.folder)


def said(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that finds no settings of this computer's user; both outputs are one."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=110,
    )
