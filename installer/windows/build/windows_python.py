"""Assemble a Python for Windows on Linux, from packages of the package index.

The wheels of panda3d carry the official libraries of CPython for Windows, signed by the Python
Software Foundation. Around them goes what is the same on every system (the standard library of
the Python at hand, and Tcl's and Tk's scripts), and three small programs made with mingw.
"""

import re
import shutil
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from devkit import venv
from devkit.shell import (
    SetupError,
    fingerprint,
    is_done,
    mark_done,
    output,
    run,
    say,
)
from windows.build.wine import CACHE, MINGW, SOURCES

PANDA3D: Final = "1.10.16"  # the last whose libraries we have looked at
WHEELS: Final = {
    (3, 11): "37acfb92655c4226879f95c988e2ef1449a53c54486d6c1ebc00e2772429af82",
    (3, 12): "f6493e2ecc0d1b7c1556a999556e5278cbc9484fe5fe1e159a1ccc02b870b18f",
    (3, 13): "0e505261bb58d8402d0099c291f1a3459acfdd38f3e7d666e72aa2e1ea5dc46f",
}
"""SHA-256 of the wheel for each Python: 3.11.9, 3.12.10 and 3.13.11 are in them."""
LOCK: Final = venv.REQUIREMENTS / "windows.txt"
HERE: Final = CACHE / "python"
ANYWHERE: Final = "-Wl,--no-insert-timestamp,--disable-auto-image-base"
"""For mingw: without these a program has the hour, and an address made of its own path."""
_IN_WHEEL: Final = "deploy_libs/"
# What the wheel has besides: Windows 10's own C runtime, other Pythons, the interpreter's tests.
# And _wmi, which only the module platform would use, and which not every Wine survives.
_UNWANTED: Final = re.compile(
    r"api-ms-win-|.*\.cp\d+t-win_amd64\.pyd$|_test|_msi\.|_wmi\.|winsound\."
)
_MICROSOFTS: Final = re.compile(r"VCRUNTIME140(_1)?\.dll$", re.IGNORECASE)
_LIBRARY_LEFT_OUT: Final = shutil.ignore_patterns(
    *("__pycache__", "test", "tests", "idlelib", "turtledemo", "ensurepip", "lib2to3"),
    *("site-packages", "dist-packages", "lib-dynload", "config-*", "_sysconfigdata*", "*.so"),
    *("sitecustomize.py", "EXTERNALLY-MANAGED", "*.a"),
)
_TCL_LEFT_OUT: Final = shutil.ignore_patterns("demos", "*.sh", "*.a", "*.so", "tzdata")
_LICENCES: Final = (
    "tcl8.6",
    "tk8.6",
    "libssl3*",
    "libffi8",
    "libsqlite3-0",
    "zlib1g",
    "libbz2-1.0",
)
_SYSTEM_ROOTS: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_MICROSOFTS_ROOT: Final = SOURCES / "microsoft-2020.pem"
_SIGNER: Final = re.compile(r"^\s*Subject: .*/O=Python Software Foundation/", re.MULTILINE)


def ensure() -> Path:
    """Make a Python for Windows with the locked packages, if needed; return its ``python.exe``.

    Raises:
        SetupError: something is missing, or has a wrong hash or signature.

    """
    version = sys.version_info[:2]
    if version not in WHEELS:
        raise SetupError(
            f"the Windows build needs Python 3.11, 3.12 or 3.13; this is {version[0]}.{version[1]}"
        )
    stamp = CACHE / "python.stamp"
    content = fingerprint(
        [Path(__file__), *sorted(SOURCES.glob("*.c"))], sys.version, WHEELS[version]
    )
    if not is_done(stamp, content) or not (HERE / "python.exe").exists():
        say("assembling a Windows Python")
        _assemble(f"{version[0]}{version[1]}", WHEELS[version])
        mark_done(stamp, content)
    _ensure_packages(f"{version[0]}.{version[1]}", content)
    return HERE / "python.exe"


