"""``ankong sdk``: write the package for web pages into a folder, for npm without a network."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from agent.commands.output import say
from agent.commands.parser import CommandOptions, CommandParser, define
from agent.commands.tongue import tell
from agent.errors import BadRequestError
from agent.files import create_file

_PUBLIC: Final = 0o644
_ALWAYS: Final = ("README.md", "LICENSE")  # npm's own rule


@dataclass(frozen=True, kw_only=True, slots=True)
class SdkOptions(CommandOptions):
    """The options of ``sdk``.

    Attributes:
        folder: the new folder.

    """

    folder: Path


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, SdkOptions, sdk)
    parser.add_argument("folder", type=Path, metavar="DIR", help="cli.sdk.folder")


def sdk(options: SdkOptions) -> int:
    """Write what npm would publish, as far as this installation has it.

    Raises:
        BadRequestError: there is something of that name already.
        OSError: the folder cannot be made or written.

    """
    folder = options.folder
    if folder.exists():
        raise BadRequestError(
            f"{folder}: there already", said=("cli.error.folder_exists", {"path": folder})
        )
    source = resources.files("agent.web") / "sdk"
    package = json.loads((source / "package.json").read_text("utf-8"))
    types = sorted((source / "types").iterdir(), key=lambda each: each.name)
    folder.mkdir(parents=True)
    names = [name for name in package["files"] if "*" not in name]
    for name in (*names, *_ALWAYS):
        if (source / name).is_file():
            create_file(folder / name, (source / name).read_bytes(), mode=_PUBLIC)
    (folder / "types").mkdir()
    for each in types:
        create_file(folder / "types" / each.name, each.read_bytes(), mode=_PUBLIC)
    there = {each.name for each in folder.iterdir()}
    written = json.dumps(_installable(package, there), indent=2)
    create_file(folder / "package.json", f"{written}\n".encode(), mode=_PUBLIC)
    say(tell("cli.sdk.done", path=folder.absolute()))
    return 0


def _installable(package: dict[str, Any], there: Collection[str]) -> dict[str, Any]:
    """Leave out what only its own checkout can do; no entry names a file that is not there."""
    left = {key: package[key] for key in package if key not in {"scripts", "devDependencies"}}
    exports = {}
    for name, entry in package["exports"].items():
        file = entry if isinstance(entry, str) else entry["default"]
        if file.removeprefix("./") in {*there, "package.json"}:
            exports[name] = entry
    return {**left, "exports": exports}
