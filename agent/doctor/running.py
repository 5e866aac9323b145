"""Check that the agent runs, is this program with this folder, shows its icon, and is started."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent import __version__
from agent.doctor.command_line import command_line
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, fault, note, ok
from agent.host.instance.quitting import is_running
from agent.host.instance.record import read_record
from agent.host.machine.paths import Paths
from agent.host.peer.port_owner import find_owner
from agent.host.settings.config import ConfigError, Settings
from agent.setup.record import SetupRecord
from agent.words import SOURCE


@dataclass(frozen=True, slots=True)
class RunningAgent:
    """What the running agent's record says.

    Attributes:
        port: of the native API; None while the agent starts, or if it got none.
        plain_port: of plain HTTP, likewise.
        virtual: whether its readers are virtual.
        also: the native API's other ports.
        missing: the ports that it wants and did not get.
        left: those that it leaves to another person, who is in front of this computer.
        mca_port: of plain HTTP for pages of the MCA kind; None where it has none.
        jrsys_ports: of the pages of the JRSYS family that it has.
        jrsys_missing: those of ``missing`` that are for these pages.
        porter: the ports that a porter holds for all users, and this agent's with them.
        policy: the fingerprint of the policy that is in force; None where it does not say.
        icon: whether the desktop shows its icon; None where it wants none.
        testing: whether a test answers in the citizen's place.
        is_recorded: whether there is such a record at all.

    """

    port: int | None = None
    plain_port: int | None = None
    virtual: bool = False
    also: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    left: tuple[int, ...] = ()
    mca_port: int | None = None
    jrsys_ports: tuple[int, ...] = ()
    jrsys_missing: tuple[int, ...] = ()
    porter: tuple[int, ...] = ()
    policy: str | None = None
    icon: bool | None = None
    testing: bool = False
    is_recorded: bool = True

    @property
    def starts(self) -> bool:
        """Whether it has yet to try its ports."""
        return self.port is None and not self.missing


def find_running(paths: Paths) -> RunningAgent | None:
    """Return the agent that has locked the state folder; None if none has."""
    try:
        if not is_running(paths):
            return None
    except OSError:
        return None
    record = read_record(paths.instance)
    if record is None:
        return RunningAgent(is_recorded=False)
    return RunningAgent(
        port=record.port,
        plain_port=record.hipki_port,
        virtual=record.provider == "virtual",
        also=record.also,
        missing=tuple(port for port in record.missing if port not in record.left),
        left=record.left,
        mca_port=record.mca_port,
        jrsys_ports=record.jrsys_ports,
        jrsys_missing=record.jrsys_missing,
        porter=record.porter,
        policy=record.policy,
        icon=record.icon,
        testing=record.testing,
    )


def check_agent(installation: InstalledAgent) -> Iterator[Finding]:
    """Request the running agent's status as a page would, with its certificate verified."""
    running = find_running(installation.paths)
    if running is not None and running.testing:
        yield note("agent", "agent_testing")
    if running is None:
        yield from _not_running(installation)
    elif not running.is_recorded:
        yield fault("agent", "agent_unknown", installation.restart)
    elif running.port is not None:
        yield _answers(installation, running.port)
    elif running.missing:
        yield fault("agent", "agent_no_port")
    else:
        yield note("agent", "agent_starting", unsure=True)


def _answers(installation: InstalledAgent, port: int) -> Finding:
    answer = installation.ask.native(port, installation.authority)
    if answer.problem is not None:
        facts = {"port": str(port), "detail": answer.problem}
        return fault("agent", "agent_silent", installation.restart, **facts)
    if answer.version != __version__:
        facts = {"port": str(port), "running": answer.version or "", "version": __version__}
        return fault("agent", "agent_other_version", installation.restart, **facts)
    return ok("agent", "agent_ok", port=str(port))


def _not_running(installation: InstalledAgent) -> Iterator[Finding]:
    """Report whether that is a fault, and whether pages meet an agent with another folder."""
    elsewhere = list(_agents_elsewhere(installation))
    yield from elsewhere
    setup = SetupRecord.read(installation.paths.installed)
    command = command_line(installation.paths, "tray")
    if setup is not None and setup.complete and not elsewhere:
        yield fault("agent", "agent_not_running", "start_agent", command=command)
    else:
        yield note("agent", "agent_not_running", "start_agent", unsure=True, command=command)


def _agents_elsewhere(installation: InstalledAgent) -> Iterator[Finding]:
    try:
        settings = installation.settings()
    except (ConfigError, OSError):
        settings = Settings()
    port = settings.hipki_port
    answer = installation.ask.plain(port) if port else None
    if answer is None or answer.problem is not None or answer.version is None:
        return
    owner = find_owner(port)
    if owner.is_ours is False:
        return  # check_ports warns of another user's
    facts = {"port": str(port), "version": answer.version, "owner": owner.words(SOURCE)}
    path = str(installation.paths.state)
    found = fault("agent", "agent_elsewhere", **facts, path=path)
    yield found.saying(owner=owner.words)


def check_icon(installation: InstalledAgent) -> Iterator[Finding]:
    """Report whether the desktop shows the icon of an agent that wants one."""
    running = find_running(installation.paths)
    if running is None or running.icon is None:
        return
    if running.icon:
        yield ok("icon", "icon_ok")
    else:
        command = command_line(installation.paths, "panel")
        yield note("icon", "icon_none", unsure=True, command=command)


def check_autostart(installation: InstalledAgent) -> Iterator[Finding]:
    """Report whether this program is started at sign-in, and whether it is there."""
    way = installation.autostart
    if way is None:
        return
    if not way.is_on():
        command = command_line(installation.paths, "setup", "complete", "--autostart")
        yield note("autostart", "autostart_off", command=command)
        return
    words = way.started()
    program = _program(words[0]) if words else None
    if program is None:
        path = words[0] if words else "–"
        yield fault("autostart", "autostart_broken", "renew_autostart", path=path)
    elif not _is_same((program, *words[1:]), installation.start_command):
        yield note("autostart", "autostart_other", "renew_autostart", path=" ".join(words))
    else:
        yield ok("autostart", "autostart_ok")


def check_file_manager(installation: InstalledAgent) -> Iterator[Finding]:
    """Report whether file managers offer to sign, with this program, and whether it is there."""
    words = installation.file_manager.started()
    if not words:
        command = command_line(installation.paths, "setup", "complete", "--file-manager")
        yield note("file_manager", "file_manager_off", command=command)
        return
    program = _program(words[0])
    if program is None:
        yield fault("file_manager", "file_manager_broken", "renew_file_manager", path=words[0])
    elif not _is_same((program, *words[1:]), installation.file_manager_command):
        path = " ".join(words)
        yield note("file_manager", "file_manager_other", "renew_file_manager", path=path)
    else:
        yield ok("file_manager", "file_manager_ok")


def _program(name: str) -> str | None:
    """Return the path of a program that can be started; None where there is none."""
    found = name if Path(name).is_absolute() else shutil.which(name)
    return found if found is not None and os.access(found, os.X_OK) else None


def _is_same(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    one, other = Path(first[0]), Path(second[0])
    with suppress(OSError):
        one, other = one.resolve(), other.resolve()
    return one == other and first[1:] == second[1:]
