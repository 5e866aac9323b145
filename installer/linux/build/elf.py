"""What the program's ELF files need of the system that it runs on."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from devkit.shell import SetupError, output, run

_C_LIBRARY = ("ld-linux", "libc.so", "libdl.so", "libm.so", "libpthread.so", "librt.so")
_MAGIC = b"\x7fELF"
_GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)")
_RUN_PATH = re.compile(r"\((?:RPATH|RUNPATH)\).*\[/.*\]")
_NEEDED = re.compile(r"\(NEEDED\).*\[(.+)\]")


def objects(folder: Path) -> list[Path]:
    """Return the ELF programs and libraries in ``folder`` and below."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(len(_MAGIC)) == _MAGIC:
                    found.append(path)
    return found


def glibc_floor(paths: Iterable[Path]) -> str:
    """Return the oldest version of glibc that all ``paths`` run with, such as "2.36"."""
    versions = {
        (int(major), int(minor))
        for path in paths
        for major, minor in _GLIBC.findall(_readelf("--version-info", path))
    }
    return "{}.{}".format(*max(versions))


def outside_libraries(paths: Sequence[Path]) -> list[str]:
    """Return the libraries that ``paths`` need and do not contain, without the C library's."""
    there = {path.name for path in paths}
    wanted = {name for path in paths for name in _NEEDED.findall(_readelf("--dynamic", path))}
    return sorted(name for name in wanted - there if not name.startswith(_C_LIBRARY))


def forget_build_paths(paths: Iterable[Path]) -> None:
    """Remove the library paths of the building machine (DT_RPATH, DT_RUNPATH) from ELF files.

    Raises:
        SetupError: patchelf could not change a file.

    """
    for path in paths:
        if not _RUN_PATH.search(_readelf("--dynamic", path)):
            continue
        if run(["patchelf", "--remove-rpath", path], quiet=True) != 0:
            raise SetupError(f"patchelf could not change {path} (see above)")


def _readelf(what: str, path: Path) -> str:
    text = output(["readelf", "--wide", what, path])
    if text is None:
        raise SetupError(f"readelf could not read {path}; it comes with the package binutils")
    return text
