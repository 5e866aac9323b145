"""Find out whether a smart-card service is installed, and what would install it."""

import os
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROGRAM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"  # not on an ordinary user's PATH
_SOCKET = "run/pcscd/pcscd.comm"
_DRIVERS = (
    "usr/lib/pcsc/drivers/ifd-ccid.bundle",
    "usr/lib64/pcsc/drivers/ifd-ccid.bundle",
    "usr/lib/readers/usb/ifd-ccid.bundle",
    "usr/lib64/readers/usb/ifd-ccid.bundle",
)
_MULTIARCH_DRIVERS = "usr/lib/*/pcsc/drivers/ifd-ccid.bundle"


@dataclass(frozen=True)
class Family:
    """The package names and install command of one family of distributions.

    Attributes:
        install: the command, without the packages.
        service: package of the smart-card service.
        driver: package of the driver for most readers.
        tool: package of ``certutil``, which makes browsers trust our certificate.
        afterwards: a further command; "" where none is needed.

    """

    install: str
    service: str
    driver: str
    tool: str
    afterwards: str = ""


_START = "sudo systemctl enable --now pcscd.socket"
_DEBIAN = Family("sudo apt install", "pcscd", "libccid", "libnss3-tools")
_FEDORA = Family("sudo dnf install", "pcsc-lite", "pcsc-lite-ccid", "nss-tools", _START)
_SUSE = Family("sudo zypper install", "pcsc-lite", "pcsc-ccid", "mozilla-nss-tools", _START)
_ARCH = Family("sudo pacman -S", "pcsclite", "ccid", "nss", _START)
_FAMILIES: Mapping[str, Family] = {
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
class Missing:
    """What is not installed.

    Attributes:
        service: whether the smart-card service or its driver is missing.
        tool: whether ``certutil`` is.
        command: that installs it here; None on an unknown distribution.

    """

    service: bool
    tool: bool
    command: str | None

    def __bool__(self) -> bool:
        return self.service or self.tool


def look(root: Path = Path("/"), find: Callable[[str], bool] | None = None) -> Missing:
    """Return what is missing.

    Args:
        root: of the file system.
        find: returns the path of a program; by default on the user's and root's PATH.

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
    return Missing(not (service and driver), not tool, command)


def family_of(release: Mapping[str, str]) -> Family | None:
    """Return the family that os-release(5) names; None for an unknown one."""
    words = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    found = (_FAMILIES.get(word.partition("-")[0]) for word in words)
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
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), _PROGRAM_FOLDERS))
    return shutil.which(name, path=path) is not None
