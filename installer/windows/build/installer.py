"""Build for Windows: the program with PyInstaller, the wizard with NSIS.

On Windows the Python at hand freezes itself, and NSIS has to be installed. On Linux a Windows
Python is assembled and PyInstaller runs under Wine, so that the very file can be walked through
here. Everything is kept under build/windows, and made again only when something of it changed.

``ANKONG_SIGN`` in the environment is a command that signs one file, which is put after it: the
programs, the uninstaller, the wizard and the MSI are signed by it.
"""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from devkit import system, venv
from devkit.agreement import version_of
from devkit.installers import BuiltFile
from devkit.proofs import Claim
from devkit.shell import (
    ROOT,
    WINDOWS,
    SetupError,
    fingerprint,
    is_done,
    mark_done,
    run,
    run_told,
    say,
)
from frozen import freeze
from windows.build import wine
from windows.build.wine import CACHE, SOURCES

PROGRAM: Final = CACHE / "ankong"
"""The frozen program, as it will be in its folder."""
SPEC: Final = ROOT / "installer" / "frozen" / "ankong.spec"
SIGN: Final = "ANKONG_SIGN"
_ROOM: Final = 16  # megabytes, for what is written besides the program
CLAIMS: Final = (
    Claim(
        "walked through in Wine, every page in both languages; cancelled; uninstalled to nothing",
        ("windows/test_walk.py",),
    ),
    Claim(
        "upgraded over a running agent; started at a simulated sign-in",
        ("windows/test_upgrade.py",),
    ),
    Claim("refused, interrupted and mended", ("windows/test_trouble.py",)),
    Claim("repaired, and never two at a time", ("windows/test_repair.py",)),
    Claim(
        "trusted by all users, and no longer after undoing",
        ("windows/test_machine_trust.py",),
    ),
    Claim("shows its icon and its PIN window, and signs", ("windows/test_windows.py",)),
    Claim("turns the portal's chip", ("windows/test_portal.py",)),
    Claim("a signature through winscard (Wine 10)", ("windows/test_winscard.py",)),
)
ELSEWHERE: Final = (
    "that it runs on a Windows at all; Windows' own question about the certificate, SmartScreen "
    "and Defender, real readers and the smart-card service's rules, scaled screens, Windows 11's "
    "notification area, Windows' own Chinese fonts, domain policies; a bought signature"
)
MSI_CLAIMS: Final = (
    Claim(
        "in Wine, silently: installed, repaired, uninstalled to nothing; setup.exe gives way to it",
        ("windows/test_msi.py",),
    ),
    Claim(
        "upgraded, refused and failed, each property obeyed, with a double in the program's place",
        ("windows/test_msi_actions.py",),
    ),
)
MSI_ELSEWHERE: Final = (
    "that Windows Installer takes the MSI at all; that it rolls back; that it replaces a running "
    "agent; who may write the policy's folder; the MSI by group policies; the MSI by Intune; "
    "msiexec /a; STARTNOW; the porter's service on an RD Session Host; that Windows starts it again"
)


def build(out: Path) -> Sequence[BuiltFile]:
    """Write the wizard into ``out``.

    Raises:
        SetupError: something is missing or failed; the text says what, and what to do.

    """
    if not WINDOWS:
        system.ensure((*system.WINDOWS, *system.WINE_BUILD))
    CACHE.mkdir(parents=True, exist_ok=True)
    _freeze()
    freeze.settle(PROGRAM)  # packers write down how old a file is
    version = version_of(ROOT)
    name = f"ankong-setup-{version}-x64.exe"
    _wrap(version, out / name)
    wizard = BuiltFile(name, "windows", CLAIMS, ELSEWHERE)
    if WINDOWS:
        say("the MSI is made on Linux, of this very program: installer/windows/build/msi.py")
        return [wizard]
    return [wizard, _for_machines(version, out)]


# The program.


