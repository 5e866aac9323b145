"""The pages on which a member applies online; they work without a script."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from agent.harmless import is_harmful
from agent.portal import members
from agent.portal.app_keys import DATABASE, PICTURES
from agent.portal.cookies import browser_member
from agent.portal.errors import REFUSALS, PortalCode, PortalError
from agent.portal.moments import day_in_taipei
from agent.portal.online import applying, vault
from agent.portal.online.numbers import parse_case_number
from agent.portal.online.overview import ROOT, href, later_steps
from agent.portal.online.records import Case, CaseStep, cases_of_member, form_of, steps_of
from agent.portal.online.states import OPEN, CaseForm, CaseKind, DocumentKind, Side
from agent.portal.pages.fields import FieldReader
from agent.portal.pages.forms import read_form
from agent.portal.pages.refused import wants_page
from agent.portal.pages.templates import render
from agent.portal.store.transaction import Transaction

_CLOSE: Final = "/account/close"
_FORM: Final = f"{ROOT}/form"
_PICTURES: Final = f"{ROOT}/pictures"
_CHECK: Final = f"{ROOT}/check"
_LONGEST_MESSAGE: Final = 500
_ALL_RIGHT: Final[Mapping[str, bool]] = {}
_FIELDS: Final = ("id_number", "name", "born", "document")


@dataclass(frozen=True, slots=True, repr=False)
class _Work:
    """What an applicant has open.

    Attributes:
        case: that may be written in.
        form: what was written; None before.
        sides: of which there are pictures.

    """

    case: Case
    form: CaseForm | None
    sides: frozenset[str]


async def get_start(request: web.Request) -> web.Response:
    """Say who can apply, what is needed, and how long it takes."""
    return await _start_page(request)


async def _start_page(request: web.Request, refused: PortalCode | None = None) -> web.Response:
    _, member = await browser_member(request)
    cases, is_gold = await request.app[DATABASE].read(_cases_and_grade, member)
    opened = next((case for case in cases if case.state in OPEN), None)
    ended = [case for case in cases if case.state not in OPEN and case.number]
    return render(
        request,
        "online/start.html",
        status=200 if refused is None else REFUSALS[refused].status,
        refused=refused,
        is_gold=is_gold,
        opened=opened,
        ended=ended,
        next=_goes_on_at(opened),
    )


async def post_begin(request: web.Request) -> web.Response:
    """Begin an application, or go on with the open one.

    Raises:
        HTTPSeeOther: to where it goes on; to where accounts are closed, if this one cannot be so.
        PortalError: ``already_gold``.

    """
    _, member = await browser_member(request)
    is_closing = (await read_form(request)).get("kind") == CaseKind.CLOSING
    kind = CaseKind.CLOSING if is_closing else CaseKind.UPGRADE
    try:
        case = await request.app[DATABASE].run(applying.begin, member, kind)
    except PortalError as error:
        if error.code is PortalCode.CASE_OPEN:
            return await _start_page(request, error.code)
        if is_closing:
            raise web.HTTPSeeOther(_CLOSE) from error
        raise
    raise web.HTTPSeeOther(_goes_on_at(case))


async def get_form(request: web.Request) -> web.Response:
    """Show what was written."""
    work = await _work(request)
    form = work.form
    written = {
        "id_number": "" if form is None else form.id_number,
        "name": "" if form is None else form.name,
        "born": "" if form is None else form.born.isoformat(),
        "document": "" if form is None else form.document.value,
    }
    return _form_page(request, work.case, written, {})


async def post_form(request: web.Request) -> web.Response:
    """Keep what was written, or show what is wrong with it, beside what was typed.

    Raises:
        HTTPSeeOther: to the pictures, once it is kept.

    """
    _, member = await browser_member(request)
    typed = await read_form(request)
    written = {name: typed.get(name, "")[:254] for name in _FIELDS}
    form, wrong = await _read(request, written)
    if form is None:
        work = await _work(request)
        return _form_page(request, work.case, written, wrong)
    await request.app[DATABASE].run(applying.write_form, member, form)
    raise web.HTTPSeeOther(_PICTURES)


async def get_pictures(request: web.Request) -> web.Response:
    """Show of which sides there are pictures, and take others."""
    return _pictures_page(request, await _work(request))


async def post_picture(request: web.Request) -> web.Response:
    """Keep a picture of one side, or both pages of a document of two.

    Raises:
        HTTPSeeOther: to the same page, once it is kept.
        PortalError: ``case_changed``, or what is wrong with the form itself.

    """
    _, member = await browser_member(request)
    side = Side(request.match_info["side"])
    await request.app[DATABASE].read(_writable, member)  # before anything is received
    try:
        sent = await request.app[PICTURES].read(request, "picture", member)
    except PortalError as error:
        if not error.code.startswith("picture_") or not wants_page(request):
            raise
        return _pictures_page(request, await _work(request), side, error.code)
    sides = [side] if len(sent.pictures) == 1 else list(Side)
    await request.app[DATABASE].run(_add_pictures, member, sides, sent.pictures)
    raise web.HTTPSeeOther(_PICTURES)


async def get_check(request: web.Request) -> web.Response:
    """Show everything once more before it is sent."""
    return _check_page(request, await _work(request))


async def post_check(request: web.Request) -> web.Response:
    """Send the application.

    Raises:
        HTTPSeeOther: to the case, once it is sent.
        PortalError: ``case_incomplete``, ``case_changed``.

    """
    _, member = await browser_member(request)
    typed = await read_form(request)
    message = typed.get("message", "").strip()
    is_long = len(message) > _LONGEST_MESSAGE or any(map(is_harmful, message))
    lacks_consent = typed.get("consent") != "yes"
    if is_long or lacks_consent:
        wrong = {"consent": lacks_consent, "message": is_long}
        return _check_page(request, await _work(request), wrong, message[:_LONGEST_MESSAGE])
    case = await request.app[DATABASE].run(applying.send, member, message)
    raise web.HTTPSeeOther(href(case))


async def get_case(request: web.Request) -> web.Response:
    """Show where a case stands.

    Raises:
        PortalError: ``case_unknown``.

    """
    _, member = await browser_member(request)
    number = parse_case_number(request.match_info["number"])
    if number is None:
        raise PortalError(PortalCode.CASE_UNKNOWN)
    case, steps = await request.app[DATABASE].read(_case_and_steps, member, number)
    return render(
        request,
        "online/case.html",
        case=case,
        steps=steps,
        later=later_steps(case),
        can_be_withdrawn=case.state in OPEN,
    )


async def post_withdraw(request: web.Request) -> web.Response:
    """Withdraw the application, or throw the draft away.

    Raises:
        HTTPSeeOther: to the case, or where there was none to where it had begun.

    """
    _, member = await browser_member(request)
    await read_form(request)
    case = await request.app[DATABASE].run(applying.withdraw, member)
    if case is not None and case.number is None:
        raise web.HTTPSeeOther(_CLOSE if case.kind is CaseKind.CLOSING else ROOT)
    raise web.HTTPSeeOther(_goes_on_at(case))


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the pages of the online way."""
    router.add_get(ROOT, get_start)
    router.add_post(f"{ROOT}/begin", post_begin)
    router.add_get(_FORM, get_form)
    router.add_post(_FORM, post_form)
    router.add_get(_PICTURES, get_pictures)
    router.add_post(f"{_PICTURES}/{{side:front|back}}", post_picture)
    router.add_get(_CHECK, get_check)
    router.add_post(_CHECK, post_check)
    router.add_get(f"{ROOT}/case/{{number}}", get_case)
    router.add_post(f"{ROOT}/withdraw", post_withdraw)


