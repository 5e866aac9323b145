"""The clerk's pages: find the applicant, confirm the contact, record the application, print."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from agent.portal import members
from agent.portal.api import PORTAL
from agent.portal.contact import parse_contact
from agent.portal.counter import visits
from agent.portal.counter.application import (
    ADULT,
    CONSENT_VERSION,
    ApplicationError,
    CounterApplication,
    SeenDocumentKind,
    read_application,
)
from agent.portal.counter.code_step import confirm_visit_code, send_visit_code
from agent.portal.counter.visits import RefusedVisit, Visit, VisitPurpose
from agent.portal.errors import REFUSALS, PortalCode, PortalError
from agent.portal.members import Member
from agent.portal.moments import day_in_taipei, start_of_day
from agent.portal.staff.access import AREAS, require_staff, see_other
from agent.portal.staff.forms import read_form
from agent.portal.staff.looking import check_look
from agent.portal.staff.pages import staff_page
from agent.portal.staff.register import StaffMember
from agent.portal.store.transaction import Transaction

_AREA: Final = AREAS["counter"]
_FIND: Final = "counter/find.html"
_NOT_KEPT: Final = frozenset({"consent"})  # is ticked anew each time


async def get_find(request: web.Request) -> web.Response:
    """Ask for the applicant's contact, whole."""
    staff = await require_staff(request, *_AREA.roles)
    return await _find_page(request, staff)


async def post_find(request: web.Request) -> web.Response:
    """Begin a visit."""
    staff = await require_staff(request, *_AREA.roles)
    typed = (await read_form(request)).get("contact", "")
    try:
        number = await request.app[PORTAL].db.run(_begin, staff, typed)
    except PortalError as error:
        return await _find_page(request, staff, error.code, typed)
    return see_other(f"{_AREA.path}/{number}")


async def get_visit(request: web.Request) -> web.Response:
    """Show the step that comes next."""
    staff = await require_staff(request, *_AREA.roles)
    return await _visit_page(request, staff)


async def post_code(request: web.Request) -> web.Response:
    """Send the code that the applicant is to read out."""
    staff = await require_staff(request, *_AREA.roles)
    step = await send_visit_code(request, staff, visits.send_code)
    return await _visit_page(
        request,
        staff,
        is_sent=step.refused is None,
        demo_code=step.demo_code,
        code_problem=step.refused,
    )


async def post_confirm(request: web.Request) -> web.Response:
    """Check the code that was read out."""
    staff = await require_staff(request, *_AREA.roles)
    refused = await confirm_visit_code(request, staff, visits.confirm_code)
    if refused is not None:
        return await _visit_page(request, staff, is_sent=True, code_problem=refused)
    return see_other(f"{_AREA.path}/{request.match_info['visit']}")


async def post_visit(request: web.Request) -> web.Response:
    """Make the applicant gold."""
    staff = await require_staff(request, *_AREA.roles)
    db, number = request.app[PORTAL].db, request.match_info["visit"]
    form = await read_form(request)
    try:
        refused = await db.run(_upgrade, staff, number, form)
    except ApplicationError as error:
        return await _visit_page(request, staff, form=form, problems=error.fields)
    if refused is not None:
        return await _visit_page(request, staff, form=form, refused=refused)
    return see_other(f"{_AREA.path}/{number}")


async def get_receipt(request: web.Request) -> web.Response:
    """Show the receipt, made to be printed."""
    staff = await require_staff(request, *_AREA.roles)
    db, number = request.app[PORTAL].db, request.match_info["visit"]
    receipt = await db.run(visits.receipt, staff, number)
    return staff_page(
        request, staff, "counter/receipt.html", area="counter", receipt=receipt, visit=number
    )


async def _find_page(
    request: web.Request, staff: StaffMember, code: PortalCode | None = None, typed: str = ""
) -> web.Response:
    count = await request.app[PORTAL].db.read(_count_today, staff)
    return staff_page(
        request,
        staff,
        _FIND,
        area="counter",
        status=200 if code is None else REFUSALS[code].status,
        problem=None if code is None else code.value,
        typed=typed,
        count=count,
    )


async def _visit_page(  # noqa: PLR0913  # each says what the last step came to
    request: web.Request,
    staff: StaffMember,
    *,
    is_sent: bool = False,
    demo_code: str | None = None,
    code_problem: PortalCode | None = None,
    form: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    refused: RefusedVisit | None = None,
) -> web.Response:
    db, number = request.app[PORTAL].db, request.match_info["visit"]
    visit, member = await db.read(_load, staff, number)
    code = code_problem or (None if refused is None else refused.code)
    status = 422 if problems else 200 if code is None else REFUSALS[code].status
    return staff_page(
        request,
        staff,
        "counter/visit.html",
        area="counter",
        status=status,
        visit=visit,
        member=member,
        step=_step(visit, member),
        is_sent=is_sent,
        demo_code=demo_code,
        code_problem=None if code_problem is None else code_problem.value,
        form={name: value for name, value in (form or {}).items() if name not in _NOT_KEPT},
        problems=problems or {},
        refused=refused,
        kinds=[each.value for each in SeenDocumentKind],
        consent_version=CONSENT_VERSION,
        adult=ADULT,
    )


def _step(visit: Visit, member: Member | None) -> str:
    if visit.upgrade is not None:
        return "done"
    if not visit.is_confirmed:
        return "confirm"
    return "gold" if member is not None and member.gold_since is not None else "record"


def _begin(tx: Transaction, staff: StaffMember, typed: str) -> str:
    contact = parse_contact(typed)
    check_look(tx, staff)
    return visits.begin(tx, staff, VisitPurpose.COUNTER, contact=contact)


def _load(tx: Transaction, staff: StaffMember, number: str) -> tuple[Visit, Member | None]:
    visit = visits.find(tx, staff, number)
    if visit.member is None or not visit.is_confirmed:
        return visit, None
    return visit, members.find_member(tx, visit.member)


def _upgrade(
    tx: Transaction, staff: StaffMember, number: str, form: Mapping[str, str]
) -> RefusedVisit | None:
    application: CounterApplication = read_application(form, day_in_taipei(tx.now))
    return visits.upgrade(tx, staff, number, application)


def _count_today(tx: Transaction, staff: StaffMember) -> int:
    return visits.done_today(tx, staff, start_of_day(day_in_taipei(tx.now)))


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the counter's pages."""
    router.add_get(_AREA.path, get_find)
    router.add_post(_AREA.path, post_find)
    router.add_get(f"{_AREA.path}/{{visit}}", get_visit)
    router.add_post(f"{_AREA.path}/{{visit}}", post_visit)
    router.add_post(f"{_AREA.path}/{{visit}}/code", post_code)
    router.add_post(f"{_AREA.path}/{{visit}}/confirm", post_confirm)
    router.add_get(f"{_AREA.path}/{{visit}}/receipt", get_receipt)
