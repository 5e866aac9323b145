"""Install an artefact on the system at hand, use it, and take it off again.

For machines that are thrown away afterwards: what is there of an earlier Ankong is replaced.
"""

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devkit import smoke
from devkit.installers import OUT
from devkit.mac_app import AGENT, look_at_app
from devkit.mac_trust import try_trust
from devkit.shell import SetupError, run, say, shown

_SECONDS_TO_GO: Final = 60
_PATIENCE: Final = 0.5  # seconds
_ENDINGS: Final = {
    "x86_64": ("x64", "amd64", "x86_64"),
    "amd64": ("x64", "amd64", "x86_64"),
    "aarch64": ("arm64", "aarch64"),
    "arm64": ("arm64", "aarch64"),
}
"""How files are called for a processor, by what Python calls it."""


@dataclass(frozen=True)
class InstallWay:
    """How one kind of artefact comes and goes.

    Attributes:
        system: ``sys.platform`` of the systems that it is for.
        install: the command, with the file.
        program: where the program is then.
        remove: the command, with the file.
        installed: exit statuses of ``install`` that mean that the program is there.
        needs: a program without which this kind is not for this system; "" for none.
        also: each tries what is there on that system only, and returns what was seen.
        traces: what else has to be gone afterwards.

    """

    system: str
    install: Callable[[Path], Sequence[str | Path]]
    program: Callable[[], Path]
    remove: Callable[[Path], Sequence[str | Path]]
    installed: tuple[int, ...] = (0,)
    needs: str = ""
    also: tuple[Callable[[Path], str], ...] = ()
    traces: tuple[Path, ...] = ()


def _root() -> list[str]:
    """Return the prefix that runs a command as root."""
    return [] if os.name == "nt" or os.geteuid() == 0 else ["sudo", "-n"]


def _place(variable: str) -> Path:
    """Return the folder that Windows names in a variable, with ours in it."""
    return Path(os.environ.get(variable, "C:/"), *_BELOW[variable])


_BELOW: Final = {"LOCALAPPDATA": ("Programs", "Ankong"), "PROGRAMFILES": ("Ankong",)}
_APP: Final = Path("/Applications/Ankong.app/Contents")
_APT: Final = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y")
_ZYPPER: Final = ("zypper", "--non-interactive", "--no-gpg-checks")
_MANAGED: Final = Path("/usr/bin/ankong")


def _rpm(file: Path) -> Sequence[str | Path]:
    if shutil.which("dnf"):
        return [*_root(), "dnf", "install", "-y", "--nogpgcheck", file]
    return [*_root(), *_ZYPPER, "install", "--allow-unsigned-rpm", file]


def _no_rpm(_file: Path) -> Sequence[str | Path]:
    if shutil.which("dnf"):
        return [*_root(), "dnf", "remove", "-y", "ankong"]
    return [*_root(), *_ZYPPER, "remove", "ankong"]


WAYS: Final = {
    ".exe": InstallWay(
        "win32",
        lambda file: [file, "/S", "/NOAUTOSTART"],
        lambda: _place("LOCALAPPDATA") / "ankong.exe",
        lambda _: [_place("LOCALAPPDATA") / "uninstall.exe", "/S"],
        installed=(0, 5),  # 5: installed, and something is left that a person decides
    ),
    ".msi": InstallWay(
        "win32",
        lambda file: ["msiexec", "/i", file, "/qn", "/norestart"],
        lambda: _place("PROGRAMFILES") / "ankong.exe",
        lambda file: ["msiexec", "/x", file, "/qn", "/norestart"],
        installed=(0, 3010),  # 3010: after the next restart, says Windows Installer
    ),
    ".run": InstallWay(
        "linux",
        lambda file: [
            *("sh", file, "--quiet", "--accept-licence", "--"),
            *("--no-start", "--no-autostart"),
        ],
        lambda: Path.home() / ".local/bin/ankong",
        lambda _: [Path.home() / ".local/bin/ankong-uninstall", "--quiet"],
        installed=(0, 3),  # 3: installed, and something is left to do
    ),
    ".deb": InstallWay(
        "linux",
        lambda file: [*_root(), *_APT, "install", file],
        lambda: _MANAGED,
        lambda _: [*_root(), *_APT, "purge", "ankong"],
        needs="apt-get",
    ),
    ".rpm": InstallWay("linux", _rpm, lambda: _MANAGED, _no_rpm, needs="rpm"),
    ".pkg": InstallWay(
        "darwin",
        lambda file: [*_root(), "installer", "-pkg", file, "-target", "/"],
        lambda: _APP / "MacOS" / "ankong",
        lambda _: [_APP / "Resources" / "uninstall.command", "--keep"],
        also=(look_at_app, try_trust),
        traces=(Path.home() / AGENT,),
    ),
}


def fitting(folder: Path = OUT) -> list[Path]:
    """Return the artefacts in a folder that are for this system and its processor."""
    # Windows on ARM runs what is made for x64, and nothing is made for it alone.
    machine = "amd64" if sys.platform == "win32" else platform.machine().lower()
    endings = _ENDINGS.get(machine, (machine,))
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        path
        for path in found
        if path.suffix in WAYS and _is_for_us(WAYS[path.suffix]) and path.stem.endswith(endings)
    ]


def _is_for_us(way: InstallWay) -> bool:
    # An apt system may have the program rpm too, as a tool; its own packages are the others.
    is_apts = way.needs == "rpm" and shutil.which("apt-get") is not None
    has_tool = not way.needs or shutil.which(way.needs) is not None
    return sys.platform == way.system and has_tool and not is_apts


def play(files: Sequence[Path]) -> int:
    """Install, use and remove each file, one after the other; return the exit status.

    Raises:
        SetupError: one failed; the text says how.

    """
    if not files:
        raise SetupError(f"smoke: nothing in {OUT} is for this system: dev.py installers")
    for file in files:
        way = WAYS.get(file.suffix)
        if way is None or not file.is_file():
            raise SetupError(f"smoke: {file} is no installer")
        say(f"installing {file.name}")
        _run(way.install(file.absolute()), way.installed)
        seen = smoke.use(way.program())
        for look in way.also:
            seen.append(look(way.program()))
            say(f"  {seen[-1]}")
        say("removing it")
        _run(way.remove(file.absolute()), (0,))
        for trace in (way.program(), *way.traces):
            _wait_until_gone(trace)
        say(f"{file.name}: {len(seen) + 1} things seen, the last that it is gone")
    return 0


def _run(command: Sequence[str | Path], right: tuple[int, ...]) -> None:
    status = run(command)
    if status not in right:
        raise SetupError(f"smoke: {shown([str(word) for word in command])} ended with {status}")
    if status != 0:
        say(f"  with status {status}: something is left to do")


def _wait_until_gone(program: Path) -> None:
    """Wait until the program is not there; on Windows the uninstaller goes on by itself."""
    end = time.monotonic() + _SECONDS_TO_GO
    while program.exists():
        if time.monotonic() > end:
            raise SetupError(f"smoke: {program} is still there")
        time.sleep(_PATIENCE)
