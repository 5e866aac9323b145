"""The file that a command writes: never over another one, unless that was asked for."""

from collections.abc import Iterable
from pathlib import Path

from agent.commands.parser import CommandParser
from agent.errors import BadRequestError


def add_out(
    parser: CommandParser,
    name: str = "--out",
    *,
    text: str,
    required: bool = False,
    metavar: str = "FILE",
) -> None:
    """Add the option that names the file, and ``--force``, which lets it be replaced.

    Args:
        parser: of the command.
        name: of the option.
        required: whether the command cannot do without.
        metavar: placeholder in ``--help``.
        text: key of what ``--help`` says of it.

    """
    parser.add_argument(name, type=Path, required=required, metavar=metavar, help=text)
    parser.add_argument("--force", action="store_true", help="cli.options.force")


def require_free(out: Path, *, force: bool, inputs: Iterable[Path] = ()) -> None:
    """Refuse to write over what is there, before anything is done that cannot be undone.

    A pipe or a device is no file that could be lost.

    Args:
        out: the file that is to be written.
        force: whether it may be replaced.
        inputs: what the command reads; none of them is ever replaced.

    Raises:
        BadRequestError: it is a folder, in none, one of the inputs, or there without ``force``.

    """
    if out.is_dir():
        raise _refused("this is a folder; name the file that is to be written", "folder", out)
    if not out.parent.is_dir():
        raise _refused("there is no such folder", "no_folder", out.parent)
    if not out.exists():
        return
    if any(each.exists() and each.samefile(out) for each in inputs):
        raise _refused("this would replace what is read; name another file", "replaces_input", out)
    if out.is_file() and not force:
        raise _refused("this file is there already; --force replaces it", "exists", out)


def _refused(why: str, name: str, path: Path) -> BadRequestError:
    return BadRequestError(f"{path}: {why}", said=(f"cli.error.{name}", {"path": path}))
