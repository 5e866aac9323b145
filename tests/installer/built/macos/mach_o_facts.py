"""What the files for macOS in wheels say of themselves, judged by macholib.

macholib is one of the packages that the Mac gets; it is loaded from its own wheel, and so is
exactly the locked one. Apple's ``otool`` would say the same, but is on Macs only.
"""

import importlib
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.host.machine.macho import HEAD, processors

_LOADED: Final = {"load_dylib", "load_weak_dylib", "reexport_dylib", "lazy_load_dylib"}
_BESIDE: Final = ("@loader_path/", "@rpath/", "@executable_path/")
_SYSTEM: Final = ("/usr/lib/", "/System/Library/")
_MACOS: Final = 1  # the platform, in a file's build version
_PATCHED: Final = "/DLC/"
"""How delocate calls a library that it put into a wheel; those that need it say where it is."""


@dataclass(frozen=True)
class MachOFacts:
    """What a file says of one processor.

    Attributes:
        processor: as ``uname -m`` calls it.
        oldest: the first macOS that runs it; None where it does not say.
        loads: the libraries that it needs.
        searches: the folders in which some of them are looked for.
        own_name: of a library; empty for other files.

    """

    processor: str
    oldest: tuple[int, int] | None
    loads: tuple[str, ...]
    searches: tuple[str, ...]
    own_name: str


def unpack(wheels: Path, folder: Path) -> list[Path]:
    """Unpack all wheels of a folder; return the files for macOS in them that are ever loaded."""
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(folder / wheel.name.partition("-")[0])
    return [path for path in sorted(folder.rglob("*")) if _is_one(path)]


def _is_one(path: Path) -> bool:
    is_for_debuggers = any(part.endswith(".dSYM") for part in path.parts)
    if is_for_debuggers or not path.is_file() or path.is_symlink():
        return False
    with path.open("rb") as file:
        return bool(processors(file.read(HEAD)))


def judge_of(wheels: Path) -> Any:
    """Return macholib's modules MachO and mach_o, loaded from the wheels of a folder."""
    for name in ("altgraph", "macholib"):
        (wheel,) = wheels.glob(f"{name}-*.whl")
        if str(wheel) not in sys.path:
            sys.path.insert(0, str(wheel))
    return importlib.import_module("macholib.MachO"), importlib.import_module("macholib.mach_o")


def facts_of(path: Path, judge: Any) -> Iterator[MachOFacts]:
    """Return what a file says, for each processor that it is for."""
    reader, names = judge
    for part in reader.MachO(str(path)).headers:
        said: dict[str, list[str]] = {}
        oldest = None
        for command, body, data in part.commands:
            kind = names.LC_NAMES.get(command.cmd, "?").removeprefix("LC_").lower()
            if kind == "version_min_macosx":
                oldest = _version(int(body.version))
            elif kind == "build_version" and int(body.platform) == _MACOS:
                oldest = _version(int(body.minos))
            elif kind in _LOADED | {"rpath", "id_dylib"}:
                said.setdefault(kind, []).append(data.rstrip(b"\0").decode())
        yield MachOFacts(
            processor=names.CPU_TYPE_NAMES.get(part.header.cputype, "?").lower(),
            oldest=oldest,
            loads=tuple(name for kind in sorted(_LOADED) for name in said.get(kind, ())),
            searches=tuple(said.get("rpath", ())),
            own_name="".join(said.get("id_dylib", ())),
        )


def _version(number: int) -> tuple[int, int]:
    return number >> 16, number >> 8 & 0xFF


def faults_of(facts: list[MachOFacts], processor: str, oldest: tuple[int, int]) -> Iterator[str]:
    """Return why a file would not be loaded on a Mac of that processor and system."""
    ours = [each for each in facts if each.processor == processor]
    if not ours:
        yield f"made for {', '.join(each.processor for each in facts)} only"
    for each in ours:
        if each.oldest is None or each.oldest > oldest:
            yield f"needs macOS {each.oldest}"
        yield from (
            f"needs {name}" for name in each.loads if not name.startswith((*_SYSTEM, *_BESIDE))
        )
        # Who needs the system's libraries alone has nothing looked for, wherever that were.
        is_looking = any(name.startswith("@") for name in each.loads)
        yield from (
            f"looks in {folder}"
            for folder in each.searches
            if is_looking and folder.startswith("/") and not folder.startswith(_SYSTEM)
        )
        if each.own_name.startswith("/") and not each.own_name.startswith((*_SYSTEM, _PATCHED)):
            yield f"calls itself {each.own_name}"
