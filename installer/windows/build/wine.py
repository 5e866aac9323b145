"""Run Windows programs on Linux, each job in a Wine prefix of its own."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from devkit.shell import ROOT, SetupError, fingerprint, is_done, mark_done, output, run, say

SOURCES: Final = ROOT / "installer" / "windows"
CACHE: Final = ROOT / "build" / "windows"
MODEL: Final = CACHE / "prefix"
"""A prefix in which nothing has run yet: each job takes a copy."""
MINGW: Final = "x86_64-w64-mingw32-gcc"
LANGUAGES: Final = ("zh_TW", "en_US", "fr_FR")
"""The locales that Wine can be run in; Debian makes none by itself."""
START_SECONDS: Final = 180.0
FONT: Final = "Noto Sans CJK TC"
_SUBSTITUTES: Final = (
    *("MS Shell Dlg", "MS Shell Dlg 2", "Microsoft JhengHei", "Microsoft JhengHei UI"),
    *("Segoe UI", "PMingLiU", "MingLiU"),
)
_REPLACEMENTS: Final = ("Tahoma", "Segoe UI", "PMingLiU", "MingLiU", "Microsoft JhengHei")
# winemenubuilder would write desktop files into the home folder; the other two offer downloads.
_OVERRIDES: Final = "winemenubuilder.exe=d;mscoree=d;mshtml=d"


class Prefix:
    """A Wine prefix.

    Attributes:
        folder: of the prefix, with ``drive_c``.
        variables: of the programs' environment, besides those of this process.

    """

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        """Take the folder of a prefix; nothing is made yet."""
        self.folder = folder
        self.variables = dict(variables or {})

    @property
    def drive(self) -> Path:
        """The folder of drive C."""
        return self.folder / "drive_c"

    @property
    def user(self) -> Path:
        """The home folder of the one user."""
        users = [each for each in (self.drive / "users").iterdir() if each.name != "Public"]
        return users[0]

    def environment(self, language: str = "zh_TW") -> dict[str, str]:
        """Return the environment of a Windows program in ``language``, one of LANGUAGES."""
        dropped = ("LANGUAGE", "WAYLAND_DISPLAY", "LC_MESSAGES", "PYTHONPATH", "PYTHONHOME")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        return {
            **kept,
            "HOME": str(self.folder / "home"),
            "WINEPREFIX": str(self.folder),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": _OVERRIDES,
            "LOCPATH": str(CACHE / "locale"),
            "LANG": f"{language}.UTF-8",
            "LC_ALL": f"{language}.UTF-8",
            **self.variables,
        }

    def start(
        self, *command: str | Path, language: str = "zh_TW", folder: Path | None = None
    ) -> subprocess.Popen[str]:
        """Start a Windows program; what it prints can be read from its standard output."""
        return subprocess.Popen(
            ["wine", *map(str, command)],
            stdin=subprocess.DEVNULL,
            # A pipe: with a regular file Python under Wine finds no standard output.
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment(language),
            cwd=folder or ROOT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )

    def run(
        self,
        *command: str | Path,
        language: str = "zh_TW",
        seconds: float = START_SECONDS,
        folder: Path | None = None,
        hear: Callable[[str], None] | None = None,
    ) -> tuple[int, str]:
        """Run a Windows program to its end; return its exit status and its output.

        ``hear`` gets each line as it is printed, on another thread. Programs that it started and
        that still run are not waited for.
        """
        process = self.start(*command, language=language, folder=folder)
        assert process.stdout is not None  # noqa: S101  # it was asked for
        lines: list[str] = []
        reader = threading.Thread(target=_read, args=(process.stdout, lines, hear), daemon=True)
        reader.start()
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = -1
            lines.append(f"not ended after {seconds:.0f} s\n")
        reader.join(1.0)
        return status, "".join(lines)

    def end(self) -> None:
        """End everything that runs in this prefix, and wait until it has."""
        for option in ("-k", "-w"):
            with _patience():
                subprocess.run(
                    ["wineserver", option],
                    env=self.environment(),
                    check=False,
                    timeout=30,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )


@contextmanager
def _patience() -> Iterator[None]:
    try:
        yield
    except subprocess.TimeoutExpired:
        say("wineserver does not end by itself")


def _read(stream: IO[str], lines: list[str], hear: Callable[[str], None] | None) -> None:
    with stream:
        for line in stream:
            lines.append(line)
            if hear is not None:
                hear(line)


def windows_path(path: Path) -> str:
    """Return a path of this computer as programs in Wine see it."""
    return "Z:" + str(path.absolute()).replace("/", "\\")


@contextmanager
def prefix(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[Prefix]:
    """Copy the model prefix for one job; afterwards end all programs in it, and remove it.

    Args:
        folder: made anew.
        variables: for the environment, such as DISPLAY.

    Raises:
        SetupError: Wine is missing or does not work.

    """
    make_model()
    if folder.exists():
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(MODEL, folder, symlinks=True)
    job = Prefix(folder, variables)
    try:
        yield job
    finally:
        job.end()
        shutil.rmtree(folder)  # 0.7 GB


def make_model() -> None:
    """Make the model prefix, if needed: Windows 10, Chinese fonts, random numbers for Rust.

    Raises:
        SetupError: Wine is missing or does not work.

    """
    if shutil.which("wine") is None or shutil.which("wineserver") is None:
        raise SetupError("Wine is needed for this: apt-get install wine wine64")
    stamp = CACHE / "prefix.stamp"
    version = output(["wine", "--version"]) or ""
    content = fingerprint([Path(__file__), SOURCES / "processprng.c"], version)
    if is_done(stamp, content) and MODEL.exists():
        return
    say("making a Wine prefix")
    if MODEL.exists():
        shutil.rmtree(MODEL)
    _make_locales()
    model = Prefix(MODEL)
    (MODEL / "home").mkdir(parents=True)
    try:
        status, printed = model.run("wineboot", "--init")
        if status != 0 or not (model.drive / "windows" / "system32" / "kernel32.dll").exists():
            raise SetupError(f"Wine could not make a prefix:\n{printed}")
        model.run("winecfg", "-v", "win10")  # Wine 8 would say Windows 7
        _replace_home_links(model)
        _set_fonts(model)
        _make_random_numbers(model.drive / "windows" / "system32")
    finally:
        model.end()
    mark_done(stamp, content)


def _replace_home_links(model: Prefix) -> None:
    """Replace Wine's links into the home folder by folders, so that copies are independent."""
    for link in model.user.iterdir():
        if link.is_symlink():
            link.unlink()
            link.mkdir()


