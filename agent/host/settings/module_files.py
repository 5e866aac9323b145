"""The files of PKCS#11 modules: which may be loaded, and which are known to be on some computers.

A module is a vendor's program that sees a PIN. So its file has to be one that only administrators
or the person themselves can change: whoever could exchange it would have their PIN.
"""

import os
import platform
import stat
import sys
from collections.abc import Iterator
from enum import StrEnum, unique
from pathlib import Path, PurePath
from typing import Final

from agent.host.machine.exchange import others_can_exchange
from agent.host.machine.macho import processors_of
from agent.host.machine.windows_acl import (
    ADMINISTRATIVE,
    REPLACE,
    WRITE,
    AccessReader,
    open_files,
)

_HEAD: Final = 4096  # bytes of a file that say for which processor it is
_ELF: Final = b"\x7fELF"
_PE_AT: Final = 0x3C  # where a PE file says where its header is
_KNOWN: Final = {
    "linux": (
        "usr/lib/*/opensc-pkcs11.so",
        "usr/lib/opensc-pkcs11.so",
        "usr/lib64/opensc-pkcs11.so",
        "usr/lib/*/libykcs11.so",
        "usr/lib64/libykcs11.so",
        "usr/lib/*/libeToken.so",
        "usr/lib/libeToken.so",
        "usr/lib64/libeToken.so",
        "usr/lib/libIDPrimePKCS11.so",
        "usr/lib/softhsm/libsofthsm2.so",
        "usr/lib/*/pkcs11/*.so",
        "usr/lib64/pkcs11/*.so",
    ),
    "darwin": (
        "Library/OpenSC/lib/opensc-pkcs11.so",
        "usr/local/lib/opensc-pkcs11.so",
        "usr/local/lib/libykcs11.dylib",
        "usr/local/lib/libeTPkcs11.dylib",
        "opt/homebrew/lib/*pkcs11*.so",
        "opt/homebrew/lib/softhsm/libsofthsm2.so",
    ),
    "win32": (
        "Program Files/OpenSC Project/OpenSC/pkcs11/opensc-pkcs11.dll",
        "Program Files/Yubico/Yubico PIV Tool/bin/libykcs11.dll",
        "Windows/System32/eTPKCS11.dll",
        "Windows/System32/IDPrimePKCS1164.dll",
    ),
}
"""Where modules are on computers that have them, below the root."""
_NAMES: Final = {
    "opensc-pkcs11": "OpenSC",
    "libykcs11": "YubiKey",
    "libetoken": "SafeNet eToken",
    "libetpkcs11": "SafeNet eToken",
    "etpkcs11": "SafeNet eToken",
    "libidprimepkcs11": "IDPrime",
    "idprimepkcs1164": "IDPrime",
    "libsofthsm2": "SoftHSM",
}
_NOT_OFFERED: Final = ("p11-kit", "onepin", "gnome-keyring", "spy")
"""In names of files that are no vendor's module of their own, or write down what a PIN is."""


@unique
class ModuleFault(StrEnum):
    """Why a file is not loaded."""

    RELATIVE = "relative"
    MISSING = "missing"
    WRITABLE = "writable"
    OTHER_PROCESSOR = "other_processor"


def module_fault(path: str, files: AccessReader | None = None) -> ModuleFault | None:
    """Return why a module's file is not to be loaded; None where it may be.

    Args:
        path: as the settings have it.
        files: reads access lists; None for this system's, if it is Windows.

    """
    file = Path(path)
    if not file.is_absolute():
        return ModuleFault.RELATIVE
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return ModuleFault.MISSING
        if _others_can_change(file, files):
            return ModuleFault.WRITABLE
        if _is_for_another(file):
            return ModuleFault.OTHER_PROCESSOR
    except (OSError, ValueError):
        return ModuleFault.MISSING
    return None


def found_modules(
    root: Path | None = None, platform: str = sys.platform
) -> Iterator[tuple[str, Path]]:
    """Find the modules in the places that are known, each with a name; each file once.

    Args:
        root: of the file system; None for this computer's.
        platform: as :data:`sys.platform` has it.

    """
    top = root or Path(PurePath(sys.executable).anchor)
    seen: set[Path] = set()
    for pattern in _KNOWN.get(platform, ()):
        for path in sorted(top.glob(pattern)):
            real = path.resolve()
            if real in seen or any(word in path.name for word in _NOT_OFFERED):
                continue
            seen.add(real)
            yield _NAMES.get(path.stem.lower(), path.stem)[:32], path


def _others_can_change(file: Path, files: AccessReader | None) -> bool:
    """Return whether anybody but administrators and the person themselves can exchange a file."""
    if files is None and os.name == "nt":
        files = open_files()
    if files is not None:
        trusted = ADMINISTRATIVE | {files.own_sid()}
        found, folder = files.access(file), files.access(file.parent)
        is_foreign = {found.owner, folder.owner} - trusted
        return bool(is_foreign or found.others(trusted, WRITE) or folder.others(trusted, REPLACE))
    return others_can_exchange(file)


def _is_for_another(file: Path) -> bool:
    """Return whether a library is for another kind of processor than this program."""
    of_mac = processors_of(file)
    if of_mac:
        return platform.machine() not in of_mac
    ours, theirs = _processor(Path(sys.executable)), _processor(file)
    return None not in (ours, theirs) and ours != theirs


def _processor(file: Path) -> bytes | None:
    """Return what a program or library is made for; None where its form says nothing."""
    with file.open("rb") as opened:
        head = opened.read(_HEAD)
    if head.startswith(_ELF):
        return head[4:6] + head[18:20]  # width, byte order, e_machine
    if head.startswith(b"MZ"):
        at = int.from_bytes(head[_PE_AT : _PE_AT + 4], "little")
        return head[at + 4 : at + 6] if head[at : at + 4] == b"PE\0\0" else None
    return None
