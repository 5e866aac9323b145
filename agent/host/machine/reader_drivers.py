"""The drivers of card readers that are installed, from their own files; no reader is opened.

pcsc-lite and macOS keep each driver in a bundle, whose ``Info.plist`` has its version and the names
of all readers that it serves. Windows keeps a key for each reader that was ever there.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.files import read_file
from agent.harmless import shortened
from agent.host.machine.macho import processors_of
from agent.host.property_list import parse_plist

FOLDERS: Final = (
    "/usr/lib/pcsc/drivers",  # Debian
    "/usr/lib64/pcsc/drivers",  # Fedora
    "/usr/local/lib/pcsc/drivers",
    "/usr/libexec/SmartCardServices/drivers",  # macOS, the system's own
    "/usr/local/libexec/SmartCardServices/drivers",
)
WINDOWS_CLASS: Final = (
    r"SYSTEM\CurrentControlSet\Control\Class\{50DD5230-BA8A-11D1-BF5D-0000F805F530}"
)
"""Below HKEY_LOCAL_MACHINE; SmartCardReader in Microsoft's list of device setup classes."""
_MAX_PLIST: Final = 4 * 1024 * 1024  # bytes; that of libccid has 100 KiB, and grows
_MOST: Final = 64  # drivers
_LONGEST: Final = 80  # characters


@dataclass(frozen=True, slots=True)
class InstalledDriver:
    """One driver.

    Attributes:
        name: of it.
        version: as it says; None where it says none.
        readers: how the names of readers begin that it serves; empty where it does not say.
        path: of its bundle; None where it is in none.
        processors: for which it is made, on macOS; empty where that cannot be seen.

    """

    name: str
    version: str | None
    readers: tuple[str, ...] = ()
    path: Path | None = None
    processors: tuple[str, ...] = ()

    def serves(self, reader: str) -> bool:
        """Return whether a reader of this name is served by it."""
        return any(reader.startswith(each) for each in self.readers)


class _Bundle(msgspec.Struct, frozen=True):
    """What is read of an ``Info.plist``."""

    short: str = msgspec.field(name="CFBundleShortVersionString", default="")
    version: str = msgspec.field(name="CFBundleVersion", default="")
    readers: str | list[str] = msgspec.field(name="ifdFriendlyName", default="")
    program: str = msgspec.field(name="CFBundleExecutable", default="")


def installed_drivers(root: Path = Path("/"), registry: Any = None) -> tuple[InstalledDriver, ...]:
    """Return the drivers of this computer, at most 64; what cannot be read is left out.

    Args:
        root: where absolute paths of the system begin.
        registry: the module ``winreg``, or a double of it; None for this system's, if it is
            Windows.

    """
    if registry is None and sys.platform == "win32":
        import winreg as registry  # noqa: PLC0415  # Windows only
    return drivers_in_bundles(root) if registry is None else _some(_of_registry(registry))


def drivers_in_bundles(root: Path) -> tuple[InstalledDriver, ...]:
    """Return the drivers of a Mac, or of pcsc-lite, likewise.

    Args:
        root: where absolute paths of the system begin.

    """
    return _some(_of_bundles(root))


def driver_of(reader: str, drivers: Sequence[InstalledDriver]) -> InstalledDriver | None:
    """Return the driver that serves a reader; None where none says so."""
    return next((driver for driver in drivers if driver.serves(reader)), None)


def _some(found: Iterator[InstalledDriver]) -> tuple[InstalledDriver, ...]:
    return tuple(dict.fromkeys(islice(found, _MOST)))


def _of_bundles(root: Path) -> Iterator[InstalledDriver]:
    for folder in FOLDERS:
        for path in sorted(root.joinpath(folder[1:]).glob("**/*.bundle/Contents/Info.plist")):
            bundle = _read_bundle(path)
            if bundle is None:
                continue
            names = [bundle.readers] if isinstance(bundle.readers, str) else bundle.readers
            yield InstalledDriver(
                shortened(path.parents[1].stem, _LONGEST),
                shortened(bundle.short or bundle.version, _LONGEST) or None,
                tuple(name for name in names if name),
                path.parents[1],
                _processors(path.parent / "MacOS", bundle.program),
            )


def _processors(folder: Path, program: str) -> tuple[str, ...]:
    is_name = program not in {"", ".", ".."} and not set(program) & set("/\\\0")
    return processors_of(folder / program) if is_name else ()


def _read_bundle(path: Path) -> _Bundle | None:
    try:
        found = parse_plist(read_file(path, _MAX_PLIST, follow_links=True))
        return msgspec.convert(found, _Bundle)
    except (OSError, ValueError, RecursionError):
        return None


def _of_registry(registry: Any) -> Iterator[InstalledDriver]:
    for number in range(_MOST):
        try:
            place = registry.HKEY_LOCAL_MACHINE, f"{WINDOWS_CLASS}\\{number:04}"
            with registry.OpenKey(*place) as key:
                name = registry.QueryValueEx(key, "DriverDesc")[0]
                version = registry.QueryValueEx(key, "DriverVersion")[0]
        except OSError:  # no such key, or no such value: numbers have gaps
            continue
        if isinstance(name, str) and isinstance(version, str):
            yield InstalledDriver(shortened(name, _LONGEST), shortened(version, _LONGEST))
