"""The files that channels tell of: the table of what was built, held against what lies there."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from devkit.agreement import version_of
from devkit.channel import published
from devkit.installers import TABLE
from devkit.proofs import sha256_of
from devkit.shell import ROOT, SetupError

FOR_MAC: Final = ".pkg"
"""Macs, which make these, write no table."""
_VERSION: Final = re.compile(r"[0-9]{1,5}(\.[0-9]{1,5}){1,2}((a|b|rc|\.dev|\.post)[0-9]{1,5})?")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class DeliveredFile:
    """A file that people download.

    Attributes:
        path: where it lies here.
        size: in bytes.
        sha256: lower-case hexadecimal digits.

    """

    path: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class BuiltRelease:
    """What was built of one version, and where people will find it.

    Attributes:
        version: of the program.
        files: by their names.
        downloads: the address of the folder that they download from, without a slash at its end;
            "{version}" stands for the version.

    """

    version: str
    files: Mapping[str, DeliveredFile]
    downloads: str

    def address_of(self, name: str) -> str:
        """Return where people download a file."""
        return f"{self.downloads.replace('{version}', self.version)}/{name}"


def pretended(release: BuiltRelease, names: Iterable[str]) -> BuiltRelease:
    """Return a release of files that were not built, for trying what is made of one.

    Nothing that is rendered of it may leave a temporary folder: its sums are of nothing.
    """
    files = {
        name: DeliveredFile(Path(name), 1, hashlib.sha256(name.encode()).hexdigest())
        for name in names
    }
    return BuiltRelease(release.version, files, release.downloads)


def read(folder: Path, downloads: str | None = None, version: str | None = None) -> BuiltRelease:
    """Return what lies in a folder, after looking at every octet of it.

    Args:
        folder: with the files and their table.
        downloads: other than channels.toml has it; see :class:`BuiltRelease`.
        version: other than the sources' own.

    Raises:
        SetupError: there is nothing, or something is not as the table says; the text says what.

    """
    version = version_of(ROOT) if version is None else version
    if not _VERSION.fullmatch(version):
        raise SetupError(f"{version!r} is no version that channels take")
    own = re.compile(rf"(?<![\d.]){re.escape(version)}(?!\.?\d)")
    found: dict[str, DeliveredFile] = {}
    for name, size, sha256 in _rows(folder / TABLE):
        if name in found:
            raise SetupError(f"{TABLE} names {name} twice: build anew")
        if own.search(name):
            found[name] = _compared(DeliveredFile(folder / name, size, sha256))
    for path in sorted(folder.glob(f"*{FOR_MAC}")):
        if path.name not in found and own.search(path.name):
            found[path.name] = DeliveredFile(path, path.stat().st_size, sha256_of(path))
    if not found:
        raise SetupError(f"nothing of {version} was built yet in {folder}: make installers")
    return BuiltRelease(version, found, downloads or published.facts()["publisher"]["downloads"])


def _rows(table: Path) -> Iterator[tuple[str, int, str]]:
    """Yield name, size and SHA-256 of each row; none where there is no table."""
    try:
        rows = json.loads(table.read_text("utf-8"))
    except FileNotFoundError:
        return
    except (OSError, ValueError, RecursionError) as error:
        raise SetupError(f"{table} cannot be read ({error}): build anew") from error
    if not isinstance(rows, list):
        raise SetupError(f"{table} is no table: build anew")
    for row in rows:
        yield _row(table, row)


def _row(table: Path, row: Any) -> tuple[str, int, str]:
    match row:
        case {"name": str(name), "size": int(size), "sha256": str(sha256)} if (
            _NAME.fullmatch(name) and _SHA256.fullmatch(sha256) and type(size) is int and size > 0
        ):
            return name, size, sha256
    raise SetupError(f"{table} has a row that is none: {str(row)[:200]}: build anew")


def _compared(told: DeliveredFile) -> DeliveredFile:
    """Return the file if it is what the table says."""
    path = told.path
    if path.is_symlink() or not path.is_file():
        raise SetupError(f"{path.name} is in {TABLE}, and not in {path.parent}: build anew")
    if path.stat().st_size != told.size:
        raise SetupError(
            f"{path.name} has {path.stat().st_size} bytes, and {TABLE} says {told.size}: it was "
            "changed after it was built; build anew"
        )
    if sha256_of(path) != told.sha256:
        raise SetupError(
            f"{path.name} has another SHA-256 than {TABLE} says: it was changed after it was "
            "built; build anew"
        )
    return told
