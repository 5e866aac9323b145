"""The doctor's repairs; each may be repeated."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.doctor.installed_agent import InstalledAgent
from agent.errors import AgentError, BadRequestError
from agent.host.instance.quitting import end_running, is_running
from agent.host.instance.starting import start_agent
from agent.host.tls import identity
from agent.host.tls.places import TlsSource
from agent.host.tls.store import AuthorityFile


class RepairError(AgentError):
    """A repair did not work; ``detail`` says why."""


def repair(name: str, installation: InstalledAgent) -> None:
    """Carry out one repair.

    Raises:
        BadRequestError: there is no such repair.
        RepairError: it did not work.

    """
    work = REPAIRS.get(name)
    if work is None:
        names = ", ".join(sorted(REPAIRS))
        raise BadRequestError(
            f"no such repair: {name}; there are {names}",
            said=("cli.error.no_repair", {"name": name, "names": names}),
        )
    try:
        work(installation)
    except OSError as error:
        raise RepairError(f"{name}: {error.strerror or error}") from error


def _install_trust(installation: InstalledAgent) -> None:
    served = TlsSource(installation.paths).ensure(installation.now)
    authority = AuthorityFile.load(served.authority)
    installation.trust.uninstall(keep=authority.sha256)
    installation.trust.install(authority, for_all_users=False)


def _follow(installation: InstalledAgent) -> None:
    """Have the stores trust what is served now, unless that was left to the organisation."""
    if not installation.trust_left:
        _install_trust(installation)


def _renew_tls(installation: InstalledAgent) -> None:
    """Make new certificates and replace the old ones in the stores; a running agent follows."""
    identity.renew(installation.paths.tls, installation.now)
    _follow(installation)


def _close_state_dir(installation: InstalledAgent) -> None:
    paths = installation.paths
    for folder in (paths.state, paths.tls, paths.logs):
        if folder.is_dir():
            folder.chmod(0o700)
    for path in paths.tls.glob("*.pem"):
        path.chmod(0o600)


def _set_config_aside(installation: InstalledAgent) -> None:
    _set_aside(installation.paths.config, installation.now)


def _set_manifest_aside(installation: InstalledAgent) -> None:
    """Begin a new manifest, in which installing records what it finds in the stores."""
    _set_aside(installation.paths.trust, installation.now)
    _follow(installation)


def _set_aside(path: Path, now: datetime) -> None:
    path.replace(path.with_name(f"{path.name}.broken-{now:%Y%m%d%H%M%S}"))


def _start_agent(installation: InstalledAgent) -> None:
    if is_running(installation.paths):
        return
    try:
        start_agent(installation.paths, installation.start_command)
    except AgentError as error:
        raise RepairError(error.detail) from error


def _restart_agent(installation: InstalledAgent) -> None:
    end_running(installation.paths)
    _start_agent(installation)


def _renew_autostart(installation: InstalledAgent) -> None:
    way = installation.autostart
    if way is None:
        raise RepairError("this system has no way to start programs at sign-in")
    way.turn_on()


def _renew_file_manager(installation: InstalledAgent) -> None:
    installation.file_manager.turn_on()


def _start_service(installation: InstalledAgent) -> None:
    tool = installation.machine.find("systemctl")
    if tool is None:
        raise RepairError("there is no systemctl")
    done = installation.machine.run([tool, "--no-ask-password", "start", "pcscd.socket"])
    if done.status:
        raise RepairError(
            f"systemctl: {done.complaint}; as an administrator: sudo systemctl start pcscd.socket"
        )


REPAIRS: Final[Mapping[str, Callable[[InstalledAgent], None]]] = {
    "install_trust": _install_trust,
    "renew_tls": _renew_tls,
    "close_state_dir": _close_state_dir,
    "set_config_aside": _set_config_aside,
    "set_manifest_aside": _set_manifest_aside,
    "start_service": _start_service,
    "start_agent": _start_agent,
    "restart_agent": _restart_agent,
    "renew_autostart": _renew_autostart,
    "renew_file_manager": _renew_file_manager,
}
