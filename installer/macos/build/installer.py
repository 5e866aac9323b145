"""Check the sources of the package for macOS, as far as that is possible without a Mac.

installer/macos/build.sh makes the package, on a Mac. Nothing of it has run here, and no file is
made that would look as if it had.
"""

import plistlib
import re
import runpy
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.parsers.expat import ExpatError

from devkit import system, venv
from devkit.installers import BuiltFile, Remark
from devkit.shell import ROOT, SetupError, output, run, say

SOURCES = ROOT / "installer" / "macos"
SCRIPTS = ("build.sh", "uninstall.command", "scripts/preinstall", "scripts/postinstall")
IDENTIFIER = "org.ankong.agent"
LOCK = venv.REQUIREMENTS / "installer.txt"
MACHINES = ("arm64", "x86_64")
PYTHON = "3.13"
OLDEST = "12_0"
"""The macOS that Distribution.xml and the frozen program ask for."""
NO_WHEELS = {"arm64": (), "x86_64": ("cryptography",)}
"""Since release 49, cryptography comes without a wheel for Intel's processors."""

PROVEN = (
    "property lists, wizard pages and scripts are well-formed; every locked package has a wheel "
    "for arm64, and for x86-64 but for cryptography"
)
ELSEWHERE = (
    "everything else: nothing of this has been run on a Mac. installer/macos/build.sh builds, "
    "signs and notarises there (an Intel Mac needs Rust besides, for cryptography)"
)


def build(out: Path) -> Sequence[BuiltFile | Remark]:
    """Check the sources; makes no file.

    Raises:
        SetupError: they have a fault; the text says which.

    """
    del out
    system.ensure((system.SHELLCHECK,))
    say("reading lists, pages and scripts")
    wrong = faults(SOURCES)
    if wrong:
        raise SetupError("installer/macos: " + "; ".join(wrong))
    for machine in MACHINES:
        say(f"looking for wheels for {machine}")
        resolve_wheels(machine)
    return [Remark("macos", PROVEN, ELSEWHERE)]


def faults(sources: Path) -> list[str]:
    """Return the faults of the sources in a folder."""
    return [*_plists(sources), *_distribution(sources), *_pages(sources), *_scripts(sources)]


def resolve_wheels(machine: str) -> None:
    """Check that pip finds a wheel with the locked hash for every package.

    Args:
        machine: one of :data:`MACHINES`.

    Raises:
        SetupError: a package has none.

    """
    with tempfile.TemporaryDirectory() as folder:
        nowhere = str(Path(folder, "none"))
        _pip(machine, "install", "--dry-run", "--ignore-installed", "--target", nowhere)


def fetch_wheels(machine: str, folder: Path) -> None:
    """Fetch those wheels, all with the locked hash.

    Args:
        machine: one of :data:`MACHINES`.
        folder: where they go to.

    Raises:
        SetupError: a package has none, or cannot be fetched.

    """
    _pip(machine, "download", "--dest", str(folder))


