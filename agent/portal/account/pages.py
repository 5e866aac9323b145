"""The pages about the own account that work without a script."""

from typing import Any, Final

import msgspec
from aiohttp import web

from agent.portal import audit, members
from agent.portal.account import closing, closing_codes, contacts, own_data
from agent.portal.account.applications import OpenApplication
from agent.portal.account.closing_codes import ClosingProof
from agent.portal.accounts import require_member
from agent.portal.api import PORTAL
from agent.portal.audit import AuditEvent
from agent.portal.contact import Contact, LoginKind, parse_contact
from agent.portal.cookies import asker_of, browser_member, session_token, set_browser
from agent.portal.errors import REFUSALS, PortalCode, PortalError
from agent.portal.online.overview import open_applications
from agent.portal.pages.forms import read_form
from agent.portal.pages.templates import render, render_in_thread
from agent.portal.store.transaction import Transaction

_CONTACTS: Final = "/account/contacts"
_CLOSE: Final = "/account/close"
_TOLD: Final = frozenset({"changed", "removed"})
_COUNTED: Final = ("notices", "history")


async def get_counter(request: web.Request) -> web.Response:
    """Show how to become gold at a counter."""
    return render(request, "account/counter.html")


async def get_contacts(request: web.Request) -> web.Response:
    """Show the member's contacts."""
    return await _contacts_page(request)


async def post_contact_code(request: web.Request) -> web.Response:
    """Send a code to a new contact, and ask for it."""
    _, member_id = await browser_member(request)
    typed = (await read_form(request)).get("contact", "")
    portal = request.app[PORTAL]
    try:
        contact = parse_contact(typed)
        await portal.db.read(contacts.check_new_contact, member_id, contact)
        sent = await portal.accounts.send_code(
            session_token(request), contact.value, asker_of(request)
        )
    except PortalError as error:
        return await _contacts_page(request, error.code, typed)
    return _contact_code_page(request, contact, code=sent.code if portal.config.demo else None)


async def post_contact(request: web.Request) -> web.Response:
    """Make a contact the member's own by its code."""
    session, _ = await browser_member(request)
    form = await read_form(request)
    contact = parse_contact(form.get("contact", ""))
    code = closing_codes.clean(form.get("code", ""))
    done = await request.app[PORTAL].db.run(
        contacts.confirm_contact, session, contact, code, asker_of(request)
    )
    if done is PortalCode.CONTACT_TAKEN:
        return await _contacts_page(request, done)
    if isinstance(done, PortalCode):
        return _contact_code_page(request, contact, refused=done)
    response = _go(f"{_CONTACTS}?changed")
    set_browser(request, response, done.browser)
    return response


async def post_contact_removal(request: web.Request) -> web.Response:
    """Remove a contact.

    Raises:
        PortalError: ``bad_request``: there is no such kind of contact; ``contact_needed``.

    """
    _, member_id = await browser_member(request)
    kind = (await read_form(request)).get("kind")
    if kind not in {LoginKind.MOBILE.value, LoginKind.EMAIL.value}:
        raise PortalError(PortalCode.BAD_REQUEST, "kind")
    try:
        await request.app[PORTAL].db.run(contacts.remove_contact, member_id, LoginKind(kind))
    except PortalError as error:
        return await _contacts_page(request, error.code)
    return _go(f"{_CONTACTS}?removed")


async def get_data(request: web.Request) -> web.Response:
    """Show what is kept about the member."""
    _, member_id = await browser_member(request)
    data, facts = await request.app[PORTAL].db.read(_own_data, member_id)
    counts = {name: len(data[name]) for name in _COUNTED}
    counts["applications"] = sum(map(len, data["applications"].values()))
    return await render_in_thread(request, "account/data.html", data=data, counts=counts, **facts)


async def get_data_file(request: web.Request) -> web.Response:
    """Send what is kept about the member as a file."""
    data = await request.app[PORTAL].db.run(_export, session_token(request))
    return web.Response(
        body=msgspec.json.format(msgspec.json.encode(data), indent=2),
        content_type="application/json",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": 'attachment; filename="my-data.json"',
        },
    )


async def get_close(request: web.Request) -> web.Response:
    """Show what closing the account means, or that it is being closed."""
    return await _close_page(request)


async def post_close_codes(request: web.Request) -> web.Response:
    """Send the codes by which an ordinary member confirms, and ask for them."""
    _, member_id = await browser_member(request)
    portal = request.app[PORTAL]
    proof, own = await portal.db.read(_proof_and_contacts, member_id)
    if proof is not ClosingProof.CODE:
        return await _close_page(request, PortalCode.CARD_PROOF_NEEDED)
    sent: list[tuple[Contact, str | None]] = []
    try:
        for contact in own:
            made = await portal.accounts.send_code(
                session_token(request), contact.value, asker_of(request)
            )
            sent.append((contact, made.code if portal.config.demo else None))
    except PortalError as error:
        return await _close_page(request, error.code)
    return _close_code_page(request, sent)


