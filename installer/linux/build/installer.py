"""Build the installers for Linux: packages for administrators, a wizard for everybody else."""

import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

from devkit import system, venv
from devkit.agreement import version_of
from devkit.installers import BuiltFile
from devkit.proofs import Claim
from devkit.shell import ROOT, SetupError, say
from frozen import freeze
from linux.build import elf, packages, run_file, tree

ELSEWHERE = "real readers; desktops other than Xfce"
WORK = freeze.BUILD / "linux"


def build(out: Path) -> Sequence[BuiltFile]:
    """Write the ``.deb``, the ``.rpm`` and the ``.run``.

    Raises:
        SetupError: something is missing or failed; the text says what, and what to do.

    """
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in packages.ARCHITECTURES:
        raise SetupError("the installers for Linux are built on Linux, on x86_64 or aarch64")
    system.ensure((*system.BUILD, *system.WINDOWS, *system.LINUX_INSTALLERS))
    bundle = freeze.freeze()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    say("reading which system the program needs")
    facts = {"version": version_of(ROOT), "machine": machine}
    facts["glibc"] = elf.glibc_floor(elf.objects(bundle))
    return [*_packages(out, bundle, facts), _wizard(out, bundle, facts)]


def _packages(out: Path, bundle: Path, facts: dict[str, str]) -> list[BuiltFile]:
    say("laying the program out as packages do")
    root = WORK / "root"
    root.mkdir()
    version = facts["version"]
    tree.lay_out(root, bundle, version, int(freeze.source_date()))
    wanted = packages.depends(facts["glibc"], elf.outside_libraries(elf.objects(bundle)))
    architecture = packages.ARCHITECTURES[facts["machine"]]
    say("installing nfpm, which packs")
    venv.install_locked(packages.LOCK, freeze.PYTHON)
    names = {
        "deb": f"ankong_{version}_{architecture}.deb",
        "rpm": f"ankong-{version}-1.{facts['machine']}.rpm",
    }
    config = packages.configuration(root, version, architecture, wanted)
    made = []
    for packager, name in names.items():
        say(f"packing {name}")
        release = {"release": "1"} if packager == "rpm" else {}
        packages.write_configuration(WORK / f"{packager}.yaml", {**config, **release})
        packages.pack(packager, out / name, WORK / f"{packager}.yaml")
        if packager == "deb":
            say(f"squeezing {name} with xz")
            packages.squeeze(out / name)
        made.append(_artefact(name, packager, facts))
    return made


def _wizard(out: Path, bundle: Path, facts: dict[str, str]) -> BuiltFile:
    name = "ankong-{version}-{machine}.run".format_map(facts)
    say(f"packing {name}")
    run_file.write(out / name, bundle, facts, WORK)
    return _artefact(name, "run", facts)


def _artefact(name: str, kind: str, facts: dict[str, str]) -> BuiltFile:
    floor = "; glibc {glibc} or newer".format_map(facts)
    return BuiltFile(name, "linux", CLAIMS[kind], ELSEWHERE + floor)


CLAIMS = {
    "deb": (
        Claim("its content read, and lintian has nothing to say", ("linux/test_packages.py",)),
        Claim("unpacked, it signs, asks and shows its icon", ("linux/test_in_place.py",)),
        Claim("installed, used and purged in clean Debian", ("linux/test_clean_debian.py",)),
        Claim("upgraded from a signed repository there", ("linux/test_apt_repository.py",)),
    ),
    "rpm": (
        Claim("its content read", ("linux/test_packages.py",)),
        Claim(
            "solved, installed, upgraded and removed by dnf, where names are Fedora's",
            ("linux/test_foreign_rpm.py",),
        ),
    ),
    "run": (
        Claim(
            "walked through in both languages, repaired while it ran, and removed",
            ("linux/test_run.py",),
        ),
        Claim(
            "from the download to a signature in a new account's first Chromium and Firefox",
            ("linux/test_fresh_account.py",),
        ),
    ),
}