def _freeze() -> None:
    python, packages = _python()
    stamp = CACHE / "program.stamp"
    more = (packages, freeze.source_date(), os.environ.get(SIGN, ""))
    content = fingerprint(_program_sources(), *more)
    if is_done(stamp, content) and (PROGRAM / "ankong.exe").exists():
        return
    say("freezing the program for Windows")
    stamp.unlink(missing_ok=True)
    folders = ("--distpath", _named(CACHE), "--workpath", _named(CACHE / "work"))
    words = ("-m", "PyInstaller", "--noconfirm", "--clean", *folders, _named(SPEC))
    status, printed = _run(python, *words)
    wanted = [PROGRAM / "ankong.exe", PROGRAM / "ankongw.exe"]
    if status != 0 or not all(each.exists() for each in wanted):
        raise SetupError(f"PyInstaller failed:\n{printed[-4000:]}")
    for file in wanted:
        _sign(file)
    mark_done(stamp, content)


def _program_sources() -> list[Path]:
    """Return the sources of the program and of its build."""
    code = [
        *ROOT.glob("agent/**/*"),
        *ROOT.glob("tray/**/*"),
        *ROOT.glob("installer/frozen/*.py"),
    ]
    kept = [each for each in code if "__pycache__" not in each.parts and "portal" not in each.parts]
    files = [each for each in kept if each.is_file() and "node_modules" not in each.parts]
    locks = [venv.REQUIREMENTS / "installer.txt", venv.REQUIREMENTS / "windows.txt"]
    return [*sorted(files), SPEC, *locks, ROOT / "LICENSE"]


def _python() -> tuple[Path, str]:
    """Return the Python that freezes, made where it is missing, and its fingerprint."""
    if not WINDOWS:
        from windows.build import windows_python  # noqa: PLC0415  # its tools are Linux'

        return windows_python.ensure(), (CACHE / "python.stamp").read_text("utf-8")
    folder = CACHE / "venv"
    python = folder / "Scripts" / "python.exe"
    stamp = CACHE / "venv.stamp"
    lock = venv.REQUIREMENTS / "windows.txt"
    content = fingerprint([lock], sys.version)
    if not is_done(stamp, content):
        if folder.exists():
            shutil.rmtree(folder)
        made = run([sys.executable, "-m", "venv", folder]) == 0
        words = ("install", "--quiet", "--no-deps", "--require-hashes", "--requirement", lock)
        if not made or run([python, "-m", "pip", *words]) != 0:
            raise SetupError("pip could not install what installer/requirements/windows.txt names")
        mark_done(stamp, content)
    return python, content


def _run(*words: str | Path) -> tuple[int, str]:
    """Run a Windows program; return its exit status and its output."""
    if not WINDOWS:
        with wine.prefix(CACHE / "build-prefix", freeze.fixed_variables()) as prefix:
            return prefix.run(*words, language="en_US", seconds=900, hear=freeze.say_step)
    return run_told(words, freeze.say_step, env=freeze.reproducible())


def _named(path: Path) -> str:
    return str(path) if WINDOWS else wine.windows_path(path)


def _sign(file: Path) -> None:
    command = os.environ.get(SIGN)
    if command and run([*shlex.split(command, posix=not WINDOWS), str(file)]) != 0:
        raise SetupError(f"{SIGN} could not sign {file.name} (see above)")


# The wizard.


def _ingredients() -> tuple[Path, Path, Path]:
    """Make what the wizard has besides the program: pictures, texts, and the list of its files."""
    say("drawing the wizard's pictures")
    pictures, texts, manifest = CACHE / "pictures", CACHE / "texts", CACHE / "manifest.txt"
    pictures.mkdir(exist_ok=True)
    if run([venv.PYTHON, ROOT / "installer/windows/build/pictures.py", pictures]) != 0:
        raise SetupError("the wizard's pictures could not be drawn (see above)")
    texts.mkdir(exist_ok=True)
    from windows.build.texts import write  # noqa: PLC0415  # the chores run without the agent

    write(texts)
    manifest.write_bytes(listing(PROGRAM))
    freeze.settle(pictures, texts, manifest)
    return pictures, texts, manifest