async def post_close(request: web.Request) -> web.Response:
    """Close the account by the codes."""
    session, member_id = await browser_member(request)
    form = await read_form(request)
    portal = request.app[PORTAL]
    refused = await portal.db.run(closing_codes.close_by_codes, session, form, asker_of(request))
    if refused is None:
        return _go(_CLOSE)
    if refused is PortalCode.CARD_PROOF_NEEDED:
        return await _close_page(request, refused)
    own = await portal.db.read(members.contacts_of, member_id)
    return _close_code_page(request, [(each, None) for each in own], refused)


async def post_keep(request: web.Request) -> web.Response:
    """Keep an account that was to be closed."""
    _, member_id = await browser_member(request)
    await request.app[PORTAL].db.run(closing.keep_account, member_id)
    return _go(f"{_CLOSE}?kept")


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the pages."""
    router.add_get("/ways/counter", get_counter)
    router.add_get(_CONTACTS, get_contacts)
    router.add_post(_CONTACTS, post_contact)
    router.add_post("/account/contacts/code", post_contact_code)
    router.add_post("/account/contacts/remove", post_contact_removal)
    router.add_get("/account/data", get_data)
    router.add_get("/account/data.json", get_data_file)
    router.add_get(_CLOSE, get_close)
    router.add_post(_CLOSE, post_close)
    router.add_post("/account/close/code", post_close_codes)
    router.add_post("/account/keep", post_keep)


async def _contacts_page(
    request: web.Request, refused: PortalCode | None = None, typed: str = ""
) -> web.Response:
    _, member_id = await browser_member(request)
    own = await request.app[PORTAL].db.read(members.contacts_of, member_id)
    told = next((each for each in sorted(_TOLD) if each in request.query), None)
    return _page(
        request, "contacts.html", refused, contacts=own, typed=typed, told=None if refused else told
    )


def _contact_code_page(
    request: web.Request,
    contact: Contact,
    refused: PortalCode | None = None,
    code: str | None = None,
) -> web.Response:
    return _page(request, "contact_code.html", refused, contact=contact.value, code=code)


async def _close_page(request: web.Request, refused: PortalCode | None = None) -> web.Response:
    _, member_id = await browser_member(request)
    db = request.app[PORTAL].db
    proof, case, ends = await db.read(_how_to_close, member_id)
    kept = "kept" in request.query and ends is None and refused is None
    return _page(request, "close.html", refused, proof=proof.value, case=case, ends=ends, kept=kept)


def _close_code_page(
    request: web.Request,
    sent: list[tuple[Contact, str | None]],
    refused: PortalCode | None = None,
) -> web.Response:
    return _page(request, "close_code.html", refused, sent=sent)


def _page(
    request: web.Request, name: str, refused: PortalCode | None, **facts: Any
) -> web.Response:
    """Answer with a page that says why something was refused, if it was."""
    status = 200 if refused is None else REFUSALS[refused].status
    code = None if refused is None else refused.value
    return render(request, f"account/{name}", status=status, refused=code, **facts)


def _go(where: str) -> web.Response:
    return web.Response(status=303, headers={"Location": where})


def _proof_and_contacts(tx: Transaction, member_id: str) -> tuple[ClosingProof, list[Contact]]:
    return closing_codes.proof_of(tx, member_id), members.contacts_of(tx, member_id)


def _how_to_close(
    tx: Transaction, member_id: str
) -> tuple[ClosingProof, OpenApplication | None, int | None]:
    """Return the proof that is needed, an open case of it, and when the account ends."""
    case = next((each for each in open_applications(tx, member_id) if each.closes_account), None)
    return closing_codes.proof_of(tx, member_id), case, members.closing_of(tx, member_id)


def _own_data(tx: Transaction, member_id: str) -> tuple[own_data.OwnData, dict[str, Any]]:
    facts = {
        "registered": own_data.registered_at(tx, member_id),
        "sessions": own_data.sessions_of(tx, member_id),
        "upgrades": own_data.upgrades_of(tx, member_id),
    }
    return own_data.collect(tx, member_id), facts


def _export(tx: Transaction, token: str | None) -> own_data.OwnData:
    _, member_id = require_member(tx, token)
    audit.record(tx, AuditEvent.DATA_EXPORTED, "ok", member=member_id)
    return own_data.collect(tx, member_id)
