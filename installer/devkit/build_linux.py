"""Build the installers for Linux: packages for administrators, a wizard for everybody else."""

import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

from devkit import elf, freeze, linux_package, linux_tree, system, venv
from devkit.agreement import version_of
from devkit.installers import Artefact
from devkit.shell import ROOT, SetupError, say

ELSEWHERE = "real readers; desktops other than Xfce"
WORK = freeze.BUILD / "linux"


def build(out: Path) -> Sequence[Artefact]:
    """Write the ``.deb``, the ``.rpm`` and the ``.run``.

    Raises:
        SetupError: something is missing or failed; the text says what and how to mend it.

    """
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in linux_package.ARCHITECTURES:
        raise SetupError("the installers for Linux are built on Linux, on x86_64 or aarch64")
    system.ensure((*system.BUILD, *system.WINDOWS, *system.LINUX_INSTALLERS))
    bundle = freeze.freeze()
    version = version_of(ROOT)
    return _packages(out, bundle, version, machine)


def _packages(out: Path, bundle: Path, version: str, machine: str) -> list[Artefact]:
    say("laying the program out as packages do")
    shutil.rmtree(WORK, ignore_errors=True)
    root = WORK / "root"
    root.mkdir(parents=True)
    linux_tree.lay_out(root, bundle, version, int(freeze.source_date()))
    objects = elf.objects(root)
    floor = elf.glibc_floor(objects)
    outside = elf.needed_libraries(objects) - linux_package.C_LIBRARY
    libraries = sorted(name for name in outside if not name.startswith("ld-linux"))
    wanted = linux_package.depends(floor, libraries)
    architecture = linux_package.ARCHITECTURES[machine]
    venv.install_locked(linux_package.LOCK, freeze.PYTHON)
    names = {
        "deb": f"ankong_{version}_{architecture}.deb",
        "rpm": f"ankong-{version}-1.{machine}.rpm",
    }
    config = linux_package.configuration(root, version, architecture, wanted)
    made = []
    for packager, name in names.items():
        say(f"packing {name}")
        release = {"release": "1"} if packager == "rpm" else {}
        linux_package.write_configuration(WORK / f"{packager}.yaml", {**config, **release})
        linux_package.pack(packager, out / name, WORK / f"{packager}.yaml")
        if packager == "deb":
            linux_package.squeeze(out / name)
        made.append(Artefact(name, "linux", _PROVEN[packager].format(floor=floor), ELSEWHERE))
    return made


_PROVEN = {
    "deb": "installed, used and purged in clean Debian 12 and 13; glibc {floor} or newer",
    "rpm": "built, and its content read; glibc {floor} or newer",
}
