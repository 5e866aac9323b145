"""Find out which packages the agent needs that are not installed, and what would install them."""

import os
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT_PATH = "/usr/local/sbin:/usr/sbin:/sbin"  # folders that are not on an ordinary user's PATH
_SOCKET = "run/pcscd/pcscd.comm"
_DRIVERS = (
    "usr/lib/pcsc/drivers/ifd-ccid.bundle",
    "usr/lib64/pcsc/drivers/ifd-ccid.bundle",
    "usr/lib/readers/usb/ifd-ccid.bundle",
    "usr/lib64/readers/usb/ifd-ccid.bundle",
)
_MULTIARCH_DRIVERS = "usr/lib/*/pcsc/drivers/ifd-ccid.bundle"


@dataclass(frozen=True)
class DistributionPackages:
    """The package names and install command of one family of distributions.

    Attributes:
        install: the command that installs packages, without their names.
        service: package of the smart-card service, pcscd.
        driver: package of the driver for CCID readers.
        tool: package of NSS's ``certutil``, with which browsers are made to trust the agent.
        afterwards: a command to run after the service was installed; "" where none is needed.

    """

    install: str
    service: str
    driver: str
    tool: str
    afterwards: str = ""


_START = "sudo systemctl enable --now pcscd.socket"
_DEBIAN = DistributionPackages("sudo apt install", "pcscd", "libccid", "libnss3-tools")
_FEDORA = DistributionPackages(
    "sudo dnf install", "pcsc-lite", "pcsc-lite-ccid", "nss-tools", _START
)
_SUSE = DistributionPackages(
    "sudo zypper install", "pcsc-lite", "pcsc-ccid", "mozilla-nss-tools", _START
)
_ARCH = DistributionPackages("sudo pacman -S", "pcsclite", "ccid", "nss", _START)
_FAMILIES: Mapping[str, DistributionPackages] = {
    "debian": _DEBIAN,
    "ubuntu": _DEBIAN,
    "fedora": _FEDORA,
    "rhel": _FEDORA,
    "centos": _FEDORA,
    "suse": _SUSE,
    "opensuse": _SUSE,
    "arch": _ARCH,
}


@dataclass(frozen=True)
class MissingPackages:
    """The packages that are not installed; false where none is missing.

    Attributes:
        service: whether the smart-card service or its driver is missing.
        tool: whether ``certutil`` is missing.
        command: the command that installs them; None on an unknown distribution.

    """

    service: bool
    tool: bool
    command: str | None

    def __bool__(self) -> bool:
        return self.service or self.tool


def find_missing(
    root: Path = Path("/"), find: Callable[[str], bool] | None = None
) -> MissingPackages:
    """Return which packages are missing.

    Args:
        root: the root of the file system.
        find: returns whether a program is installed; None to look on the user's and root's PATH.

    """
    find = find or _has_program
    service = find("pcscd") or (root / _SOCKET).exists()
    driver = any((root / place).exists() for place in _DRIVERS)
    driver = driver or any(root.glob(_MULTIARCH_DRIVERS))
    tool = find("certutil")
    family = family_of(_release(root))
    packages: list[str] = []
    if family is not None:
        packages += [] if service else [family.service]
        packages += [] if driver else [family.driver]
        packages += [] if tool else [family.tool]
    command = None
    if family is not None and packages:
        command = f"{family.install} {' '.join(packages)}"
        if family.afterwards and not service:
            command += f" && {family.afterwards}"
    return MissingPackages(not (service and driver), not tool, command)


def family_of(release: Mapping[str, str]) -> DistributionPackages | None:
    """Return the family that the settings of os-release(5) name; None for an unknown one."""
    names = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    found = (_FAMILIES.get(name.partition("-")[0]) for name in names)
    return next((family for family in found if family is not None), None)


def _release(root: Path) -> dict[str, str]:
    for place in ("etc/os-release", "usr/lib/os-release"):
        try:
            lines = (root / place).read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        return dict(_setting(line) for line in lines if "=" in line)
    return {}


def _setting(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    words: Sequence[str] = ()
    try:
        words = shlex.split(value)
    except ValueError:  # a quotation mark that does not end
        words = (value,)
    return name.strip(), " ".join(words)


def _has_program(name: str) -> bool:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), _ROOT_PATH))
    return shutil.which(name, path=path) is not None
