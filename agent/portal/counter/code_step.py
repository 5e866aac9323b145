"""The step in which somebody at the counter reads out the code that was sent to a contact."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from agent.portal.api import PORTAL
from agent.portal.asker import network_of
from agent.portal.contact import Contact
from agent.portal.errors import PortalCode
from agent.portal.pages.language import language_of
from agent.portal.staff.access import require_session
from agent.portal.staff.forms import read_form
from agent.portal.staff.register import StaffMember


@dataclass(frozen=True, slots=True, repr=False)
class CodeStep:
    """What came of sending a code.

    Attributes:
        refused: why none was sent; None if it was.
        demo_code: to be shown, in the demo only.

    """

    refused: PortalCode | None
    demo_code: str | None = None


async def send_visit_code(
    request: web.Request,
    staff: StaffMember,
    issue: Callable[..., tuple[Contact, str] | PortalCode],
) -> CodeStep:
    """Send the code that ``issue`` makes in a transaction for the visit of this address.

    Raises:
        PortalError: as ``issue``; ``not_logged_in``.

    """
    session = await require_session(request)
    portal, number = request.app[PORTAL], request.match_info["visit"]
    sent = await portal.db.run(issue, session, staff, number, network_of(request.remote))
    if isinstance(sent, PortalCode):
        return CodeStep(sent)
    await portal.accounts.deliver(*sent, language_of(request))
    return CodeStep(None, sent[1] if portal.config.demo else None)


async def confirm_visit_code(
    request: web.Request, staff: StaffMember, confirm: Callable[..., PortalCode | None]
) -> PortalCode | None:
    """Give the code that was typed to ``confirm`` in a transaction; return why it is not taken.

    Raises:
        PortalError: as ``confirm``; ``not_logged_in``, ``bad_request``.

    """
    session = await require_session(request)
    code = (await read_form(request)).get("code", "").strip()
    number = request.match_info["visit"]
    return await request.app[PORTAL].db.run(confirm, session, staff, number, code)
