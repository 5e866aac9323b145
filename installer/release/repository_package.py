"""The packages of a repository: what was built, and what an earlier repository has, both judged."""

import hashlib
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PRODUCT: Final = "ankong"
_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+~]{0,63}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,199}")
_ARCHITECTURES: Final = {"deb": ("amd64", "arm64"), "rpm": ("x86_64", "aarch64")}
_RPM_FIELDS: Final = "%{NAME}\\n%{VERSION}\\n%{RELEASE}\\n%{ARCH}\\n%{SHA256HEADER}\\n"
_OF_LISTS: Final = {"filename", "size", "md5sum", "sha1", "sha256", "sha512"}
"""What lists add to the fields of a package, in small letters: no package has them."""
_SECONDS: Final = 300


class RepositoryError(Exception):
    """The repository cannot be made; the text says why."""


@dataclass(frozen=True)
class RepositoryPackage:
    """A package that was read and found to be ours.

    Attributes:
        path: of the file.
        kind: "deb" or "rpm".
        version: of the program, and for rpm its release after a hyphen.
        architecture: as the kind calls it.
        identity: what two packages with the same content have in common, signed or not.

    """

    path: Path
    kind: str
    version: str
    architecture: str
    identity: str

    @property
    def place(self) -> str:
        """Where it lies in a repository."""
        if self.kind == "deb":
            return f"pool/main/{PRODUCT[0]}/{PRODUCT}/{self.path.name}"
        return f"rpm/{self.architecture}/{self.path.name}"


def built(table: Path) -> list[RepositoryPackage]:
    """Return the packages that a table of artefacts names, each as it was built.

    Args:
        table: ``artefacts.json``, beside the files.

    Raises:
        RepositoryError: the table or a package is not as it should be, or there is no package.

    """
    found = []
    for name, size, wanted in _rows(table):
        path = table.with_name(name)
        if path.is_symlink() or not path.is_file():
            raise RepositoryError(f"{table.name} names {name}, which is not there")
        if path.stat().st_size != size or sha256(path.read_bytes()) != wanted:
            raise RepositoryError(f"{name} is not the file that {table.name} names")
        found.append(read(path))
    if not found:
        raise RepositoryError(f"{table} names no .deb and no .rpm: make installers ONLY=linux")
    return found


def _rows(table: Path) -> list[tuple[str, int, str]]:
    try:
        rows: list[Mapping[str, Any]] = json.loads(table.read_text("utf-8"))
        rows = [row for row in rows if str(row["name"]).endswith((".deb", ".rpm"))]
        taken = [(str(row["name"]), int(row["size"]), str(row["sha256"])) for row in rows]
    except (ValueError, TypeError, KeyError) as error:
        raise RepositoryError(f"{table}: not a table of artefacts ({error})") from error
    for name, _, _ in taken:
        if not _NAME.fullmatch(name):
            raise RepositoryError(f"{table.name}: {name!r} is no file's name")
    return taken


def read(path: Path) -> RepositoryPackage:
    """Return what a package says of itself.

    Raises:
        RepositoryError: it cannot be read, is none of ours, or its name says something else.

    """
    kind = path.suffix.removeprefix(".")
    if kind == "deb":
        name, version, architecture = _fields(path)
        whole, identity = version, sha256(path.read_bytes())
        wanted = f"{name}_{version}_{architecture}.deb"
    else:
        words = ("rpm", "--query", "--nosignature", "--queryformat", _RPM_FIELDS, "--package")
        told = tool(*words, path).splitlines()
        if len(told) != 5:
            raise RepositoryError(f"{path.name}: rpm cannot read it")
        name, version, release, architecture, identity = told
        whole = f"{version}-{release}"
        wanted = f"{name}-{whole}.{architecture}.rpm"
    if name != PRODUCT or architecture not in _ARCHITECTURES[kind]:
        raise RepositoryError(f"{path.name} is {name!r} for {architecture!r}, and none of ours")
    if not all(_VERSION.fullmatch(part) for part in whole.split("-")):
        raise RepositoryError(f"{path.name}: {whole!r} is no version of ours")
    if path.name != wanted:
        raise RepositoryError(f"{path.name} says of itself that it is {wanted}")
    return RepositoryPackage(path, kind, whole, architecture, identity)


def _fields(deb: Path) -> tuple[str, str, str]:
    whole = tool("dpkg-deb", "--field", deb)
    named = {field.lower() for field in re.findall(r"^([^\s:]+):", whole, re.MULTILINE)}
    if named & _OF_LISTS:
        raise RepositoryError(f"{deb.name} says itself where it is, or what its sum is")
    wanted = ("Package", "Version", "Architecture")
    told = [tool("dpkg-deb", "--field", deb, field).strip() for field in wanted]
    return told[0], told[1], told[2]


def together(
    new: Sequence[RepositoryPackage], kept: Sequence[RepositoryPackage], count: int
) -> list[RepositoryPackage]:
    """Return the packages of a repository, newest first for each system.

    Args:
        new: what was built.
        kept: what the earlier repository has; such a file stays as it is.
        count: how many versions stay for each system.

    Raises:
        RepositoryError: a new package is older than one that is there, or has the version of
            one, and another content.

    """
    lines: dict[tuple[str, str], list[RepositoryPackage]] = {}
    for package in kept:
        lines.setdefault((package.kind, package.architecture), []).append(package)
    for package in new:
        line = lines.setdefault((package.kind, package.architecture), [])
        same = [each for each in line if each.version == package.version]
        if any(each.identity != package.identity for each in same):
            raise RepositoryError(
                f"{package.path.name} is there with another content: give it a new version"
            )
        newer = [each for each in line if _is_newer(each, package)]
        if newer and not same:
            raise RepositoryError(f"{package.path.name} is older than {newer[0].path.name}")
        if not same:
            line.append(package)
    return [package for key in sorted(lines) for package in _newest_first(lines[key])[:count]]


def _newest_first(line: Sequence[RepositoryPackage]) -> list[RepositoryPackage]:
    """Sort versions, which are few."""
    return sorted(line, key=lambda package: -sum(_is_newer(package, each) for each in line))


def _is_newer(one: RepositoryPackage, other: RepositoryPackage) -> bool:
    """Return whether the system's own tool calls a package newer."""
    if one.kind == "deb":
        words = ("dpkg", "--compare-versions", one.version, "gt", other.version)
        return subprocess.run(words, check=False, timeout=_SECONDS).returncode == 0
    ours, theirs = (each.version.split("-") for each in (one, other))
    for mine, its in zip(ours, theirs, strict=True):
        order = tool("rpm", "--eval", f'%{{lua:print(rpm.vercmp("{mine}", "{its}"))}}').strip()
        if order != "0":
            return order == "1"
    return False


def tool(*words: str | Path, env: Mapping[str, str] | None = None) -> str:
    """Run a program; return what it prints.

    Args:
        words: the program and its arguments.
        env: all of its environment, if it is not this process's.

    Raises:
        RepositoryError: it is not there, or failed; the text has what it says.

    """
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=_SECONDS, env=env
        )
    except FileNotFoundError as error:
        raise RepositoryError(f"{words[0]} is not there: make setup") from error
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise RepositoryError(f"{words[0]}: {error}") from error
    if done.returncode != 0:
        told = " ".join((done.stderr or done.stdout).split())
        raise RepositoryError(f"{words[0]} failed: {told[-600:]}")
    return done.stdout


def sha256(content: bytes) -> str:
    """Return a digest, in hex."""
    return hashlib.sha256(content).hexdigest()
