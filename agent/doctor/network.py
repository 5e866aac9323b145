"""The running agent, and who holds the ports that it wants."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, fault, note, ok
from agent.host.instance.quitting import is_running
from agent.host.instance.record import read_record
from agent.host.machine.paths import Paths
from agent.host.peer.port_owner import describe_owner
from agent.host.settings import config
from agent.host.settings.config import ConfigError, Settings
from agent.host.tls import identity

_SECONDS: Final = 5.0
_MAX_ANSWER: Final = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Running:
    """What the running agent says about itself.

    Attributes:
        port: of the native API; None when it has not said so yet.
        plain_port: of the plain-HTTP side; None when it did not get one.
        virtual: whether its readers are virtual.

    """

    port: int | None = None
    plain_port: int | None = None
    virtual: bool = False


def find_running(paths: Paths) -> Running | None:
    """Find the agent that holds the state folder; None when nobody does."""
    try:
        if not is_running(paths):
            return None
    except OSError:
        return None
    record = read_record(paths.instance)
    if record is None:
        return Running()
    return Running(record.port, record.hipki_port, record.provider == "virtual")


def check_agent(installation: InstalledAgent) -> Iterator[Finding]:
    """Ask the running agent for its status as a page would, certificate and all."""
    running = find_running(installation.paths)
    if running is None:
        yield note("agent", "agent_not_running")
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
            answer = json.loads(connection.getresponse().read(_MAX_ANSWER))
        finally:
            connection.close()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, ValueError, http.client.HTTPException, RecursionError) as error:
        return type(error).__name__
    is_us = isinstance(answer, dict) and answer.get("product") == "ankong"
    return None if is_us else "another program answers"


def check_ports(installation: InstalledAgent) -> Iterator[Finding]:
    """Look which of our ports another program holds."""
    settings = _settings(installation)
    running = find_running(installation.paths)
    ours = {running.port, running.plain_port} if running is not None else set()
    wanted = settings.native_ports
    taken = [port for port in wanted if port not in ours and is_taken(port)]
    # An agent that runs has found its port; the others are a matter of interest only.
    found = running is not None and running.port is not None
    hopeless = not found and len(taken) == len(wanted)
    for port in wanted:
        yield _finding(port, port in ours, spare=not hopeless, taken=port in taken)
    plain = settings.hipki_port
    if running is not None and running.plain_port not in {None, plain}:
        plain = running.plain_port or plain  # this one was started with another
    held = plain not in ours and is_taken(plain)
    yield _finding(plain, plain in ours, spare=False, taken=held)


def _settings(installation: InstalledAgent) -> Settings:
    try:
        return installation.policy.over(config.load(installation.paths.config))
    except (ConfigError, OSError):
        return Settings()


def _finding(port: int, ours: bool, *, spare: bool, taken: bool) -> Finding:
    if ours:
        return ok("port", "port_used_by_agent", port=str(port))
    if not taken:
        return ok("port", "port_ok", port=str(port))
    owner = describe_owner(port) or "?"
    if spare:
        return note("port", "port_taken_spare", port=str(port), owner=owner)
    return fault("port", "port_taken", port=str(port), owner=owner)


def is_taken(port: int) -> bool:
    """Return whether somebody listens on a port, in either family; 0 stands for any and is free."""
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
