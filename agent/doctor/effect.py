"""Whether browsers really accept the agent's certificate: judged by their own databases and code.

That a store lists our authority is not the same: it may be distrusted beside that, be there twice,
or the database may be damaged. So the tools of NSS connect to the running agent with a browser's
database, or verify the certificate with it where no agent runs; on Windows and macOS the system
verifies. What could not be judged is never called good.
"""

import ssl
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.doctor.asking import hello
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.running import find_running
from agent.harmless import shortened
from agent.host.tls import identity
from agent.host.tls.machine import FAILED_TO_RUN, Completed, Machine
from agent.host.tls.nss_folder import without_modules
from agent.host.tls.store import AuthorityFile, Place, Presence, StoreError

BY_POLICY: Final = "by policy"
"""What a place says whose database does not decide."""
_NSS: Final = frozenset({"chromium", "firefox"})
_CONNECTS: Final = "tstclnt"
_VERIFIES: Final = "vfychain"
_SECONDS: Final = 5  # for one database
_ALL_SECONDS: Final = 20.0  # for all of them: somebody may have hundreds of profiles
_WORKERS: Final = 4
_TIMED_OUT: Final = frozenset({124, 137})  # how coreutils' timeout ends
_MAX_DETAIL: Final = 120  # characters


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of one place.

    Attributes:
        works: whether the certificate is accepted; None where that could not be seen.
        detail: why not, in English.
        tool: the missing program that would have shown it.

    """

    works: bool | None
    detail: str = ""
    tool: str = ""


@dataclass(frozen=True, slots=True)
class _Served:
    """What is verified: the running agent's port, else the certificate that it would serve."""

    port: int | None
    certificate: Path


def see_effects(
    installation: InstalledAgent, authority: AuthorityFile, places: Sequence[Place]
) -> Mapping[Place, Effect]:
    """Judge the places that list the authority, within half a minute however many there are.

    Places about which there is nothing to see are left out: those without the authority, and
    those where something else than their own content decides.
    """
    listed = [place for place in places if place.presence is Presence.TRUSTED]
    wanted = [place for place in listed if place.detail != BY_POLICY]
    ladder = identity.read(installation.tls.folder)
    leaf = None if ladder is None else ladder.at(installation.now)
    if leaf is None:
        return {place: Effect(None, "there is no valid certificate") for place in wanted}
    with tempfile.TemporaryDirectory(prefix="ankong-doctor-") as folder:
        certificate = Path(folder) / "leaf.der"
        der = x509.load_pem_x509_certificate(leaf.path.read_bytes()).public_bytes(Encoding.DER)
        certificate.write_bytes(der)  # another way: a new file in a folder of our own
        served = _Served(_running_port(installation), certificate)
        return _see_all(installation.machine, served, authority, wanted)


def _running_port(installation: InstalledAgent) -> int | None:
    """Return the native port if the agent really answers there."""
    running = find_running(installation.paths)
    if running is None or running.port is None:
        return None
    answer = installation.ask.native(running.port, installation.authority)
    return running.port if answer.problem is None else None


def _see_all(
    machine: Machine, served: _Served, authority: AuthorityFile, places: Sequence[Place]
) -> Mapping[Place, Effect]:
    end = time.monotonic() + _ALL_SECONDS

    def in_time(see: Callable[[], Effect]) -> Effect:
        return see() if time.monotonic() < end else Effect(None, "there are too many to look at")

    judges: dict[Place, Callable[[], Effect]] = {}
    for place in places:
        if place.store in _NSS:
            judges[place] = partial(_see_nss, machine, served, place.path)
        elif place.store == "windows-user":
            judges[place] = partial(_see_windows, served, authority)
        elif place.store == "macos-user":
            judges[place] = partial(_see_macos, machine, served)
    with ThreadPoolExecutor(_WORKERS) as pool:
        return dict(zip(judges, pool.map(in_time, judges.values()), strict=True))


def _see_nss(machine: Machine, served: _Served, folder: str) -> Effect:
    name = _VERIFIES if served.port is None else _CONNECTS
    tool = machine.find(name)
    if tool is None:
        return Effect(None, f"{name} is not installed", name)
    try:
        with without_modules(Path(folder), machine.home) as shown:
            return _judged(name, machine.run(_nss_command(machine, served, tool, shown)))
    except StoreError as error:
        return Effect(None, shortened(error.detail, _MAX_DETAIL))


def _nss_command(machine: Machine, served: _Served, tool: str, folder: Path) -> list[str]:
    command = [tool, "-d", f"sql:{folder}"]
    if served.port is None:
        command += ["-u", "1", str(served.certificate)]  # 1: of a TLS server
    else:
        command += ["-h", "localhost", "-4", "-p", str(served.port), "-Q"]  # ends when connected
    guard = machine.find("timeout")
    if guard is not None:
        command = [guard, "-k", "1", str(_SECONDS), *command]
    return command


def _judged(name: str, done: Completed) -> Effect:
    if done.status == 0:
        return Effect(works=True)
    if done.status in _TIMED_OUT:
        return Effect(None, f"{name} did not end in time")
    said = done.complaint.removeprefix(f"{name}: ") or f"{name} ended with {done.status}"
    seen = None if done.status == FAILED_TO_RUN else False
    return Effect(seen, shortened(said, _MAX_DETAIL))


def _see_windows(served: _Served, authority: AuthorityFile) -> Effect:
    """Verify with the stores that Windows gives to programs of this user."""
    context = ssl.create_default_context()
    if served.port is not None:
        answer = hello(served.port, context)
        return Effect(works=answer.problem is None, detail=answer.problem or "")
    with suppress(ssl.SSLError):
        if authority.der in context.get_ca_certs(binary_form=True):
            return Effect(works=True)
    return Effect(works=False, detail="the system's store does not have it")


def _see_macos(machine: Machine, served: _Served) -> Effect:
    tool = machine.find("security")
    if tool is None:
        return Effect(None, "security is not installed", "security")
    asked = ("-c", str(served.certificate), "-p", "ssl", "-n", "localhost", "-L")
    return _judged("security", machine.run([tool, "verify-cert", *asked]))
