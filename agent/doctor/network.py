"""Check that the running agent answers, and that no other program uses its ports."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from msgspec import Struct

from agent import strict_json
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, Level, fault, note, ok
from agent.host.instance.quitting import is_running
from agent.host.instance.record import read_record
from agent.host.machine.paths import Paths
from agent.host.peer.port_owner import SUPERUSER, PortOwner, find_owner
from agent.host.settings import config
from agent.host.settings.config import HIPKI_PORT, ConfigError, Settings
from agent.host.tls import identity
from agent.words import SOURCE

_SECONDS: Final = 5.0
_MAX_ANSWER: Final = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class RunningAgent:
    """What the running agent's record says.

    Attributes:
        port: of the native API; None while the agent starts, or if it got none.
        plain_port: of plain HTTP, likewise.
        virtual: whether its readers are virtual.
        also: the native API's other ports.
        missing: the ports that it wants and did not get.
        jrsys_ports: of the pages of the JRSYS family that it has.
        jrsys_missing: those of ``missing`` that are for these pages.
        policy: the fingerprint of the policy that is in force; None where it does not say.

    """

    port: int | None = None
    plain_port: int | None = None
    virtual: bool = False
    also: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    jrsys_ports: tuple[int, ...] = ()
    jrsys_missing: tuple[int, ...] = ()
    policy: str | None = None

    @property
    def starts(self) -> bool:
        """Whether it has yet to try its ports."""
        return self.port is None and not self.missing


class _Status(Struct, frozen=True):
    product: Literal["ankong"]


def find_running(paths: Paths) -> RunningAgent | None:
    """Return the agent that has locked the state folder; None if none has."""
    try:
        if not is_running(paths):
            return None
    except OSError:
        return None
    record = read_record(paths.instance)
    if record is None:
        return RunningAgent()
    virtual = record.provider == "virtual"
    return RunningAgent(
        *(record.port, record.hipki_port, virtual, record.also, record.missing),
        jrsys_ports=record.jrsys_ports,
        jrsys_missing=record.jrsys_missing,
        policy=record.policy,
    )


def check_agent(installation: InstalledAgent) -> Iterator[Finding]:
    """Request the running agent's status as a page would, with its certificate verified."""
    running = find_running(installation.paths)
    if running is None:
        yield note("agent", "agent_not_running")
        return
    if running.port is None and running.missing:
        yield fault("agent", "agent_no_port")
        return
    problem = "no port" if running.port is None else _problem_with(installation, running.port)
    port = str(running.port or "?")
    if problem is None:
        yield ok("agent", "agent_ok", port=port)
    else:
        yield fault("agent", "agent_silent", port=port, detail=problem)


def _problem_with(installation: InstalledAgent, port: int) -> str | None:
    try:
        authority = installation.paths.tls / identity.AUTHORITY_FILE
        context = ssl.create_default_context(cafile=str(authority))
        connection = http.client.HTTPSConnection(
            "localhost", port, timeout=_SECONDS, context=context
        )
        try:
            connection.request("GET", "/v1/status")
            body = connection.getresponse().read(_MAX_ANSWER + 1)
        finally:
            connection.close()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    return None if is_status(body) else "another program answers"


def is_status(body: bytes) -> bool:
    """Return whether the body of an HTTP response is an agent's status."""
    try:
        strict_json.decode(body, _Status, limit=_MAX_ANSWER)
    except ValueError:
        return False
    return True


