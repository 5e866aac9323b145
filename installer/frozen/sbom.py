"""The software bill of materials of the frozen program, and the licences of its components.

Every file of the program is traced to a distribution of the lock, to Python, or to a package of the
system. A file of another origin stops the build.
"""

import os
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from frozen import bill

FILE = "sbom.cdx.json"
LICENCES = "licences"
_LICENCE_NAME = re.compile(r"licen[cs]e|copying|notice|authors", re.IGNORECASE)
_OWNER = re.compile(r"^([a-z0-9][a-z0-9+.-]+)(?::[a-z0-9]+)?: ", re.MULTILINE)
BOOTLOADER = "pyinstaller"
"""It brings the program's own first code, which no entry tells of."""
PDFJS = ("pdfjs-dist", "5.6.205")
"""What draws PDFs in the panel; it lies in the checkout."""
_PDFJS_MAKER = "Mozilla"
_FONT_MAKER = "Adobe"  # says its OFL.txt
_PYTHON_MAKER = "Python Software Foundation"
_PDFJS_PLACE = Path("agent", "web", "panel", "static", "vendor", "pdfjs")


class UnknownOriginError(Exception):
    """A file of the program is of no known origin; the text names it."""


@dataclass(frozen=True)
class BundledComponent:
    """A component of the program that was made by others.

    Attributes:
        name: of the distribution or package.
        version: of it.
        purl: package URL (purl-spec).
        licence: of its metadata; "" where they have none.
        texts: its licence files.
        supplier: who made it, of its metadata; "" where they do not say.
        files: what was collected of it, by a name that no place of the build is part of; without
            what was compiled on this machine, which nobody else has.

    """

    name: str
    version: str
    purl: str
    licence: str
    texts: tuple[Path, ...]
    supplier: str = ""
    files: tuple[tuple[str, Path], ...] = ()


def components(
    sources: Iterable[str], own: Sequence[Path], locked: Mapping[str, str]
) -> list[BundledComponent]:
    """Return the components that the files of the program are from.

    Args:
        sources: paths of all collected files.
        own: folders whose files are ours: the checkout, and where the program is built.
        locked: normal name and version of each package of the lock.

    Raises:
        UnknownOriginError: a file is of no component, or of one that the lock does not name.

    """
    sources = list(sources)
    owners = _owners()
    named: dict[str, set[Path]] = {BOOTLOADER: set()}
    from_system: set[Path] = set()
    pythons: set[Path] = set()
    for source in sources:
        path = Path(source).absolute()
        if _key(source) in owners:
            named.setdefault(owners[_key(source)], set()).add(path)
        elif any(_is_in(path, folder) for folder in own):
            continue
        elif _is_pythons(path):
            pythons.add(path)
        else:
            from_system.add(path)
    found = [_of_python(pythons)]
    found += [_of_distribution(name, locked, named[name]) for name in sorted(named)]
    found += _of_checkout(sources)
    found += [_of_font(path) for path in sorted(map(Path, sources)) if path.suffix == ".otf"]
    return [*found, *_of_system(from_system)]


def _is_in(path: Path, folder: Path) -> bool:
    """Return whether a file is below a folder, and not in an environment below it."""
    environments = {".venv", "site-packages", "dist-packages"}
    return path.is_relative_to(folder) and not environments & set(path.relative_to(folder).parts)