def _set_fonts(model: Prefix) -> None:
    windows = r"HKEY_LOCAL_MACHINE\Software\Microsoft\Windows NT\CurrentVersion"
    lines = ["REGEDIT4", "", rf"[{windows}\FontSubstitutes]"]
    lines += [f'"{name}"="{FONT}"' for name in _SUBSTITUTES]
    lines += ["", r"[HKEY_CURRENT_USER\Software\Wine\Fonts\Replacements]"]
    lines += [f'"{name}"="{FONT}"' for name in _REPLACEMENTS]
    file = model.folder / "fonts.reg"
    file.write_text("\r\n".join([*lines, ""]), "ascii")
    model.run("regedit", "/S", windows_path(file))


def _make_random_numbers(system32: Path) -> None:
    target = system32 / "bcryptprimitives.dll"
    if target.exists():
        return
    words: list[str | Path] = ["-O2", "-s", "-shared", "-nostdlib"]
    words += ["-o", target, SOURCES / "processprng.c"]
    if run([MINGW, *words, "-ladvapi32", "-lkernel32"], quiet=True) != 0:
        raise SetupError("mingw is needed for this: apt-get install gcc-mingw-w64-x86-64")


def _make_locales() -> None:
    folder = CACHE / "locale"
    folder.mkdir(parents=True, exist_ok=True)
    for name in LANGUAGES:
        target = folder / f"{name}.UTF-8"
        command = ["localedef", "-i", name, "-f", "UTF-8", target]
        if not target.exists() and run(command, quiet=True) not in (0, 1):  # 1: it warned
            raise SetupError("localedef is needed for this: apt-get install locales")
        if not target.exists():
            raise SetupError("the locales' sources are missing: apt-get install locales")
