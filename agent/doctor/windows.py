"""Whether a window of the agent can be shown, and what is missing if not."""

import asyncio
import os
import sys
from collections.abc import Iterator
from typing import Final

from agent.consent.process import prompt_command
from agent.consent.wire import CHECK, NO_DISPLAY, NO_TOOLKIT
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, fault, note, ok
from agent.host.instance.quitting import is_running
from agent.host.instance.record import InstanceRecord, read_record
from agent.host.machine import screen_reader
from agent.host.machine.paths import Paths
from agent.host.settings.config import ConfigError
from agent.host.settings.preferences import Preferences
from agent.host.tls.machine import Machine

_PACKAGES: Final = {
    "debian": "python3-tk",
    "ubuntu": "python3-tk",
    "fedora": "python3-tkinter",
    "rhel": "python3-tkinter",
    "centos": "python3-tkinter",
    "arch": "tk",
    "opensuse": "python3-tk",
    "suse": "python3-tk",
    "alpine": "python3-tkinter",
}
"""The package with Python's tkinter, by a distribution's name in os-release(5)."""
_ANY_PACKAGE: Final = "python3-tk (Debian, Ubuntu), python3-tkinter (Fedora), tk (Arch)"


def check_windows(installation: InstalledAgent) -> Iterator[Finding]:
    """Start the windows' program as a question would, but ask nothing."""
    running = _running(installation.paths)
    if not _asks(installation, running):
        return
    machine = installation.machine
    done = machine.run((*prompt_command(), CHECK))
    pages = done.status in (NO_TOOLKIT, NO_DISPLAY) and _asks_in_pages(installation)
    if pages:
        yield ok("windows", "windows_pages")
    elif done.status == 0:
        yield ok("windows", "windows_ok")
    elif done.status == NO_TOOLKIT and not getattr(sys, "frozen", False):
        yield fault("windows", "windows_no_toolkit", package=_package(machine))
    elif done.status != NO_DISPLAY:
        yield fault("windows", "windows_not_started", detail=done.complaint or str(done.status))
    elif not machine.environment.get("DISPLAY") and _may_be_elsewhere(running):
        yield note("windows", "windows_elsewhere")
    else:
        yield fault("windows", "windows_no_display")


def _asks_in_pages(installation: InstalledAgent) -> bool:
    """Return whether questions are pages of a browser that can be opened here."""
    try:
        place = installation.settings().questions
    except ConfigError:
        place = "auto"  # another check says so
    if place == "auto":
        place = Preferences(installation.paths.preferences).questions
    shown = installation.machine.environment
    if place == "page":
        return bool(shown.get("DISPLAY") or shown.get("WAYLAND_DISPLAY"))
    # The agent learns of a screen reader when it asks; before that a display has to be there.
    return place == "auto" and bool(shown.get("DISPLAY")) and asyncio.run(screen_reader.runs())


def _running(paths: Paths) -> InstanceRecord | None:
    try:
        return read_record(paths.instance) if is_running(paths) else None
    except OSError:
        return None


def _asks(installation: InstalledAgent, running: InstanceRecord | None) -> bool:
    """Return whether there are windows at all: whoever started the agent may want none."""
    if running is not None:
        return running.display is not None
    try:
        return installation.settings().consent == "ask"
    except ConfigError:
        return True  # another check says so


def _may_be_elsewhere(running: InstanceRecord | None) -> bool:
    """Return whether the agent may have a display that this terminal has not."""
    return running is None or (running.pid != os.getpid() and running.display is True)


def _package(machine: Machine) -> str:
    """Name the package of this computer's distribution; all of them where that is not known."""
    for place in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            text = machine.system_path(place).read_text("utf-8", "replace")
        except OSError:
            continue
        settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        names = f"{settings.get('ID', '')} {settings.get('ID_LIKE', '')}".replace("-", " ")
        words = names.replace('"', " ").replace("'", " ").split()
        return next((_PACKAGES[word] for word in words if word in _PACKAGES), _ANY_PACKAGE)
    return _ANY_PACKAGE
