"""The file that a command writes: never over another one, unless that was asked for."""

from collections.abc import Iterable
from pathlib import Path

from agent.commands.parser import CommandParser
from agent.errors import BadRequestError


def add_out(
    parser: CommandParser,
    name: str = "--out",
    *,
    required: bool = False,
    metavar: str = "FILE",
    text: str = "the file that is written",
) -> None:
    """Add the option that names the file, and ``--force``, which lets it be replaced.

    Args:
        parser: of the command.
        name: of the option.
        required: whether the command cannot do without.
        metavar: placeholder in ``--help``.
        text: what ``--help`` says of it.

    """
    parser.add_argument(name, type=Path, required=required, metavar=metavar, help=text)
    parser.add_argument("--force", action="store_true", help="replace that file if it is there")


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
        raise BadRequestError(f"{out}: this is a folder; name the file that is to be written")
    if not out.parent.is_dir():
        raise BadRequestError(f"{out.parent}: there is no such folder")
    if not out.exists():
        return
    if any(each.exists() and each.samefile(out) for each in inputs):
        raise BadRequestError(f"{out}: this would replace what is read; name another file")
    if out.is_file() and not force:
        raise BadRequestError(f"{out}: this file is there already; --force replaces it")
