"""The command of the operator: ``ankong-portal``, or ``python -m agent.portal``."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from agent.cms.errors import CmsError
from agent.portal.config import (
    DatabaseSettings,
    add_database_flags,
    add_flags,
    database_settings,
    portal_settings,
)
from agent.portal.operations.backup import (
    BackupError,
    back_up_file,
    back_up_server,
)
from agent.portal.operations.logs import log_to_stderr
from agent.portal.operations.purging import purge_here
from agent.portal.operations.serve import serve
from agent.portal.operations.staff import add_staff_flags, run_staff
from agent.portal.staff.register import StaffError
from agent.portal.store.database import PortalDatabase, PortalDatabaseError, database_url
from agent.portal.store.schema import HEAD

_FAILED: Final = 2
_INTERRUPTED: Final = 130  # 128 and the number of SIGINT, as shells count
_FAULTS: Final = (
    ValueError,
    OSError,
    CmsError,
    PortalDatabaseError,
    SQLAlchemyError,
    BackupError,
    StaffError,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; without one, serve.

    Returns:
        0, 1 where there was nothing to do it to, 2 where it cannot be done, with a line that says
        why on standard error.

    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] not in {*_COMMANDS, "-h", "--help"}:
        words.insert(0, "serve")
    options = _parser().parse_args(words)
    try:
        return _COMMANDS[options.command][0](options)
    except _FAULTS as error:
        sys.stderr.write(f"portal: {_first_line(error)}\n")
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


def _first_line(error: Exception) -> str:
    """Return what an operator needs of an error; SQLAlchemy's further lines quote a statement."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ankong-portal", description="The member service; without a command it serves."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text, add) in _COMMANDS.items():
        add(commands.add_parser(name, help=text, description=text))
    return parser


def _serve(options: argparse.Namespace) -> int:
    config = portal_settings(options)
    log_to_stderr(config.log_format)
    serve(config)
    return 0


def _migrate(options: argparse.Namespace) -> int:
    with _database(database_settings(options), may_migrate=True):
        sys.stdout.write(f"the tables are of version {HEAD}\n")
    return 0


def _staff(options: argparse.Namespace) -> int:
    with _database(database_settings(options)) as db:
        return run_staff(db, options)


def _back_up(options: argparse.Namespace) -> int:
    settings = database_settings(options)
    url = database_url(settings.db)
    target = Path(options.target)
    if url.drivername.startswith("sqlite"):
        back_up_file(Path(url.database or ""), target)
    else:
        back_up_server(url, target)
    sys.stdout.write(
        f"{target} has everything but pictures of documents; the key file is no part of it:"
        " keep a copy of that elsewhere\n"
    )
    return 0


def _purge(options: argparse.Namespace) -> int:
    with _database(database_settings(options)) as db:
        for name, count in purge_here(db).items():
            sys.stdout.write(f"{name}: {count}\n")
    return 0


@contextmanager
def _database(
    settings: DatabaseSettings, *, may_migrate: bool | None = None
) -> Iterator[PortalDatabase]:
    db = PortalDatabase(
        settings.db, key_file=Path(settings.key_file) if settings.key_file else None
    )
    db.open_here(may_migrate=may_migrate)
    try:
        yield db
    finally:
        db.close_here()


def _add_backup_flags(parser: argparse.ArgumentParser) -> None:
    add_database_flags(parser)
    parser.add_argument("target", help="file to write; must not be there yet")


_Command = tuple[
    Callable[[argparse.Namespace], int], str, Callable[[argparse.ArgumentParser], None]
]
_COMMANDS: Final[Mapping[str, _Command]] = {
    "serve": (_serve, "serve the site until stopped", add_flags),
    "migrate": (_migrate, "make the tables, or bring them up to date", add_database_flags),
    "staff": (_staff, "add, list or remove people of the counter and the desk", add_staff_flags),
    "backup": (_back_up, "copy the database while it is in use", _add_backup_flags),
    "purge": (_purge, "delete now what the service deletes by and by", add_database_flags),
}
