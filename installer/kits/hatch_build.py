"""Make the package ``ankong_verify`` of the rooms that a site's server needs; nothing is copied.

A server must not get a package called ``agent``, whose name is too common for its site-packages,
nor the parts that speak to cards and windows. So the wheel holds the modules that ``agent.relying``
and ``agent.validator`` import, and what those import, and in each of them the names of our modules
are written as they are called there. What could be meant in another way is refused.
"""

import ast
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FACES = ("agent.relying", "agent.validator")
"""The packages that are shipped whole; of all others only what these import."""
HOMES = {"agent.relying": "ankong_verify", "agent.validator": "ankong_verify.validator"}
"""Where they are in the wheel."""
INSIDE = "ankong_verify._agent"
"""Where everything else is."""
VECTORS = frozenset({".cer", ".crl", ".der", ".json"})
"""Of the test vectors, what a server's own tests need."""
MAIN = '''\
"""The command ``ankong-verify``, as ``python -m ankong_verify``."""

import sys

from ankong_verify.validator.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
'''
"""A module that the house does not have: there the service stands above what it uses."""
LEFT_OUT = frozenset({"examples", "__pycache__"})

_MODULE = re.compile(r"(?<![\w./-])agent(?:\.[a-z_0-9]+)+")
_IMPORTED = re.compile(r"agent(?:\.[a-z_0-9]+)+\Z")


class RenameError(Exception):
    """A module cannot be renamed without changing what it means."""


class VerifyWheel(BuildHookInterface[Any]):
    """Hatch's hook (https://hatch.pypa.io/latest/plugins/build-hook/reference)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the modules into a folder, and have the wheel include it."""
        del version
        root = Path(self.root).parents[1]
        self._folder = tempfile.TemporaryDirectory(prefix="ankong-verify-")
        target = Path(self._folder.name)
        for module, path in sorted(closure(root).items()):
            home = target / place_of(module, path)
            home.parent.mkdir(parents=True, exist_ok=True)
            home.write_text(renamed(path.read_text("utf-8"), module), "utf-8")
        for path, place in data_files(root):
            home = target / "ankong_verify" / place
            home.parent.mkdir(parents=True, exist_ok=True)
            home.write_bytes(path.read_bytes())
        (target / "ankong_verify" / "__main__.py").write_text(MAIN, "utf-8")
        build_data["force_include"][str(target / "ankong_verify")] = "ankong_verify"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take the folder away."""
        del version, build_data, artifact_path
        self._folder.cleanup()


def data_files(root: Path) -> Iterator[tuple[Path, str]]:
    """Return what goes along beside the modules, and where in the package it goes."""
    yield root / "LICENSE", "LICENSE"
    yield root / "agent" / "relying" / "py.typed", "py.typed"  # PEP 561
    yield root / "agent" / "relying" / "errors.json", "errors.json"
    for room, place in (("relying", ""), ("validator", "validator/")):
        for path in sorted((root / "agent" / room / "examples").iterdir()):
            if path.is_file():
                yield path, f"{place}examples/{path.name}"
    for name in ("README.md", "validator.service"):
        yield root / "agent" / "validator" / name, f"validator/{name}"
    for path in sorted((root / "agent" / "kits" / "vectors").iterdir()):
        if path.suffix in VECTORS:
            yield path, f"vectors/{path.name}"


def closure(root: Path) -> dict[str, Path]:
    """Return the modules of the wheel, by the names that they have in the checkout."""
    found: dict[str, Path] = {}
    waiting = [module for face in FACES for module in _modules_of(root, face)]
    while waiting:
        module = waiting.pop()
        path = _path_of(root, module)
        if module in found or path is None:
            continue
        found[module] = path
        waiting += _imports_of(path.read_text("utf-8"))
        waiting.append(module.rpartition(".")[0])
    return found


def _modules_of(root: Path, package: str) -> Iterator[str]:
    folder = root.joinpath(*package.split("."))
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if not LEFT_OUT.intersection(parts):
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _path_of(root: Path, module: str) -> Path | None:
    if not module:
        return None
    path = root.joinpath(*module.split("."))
    if (path / "__init__.py").is_file():
        return path / "__init__.py"
    return path.with_suffix(".py") if path.with_suffix(".py").is_file() else None


def _imports_of(source: str) -> Iterator[str]:
    """Return each name of ours that a module may load, also in a function or by a text."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                yield from (each.name for each in names if each.name.startswith("agent."))
            case ast.ImportFrom(module=str(name), names=names) if name.split(".")[0] == "agent":
                yield name
                yield from (f"{name}.{each.name}" for each in names)
            case ast.Constant(value=str(text)) if _IMPORTED.match(text):
                yield text


def place_of(module: str, path: Path) -> Path:
    """Return where a module's file is in the wheel."""
    home = Path(*home_of(module).split("."))
    return home / "__init__.py" if path.name == "__init__.py" else home.with_suffix(".py")


def home_of(module: str) -> str:
    """Return what a module of the checkout is called in the wheel."""
    for ours, theirs in HOMES.items():
        if module == ours or module.startswith(f"{ours}."):
            return theirs + module.removeprefix(ours)
    return INSIDE + module.removeprefix("agent")


def renamed(source: str, module: str) -> str:
    """Write a module with the names that ours have in the wheel.

    Raises:
        RenameError: it names our package in a way that this does not understand.

    """
    written = _MODULE.sub(lambda found: home_of(found[0]), source)
    for node in ast.walk(ast.parse(written)):
        match node:
            case ast.ImportFrom(level=level) if level:
                raise RenameError(f"{module}:{node.lineno}: an import relative to a folder")
            case ast.ImportFrom(module="agent") | ast.Name(id="agent"):
                raise RenameError(f"{module}:{node.lineno}: the package itself")
            case ast.Import(names) if any(each.name.split(".")[0] == "agent" for each in names):
                raise RenameError(f"{module}:{node.lineno}: the package itself")
            case ast.Import(names) if any(
                each.name.startswith("ankong_verify") and not each.asname for each in names
            ):
                raise RenameError(f"{module}:{node.lineno}: an import that binds the package")
            case _:
                pass
    return written
