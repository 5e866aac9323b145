"""Prepare a Chromium that trusts the agent's local authority, for the demo.

Chromium on Linux reads trusted authorities from an NSS database in its home directory, once at its
start. The demo gives it a home directory of its own, so that the user's is not changed.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent.portal.demo.children import DemoError

CHROMIUM_NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
NICKNAME: Final = "Ankong demo authority"
TRUSTED_FOR_SERVERS: Final = "C,,"  # certutil: an authority for TLS servers and nothing else
_TIMEOUT: Final = 20.0  # seconds


def find_chromium() -> str | None:
    """Return the path of an installed Chromium; None where there is none."""
    return next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)


def can_make_home() -> bool:
    """Return whether NSS's ``certutil`` is installed."""
    return shutil.which("certutil") is not None


def make_home(home: Path, authority: Path | None) -> None:
    """Make a home directory whose NSS database trusts ``authority`` (PEM), if one is given.

    Raises:
        DemoError: NSS's ``certutil`` is not installed, or failed.

    """
    database = home / ".pki" / "nssdb"
    database.mkdir(mode=0o700, parents=True)
    _certutil(["-N", "-d", f"sql:{database}", "--empty-password"])
    if authority is not None:
        trust = ["-t", TRUSTED_FOR_SERVERS, "-n", NICKNAME, "-i", str(authority)]
        _certutil(["-A", "-d", f"sql:{database}", *trust])


def _certutil(arguments: Sequence[str]) -> None:
    program = shutil.which("certutil")
    if program is None:
        raise DemoError(
            "certutil is missing; it is in the package libnss3-tools (Debian, Ubuntu), nss-tools "
            "(Fedora), mozilla-nss-tools (openSUSE) or nss (Arch, Homebrew)"
        )
    done = subprocess.run(  # noqa: S603  # a fixed program, no shell
        [program, *arguments], capture_output=True, check=False, timeout=_TIMEOUT
    )
    if done.returncode:
        raise DemoError(f"certutil: {done.stderr.decode('utf-8', 'replace').strip()}")


def environment(home: Path) -> dict[str, str]:
    """Return the environment in which Chromium uses ``home`` as its home directory."""
    settings = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
    return {**settings, "XDG_CACHE_HOME": str(home / ".cache")}


def sandbox_flags() -> list[str]:
    """Return the flags that Chromium needs to run as root (in a container); else none."""
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return ["--no-sandbox"] if as_root else []


def has_display() -> bool:
    """Return whether this process has a display for the browser's window."""
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def can_show_windows() -> bool:
    """Return whether the agent's own windows can be opened: they need Tk, and X11 on Linux."""
    if importlib.util.find_spec("_tkinter") is None:
        return False
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY"))


def window_command(chromium: str, home: Path, url: str) -> list[str]:
    """Return the command that opens ``url`` in a window; the profile is in ``home``."""
    quiet = [
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-sync",
        "--disable-features=Translate",  # whose offer would take the first click
        "--password-store=basic",
    ]
    return [chromium, f"--user-data-dir={home / 'profile'}", *quiet, *sandbox_flags(), url]
