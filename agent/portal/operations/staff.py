"""Add, list and remove staff: only by a command, never by a page."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agent.pki.anchors import decode, read_bounded
from agent.pki.reading import read_certificate
from agent.portal import audit
from agent.portal.audit import AuditEvent
from agent.portal.config import add_database_flags
from agent.portal.members import card_login
from agent.portal.online.reviewing import release_all
from agent.portal.staff.register import (
    Role,
    StaffError,
    StaffMember,
    add_staff,
    list_staff,
    remove_staff,
)
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction

_MAX_CERTIFICATE: Final = 64 * 1024  # bytes
_NOBODY: Final = 1  # the exit status


def add_staff_flags(parser: argparse.ArgumentParser) -> None:
    """Add the commands below ``staff`` to its parser."""
    commands = parser.add_subparsers(dest="staff_command", required=True, metavar="COMMAND")
    add = commands.add_parser("add", help="add somebody, or change what whoever has this card may")
    add.add_argument("--name", required=True, help="as colleagues see it")
    add.add_argument("--role", required=True, action="append", choices=tuple(Role), dest="roles")
    add.add_argument("--certificate", help="a certificate of their card, PEM or DER")
    add.add_argument("--issuer", help="instead of a file: its issuer's name, as in its facts")
    add.add_argument("--subject-serial", help="and the serial number in its subject")
    shown = commands.add_parser("list", help="list them")
    shown.add_argument("--all", action="store_true", help="those who left, too")
    remove = commands.add_parser("remove", help="remove somebody; sessions and claims end at once")
    remove.add_argument("number", type=int, help="as the list shows it")
    for command in (add, shown, remove):
        add_database_flags(command)


def run_staff(db: PortalDatabase, options: argparse.Namespace) -> int:
    """Run one of these commands; return the exit status.

    Raises:
        StaffError: the register refuses, or the card is not named well.
        OSError: the certificate's file cannot be read.
        CmsError: it holds no certificate.

    """
    return _COMMANDS[options.staff_command](db, options)


def _add(db: PortalDatabase, options: argparse.Namespace) -> int:
    card = _card(options)
    roles = [Role(each) for each in options.roles]
    member = db.run_here(_add_here, options.name, card, roles)
    sys.stdout.write(f"added {_line(member)}\n")
    return 0


def _add_here(
    tx: Transaction, name: str, card: tuple[str, str], roles: Sequence[Role]
) -> StaffMember:
    member = add_staff(tx, name, card_login(tx, *card), roles)
    subject = ",".join(sorted(member.roles))
    audit.record(tx, AuditEvent.STAFF_ADDED, "ok", staff=member.id, subject=subject)
    return member


def _list(db: PortalDatabase, options: argparse.Namespace) -> int:
    for member in db.read_here(list_staff, with_removed=options.all):
        sys.stdout.write(f"{_line(member)}\n")
    return 0


def _remove(db: PortalDatabase, options: argparse.Namespace) -> int:
    if db.run_here(_remove_here, options.number):
        sys.stdout.write(f"removed {options.number}\n")
        return 0
    sys.stderr.write(f"portal: there is nobody of number {options.number}\n")
    return _NOBODY


def _remove_here(tx: Transaction, number: int) -> bool:
    is_removed = remove_staff(tx, number)
    if is_removed:
        audit.record(tx, AuditEvent.STAFF_REMOVED, "ok", staff=number)
        release_all(tx, number)
    return is_removed


def _card(options: argparse.Namespace) -> tuple[str, str]:
    """Return issuer and subject serial of the card that is named."""
    if options.certificate is not None and options.issuer is options.subject_serial is None:
        return _of_certificate(Path(options.certificate))
    if options.certificate is None and options.issuer and options.subject_serial:
        return options.issuer, options.subject_serial
    raise StaffError("name the card by --certificate, or by --issuer and --subject-serial")


def _of_certificate(path: Path) -> tuple[str, str]:
    found = list(decode(read_bounded(path, _MAX_CERTIFICATE), "CERTIFICATE"))
    if len(found) != 1:
        raise StaffError(f"{path.name} holds {len(found)} certificates instead of one")
    facts = read_certificate(found[0])
    if not facts.subject_serial:
        raise StaffError(f"{path.name} names no serial number of its subject")
    return facts.issuer, facts.subject_serial


def _line(member: StaffMember) -> str:
    left = "" if member.removed_at is None else f", left {_day(member.removed_at)}"
    return f"{member.id}  {member.name}  {', '.join(sorted(member.roles))}  {member.label}{left}"


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


_COMMANDS: Final[Mapping[str, Callable[[PortalDatabase, argparse.Namespace], int]]] = {
    "add": _add,
    "list": _list,
    "remove": _remove,
}
