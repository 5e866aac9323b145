"""Compare facts that are written in two files."""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*(?:==\s*([^\s;,]+))?")
_RELEASE = re.compile(r"^## \[(\d+(?:\.\d+){2}[^\]]*)\]( - \d{4}-\d{2}-\d{2})?", re.MULTILINE)


def disagreements(root: Path) -> list[str]:
    """Return a sentence for each pair of facts in the checkout ``root`` that differ."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    version = version_of(root)
    return [
        *_versions(root, version),
        *_portal(root, project, version),
        *_changelog((root / "CHANGELOG.md").read_text("utf-8"), version),
        *_locks(root / "installer" / "requirements", project),
    ]


def version_of(root: Path) -> str:
    """Return the agent's version; "" where it has none."""
    source = (root / "agent" / "__init__.py").read_text("utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', source, re.MULTILINE)
    return found[1] if found else ""


def _versions(root: Path, version: str) -> Iterator[str]:
    if not version:
        yield "agent/__init__.py has no __version__"
    for name in ("package.json", "package-lock.json"):
        path = root / "agent" / "web" / "sdk" / name
        if path.exists() and json.loads(path.read_text("utf-8")).get("version") != version:
            yield f"agent/web/sdk/{name} does not have the agent's version {version}"
    verifier = root / "agent" / "kits" / "node" / "package.json"
    if verifier.exists() and json.loads(verifier.read_text("utf-8")).get("version") != version:
        yield f"agent/kits/node/package.json does not have the agent's version {version}"


def _portal(root: Path, project: dict[str, Any], version: str) -> Iterator[str]:
    """Compare the portal's own distribution with the agent's, which it needs."""
    path = root / "agent" / "portal" / "pyproject.toml"
    portal = tomllib.loads(path.read_text("utf-8"))
    dependencies = portal["project"]["dependencies"]
    if f"ankong=={version}" not in dependencies:
        yield f"agent/portal/pyproject.toml does not need the agent's version {version}"
    if portal["build-system"] != project["build-system"]:
        yield "agent/portal/pyproject.toml is built in another way than the agent"
    for requirement in dependencies:
        if not requirement.startswith("ankong") and requirement not in _tested(project):
            yield f"agent/portal/pyproject.toml needs {requirement}, which is not what is tested"


def _tested(project: dict[str, Any]) -> list[str]:
    return [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]


def _changelog(text: str, version: str) -> Iterator[str]:
    if "\n## [Unreleased]\n" not in text:
        yield "CHANGELOG.md has no section [Unreleased]"
    releases = _RELEASE.findall(text)
    for release, date in releases:
        if not date:
            yield f"CHANGELOG.md does not say when {release} was released"
    if releases and _key(releases[0][0]) > _key(version):
        yield f"CHANGELOG.md has released {releases[0][0]}, but the agent says {version}"


def _key(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _locks(folder: Path, project: dict[str, Any]) -> Iterator[str]:
    groups = project["dependency-groups"]
    extras = project["project"]["optional-dependencies"]
    dependencies = [*project["project"]["dependencies"], *extras["pcsc"]]
    build = project["build-system"]["requires"]
    yield from _missing(folder / "dev.txt", [*dependencies, *groups["dev"]])
    yield from _missing(folder / "build.txt", [*build, *groups["build"]])
    yield from _missing(folder / "lint.txt", groups["lint"])
    yield from _missing(folder / "node.txt", groups["node"])
    yield from _missing(folder / "packages.txt", groups["packages"])
    yield from _missing(folder / "installer.txt", [*dependencies, *extras["installer"]])
    shipped = pins_of(folder / "installer.txt")
    for name, version in pins_of(folder / "dev.txt").items():
        if shipped.get(name, version) != version:
            yield f"installer.txt does not hold dev.txt's {name}=={version}: run dev.py lock"
    for name, version in pins_of(folder / "windows.txt").items():
        if shipped.get(name) != version:
            yield f"installer.txt does not hold windows.txt's {name}=={version}: run dev.py lock"


def pins_of(lock: Path) -> dict[str, str]:
    """Return the packages of a lock file: normal name to version."""
    pins: dict[str, str] = {}
    for line in lock.read_text("utf-8").splitlines():
        found = _REQUIREMENT.match(line)
        if found and found[2]:
            pins[_normal(found[1])] = found[2]
    return pins


def _missing(lock: Path, requirements: Iterable[str]) -> Iterator[str]:
    """Return the requirements that a lock does not meet by name or exact version."""
    pins = pins_of(lock)
    for requirement in requirements:
        name, exact = _REQUIREMENT.findall(requirement)[0]
        pinned = pins.get(_normal(name))
        if pinned is None or (exact and pinned != exact):
            yield f"{lock.name} does not hold {requirement}: run dev.py lock"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
