"""The repository that people have now: looked through before anything of it is kept."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from release.apt_repository import DISTS, signed_on
from release.repository_package import RepositoryError, RepositoryPackage, read, sha256, tool

SUMS: Final = "SHA256SUMS"
_LINE: Final = re.compile(
    r"([0-9a-f]{64})  ((?:[A-Za-z0-9_][A-Za-z0-9._+~-]*/)*[A-Za-z0-9_][A-Za-z0-9._+~-]*)"
)


def previous(root: Path, certificates: bytes, when: int) -> list[RepositoryPackage]:
    """Return the packages of an earlier repository, if it is whole and signed by a key of ours.

    Args:
        root: its folder, as it is served.
        certificates: of our keys; without one no signature is looked at.
        when: the new lists are signed, in seconds since 1970.

    Raises:
        RepositoryError: it is not ours, not whole, or of a later date.

    """
    if certificates:
        _verify(root, certificates)
    files = _files(root)
    release = files.get(f"{DISTS}/Release")
    # apt would take lists that are older than those it has for an attack.
    if release is not None and signed_on(release.read_text("utf-8")) >= when:
        raise RepositoryError(f"{root} was signed at {when} or later: take a later date")
    found = [read(path) for name, path in sorted(files.items()) if name.endswith((".deb", ".rpm"))]
    for package in found:
        if files.get(package.place) != package.path:
            raise RepositoryError(f"{package.path.name} is not where it should be")
    return found


def lists(root: Path) -> list[Path]:
    """Return the lists of packages that an earlier repository's sums name.

    Whatever else lies beside them, such as a link to a file of whoever releases, is nobody's.

    Raises:
        RepositoryError: a file is not the one that the sums name.

    """
    folder = f"{DISTS}/"
    named = sorted(_files(root).items())
    return [path for name, path in named if name.startswith(folder) and path.stem == "Packages"]


def _verify(root: Path, certificates: bytes) -> None:
    """Refuse sums that no key of ours has signed.

    While one key follows another, both have signed them, and gpgv calls nothing good of which it
    lacks a key: each signature is shown to it alone.
    """
    signatures = list(_packets((root / f"{SUMS}.gpg").read_bytes()))
    with tempfile.TemporaryDirectory() as folder:
        keyring, signature = Path(folder, "ankong.gpg"), Path(folder, "signature")
        keyring.write_bytes(certificates)
        words = ("gpgv", "--keyring", keyring, signature, root / SUMS)
        why = RepositoryError(f"{root} is not signed")
        for each in signatures:
            signature.write_bytes(each)
            try:
                tool(*words, env={"GNUPGHOME": folder})
            except RepositoryError as error:
                why = error
            else:
                return
        raise why


def _packets(octets: bytes) -> Iterator[bytes]:
    """Yield packets as :mod:`release.openpgp` writes them; what is none is yielded as it is."""
    while octets:
        end = 3 + int.from_bytes(octets[1:3])
        yield octets[:end]
        octets = octets[end:]


def _files(root: Path) -> Mapping[str, Path]:
    """Return the files that the sums name, each compared with its own."""
    found: dict[str, Path] = {}
    for line in (root / SUMS).read_text("utf-8").splitlines():
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise RepositoryError(f"{SUMS}: {line!r} is no line of ours")
        path = root / parts[2]
        inside = path.resolve() == root.resolve() / parts[2]  # no link on the way
        if not inside or not path.is_file() or sha256(path.read_bytes()) != parts[1]:
            raise RepositoryError(f"{parts[2]} is not the file that {SUMS} names")
        found[parts[2]] = path
    return found
