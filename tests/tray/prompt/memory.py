"""Looks for a secret wherever a program may have left it (Linux)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CHUNK: Final = 16 * 1024 * 1024  # bytes read at once


def family(pid: int) -> list[int]:
    """Return a process and everything that it started."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for path in threads for child in path.read_text().split()]
    return [pid, *(descendant for child in children for descendant in family(child))]


def said_about(pid: int) -> bytes:
    """Return a process's arguments and environment, which other programs may read."""
    process = Path(f"/proc/{pid}")
    return (process / "cmdline").read_bytes() + (process / "environ").read_bytes()


def core_size(pid: int) -> str:
    """Give how large a core dump of a process may be, in bytes."""
    limits = Path(f"/proc/{pid}/limits").read_text()
    found = re.search(r"^Max core file size +(\S+)", limits, re.MULTILINE)
    return found[1] if found else "?"


def copies_in_memory(pid: int, secret: bytes) -> list[str]:
    """Find every copy of a secret in what a process can read of its own; name the regions."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end, name in _regions(pid):
            for offset in range(start, end, _CHUNK):
                # With some overlap, so that none lies across a border.
                size = min(_CHUNK + len(secret) - 1, end - offset)
                memory.seek(offset)
                try:
                    content = memory.read(size) or b""
                except OSError:
                    continue  # the kernel's own pages, and what was given back meanwhile
                found += [name] * len(re.findall(re.escape(secret), content))
    return found


def _regions(pid: int) -> Iterator[tuple[int, int, str]]:
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, rights, _, _, _, *name = line.split(maxsplit=5)
        if rights.startswith("r"):
            start, _, end = span.partition("-")
            yield int(start, 16), int(end, 16), name[0] if name else "anonymous"


def copies_in_files(folder: Path, secret: bytes) -> list[Path]:
    """Find every file below a folder with the secret in it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if secret in path.read_bytes()]
