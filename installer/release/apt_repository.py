"""The lists that apt reads: ``Packages`` of each architecture, and ``Release`` over them."""

import gzip
import lzma
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from release.openpgp import TwinKey, armoured, cleartext
from release.repository_package import RepositoryPackage, sha256, tool

SUITE: Final = "stable"
DISTS: Final = f"dists/{SUITE}"
_DATE: Final = "%a, %d %b %Y %H:%M:%S UTC"


def write(
    root: Path, packages: Sequence[RepositoryPackage], keys: Sequence[TwinKey], dates: range
) -> None:
    """Write the lists of the packages, which lie in their places already.

    Args:
        root: of the repository.
        packages: of every kind, newest first.
        keys: that sign; without one there is no signature.
        dates: when it is signed, and until when it holds, in seconds since 1970.

    """
    debian = [package for package in packages if package.kind == "deb"]
    lists: dict[str, bytes] = {}
    for architecture in sorted({package.architecture for package in debian}):
        stanzas = [_stanza(each) for each in debian if each.architecture == architecture]
        text = "\n".join(stanzas).encode()
        name = f"main/binary-{architecture}/Packages"
        lists[name] = text
        lists[f"{name}.gz"] = gzip.compress(text, 9, mtime=0)
        lists[f"{name}.xz"] = lzma.compress(text, preset=9)
    folder = root / DISTS
    for name, content in lists.items():
        path = folder / name
        # Who has the Release from before a change still finds what that one names.
        by_hash = path.parent / "by-hash" / "SHA256"
        by_hash.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        (by_hash / sha256(content)).write_bytes(content)
    if lists:
        _write_release(folder, lists, keys, dates)


def _stanza(package: RepositoryPackage) -> str:
    """Return what the package says of itself, and where it is, whole or not at all."""
    content = package.path.read_bytes()
    fields = tool("dpkg-deb", "--field", package.path).rstrip("\n")
    more = {"Filename": package.place, "Size": len(content), "SHA256": sha256(content)}
    return "\n".join([fields, *(f"{field}: {value}" for field, value in more.items()), ""])


def _write_release(
    folder: Path, lists: dict[str, bytes], keys: Sequence[TwinKey], dates: range
) -> None:
    architectures = sorted({name.split("/")[1].removeprefix("binary-") for name in lists})
    fields = {
        "Origin": "Ankong",
        "Label": "Ankong",
        "Suite": SUITE,
        "Codename": SUITE,
        "Date": datetime.fromtimestamp(dates.start, UTC).strftime(_DATE),
        "Valid-Until": datetime.fromtimestamp(dates.stop, UTC).strftime(_DATE),
        "Acquire-By-Hash": "yes",
        "Architectures": " ".join(architectures),
        "Components": "main",
        "Description": "Ankong, a signing agent for Taiwan's citizen smart card",
    }
    lines = [f"{field}: {value}" for field, value in fields.items()]
    sums = [f" {sha256(text)} {len(text):16} {name}" for name, text in sorted(lists.items())]
    release = "\n".join([*lines, "SHA256:", *sums, ""]).encode()
    (folder / "Release").write_bytes(release)
    if keys:
        whole = b"".join(key.detached(release, dates.start) for key in keys)
        (folder / "Release.gpg").write_bytes(armoured("SIGNATURE", whole))
        inline = b"".join(key.over_text(release, dates.start) for key in keys)
        (folder / "InRelease").write_bytes(cleartext(release, inline))


def signed_on(release: str) -> int:
    """Return the date of a ``Release``, in seconds since 1970.

    Raises:
        ValueError: it has none.

    """
    [line] = [line for line in release.splitlines() if line.startswith("Date: ")]
    date = datetime.strptime(line.removeprefix("Date: "), _DATE)  # noqa: DTZ007  # said below
    return int(date.replace(tzinfo=UTC).timestamp())


def sources(address: str, certificates: bytes, architectures: Sequence[str]) -> str:
    """Return the file for ``/etc/apt/sources.list.d``, with the keys in it.

    Args:
        address: of the repository.
        certificates: of the keys that apt shall believe; without one it is told to ask for none.
        architectures: for which there are packages; apt asks for no others.

    """
    lines = [
        "Types: deb",
        f"URIs: {address}",
        f"Suites: {SUITE}",
        "Components: main",
        f"Architectures: {' '.join(architectures)}",
    ]
    if not certificates:
        return "\n".join([*lines, "Trusted: yes", ""])
    block = armoured("PUBLIC KEY BLOCK", certificates).decode().replace("\n\n", "\n.\n", 1)
    return "\n".join([*lines, "Signed-By:", textwrap.indent(block, " ")])