def check_ports(installation: InstalledAgent) -> Iterator[Finding]:
    """Report which of the agent's ports another program uses, or the running agent lacks."""
    settings = _settings(installation)
    running = find_running(installation.paths)
    ours = set() if running is None else {running.port, running.plain_port, *running.also}
    wanted = settings.native_ports
    taken = [port for port in wanted if port not in ours and is_taken(port)]
    # A running agent has found a port, so the taken ones do no harm.
    found = running is not None and running.port is not None
    hopeless = not found and len(taken) == len(wanted)
    for port in wanted:
        yield _finding(port, ours=port in ours, spare=not hopeless, taken=port in taken)
    if running is None or running.starts:
        plain = settings.hipki_port
        yield _finding(plain, ours=False, spare=False, taken=is_taken(plain))
        return
    # What this one has and wants, which may be other ports than those of the settings.
    if running.plain_port is not None:
        yield _finding(running.plain_port, ours=True, spare=False, taken=False)
    missing = set(running.missing) - set(wanted) - set(running.jrsys_missing)
    if running.plain_port is None and not missing:
        missing = {settings.hipki_port}  # an older agent does not say what it lacks
    for port in sorted(missing):
        if is_taken(port):
            yield _finding(port, ours=False, spare=False, taken=True)
        else:
            yield fault("port", "port_missing", port=str(port))


def check_jrsys_ports(installation: InstalledAgent) -> Iterator[Finding]:
    """Report who answers the pages of the JRSYS family; without these, nothing.

    Another program there may be the one that they were made for: its user may want to leave it.
    """
    running, settings = find_running(installation.paths), _settings(installation)
    if running is None or running.starts:
        for port in sorted({port for ports in settings.open_jrsys_ports for port in ports}):
            if is_taken(port):
                yield _jrsys_finding(port)
        return
    if running.jrsys_ports:
        ports = ", ".join(map(str, sorted(running.jrsys_ports)))
        yield ok("port", "jrsys_ports", ports=ports)
    for port in sorted(running.jrsys_missing):
        if is_taken(port):
            yield _jrsys_finding(port)
        else:
            yield fault("port", "port_missing", port=str(port))
    if _have_jrsys_ports_changed(running, settings):
        yield note("port", "jrsys_ports_changed")


def _jrsys_finding(port: int) -> Finding:
    """Return whose a port is that the agent lacks."""
    owner = find_owner(port)
    if owner.is_ours is False and owner.user != SUPERUSER:
        return _held("port_of_another_user", Level.FAULT, port, owner)
    return _held("jrsys_port_taken", Level.NOTE, port, owner)


def _have_jrsys_ports_changed(running: RunningAgent, settings: Settings) -> bool:
    """Return whether an agent that starts now would want other ports than the running one."""
    hipki = running.plain_port
    if hipki is None:
        hipki = HIPKI_PORT if HIPKI_PORT in running.missing else settings.hipki_port
    # It may have been started with another port than that of the settings.
    plain, tls = settings.replaced({"hipki_port": hipki}).open_jrsys_ports
    wanted = {*plain, *tls}
    return 0 not in wanted and wanted != {*running.jrsys_ports, *running.jrsys_missing}


def _settings(installation: InstalledAgent) -> Settings:
    try:
        return installation.policy.over(config.load(installation.paths.config))
    except (ConfigError, OSError):
        return Settings()


def _finding(port: int, *, ours: bool, spare: bool, taken: bool) -> Finding:
    if ours:
        return ok("port", "port_used_by_agent", port=str(port))
    if not taken:
        return ok("port", "port_ok", port=str(port))
    owner = find_owner(port)
    if spare:
        return _held("port_taken_spare", Level.NOTE, port, owner)
    if owner.is_ours is False and owner.user != SUPERUSER:
        return _held("port_of_another_user", Level.FAULT, port, owner)
    return _held("port_taken", Level.FAULT, port, owner)


def _held(code: str, level: Level, port: int, owner: PortOwner) -> Finding:
    """Return who holds a port, in each language's own words."""
    facts = {"port": str(port), "owner": owner.words(SOURCE)}
    if owner.user is not None:
        facts["user"] = owner.user
    return Finding("port", level, code, facts, spoken={"owner": owner.words})


def is_taken(port: int) -> bool:
    """Return whether a program listens on a local port, IPv4 or IPv6; port 0 is always free."""
    if port == 0:
        return False
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(_SECONDS)
                if probe.connect_ex((host, port)) == 0:
                    return True
        except OSError:
            continue
    return False
