"""The clerk's pages on which a member's contact is changed."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from agent.portal.api import PORTAL
from agent.portal.counter import contact_change
from agent.portal.counter.application import ApplicationError, SeenDocumentKind
from agent.portal.counter.code_step import confirm_visit_code, send_visit_code
from agent.portal.counter.contact_change import ContactRequest, read_request
from agent.portal.errors import REFUSALS, PortalCode
from agent.portal.staff.access import AREAS, require_staff, see_other
from agent.portal.staff.forms import read_form
from agent.portal.staff.looking import check_look
from agent.portal.staff.pages import staff_page
from agent.portal.staff.register import StaffMember
from agent.portal.store.transaction import Transaction

_AREA: Final = AREAS["counter"]
_ROOT: Final = f"{_AREA.path}/contact"
_VISIT: Final = f"{_ROOT}/{{visit}}"


async def get_request(request: web.Request) -> web.Response:
    """Ask whose contact is to be changed to what."""
    staff = await require_staff(request, *_AREA.roles)
    return _request_page(request, staff)


async def post_request(request: web.Request) -> web.Response:
    """Begin, if contact and ID number belong to one account."""
    staff = await require_staff(request, *_AREA.roles)
    form = await read_form(request)
    try:
        asked = read_request(form)
    except ApplicationError as error:
        return _request_page(request, staff, form=form, problems=error.fields)
    begun = await request.app[PORTAL].db.run(_begin, staff, asked)
    if isinstance(begun, PortalCode):
        return _request_page(request, staff, form=form, refused=begun)
    return see_other(f"{_ROOT}/{begun}")


async def get_visit(request: web.Request) -> web.Response:
    """Show the code's step, or that the contact is changed."""
    staff = await require_staff(request, *_AREA.roles)
    return await _visit_page(request, staff)


async def post_code(request: web.Request) -> web.Response:
    """Send the code that the member is to read out."""
    staff = await require_staff(request, *_AREA.roles)
    step = await send_visit_code(request, staff, contact_change.send_code)
    return await _visit_page(
        request,
        staff,
        is_sent=step.refused is None,
        demo_code=step.demo_code,
        refused=step.refused,
    )


async def post_confirm(request: web.Request) -> web.Response:
    """Change the contact, if the code is right."""
    staff = await require_staff(request, *_AREA.roles)
    refused = await confirm_visit_code(request, staff, contact_change.confirm)
    if refused is not None:
        return await _visit_page(request, staff, is_sent=True, refused=refused)
    return see_other(f"{_ROOT}/{request.match_info['visit']}")


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the pages."""
    router.add_get(_ROOT, get_request)
    router.add_post(_ROOT, post_request)
    router.add_get(_VISIT, get_visit)
    router.add_post(f"{_VISIT}/code", post_code)
    router.add_post(f"{_VISIT}/confirm", post_confirm)


def _begin(tx: Transaction, staff: StaffMember, asked: ContactRequest) -> str | PortalCode:
    check_look(tx, staff)
    return contact_change.begin(tx, staff, asked)


def _request_page(
    request: web.Request,
    staff: StaffMember,
    *,
    form: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    refused: PortalCode | None = None,
) -> web.Response:
    return staff_page(
        request,
        staff,
        "counter/contact.html",
        area="counter",
        status=422 if problems else 200 if refused is None else REFUSALS[refused].status,
        form=form or {},
        problems=problems or {},
        refused=None if refused is None else refused.value,
        first_field="contact",
        kinds=[each.value for each in SeenDocumentKind],
    )


async def _visit_page(
    request: web.Request,
    staff: StaffMember,
    *,
    is_sent: bool = False,
    demo_code: str | None = None,
    refused: PortalCode | None = None,
) -> web.Response:
    db, number = request.app[PORTAL].db, request.match_info["visit"]
    visit, wanted = await db.read(contact_change.load, staff, number)
    return staff_page(
        request,
        staff,
        "counter/contact_code.html",
        area="counter",
        status=200 if refused is None else REFUSALS[refused].status,
        visit=visit,
        new_contact=wanted.contact,
        is_sent=is_sent,
        demo_code=demo_code,
        refused=None if refused is None else refused.value,
    )
