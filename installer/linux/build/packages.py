"""The ``.deb`` and the ``.rpm``, made by nfpm from one tree."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devkit import venv
from devkit.shell import SetupError, run
from frozen import freeze
from linux.build import tree

LOCK = venv.REQUIREMENTS / "packages.txt"
_SHORT = "signing agent for Taiwan's citizen smart card"
_LONG = (
    "Web pages ask, the citizen decides, the card signs: a local agent for both\n"
    "generations of Taiwan's citizen certificate. It listens on the loopback\n"
    "addresses only and calls nobody."
)
# What the program's own libraries want besides the C library, as Debian and rpm call it.
KNOWN_LIBRARIES: Mapping[str, tuple[str, str]] = {
    "libxcb.so.1": ("libxcb1", "libxcb.so.1()(64bit)"),
}
# Loaded by name when a card is looked for: of one version with the service, so never ours.
_PCSC = ("libpcsclite1", "libpcsclite.so.1()(64bit)")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def depends(glibc: str, libraries: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the dependencies of the packages, for Debian and for rpm.

    Args:
        glibc: oldest version, such as "2.36".
        libraries: that the program needs and does not contain.

    Raises:
        SetupError: a library has no package here.

    """
    unknown = [name for name in libraries if name not in KNOWN_LIBRARIES]
    if unknown:
        raise SetupError(f"name the packages of {', '.join(unknown)} in linux/build/packages.py")
    known = [KNOWN_LIBRARIES[name] for name in sorted(libraries)]
    debian = [f"libc6 (>= {glibc})", *(name for name, _ in known), _PCSC[0], "pcscd", "libccid"]
    rpm = [
        f"libc.so.6(GLIBC_{glibc})(64bit)",
        *(name for _, name in known),
        _PCSC[1],
        "pcsc-lite",
        "(pcsc-lite-ccid or pcsc-ccid)",  # Fedora's name, and openSUSE's
    ]
    return debian, rpm


def configuration(
    root: Path, version: str, architecture: str, wanted: tuple[list[str], list[str]]
) -> dict[str, Any]:
    """Return the configuration of nfpm; what differs for rpm is under its name."""
    debian, rpm = wanted
    autostart = tree.AUTOSTART
    return {
        "name": "ankong",
        "arch": architecture,
        "platform": "linux",
        "version": version,
        "section": "utils",
        "priority": "optional",
        "maintainer": tree.MAINTAINER,
        "description": f"{_SHORT}\n{_LONG}",
        "license": "MIT",
        "contents": [
            {"src": str(root / "usr"), "dst": "/usr", "type": "tree"},
            {"src": str(root / autostart), "dst": f"/{autostart}", "type": "config"},
        ],
        "scripts": {"preremove": str(tree.SOURCES / "before-removal.sh")},
        "deb": {"compression": "none"},  # see squeeze()
        "rpm": {
            "compression": "zstd:19",
            "summary": _SHORT,
            "group": "Applications/System",
            "buildhost": "localhost",  # else the name of the building machine
        },
        "overrides": {
            "deb": {"depends": debian, "recommends": ["libnss3-tools", "xdg-utils"]},
            "rpm": {"depends": rpm, "recommends": ["nss-tools", "xdg-utils"]},
        },
    }


def pack(packager: str, target: Path, config: Path) -> None:
    """Run nfpm to write one package.

    Raises:
        SetupError: it failed; its output was printed.

    """
    nfpm = freeze.FREEZER / "bin" / "nfpm"
    command: list[str | Path] = [nfpm, "package", "--packager", packager]
    command += ["--config", config, "--target", target]
    if run(command, env=freeze.reproducible(), quiet=True) != 0:
        raise SetupError(f"nfpm could not write {target.name} (see above)")


def squeeze(deb: Path) -> None:
    """Compress the content of a ``.deb``; the result is a quarter smaller than nfpm's.

    Args:
        deb: a package whose data are not packed yet (deb(5)); it is replaced.

    Raises:
        SetupError: a tool failed; its output was printed.

    """
    with tempfile.TemporaryDirectory(dir=deb.parent) as name:
        folder = Path(name)
        steps: list[list[str | Path]] = [
            ["ar", "x", deb.absolute()],
            ["xz", "-9e", "--threads=1", "data.tar"],
            ["ar", "rcD", "new.deb", "debian-binary", "control.tar.gz", "data.tar.xz"],
        ]
        for step in steps:
            if run(step, folder=folder, quiet=True) != 0:
                raise SetupError(f"{deb.name} could not be packed (see above)")
        (folder / "new.deb").replace(deb)


def write_configuration(path: Path, config: Mapping[str, Any]) -> None:
    """Write what nfpm reads; every JSON file is YAML too."""
    path.write_text(json.dumps(config, ensure_ascii=False, indent=1), "utf-8")
