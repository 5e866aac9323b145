"""The audit as pages, for auditors and supervisors; each look at it is a line of it, too."""

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from agent.portal import audit
from agent.portal.api import PORTAL
from agent.portal.audit import AuditEvent, AuditLine
from agent.portal.errors import PortalCode, PortalError
from agent.portal.staff.access import AREAS, require_staff
from agent.portal.staff.audit_view import PAGE, AuditFilter, check, export, page_of
from agent.portal.staff.pages import staff_page
from agent.portal.staff.register import StaffMember, list_staff
from agent.portal.store.rates import take
from agent.portal.store.transaction import Transaction
from agent.rate import Rate

_AREA: Final = AREAS["audit"]
_LONG_WORK: Final = Rate(burst=5, per_second=1 / 60)


async def get_audit(request: web.Request) -> web.Response:
    """Show a page of lines, the newest first."""
    staff = await require_staff(request, *_AREA.roles)
    wanted = AuditFilter.read(request.query)
    db = request.app[PORTAL].db
    lines, names = await db.run(_look, staff, wanted, _number(request.query.get("before", "")))
    return _page(request, staff, wanted, lines, names)


async def post_check(request: web.Request) -> web.Response:
    """Check the whole chain and show what was found."""
    staff = await require_staff(request, *_AREA.roles)
    db = request.app[PORTAL].db
    await db.run(_begin_long_work, staff)
    found = await check(db)
    outcome = "ok" if found.broken_at is None else "broken"
    await db.run(_note, AuditEvent.AUDIT_CHECKED, outcome, staff)
    return staff_page(request, staff, "staff/audit_checked.html", area="audit", found=found)


async def get_export(request: web.Request) -> web.StreamResponse:
    """Send the lines of a filter as a file."""
    staff = await require_staff(request, *_AREA.roles)
    db = request.app[PORTAL].db
    await db.run(_begin_long_work, staff)
    await db.run(_note, AuditEvent.AUDIT_EXPORTED, "ok", staff)
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": 'attachment; filename="audit.csv"',
            "Cache-Control": "no-store",
        }
    )
    await response.prepare(request)
    async for piece in export(db, AuditFilter.read(request.query)):
        await response.write(piece.encode())
    await response.write_eof()
    return response


def _page(
    request: web.Request,
    staff: StaffMember,
    wanted: AuditFilter,
    lines: list[AuditLine],
    names: dict[int, str],
) -> web.Response:
    older = None
    if len(lines) > PAGE:
        older = urlencode({**wanted.query, "before": lines[PAGE - 1].id})
    return staff_page(
        request,
        staff,
        "staff/audit.html",
        area="audit",
        lines=lines[:PAGE],
        names=names,
        wanted=wanted,
        query=urlencode(wanted.query),
        older=older,
        is_first="before" not in request.query,
        events=[each.value for each in AuditEvent],
    )


def _look(
    tx: Transaction, staff: StaffMember, wanted: AuditFilter, before: int | None
) -> tuple[list[AuditLine], dict[int, str]]:
    lines = page_of(tx, wanted, before)
    audit.record(tx, AuditEvent.AUDIT_READ, "ok", staff=staff.id)
    return lines, {each.id: each.name for each in list_staff(tx, with_removed=True)}


def _begin_long_work(tx: Transaction, staff: StaffMember) -> None:
    if not take(tx, "audit-work", (staff.id,), _LONG_WORK):
        raise PortalError(PortalCode.RATE_LIMITED, "audit")


def _note(tx: Transaction, event: AuditEvent, outcome: str, staff: StaffMember) -> None:
    audit.record(tx, event, outcome, staff=staff.id)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the audit's pages."""
    router.add_get(_AREA.path, get_audit)
    router.add_post(f"{_AREA.path}/check", post_check)
    router.add_get(f"{_AREA.path}/export", get_export)