def _pip(machine: str, *words: str) -> None:
    """Have pip do something with the locked wheels as if it ran on a Mac.

    Raises:
        SetupError: it could not.

    """
    command: list[str | Path] = [venv.PYTHON, SOURCES / "wheels.py", LOCK, machine, PYTHON]
    command += NO_WHEELS[machine]
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "lock.txt")
        listed.write_text(_output(command), "utf-8")
        asked = [
            *("-m", "pip", *words, "--no-deps", "--quiet"),
            *("--disable-pip-version-check", "--no-input", "--require-hashes"),
            *("--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON),
            *("--platform", f"macosx_{OLDEST}_{machine}", "--requirement", str(listed)),
        ]
        if run([venv.PYTHON, *asked], env=venv.environment(), quiet=True) != 0:
            raise SetupError(f"not every locked package has a wheel for macOS on {machine}")


def _output(command: Sequence[str | Path]) -> str:
    found = output(command)
    if found is None:
        raise SetupError("installer/macos/wheels.py cannot read the lock")
    return found


def _plists(sources: Path) -> Iterator[str]:
    """Check the syntax of the property lists, as plutil -lint does, and their values."""
    for name, is_right in (
        ("entitlements.plist", _are_entitlements),
        ("components.plist", _is_one_component),
    ):
        try:
            found = plistlib.loads((sources / name).read_bytes())
        except (OSError, ValueError, ExpatError) as error:
            yield f"{name}: {error}"
        else:
            if not is_right(found):
                yield f"{name}: does not say what it has to"


def _are_entitlements(found: object) -> bool:
    return isinstance(found, dict) and all(
        str(name).startswith("com.apple.security.") and value is True
        for name, value in found.items()
    )


def _is_one_component(found: object) -> bool:
    """Return whether the list describes one program, which is not relocatable."""
    wanted = {"RootRelativeBundlePath": "Ankong.app", "BundleIsRelocatable": False}
    return (
        isinstance(found, list)
        and len(found) == 1
        and isinstance(found[0], dict)
        and wanted.items() <= found[0].items()
    )


def _distribution(sources: Path) -> Iterator[str]:
    """Check the distribution file, and that every page it names exists in every language."""
    try:
        wizard = ET.fromstring((sources / "Distribution.xml").read_text("utf-8"))  # noqa: S314  # our own
    except (OSError, ET.ParseError) as error:
        yield f"Distribution.xml: {error}"
        return
    if {each.get("id") for each in wizard.iter("pkg-ref")} != {IDENTIFIER}:
        yield f"Distribution.xml: not the package {IDENTIFIER}"
    if [each.get("min") for each in wizard.iter("os-version")] != [OLDEST.replace("_", ".")]:
        yield "Distribution.xml: another oldest macOS than the frozen program's"
    lines = {each.get("choice") for each in wizard.iter("line")}
    if lines != {each.get("id") for each in wizard.iter("choice")}:
        yield "Distribution.xml: a choice is not there"
    for kind in ("welcome", "readme", "license", "conclusion"):
        page = wizard.find(kind)
        if page is None:
            yield f"Distribution.xml: there is no {kind}"
            continue
        if page.get("file") not in {f"{kind}.html", f"{kind}.txt"}:
            yield f"Distribution.xml: {page.get('file')} is not what pages.py writes"


def _pages(sources: Path) -> Iterator[str]:
    """Look at what pages.py writes, which is XML too."""
    try:
        written = runpy.run_path(str(sources / "pages.py"))
    except OSError as error:
        yield f"pages.py: {error}"
        return
    for language in written["REVIEWED"]:
        for name, content in written["pages"](language).items():
            try:
                ET.fromstring(content)  # noqa: S314  # our own
            except ET.ParseError as error:
                yield f"{language}.lproj/{name}: {error}"


def _scripts(sources: Path) -> Iterator[str]:
    """Check the scripts: executable, parsable, and without a finding of shellcheck."""
    for name in SCRIPTS:
        path = sources / name
        if not path.is_file() or not path.stat().st_mode & 0o111:
            yield f"{name}: cannot be started"
        elif not path.read_text("utf-8").startswith("#!/bin/sh\n"):
            yield f"{name}: not for sh"
    scripts = [*(sources / name for name in SCRIPTS), sources / "scripts" / "as_user.sh"]
    for path in scripts:
        if run(["sh", "-n", path], quiet=True) != 0:
            yield f"{path.name}: sh cannot read it"
    if shutil.which("shellcheck") is None:
        yield "shellcheck is missing"
        return
    words = ["--shell=sh", "--external-sources", f"--source-path={sources / 'scripts'}"]
    if run(["shellcheck", *words, *scripts], quiet=True) != 0:
        yield "shellcheck complains (see above)"
    if re.search(r"\bsudo\b", (sources / "build.sh").read_text("utf-8")):
        yield "build.sh: building needs no administrator"