def _assemble(number: str, digest: str) -> None:
    if HERE.exists():
        shutil.rmtree(HERE)
    (CACHE / "roots.pem").unlink(missing_ok=True)
    libraries = HERE / "DLLs"
    libraries.mkdir(parents=True)
    _unpack(_fetch(number, digest), libraries)
    say("  checking the signatures of its libraries")
    for file in sorted(libraries.iterdir()):
        _check_signature(file)
    for name in (f"python{number}.dll", "VCRUNTIME140.dll", "VCRUNTIME140_1.dll"):
        if (libraries / name).exists():
            (libraries / name).rename(HERE / name)
    standard = sysconfig.get_path("stdlib")
    shutil.copytree(standard, HERE / "Lib", ignore=_LIBRARY_LEFT_OUT, symlinks=False)
    if not (HERE / "Lib" / "tkinter").exists():
        raise SetupError("this Python has no tkinter: apt-get install python3-tk")
    _copy_tcl(libraries)
    _write_licence(Path(standard))
    say("  compiling python.exe, pythonw.exe and python3.dll")
    _make_programs(number)


def _fetch(number: str, digest: str) -> Path:
    """Download the wheel with the libraries, and check its hash."""
    name = f"panda3d-{PANDA3D}-cp{number}-cp{number}-win_amd64.whl"
    wheel = CACHE / "download" / name
    if not wheel.exists():
        say(f"  fetching {name}")
        target = "--platform=win_amd64", f"--python-version={number}", f"--dest={wheel.parent}"
        words = ["download", "--quiet", "--no-deps", "--only-binary=:all:", *target]
        if run([venv.PYTHON, "-m", "pip", *words, f"panda3d=={PANDA3D}"], quiet=True) != 0:
            raise SetupError("pip could not download the wheel with Python for Windows; network?")
    found = sha256(wheel.read_bytes()).hexdigest()
    if found != digest:
        wheel.unlink()
        raise SetupError(f"{name} has the hash {found}, not {digest}: it is not to be used")
    return wheel


