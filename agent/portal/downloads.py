"""The installers that step 4 offers, from one directory that the operator names."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SYSTEM_OF_SUFFIX: Final = {
    ".exe": "windows",
    ".msi": "windows",
    ".dmg": "macos",
    ".pkg": "macos",
    ".appimage": "linux",
    ".deb": "linux",
    ".rpm": "linux",
    ".tar.gz": "linux",
}
"""Anything else in the directory is not offered."""

URL_PREFIX: Final = "/downloads/"


@dataclass(frozen=True, slots=True)
class Artefact:
    """One installer: size in octets, SHA-256 in lower hex of what was read at start."""

    path: Path
    system: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name, as the visitor will see it."""
        return self.path.name

    @property
    def url(self) -> str:
        """Where it is, on this site."""
        return f"{URL_PREFIX}{self.name}"


def find_artefacts(directory: Path | None) -> tuple[Artefact, ...]:
    """List and hash the installers, by name; none when there is no directory."""
    if directory is None or not directory.is_dir():
        return ()
    found = (_read(path) for path in sorted(directory.iterdir()))
    return tuple(artefact for artefact in found if artefact is not None)


def _read(path: Path) -> Artefact | None:
    system = _system_of(path.name.lower())
    if system is None or path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        size = file.tell()
    return Artefact(path, system, size, digest.hexdigest())


def _system_of(name: str) -> str | None:
    for suffix, system in _SYSTEM_OF_SUFFIX.items():
        if name.endswith(suffix) and name.isascii() and not name.startswith("."):
            return system
    return None