async def _read(
    request: web.Request, written: Mapping[str, str]
) -> tuple[CaseForm | None, dict[str, str]]:
    """Return the form, or by each field's name the key of what is wrong with it."""
    today = day_in_taipei(await request.app[DATABASE].read(_now))
    fields = FieldReader(written)
    person = fields.read_person(today)
    document = fields.read("document", _parse_document)
    if fields.wrong:
        return None, fields.wrong
    return CaseForm(**person, document=document), {}


def _parse_document(text: str) -> DocumentKind:
    try:
        return DocumentKind(text)
    except ValueError:
        raise ValueError("online.form.document_bad") from None


def _now(tx: Transaction) -> int:
    return tx.now


async def _work(request: web.Request) -> _Work:
    """Return what the member may write in.

    Raises:
        PortalError: ``not_logged_in``, ``case_changed``.

    """
    _, member = await browser_member(request)
    return await request.app[DATABASE].read(_writable, member)


def _writable(tx: Transaction, member: str) -> _Work:
    case = applying.writable_case(tx, member)
    return _Work(case, form_of(tx, case), vault.sides_of(tx, case.id))


def _add_pictures(
    tx: Transaction, member: str, sides: list[Side], pictures: tuple[bytes, ...]
) -> None:
    for side, jpeg in zip(sides, pictures, strict=True):
        applying.add_picture(tx, member, side, jpeg)


def _cases_and_grade(tx: Transaction, member: str) -> tuple[list[Case], bool]:
    return cases_of_member(tx, member), members.is_gold(tx, member)


def _case_and_steps(tx: Transaction, member: str, number: str) -> tuple[Case, list[CaseStep]]:
    case = applying.own_case(tx, member, number)
    return case, steps_of(tx, case.id)


def _goes_on_at(case: Case | None) -> str:
    return ROOT if case is None else href(case)


def _form_page(
    request: web.Request, case: Case, written: Mapping[str, str], wrong: Mapping[str, str]
) -> web.Response:
    return render(
        request,
        "online/form.html",
        status=422 if wrong else 200,
        case=case,
        written=written,
        wrong=wrong,
        documents=list(DocumentKind),
    )


def _pictures_page(
    request: web.Request, work: _Work, side: Side | None = None, refused: PortalCode | None = None
) -> web.Response:
    return render(
        request,
        "online/pictures.html",
        status=200 if refused is None else REFUSALS[refused].status,
        sides=list(Side),
        there=work.sides,
        side=side,
        refused=refused,
        case=work.case,
        is_whole=work.sides == {each.value for each in Side},
    )


def _check_page(
    request: web.Request, work: _Work, wrong: Mapping[str, bool] = _ALL_RIGHT, message: str = ""
) -> web.Response:
    return render(
        request,
        "online/check.html",
        status=422 if any(wrong.values()) else 200,
        form=work.form,
        is_whole=work.sides == {each.value for each in Side},
        wrong=wrong,
        message=message,
        longest_message=_LONGEST_MESSAGE,
        case=work.case,
    )