def _unpack(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            name = entry.filename.removeprefix(_IN_WHEEL)
            if name == entry.filename or "/" in name or not name or _UNWANTED.match(name):
                continue
            (target / name).write_bytes(archive.read(entry))


def _check_signature(file: Path) -> None:
    """Check the Python Software Foundation's signature on each of its files.

    Microsoft's runtime is signed by a root that we do not have; it is covered by the wheel's hash.
    """
    if _MICROSOFTS.match(file.name):
        return
    offline = ("-ignore-cdp", "-ignore-crl")
    roots = ("-CAfile", _roots(), "-TSA-CAfile", _roots())
    said = output(["osslsigncode", "verify", *offline, *roots, "-in", file])
    if said is None:
        raise SetupError(
            f"{file.name} has no good signature, or osslsigncode is missing:\n"
            "    apt-get install osslsigncode ca-certificates"
        )
    if "Signature verification: ok" not in said or not _SIGNER.search(said):
        raise SetupError(f"{file.name} is not signed by the Python Software Foundation")


def _roots() -> Path:
    """Write the roots that Python's signatures lead to into one file."""
    file = CACHE / "roots.pem"
    if not file.exists():
        if not _SYSTEM_ROOTS.exists():
            raise SetupError("root certificates are missing: apt-get install ca-certificates")
        file.write_bytes(_SYSTEM_ROOTS.read_bytes() + b"\n" + _MICROSOFTS_ROOT.read_bytes())
    return file


def _copy_tcl(libraries: Path) -> None:
    """Copy Debian's Tcl and Tk scripts, and make them accept the libraries' patch level."""
    for library, name in (("tcl86t.dll", "tcl"), ("tk86t.dll", "tk")):
        source = Path(f"/usr/share/tcltk/{name}8.6")
        if not source.exists():
            raise SetupError(f"{source} is missing: apt-get install tcl8.6 tk8.6")
        target = HERE / "tcl" / f"{name}8.6"
        shutil.copytree(source, target, ignore=_TCL_LEFT_OUT)
        level = _patch_level(libraries / library)
        for script in target.glob("*.tcl"):
            text = script.read_text("utf-8")
            wanted = re.sub(
                r"(package require -exact (?:Tcl|Tk)\s+)8\.6\.\d+", rf"\g<1>{level}", text
            )
            if wanted != text:
                script.write_text(wanted, "utf-8")


def _write_licence(standard: Path) -> None:
    """Write the licences of Python and of the libraries in its Windows build to one file."""
    documents = Path("/usr/share/doc")
    short = f"python{sys.version_info.major}.{sys.version_info.minor}"
    pythons = [standard / "LICENSE.txt", documents / short / "copyright"]
    found = [file for file in pythons if file.is_file()][:1]
    found += sorted(each for name in _LICENCES for each in documents.glob(f"{name}/copyright"))
    if len(found) < 3:
        raise SetupError(
            "the licences of Python, Tcl and Tk are not all there: apt-get install tk8.6"
        )
    text = "\n\n".join(file.read_text("utf-8", "replace") for file in found)
    (HERE / "LICENSE.txt").write_text(text, "utf-8")


def _patch_level(library: Path) -> str:
    found: list[bytes] = re.findall(rb"\0(8\.6\.\d+)\0", library.read_bytes())
    if len(set(found)) != 1:
        raise SetupError(f"{library.name} does not say which version of Tcl or Tk it is")
    return found[0].decode()


def _make_programs(number: str) -> None:
    """Make python.exe, pythonw.exe and python3.dll, which the wheel does not have."""
    folder = CACHE / "mingw"
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"python{number}"
    listed = folder / f"{stem}.def"
    _do(["gendef", HERE / f"{stem}.dll"], folder)
    library = folder / f"lib{stem}.a"
    _do(["x86_64-w64-mingw32-dlltool", "-d", listed, "-D", f"{stem}.dll", "-l", library], folder)
    compiled: list[str | Path] = [MINGW, "-O2", "-s", "-municode", ANYWHERE]
    linked = [f"-L{folder}", f"-l{stem}"]
    _do([*compiled, SOURCES / "python.c", "-o", HERE / "python.exe", *linked], folder)
    windowed: list[str | Path] = [
        *compiled,
        "-mwindows",
        SOURCES / "pythonw.c",
        "-o",
        HERE / "pythonw.exe",
    ]
    _do([*windowed, *linked], folder)
    _link_forwarder(_forward(listed.read_text("utf-8"), stem), folder, HERE / "python3.dll")


def _link_forwarder(exported: str, folder: Path, target: Path) -> None:
    """Make the library of a module definition, which is kept in ``folder``."""
    definition = folder / "python3.def"
    definition.write_text(exported, "utf-8")
    alone: list[str | Path] = [MINGW, "-s", "-shared", "-nostdlib", ANYWHERE]
    _do([*alone, SOURCES / "forward.c", definition, "-o", target], folder)


def _forward(listed: str, stem: str) -> str:
    """Write a module definition in which each name of ``listed`` leads to the other library."""
    lines = ["LIBRARY python3.dll", "EXPORTS"]
    for line in listed.splitlines():
        name = re.match(r"(Py\w+|_Py\w+)(\s+DATA)?$", line.strip())
        if name:
            lines.append(f"{name[1]}={stem}.{name[1]}{name[2] or ''}")
    return "\n".join([*lines, ""])


def _do(command: Sequence[str | Path], folder: Path) -> None:
    status = run(command, folder=folder, quiet=True)
    if status == 127:
        raise SetupError("mingw is needed: apt-get install gcc-mingw-w64-x86-64 mingw-w64-tools")
    if status != 0:
        raise SetupError(f"{command[0]} failed (see above)")


def _ensure_packages(version: str, content: str) -> None:
    """Unpack the locked wheels for Windows beside the library, without running them."""
    target = HERE / "Lib" / "site-packages"
    stamp = HERE / "packages.stamp"
    wanted = fingerprint([LOCK], content)
    if is_done(stamp, wanted):
        return
    say("installing the locked packages for Windows")
    if target.exists():
        shutil.rmtree(target)
    number = version.replace(".", "")
    abis = (f"--abi=cp{number}", "--abi=abi3", "--abi=none")
    system = ("--platform=win_amd64", f"--python-version={version}", "--implementation=cp", *abis)
    locked = ("--only-binary=:all:", "--no-deps", "--require-hashes", f"--requirement={LOCK}")
    words = ["install", "--quiet", "--no-compile", f"--target={target}", *system, *locked]
    if run([venv.PYTHON, "-m", "pip", *words], env=venv.environment(), quiet=True) != 0:
        raise SetupError("pip could not install what installer/requirements/windows.txt names")
    mark_done(stamp, wanted)
