"""Windows programs on Linux: a Wine prefix of its own for each job, ended with all in it."""

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
    """One Windows.

    Attributes:
        folder: what is in it; ``drive_c`` among others.
        variables: what programs find in their environment besides what is found here.

    """

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        """Name the folder; nothing is made yet."""
        self.folder = folder
        self.variables = dict(variables or {})

    @property
    def drive(self) -> Path:
        """Drive C."""
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
        """Run a Windows program to its end; give its exit status and what it printed.

        ``hear`` gets each line as it is printed, on another thread. What the program started and
        left behind may hold the pipe open: that is not waited for.
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
    """Write a path of this computer as programs in Wine see it."""
    return "Z:" + str(path.absolute()).replace("/", "\\")


@contextmanager
def prefix(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[Prefix]:
    """Take a copy of the model for one job; afterwards end all that runs in it, and remove it.

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
    """Have a prefix that looks like Windows 10, shows Chinese, and has random numbers for Rust.

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
    """Make real folders of what Wine links into the home folder: a copy has to stand alone."""
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
