"""The repository that apt, dnf and zypper take packages from."""

import os
import shutil
from pathlib import Path
from typing import Final

from devkit import venv
from devkit.channel import published
from devkit.channel.built import BuiltRelease
from devkit.channel.verdict import ChannelVerdict, ReleaseChannel
from devkit.installers import TABLE
from devkit.shell import ROOT, SetupError, run

KEY: Final = "ANKONG_RELEASE_KEY"
_TOOL: Final = ROOT / "installer" / "release" / "repository.py"
_SIGNED: Final = (
    ("dists/*/Release", "Release.gpg"),
    ("dists/*/InRelease", ""),
    ("rpm/*/repodata/repomd.xml", "repomd.xml.asc"),
    ("SHA256SUMS", "SHA256SUMS.gpg"),
)
"""What is signed, below the folder, and the signature beside it; "" where it is inside."""


def render(release: BuiltRelease, out: Path) -> str:
    """Have the repository made of the packages; without the release key it is unsigned.

    Raises:
        SetupError: it could not be made.

    """
    packages = [each.path for name, each in release.files.items() if _is_package(name)]
    if not packages:
        return "it is made of a .deb or .rpm, and none was built: make installers ONLY=linux"
    if missing := [tool for tool in ("rpmsign", "createrepo_c") if shutil.which(tool) is None]:
        return f"{' and '.join(missing)}: not on this machine"
    table = packages[0].with_name(TABLE)
    address = published.facts()["publisher"]["repository"]
    words: list[str | Path] = ["make", "--table", table, "--url", address]
    how = [] if os.environ.get(KEY) else ["--unsigned"]
    out.rmdir()  # it makes the folder itself, and takes the place of none but its own
    if run([venv.PYTHON, _TOOL, *words, *how, "--out", out], env=venv.environment()) != 0:
        raise SetupError("the repository for apt, dnf and zypper was not made (see above)")
    return ""


def _is_package(name: str) -> bool:
    return name.endswith((".deb", ".rpm"))


def validate(release: BuiltRelease, folder: Path) -> ChannelVerdict:
    """Have gpgv check every signature with the key that the repository hands out.

    Raises:
        SetupError: a signature is not that key's.

    """
    del release
    if not folder.is_dir():
        return ChannelVerdict([], ["the repository: none was made"])
    if not (folder / "ankong.gpg").is_file():
        return ChannelVerdict([], [f"its signatures: {KEY} is empty, so it is for a trial alone"])
    if shutil.which("gpgv") is None:
        return ChannelVerdict([], ["its signatures: gpgv is missing"])
    found = [
        (path.with_name(beside or path.name), *([path] if beside else []))
        for pattern, beside in _SIGNED
        for path in sorted(folder.glob(pattern))
    ]
    for files in found:
        if run(["gpgv", "--keyring", folder / "ankong.gpg", *files], quiet=True) != 0:
            raise SetupError(f"{files[0].relative_to(folder)} is not the key's (see above)")
    return ChannelVerdict([f"gpgv: {len(found)} signatures of the key that it hands out"])


CHANNEL: Final = ReleaseChannel(
    "repository",
    render,
    validate,
    "a host that serves it; a real Fedora and openSUSE",
    in_release=False,
)