def _is_pythons(path: Path) -> bool:
    places = {sys.base_prefix, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    if "site-packages" in path.parts or "dist-packages" in path.parts:
        return False
    # Debian's Python lives in /usr, with everything else.
    return any(path.is_relative_to(place) for place in places if place != "/usr")


@cache
def _owners() -> dict[str, str]:
    """Return the distribution of each installed file, by normal name."""
    owners = {}
    for found in distributions():
        base, name = str(found.locate_file("")), normal(found.name)
        for file in found.files or ():
            owners[_key(os.path.join(base, str(file)))] = name  # noqa: PTH118  # see _key
    return owners


def _key(path: str) -> str:
    """Return a path in one spelling; as text, for there are tens of thousands."""
    return os.path.normcase(os.path.abspath(path))  # noqa: PTH100  # follows no link


def normal(name: str) -> str:
    """Return a distribution's name in the normal form of locks and package URLs."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _of_distribution(
    name: str, locked: Mapping[str, str], collected: set[Path]
) -> BundledComponent:
    found = Distribution.from_name(name)
    if locked.get(name) != found.version:
        raise UnknownOriginError(f"{name} {found.version} is collected, but not in the lock")
    texts = [
        Path(str(file.locate()))
        for file in found.files or ()
        if ".dist-info" in file.parts[0] and _LICENCE_NAME.search(file.name)
    ]
    if not texts:
        raise UnknownOriginError(f"{name} {found.version} has no licence text")
    licence = found.metadata["License-Expression"] or found.metadata["License"] or ""
    return BundledComponent(
        name,
        found.version,
        f"pkg:pypi/{name}@{found.version}",
        licence.partition("\n")[0],
        tuple(texts),
        _supplier(found),
        _files_of(found, collected),
    )


def _supplier(found: Distribution) -> str:
    """Return who a distribution's metadata say has made it: a name, without an address."""
    for field in ("Author", "Author-email", "Maintainer", "Maintainer-email"):
        told = re.sub(r"\s*<[^>]*>", "", found.metadata[field] or "").split(",")
        names = [name.strip(" \"'") for name in told if name.strip() and "@" not in name]
        if names:
            return ", ".join(names)
    return ""


def _files_of(found: Distribution, collected: set[Path]) -> tuple[tuple[str, Path], ...]:
    """Return what was collected of a distribution, or else the bootloader that it brings."""
    # A wheel that pip has just made here is of this machine alone; its tag says so.
    is_made_here = re.search(r"^Tag: .*-linux_", found.read_text("WHEEL") or "", re.MULTILINE)
    places = {Path(str(file.locate())).absolute(): file.as_posix() for file in found.files or ()}
    if not collected:
        collected = {path for path, name in places.items() if "/bootloader/" in name}
    return tuple(
        (places[path], path)
        for path in sorted(collected)
        if not (is_made_here and path.suffix == ".so")
    )


def _of_python(collected: set[Path]) -> BundledComponent:
    version = platform.python_version()
    base = Path(sys.base_prefix)
    short = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = (
        base / "LICENSE.txt",
        base / "LICENSE",
        Path(sysconfig.get_path("stdlib"), "LICENSE.txt"),
        Path("/usr/share/doc", short, "copyright"),
    )
    texts = tuple(path for path in candidates if path.is_file())[:1]
    if not texts:
        raise UnknownOriginError("Python's own licence text is not there")
    own = BundledComponent(
        "python", version, f"pkg:generic/python@{version}", "Python-2.0.1", texts, _PYTHON_MAKER
    )
    return replace(own, files=_named(collected))


def _named(paths: Iterable[Path]) -> tuple[tuple[str, Path], ...]:
    """Return files of Python by their names and those of two folders above."""
    names = sorted(paths, key=str)
    return tuple(("/".join(path.parts[-3:]), path) for path in names)


def _of_checkout(sources: Iterable[str]) -> list[BundledComponent]:
    """Return what others made and the checkout has."""
    folder = _PDFJS_PLACE.as_posix()
    sources = tuple(sources)
    places = {path.parent for path in map(Path, sources) if path.parent.as_posix().endswith(folder)}
    name, version = PDFJS
    return [
        BundledComponent(
            name,
            version,
            f"pkg:npm/{name}@{version}",
            "Apache-2.0 AND BSD-3-Clause",
            tuple(sorted(place.glob("LICENSE*"))),
            _PDFJS_MAKER,
            tuple(
                (path.relative_to(place).as_posix(), path)
                for path in sorted(map(Path, sources))
                if path.is_relative_to(place)
            ),
        )
        for place in places
    ]


def _of_font(path: Path) -> BundledComponent:
    """Return a font of ours, which was cut out of one by others; its licence lies beside it."""
    name, version = path.stem, "2.004"
    purl = f"pkg:generic/{name.lower()}@{version}"
    texts = (path.with_name("OFL.txt"),)
    own = ((path.name, path),)
    return BundledComponent(name, version, purl, "OFL-1.1", texts, _FONT_MAKER, own)


def _of_system(paths: set[Path]) -> list[BundledComponent]:
    """Return the system packages that libraries are from; Debian only."""
    packages: dict[str, list[Path]] = {}
    for path in sorted(paths):
        packages.setdefault(_package_of(path), []).append(path)
    return [_of_package(name, found) for name, found in packages.items()]


@cache
def _package_of(path: Path) -> str:
    # dpkg knows a file by the path of before or after /lib became a link to /usr/lib.
    real = path.resolve()
    usr = Path("/usr") / path.relative_to("/") if path.is_absolute() else path
    for candidate in dict.fromkeys((path, usr, real, Path(str(real).removeprefix("/usr")))):
        found = _OWNER.search(_output(["dpkg", "-S", str(candidate)]))
        if found:
            return found[1]
    raise UnknownOriginError(f"{path} is of no distribution and of no package of the system")


def _of_package(name: str, collected: Iterable[Path]) -> BundledComponent:
    query = ["dpkg-query", "-W", "-f", "${Version}\\t${Maintainer}\\n", name]
    version, _, maintainer = _output(query).split("\n")[0].partition("\t")
    supplier = maintainer.partition(" <")[0]
    text = Path("/usr/share/doc", name, "copyright")
    if not text.is_file():
        raise UnknownOriginError(f"the package {name} has no copyright file")
    purl = f"pkg:deb/debian/{name}@{version}"
    own = tuple((path.name, path) for path in collected)
    return BundledComponent(name, version, purl, "", (text,), supplier, own)


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout


def write(
    folder: Path, version: str, parts: Sequence[BundledComponent], own: Path, when: int
) -> None:
    """Write the bill (CycloneDX 1.6) and the licence texts into ``folder``.

    Args:
        folder: made anew by the caller.
        version: of the program.
        parts: from :func:`components`.
        own: our own licence.
        when: seconds since 1970, when the sources were last changed.

    """
    (folder / LICENCES).mkdir(parents=True)
    (folder / LICENCES / "ankong.txt").write_bytes(own.read_bytes())
    for part in parts:
        text = b"\n\n".join(path.read_bytes() for path in part.texts)
        (folder / LICENCES / f"{part.name}.txt").write_bytes(text)
    refs = [part.purl for part in parts]
    uses = {bill.PRODUCT: refs, **{ref: [] for ref in refs}}
    written = bill.document(version, when, [_row(part) for part in parts], uses)
    (folder / FILE).write_text(bill.text(written), "utf-8")


def _row(part: BundledComponent) -> dict[str, Any]:
    facts = {
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
        "supplier": part.supplier,
        "licence": part.licence,
    }
    if not part.files:
        return bill.component(facts, {})
    found = bill.digest((name, path.read_bytes()) for name, path in part.files)
    return bill.component(facts, {"sha256": found, "files": str(len(part.files))})
