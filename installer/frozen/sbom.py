"""The software bill of materials of the frozen program, and the licences of its components.

Every file of the program is traced to a distribution of the lock, to Python, or to a package of the
system. A file of another origin stops the build.
"""

import json
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

FILE = "sbom.cdx.json"
LICENCES = "licences"
_LICENCE_NAME = re.compile(r"licen[cs]e|copying|notice|authors", re.IGNORECASE)
_OWNER = re.compile(r"^([a-z0-9][a-z0-9+.-]+)(?::[a-z0-9]+)?: ", re.MULTILINE)
BOOTLOADER = "pyinstaller"
"""It brings the program's own first code, which no entry tells of."""
PDFJS = ("pdfjs-dist", "5.6.205")
"""What draws PDFs in the panel; it lies in the checkout."""
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

    """

    name: str
    version: str
    purl: str
    licence: str
    texts: tuple[Path, ...]


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
    named = {BOOTLOADER}
    from_system: set[Path] = set()
    for source in sources:
        path = Path(source).absolute()
        if path in owners:
            named.add(owners[path])
        elif not any(_is_in(path, folder) for folder in own) and not _is_pythons(path):
            from_system.add(path)
    found = [_of_python(), *(_of_distribution(name, locked) for name in sorted(named))]
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


def _owners() -> dict[Path, str]:
    """Return the distribution of each installed file, by normal name."""
    return {
        Path(str(file.locate())).absolute(): normal(found.name)
        for found in distributions()
        for file in found.files or ()
    }


def normal(name: str) -> str:
    """Return a distribution's name in the normal form of locks and package URLs."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _of_distribution(name: str, locked: Mapping[str, str]) -> BundledComponent:
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
    )


def _of_python() -> BundledComponent:
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
    return BundledComponent(
        "python", version, f"pkg:generic/python@{version}", "Python-2.0.1", texts
    )


def _of_checkout(sources: Iterable[str]) -> list[BundledComponent]:
    """Return what others made and the checkout has."""
    folder = _PDFJS_PLACE.as_posix()
    places = {path.parent for path in map(Path, sources) if path.parent.as_posix().endswith(folder)}
    name, version = PDFJS
    return [
        BundledComponent(
            name,
            version,
            f"pkg:npm/{name}@{version}",
            "Apache-2.0 AND BSD-3-Clause",
            tuple(sorted(place.glob("LICENSE*"))),
        )
        for place in places
    ]


def _of_font(path: Path) -> BundledComponent:
    """Return a font of ours, which was cut out of one by others; its licence lies beside it."""
    name, version = path.stem, "2.004"
    purl = f"pkg:generic/{name.lower()}@{version}"
    return BundledComponent(name, version, purl, "OFL-1.1", (path.with_name("OFL.txt"),))


def _of_system(paths: set[Path]) -> list[BundledComponent]:
    """Return the system packages that libraries are from; Debian only."""
    names: dict[str, None] = {}
    for path in sorted(paths):
        names[_package_of(path)] = None
    return [_of_package(name) for name in names]


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


def _of_package(name: str) -> BundledComponent:
    query = ["dpkg-query", "-W", "-f", "${Version}\n", name]
    version = _output(query).split("\n")[0]
    text = Path("/usr/share/doc", name, "copyright")
    if not text.is_file():
        raise UnknownOriginError(f"the package {name} has no copyright file")
    return BundledComponent(name, version, f"pkg:deb/debian/{name}@{version}", "", (text,))


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout


def write(folder: Path, version: str, parts: Sequence[BundledComponent], own: Path) -> None:
    """Write the bill (CycloneDX 1.6) and the licence texts into ``folder``.

    Args:
        folder: made anew by the caller.
        version: of the program.
        parts: from :func:`components`.
        own: our own licence.

    """
    (folder / LICENCES).mkdir(parents=True)
    (folder / LICENCES / "ankong.txt").write_bytes(own.read_bytes())
    for part in parts:
        text = b"\n\n".join(path.read_bytes() for path in part.texts)
        (folder / LICENCES / f"{part.name}.txt").write_bytes(text)
    content = json.dumps(_bill(version, parts), ensure_ascii=False, indent=1) + "\n"
    (folder / FILE).write_text(content, "utf-8")


def _bill(version: str, parts: Sequence[BundledComponent]) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "ankong",
                "name": "ankong",
                "version": version,
                "licenses": [{"license": {"id": "MIT"}}],
            }
        },
        "components": [_row(part) for part in parts],
        "dependencies": [{"ref": "ankong", "dependsOn": [part.purl for part in parts]}],
    }


def _row(part: BundledComponent) -> dict[str, Any]:
    row: dict[str, Any] = {
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
    }
    if part.licence:
        row["licenses"] = [{"license": {"name": part.licence}}]
    return row
