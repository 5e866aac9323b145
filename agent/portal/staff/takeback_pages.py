"""The supervisor's pages: find a member, see how they became gold, take it back."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from agent.portal import members
from agent.portal.api import PORTAL
from agent.portal.contact import parse_contact
from agent.portal.counter import visits
from agent.portal.counter.visits import VisitPurpose
from agent.portal.errors import REFUSALS, PortalCode, PortalError
from agent.portal.idnumber import parse_id_number
from agent.portal.members import Member
from agent.portal.staff.access import AREAS, require_staff, see_other
from agent.portal.staff.forms import read_form
from agent.portal.staff.looking import check_look
from agent.portal.staff.pages import staff_page
from agent.portal.staff.register import StaffMember
from agent.portal.staff.takeback import (
    TakeBack,
    TakeBackReason,
    UpgradeRecord,
    read_take_back,
    take_back,
    upgrades_of,
)
from agent.portal.store.transaction import Transaction

_AREA: Final = AREAS["take_back"]
_FIND: Final = "staff/upgrades_find.html"


async def get_find(request: web.Request) -> web.Response:
    """Ask for a contact or an ID number, whole."""
    staff = await require_staff(request, *_AREA.roles)
    return staff_page(request, staff, _FIND, area="take_back", problem=None)


async def post_find(request: web.Request) -> web.Response:
    """Look a member up."""
    staff = await require_staff(request, *_AREA.roles)
    typed = (await read_form(request)).get("who", "")
    try:
        number = await request.app[PORTAL].db.run(_begin, staff, typed)
    except PortalError as error:
        return _again(request, staff, error.code)
    if number is None:
        return _again(request, staff, PortalCode.NO_SUCH_MEMBER)
    return see_other(f"{_AREA.path}/{number}")


async def get_upgrades(request: web.Request) -> web.Response:
    """Show a member's upgrades."""
    staff = await require_staff(request, *_AREA.roles)
    return await _show(request, staff)


async def post_upgrades(request: web.Request) -> web.Response:
    """Take one back."""
    staff = await require_staff(request, *_AREA.roles)
    form = await read_form(request)
    try:
        decided = read_take_back(form)
    except ValueError as error:
        field = "note" if str(error) == "note" else "reason"
        return await _show(request, staff, problem=field, form=form)
    db, number = request.app[PORTAL].db, request.match_info["visit"]
    await db.run(_take_back, staff, number, decided)
    return see_other(f"{_AREA.path}/{number}")


async def _show(
    request: web.Request,
    staff: StaffMember,
    problem: str | None = None,
    form: Mapping[str, str] | None = None,
) -> web.Response:
    db, number = request.app[PORTAL].db, request.match_info["visit"]
    member, upgrades = await db.read(_load, staff, number)
    return staff_page(
        request,
        staff,
        "staff/upgrades.html",
        area="take_back",
        status=200 if problem is None else 422,
        member=member,
        upgrades=upgrades,
        reasons=[each.value for each in TakeBackReason],
        problem=problem,
        form=form or {},
    )


def _again(request: web.Request, staff: StaffMember, code: PortalCode) -> web.Response:
    status = REFUSALS[code].status
    return staff_page(request, staff, _FIND, area="take_back", status=status, problem=code.value)


def _begin(tx: Transaction, staff: StaffMember, typed: str) -> str | None:
    check_look(tx, staff)
    purpose = VisitPurpose.TAKE_BACK
    try:
        member = members.member_of_id_number(tx, parse_id_number(typed))
        number = visits.begin(tx, staff, purpose, member=member)
    except PortalError:
        contact = parse_contact(typed)
        member = members.member_of_contact(tx, contact)
        number = visits.begin(tx, staff, purpose, contact=contact)
    return None if member is None else number


def _load(tx: Transaction, staff: StaffMember, number: str) -> tuple[Member, list[UpgradeRecord]]:
    visit = visits.find(tx, staff, number, VisitPurpose.TAKE_BACK)
    member = None if visit.member is None else members.find_member(tx, visit.member)
    if member is None:
        raise PortalError(PortalCode.NOT_FOUND, "member")
    return member, upgrades_of(tx, member.id)


def _take_back(tx: Transaction, staff: StaffMember, number: str, decided: TakeBack) -> None:
    visit = visits.find(tx, staff, number, VisitPurpose.TAKE_BACK)
    if visit.member is None:
        raise PortalError(PortalCode.NOT_FOUND, "member")
    take_back(tx, staff, visit.member, decided)


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the supervisor's pages."""
    router.add_get(_AREA.path, get_find)
    router.add_post(_AREA.path, post_find)
    router.add_get(f"{_AREA.path}/{{visit}}", get_upgrades)
    router.add_post(f"{_AREA.path}/{{visit}}", post_upgrades)