def _wrap(version: str, target: Path) -> None:
    compiler = _makensis()
    stamp = CACHE / "setup.stamp"
    scripts = sorted(each for each in SOURCES.iterdir() if each.suffix in (".nsi", ".nsh", ".txt"))
    known = [
        *scripts,
        Path(__file__),
        ROOT / "LICENSE",
        ROOT / "installer/windows/build/pictures.py",
        ROOT / "installer/windows/build/texts.py",
    ]
    program = (CACHE / "program.stamp").read_text("utf-8")
    content = fingerprint(known, program, version, str(target), os.environ.get(SIGN, ""))
    if is_done(stamp, content) and target.exists():
        return
    pictures, texts, manifest = _ingredients()
    made = CACHE / target.name
    size = sum(each.stat().st_size for each in PROGRAM.rglob("*") if each.is_file())
    facts = {
        "VERSION": re.sub(r"[^0-9.].*", "", version),
        "SOURCE": PROGRAM,
        "MANIFEST": manifest,
        "PICTURES": pictures,
        "TEXTS": texts,
        "OUT": made,
        "MEGABYTES": round(size / 1e6),
        "MEGABYTES_NEEDED": size // 2**20 + _ROOM,
        "KILOBYTES": size // 1024,
        # The NSIS of its makers has no 64-bit stub; Debian's has, and Wine runs it as it is.
        "TARGET": "x86-unicode" if WINDOWS else "amd64-unicode",
    }
    if os.environ.get(SIGN):
        facts["SIGN"] = os.environ[SIGN]
    target.parent.mkdir(parents=True, exist_ok=True)
    say(f"packing {target.name} with makensis")
    words = [f"-D{name}={value}" for name, value in facts.items()]
    script = SOURCES / "setup.nsi"
    command: list[str | Path] = [compiler, "-V2", "-WX", "-INPUTCHARSET", "UTF8", *words, script]
    if run(command, env=freeze.reproducible(), quiet=True) != 0:
        raise SetupError("makensis failed (see above)")
    shutil.move(made, target)
    mark_done(stamp, content)


# The MSI.


def _for_machines(version: str, out: Path) -> BuiltFile:
    # the chores run without the agent
    from windows.build import msi, msi_columns, msi_service, msi_tables  # noqa: PLC0415

    target = out / msi.name_of(version)
    code = [Path(str(module.__file__)) for module in (msi, msi_columns, msi_service, msi_tables)]
    program = (CACHE / "program.stamp").read_text("utf-8")
    product = msi.product_of(PROGRAM, version)
    said = (product.name, product.publisher, version, str(target), os.environ.get(SIGN, ""))
    content = fingerprint([*code, msi.FACTS], program, freeze.source_date(), *said)
    stamp = CACHE / "msi.stamp"
    if not is_done(stamp, content) or not target.exists():
        say(f"packing {target.name} with msibuild")
        msi.write(product, target, CACHE / "msi", int(freeze.source_date()))
        _sign(target)
        mark_done(stamp, content)
    return BuiltFile(target.name, "windows", MSI_CLAIMS, MSI_ELSEWHERE)


def _makensis() -> Path:
    places = [Path(os.environ.get("ProgramFiles(x86)", "C:/"), "NSIS", "makensis.exe")]  # noqa: SIM112  # Windows' own spelling
    found = shutil.which("makensis") or next((str(each) for each in places if each.exists()), None)
    if found is None:
        raise SetupError(
            "NSIS 3 is needed: apt-get install nsis; Windows: https://nsis.sourceforge.io"
        )
    return Path(found)


def listing(folder: Path) -> bytes:
    """Return a folder's content in the format that installer/windows/files.nsh reads.

    Raises:
        SetupError: a name is not ASCII, which the wizard could not read.

    """
    everything = sorted(folder.rglob("*"))
    folders = [each for each in everything if each.is_dir()]
    files = [each for each in everything if each.is_file()]
    lines = [
        *_lines("d", folders, folder),
        *_lines("f", files, folder),
        *_lines("r", reversed(folders), folder),
    ]
    try:
        return "".join(lines).encode("ascii")
    except UnicodeEncodeError as error:
        raise SetupError(f"a file's name is not plain ASCII: {error.object}") from error


def _lines(letter: str, paths: Iterable[Path], folder: Path) -> list[str]:
    names = (str(path.relative_to(folder)).replace("/", "\\") for path in paths)
    return [f"{letter}{name}\r\n" for name in names]
