"""Check that the agent's ports answer, and that no other program uses them."""

import socket
from collections.abc import Callable, Iterator
from typing import Final

from agent.doctor.asking import PortAnswer
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, Level, fault, note, ok
from agent.doctor.running import RunningAgent, find_running
from agent.host.peer.port_owner import SUPERUSER, PortOwner, find_owner
from agent.host.porter.registering import ports_of_porter
from agent.host.settings.config import HIPKI_PORT, MCA_PORT, ConfigError, Settings
from agent.words import SOURCE

_SECONDS: Final = 5.0


def check_ports(installation: InstalledAgent) -> Iterator[Finding]:
    """Report which of the agent's ports another program uses, or the running agent lacks."""
    settings = _settings(installation)
    running = find_running(installation.paths)
    ours = set() if running is None else {running.port, *running.also} - {None}
    wanted = settings.native_ports
    taken = [port for port in wanted if port not in ours and is_taken(port)]
    # A running agent has found a port, so the taken ones do no harm.
    hopeless = not ours and len(taken) == len(wanted)
    for port in sorted(port for port in ours if port is not None):
        yield _answered(port, installation.ask.native(port, installation.authority), installation)
    held = ports_of_porter() if taken or not ours else frozenset()
    for port in wanted:
        if port not in ours:
            found = _finding(port, spare=not hopeless, taken=port in taken)
            yield _of_porter(port) if port in held else found
    if running is None or running.starts:
        for port in _plain_ports(settings):
            found = _finding(port, spare=False, taken=is_taken(port))
            yield _of_porter(port) if port in held else found
        return
    if running.porter:
        ports = ", ".join(map(str, running.porter))
        yield ok("port", "ports_with_porter", ports=ports)
    if running.left:
        yield ok("port", "port_left", ports=", ".join(map(str, running.left)))
    yield from _plain_findings(installation, running, settings)
    if _have_ports_changed(running, settings):
        yield note("port", "ports_changed", unsure=True)


def _of_porter(port: int) -> Finding:
    """Report of a port whose connections a porter would hand over."""
    return ok("port", "port_of_porter", port=str(port))


def _plain_ports(settings: Settings) -> list[int]:
    return [settings.hipki_port, *([MCA_PORT] if settings.mca else [])]


def _plain_findings(
    installation: InstalledAgent, running: RunningAgent, settings: Settings
) -> Iterator[Finding]:
    """Report of the ports that this agent has and wants, which may be others than the settings'."""
    for port in (running.plain_port, running.mca_port):
        if port is not None:
            yield _answered(port, _plain_answer(installation, running, port), installation)
    missing = set(running.missing) - set(settings.native_ports) - set(running.jrsys_missing)
    if running.plain_port is None and not missing and not running.left:
        missing = {settings.hipki_port}  # an older agent does not say what it lacks
    for port in sorted(missing):
        if is_taken(port):
            yield _finding(port, spare=False, taken=True)
        else:
            yield fault("port", "port_missing", port=str(port))


def _plain_answer(installation: InstalledAgent, running: RunningAgent, port: int) -> PortAnswer:
    """Ask a plain port; an agent that names another native port is not this one."""
    answer = installation.ask.plain(port)
    if running.port is None and answer.problem == "another program answers (HTTP 503)":
        return PortAnswer()  # which is how an agent refuses pages that would not reach it
    if answer.problem is None and answer.tls not in {running.port, *running.also}:
        return PortAnswer(f"another agent, {answer.version}, answers")
    return answer


def _answered(port: int, answer: PortAnswer, installation: InstalledAgent) -> Finding:
    """Report of a port that the record says the agent has."""
    if answer.problem is None:
        return ok("port", "port_used_by_agent", port=str(port))
    facts = {"port": str(port), "detail": answer.problem}
    return fault("port", "port_silent", installation.restart, **facts)


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
    answering = []
    for port in sorted(running.jrsys_ports):
        found = _answered(port, _jrsys_answer(installation, running, port), installation)
        if found.level is Level.OK:
            answering.append(str(port))
        else:
            yield found
    if answering:
        yield ok("port", "jrsys_ports", ports=", ".join(answering))
    for port in sorted({*running.jrsys_missing} - {*running.left}):
        if is_taken(port):
            yield _jrsys_finding(port)
        else:
            yield fault("port", "port_missing", port=str(port))
    if _have_jrsys_ports_changed(running, settings):
        yield note("port", "jrsys_ports_changed", unsure=True)


def _jrsys_answer(installation: InstalledAgent, running: RunningAgent, port: int) -> PortAnswer:
    """Ask a port that is plain or has TLS; which of them, the record does not say."""
    plain = _plain_answer(installation, running, port)
    if plain.problem is None:
        return plain
    return installation.ask.with_tls(port, installation.authority)


def _jrsys_finding(port: int) -> Finding:
    """Return whose a port is that the agent lacks."""
    owner = find_owner(port)
    if owner.is_ours is False and owner.user != SUPERUSER:
        return _held(fault, "port_of_another_user", port, owner)
    return _held(note, "jrsys_port_taken", port, owner)


def _have_ports_changed(running: RunningAgent, settings: Settings) -> bool:
    """Return whether an agent that starts now would want other ports than the running one."""
    if running.port is None and running.plain_port is None:
        return False
    native, had = set(settings.native_ports), {running.port, *running.also, *running.missing}
    is_native = 0 in native or not native.isdisjoint(had)
    plain = _plain_ports(settings)
    has = {running.plain_port, running.mca_port, *running.missing, *running.left}
    return not is_native or any(port not in has for port in plain if port != 0)


def _have_jrsys_ports_changed(running: RunningAgent, settings: Settings) -> bool:
    """Return whether an agent that starts now would want other ports than the running one."""
    hipki = running.plain_port
    if hipki is None:
        lacks = {*running.missing, *running.left}
        hipki = HIPKI_PORT if HIPKI_PORT in lacks else settings.hipki_port
    # It may have been started with another port than that of the settings.
    plain, tls = settings.replaced({"hipki_port": hipki}).open_jrsys_ports
    wanted = {*plain, *tls}
    known = {*running.jrsys_ports, *running.jrsys_missing, *(wanted & {*running.left})}
    return 0 not in wanted and wanted != known


def _settings(installation: InstalledAgent) -> Settings:
    try:
        return installation.settings()
    except (ConfigError, OSError):
        return Settings()


def _finding(port: int, *, spare: bool, taken: bool) -> Finding:
    if not taken:
        return ok("port", "port_ok", port=str(port))
    owner = find_owner(port)
    if spare:
        return _held(note, "port_taken_spare", port, owner)
    if owner.is_ours is False and owner.user != SUPERUSER:
        return _held(fault, "port_of_another_user", port, owner)
    return _held(fault, "port_taken", port, owner)


def _held(make: Callable[..., Finding], code: str, port: int, owner: PortOwner) -> Finding:
    """Return who holds a port, in each language's own words."""
    facts = {"port": str(port), "owner": owner.words(SOURCE)}
    if owner.user is not None:
        facts["user"] = owner.user
    return make("port", code, **facts).saying(owner=owner.words)


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
