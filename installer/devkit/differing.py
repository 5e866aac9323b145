"""What differs between two files that should be the same: which members, if they are archives."""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from devkit.shell import output

MOST_NAMED: Final = 12
"""How many members are named at most; the rest is counted."""
_AR: Final = b"!<arch>\n"
_XZ: Final = b"\xfd7zXZ\0"
_RPM: Final = b"\xed\xab\xee\xdb"
_RPM_FILES: Final = (
    "[%{FILENAMES} %{FILEDIGESTS} %{FILEMODES:octal} %{FILEMTIMES} %{FILELINKTOS}\n]"
)
_RPM_TAG: Final = re.compile(r'<rpmTag name="(\w+)">(.*?)</rpmTag>', re.DOTALL)
_BROKEN: Final = (
    OSError,
    EOFError,
    ValueError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
)

Members = Mapping[str, bytes]
"""Parts of a file by their names: contents, or a description where contents say too little."""


def differing_members(first: Path, second: Path) -> list[str]:
    """Return what differs between two files, a line each; nothing where they are the same.

    Archives (ar, tar, zip, makeself's, rpm, and what is packed by gzip, xz or bzip2) are opened,
    and archives in them. Of any other file it says how many bytes differ, and where it begins.
    """
    if _same(first, second):
        return []
    contents = first.read_bytes(), second.read_bytes()
    if contents[0].startswith(_RPM) and contents[1].startswith(_RPM):
        lines = _in_parts(first.name, _rpm(first), _rpm(second))
        return lines or [f"{first.name}: {_bytes(*contents)}"]
    return list(_between(first.name, *contents))


def differing_files(first: Path, second: Path) -> list[str]:
    """Return what differs between two folders, a line each: files, links, modes, times.

    Of a folder that is in neither place nothing is said.
    """
    return _in_parts("", _folder(first), _folder(second))


def shortened(lines: list[str]) -> list[str]:
    """Return the first of many lines, and how many there are besides."""
    left = len(lines) - MOST_NAMED
    return lines if left <= 0 else [*lines[:MOST_NAMED], f"and {left} more"]


def _same(first: Path, second: Path) -> bool:
    if first.stat().st_size != second.stat().st_size:
        return False
    return first.read_bytes() == second.read_bytes()


def _between(name: str, first: bytes, second: bytes) -> Iterator[str]:
    """Yield what differs between two contents of one name."""
    if first == second:
        return
    opener = _opener(first)
    if opener is not None and _opener(second) is opener:
        try:
            parts = opener(first), opener(second)
        except _BROKEN:
            parts = None
        inside = _in_parts(name, *parts) if parts else []
        if inside:
            yield from inside
            return
    yield f"{name}: {_bytes(first, second)}"


def _in_parts(name: str, first: Members, second: Members) -> list[str]:
    """Return what differs between the parts of two files, or between their order."""
    before = f"{name}: " if name else ""
    lines = []
    for part in sorted({*first, *second}):
        if part not in second:
            lines.append(f"{before}{part} is in the first build alone")
        elif part not in first:
            lines.append(f"{before}{part} is in the second build alone")
        else:
            lines.extend(f"{before}{line}" for line in _between(part, first[part], second[part]))
    if not lines and list(first) != list(second):
        lines.append(f"{before}the order of its members")
    return lines


def _bytes(first: bytes, second: bytes) -> str:
    if len(first) != len(second):
        sizes = f"{len(first)} and {len(second)} bytes"
        return f"{first!r} and {second!r}" if max(len(first), len(second)) < 80 else sizes
    if len(first) < 200 and first.isascii() and first.decode().isprintable():
        return f"{first.decode()} and {second.decode('utf-8', 'replace')}"
    places = [at for at, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1]]
    return f"{len(places)} of {len(first)} bytes differ, the first at {places[0]:#x}"


def _opener(content: bytes) -> Callable[[bytes], Members] | None:
    """Return what opens an archive of this content; None where it is none that we know."""
    if content.startswith(b"#!") and _XZ in content:
        return _makeself
    for start, opener in _OPENERS.items():
        if content.startswith(start):
            return opener
    return _tar if content[257:262] == b"ustar" else None


def _ar(content: bytes) -> dict[str, bytes]:
    parts, at = {}, len(_AR)
    while at + 60 <= len(content):
        head = content[at : at + 60].decode("ascii", "replace")
        size = int(head[48:58])
        name = head[:16].strip().rstrip("/")
        parts[f"{name} (head)"] = " ".join(head[:58].split()).encode()
        parts[name] = content[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    return parts


def _makeself(content: bytes) -> dict[str, bytes]:
    start = content.index(_XZ)
    lines = content[:start].splitlines()
    parts = {f"line {number} of its script": line for number, line in enumerate(lines, 1)}
    return {**parts, "payload": content[start:]}


def _zip(content: bytes) -> dict[str, bytes]:
    parts = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            head = f"{entry.date_time} {entry.external_attr:o} {entry.compress_type}"
            parts[f"{entry.filename} (head)"] = head.encode()
            parts[entry.filename] = archive.read(entry)
    return parts


def _tar(content: bytes) -> dict[str, bytes]:
    parts = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for entry in archive:
            owner = f"{entry.uid}/{entry.gid}/{entry.uname}/{entry.gname}"
            head = f"{entry.mode:o} {entry.mtime} {owner} {entry.linkname}".rstrip()
            parts[f"{entry.name} (head)"] = head.encode()
            file = archive.extractfile(entry) if entry.isfile() else None
            parts[entry.name] = file.read() if file else b""
    return parts


def _unpacked(unpack: Callable[[bytes], bytes]) -> Callable[[bytes], dict[str, bytes]]:
    return lambda content: {"unpacked": unpack(content)}


_OPENERS: Final[dict[bytes, Callable[[bytes], Members]]] = {
    _AR: _ar,
    b"PK\3\4": _zip,
    _XZ: _unpacked(lzma.decompress),
    b"\x1f\x8b": _unpacked(gzip.decompress),
    b"BZh": _unpacked(bz2.decompress),
}


def _rpm(path: Path) -> dict[str, bytes]:
    """Return the files and the tags of a package, as the program rpm tells them."""
    files = output(["rpm", "-qp", "--nosignature", "--qf", _RPM_FILES, path]) or ""
    tags = output(["rpm", "-qp", "--nosignature", "--xml", path]) or ""
    parts = {line.partition(" ")[0]: line.partition(" ")[2].encode() for line in files.splitlines()}
    for name, value in _RPM_TAG.findall(tags):
        parts[f"tag {name}"] = value.encode()
    return parts


def _folder(folder: Path) -> dict[str, bytes]:
    parts = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            parts[name] = f"link to {path.readlink()}".encode()
            continue
        about = path.stat()
        parts[f"{name} (head)"] = f"{about.st_mode:o} {int(about.st_mtime)}".encode()
        parts[name] = path.read_bytes() if path.is_file() else b""
    return parts
