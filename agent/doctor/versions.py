"""Report the versions of the program, its libraries and the system's programs."""

import platform
import ssl
from collections.abc import Iterator
from typing import Final

from agent import __version__
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, ok
from agent.host.tls.machine import Machine

_PROGRAMS: Final = ("pcscd", "chromium", "google-chrome", "firefox")
_MAX_VERSION: Final = 40  # characters


def check_versions(installation: InstalledAgent) -> Iterator[Finding]:
    """Report each version that can be found."""
    yield _version("ankong", __version__)
    yield _version("Python", platform.python_version())
    openssl = ssl.OPENSSL_VERSION.removeprefix("OpenSSL ").partition(" ")[0]
    yield _version("OpenSSL", openssl)
    yield _version(platform.system(), f"{platform.release()} {platform.machine()}")
    for program in _PROGRAMS:
        path = installation.machine.find(program)
        if path is not None:
            yield _version(program, _version_of(installation.machine, path))


def _version(name: str, version: str) -> Finding:
    return ok("version", "version", name=name, version=version)


def _version_of(machine: Machine, program: str) -> str:
    """Return the first word with a leading digit that ``--version`` prints; "?" for none."""
    answer = machine.run([program, "--version"])
    words = answer.output.decode("utf-8", "replace").partition("\n")[0].split()
    version = next((word for word in words if word[0].isdigit()), "?")
    return version.rstrip(".,")[:_MAX_VERSION]
