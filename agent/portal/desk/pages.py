"""The pages of the desk: the queue, one case, its pictures, and the decisions."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from agent.portal.api import PORTAL
from agent.portal.app_keys import DATABASE
from agent.portal.desk import forms, work
from agent.portal.desk.forms import DecisionError, Point, Problem, check_points, read_question
from agent.portal.desk.queue import QueueFilter, QueueKind, QueueView, age_of, read_queue
from agent.portal.desk.showing import LATE_AFTER, born
from agent.portal.desk.work import CaseDecision, Done, OpenedCase
from agent.portal.errors import PortalCode, PortalError
from agent.portal.online import reviewing
from agent.portal.online.numbers import parse_case_number
from agent.portal.online.states import REASONS, CaseRules, Side
from agent.portal.staff.access import AREAS, require_staff, see_other
from agent.portal.staff.forms import read_form
from agent.portal.staff.pages import staff_page
from agent.portal.staff.register import Role, StaffMember

_AREA: Final = "desk"
_QUEUE: Final = AREAS[_AREA].path
_CASE: Final = f"{_QUEUE}/cases/{{number}}"
_ENDED: Final = frozenset(
    {
        PortalCode.CLAIM_ENDED,
        PortalCode.CASE_CLAIMED,
        PortalCode.CASE_CHANGED,
        PortalCode.SECOND_REVIEWER,
        PortalCode.ASKED_BEFORE,
    }
)
"""Refusals that only say that a case has moved on; the case's page shows where to."""
_APPROVING: Final = frozenset(
    {Done.APPROVED, Done.CLOSING, Done.TAKEN, Done.GOLD_ALREADY, Done.SECOND}
)
_REFUSING: Final = frozenset({Done.REFUSED, Done.SECOND})
_ASKING: Final = frozenset({Done.NEEDS_MORE})
_SURPRISES: Final = frozenset({Done.TAKEN, Done.GOLD_ALREADY})


@dataclass(frozen=True, slots=True)
class _Sent:
    """A decision that was sent and not taken.

    Attributes:
        decision: which of the page's three.
        problem: why not.
        fields: what was entered.

    """

    decision: str
    problem: Problem
    fields: Mapping[str, str]


async def get_queue(request: web.Request) -> web.Response:
    """Show the queue."""
    staff = await _reviewer(request)
    wanted = QueueFilter.read(request.query)
    db = request.app[DATABASE]
    queue = await db.read(read_queue, staff, wanted, _rules(request).holidays)
    return staff_page(
        request,
        staff,
        "desk/queue.html",
        area=_AREA,
        wanted=wanted,
        queue=queue,
        kinds=list(QueueKind),
        may_continue=bool(queue.counts[QueueView.WAITING] or queue.counts[QueueView.MINE]),
        problem=None,
        has_none="none" in request.query,
        after=await _after(request, staff),
    )


async def post_next(request: web.Request) -> web.Response:
    """Claim the case that has waited longest."""
    staff = await _reviewer(request)
    await read_form(request)
    return await _go_on(request, staff, {})


async def post_claim(request: web.Request) -> web.Response:
    """Claim one case; where somebody was faster, its page says so."""
    staff = await _reviewer(request)
    number = request.match_info["number"]
    await read_form(request)
    try:
        is_taken = await request.app[DATABASE].run(work.take, staff, number)
    except PortalError as error:
        if error.code not in _ENDED:
            raise
        is_taken = True  # or not; the page looks
    return see_other(_address(number) if is_taken else f"{_address(number)}?own=1")


async def get_case(request: web.Request) -> web.Response:
    """Show a case to who holds it, and to others only how it stands."""
    return await _show(request, await _reviewer(request))


async def get_picture(request: web.Request) -> web.Response:
    """Send one picture, marked with case and reviewer, to be shown on the case's page only.

    Raises:
        PortalError: ``not_found``, also where it is asked for as a page of its own;
            ``claim_ended``; ``case_unknown``.

    """
    staff = await _reviewer(request)
    if request.headers.get("Sec-Fetch-Dest", "image") != "image":
        raise PortalError(PortalCode.NOT_FOUND, "picture outside its page")
    side = Side(request.match_info["side"])
    db = request.app[DATABASE]
    number, jpeg = await db.run(work.look, staff, request.match_info["number"], side)
    marked = await asyncio.to_thread(_watermarked, jpeg, f"{number}  reviewer {staff.id}")
    headers = {"Cache-Control": "no-store", "Content-Disposition": "inline"}
    return web.Response(body=marked, content_type="image/jpeg", headers=headers)


async def post_prolong(request: web.Request) -> web.Response:
    """Keep a case because its page is worked on."""
    staff = await _reviewer(request)
    left = await request.app[DATABASE].run(work.prolong, staff, request.match_info["number"])
    return web.json_response({"left": left}, headers={"Cache-Control": "no-store"})


async def post_release(request: web.Request) -> web.Response:
    """Put a case back into the queue."""
    staff = await _reviewer(request)
    number = request.match_info["number"]
    await read_form(request)
    await request.app[DATABASE].run(work.release, staff, number)
    return see_other(_with(_QUEUE, after=number))


async def post_approve(request: web.Request) -> web.Response:
    """Approve, where every point was checked."""

    def read(fields: Mapping[str, str]) -> CaseDecision:
        ticked = [each for each in Point if f"check_{each.value}" in fields]
        act = partial(reviewing.approve, rules=_rules(request))
        return CaseDecision(act, _APPROVING, partial(check_points, ticked))

    return await _decide(request, "approve", read)


async def post_refuse(request: web.Request) -> web.Response:
    """Refuse with one of the fixed reasons."""

    def read(fields: Mapping[str, str]) -> CaseDecision:
        reason = forms.read_reason(fields.get("reason", ""))
        act = partial(reviewing.refuse, reason=reason, rules=_rules(request))
        return CaseDecision(act, _REFUSING, partial(forms.check_reason, reason))

    return await _decide(request, "refuse", read)


async def post_ask(request: web.Request) -> web.Response:
    """Ask the applicant for more."""

    def read(fields: Mapping[str, str]) -> CaseDecision:
        question = read_question(fields.get("text", ""))
        act = partial(reviewing.ask_for_more, question=question, rules=_rules(request))
        return CaseDecision(act, _ASKING)

    return await _decide(request, "ask", read)


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the pages of the desk."""
    router.add_get(_QUEUE, get_queue)
    router.add_post(f"{_QUEUE}/next", post_next)
    router.add_get(_CASE, get_case)
    router.add_get(f"{_CASE}/pictures/{{side:front|back}}", get_picture)
    router.add_post(f"{_CASE}/claim", post_claim)
    router.add_post(f"{_CASE}/prolong", post_prolong)
    router.add_post(f"{_CASE}/release", post_release)
    router.add_post(f"{_CASE}/approve", post_approve)
    router.add_post(f"{_CASE}/refuse", post_refuse)
    router.add_post(f"{_CASE}/ask", post_ask)


async def _reviewer(request: web.Request) -> StaffMember:
    return await require_staff(request, Role.REVIEWER)


async def _decide(
    request: web.Request, name: str, read: Callable[[Mapping[str, str]], CaseDecision]
) -> web.Response:
    """Take a decision and go on; the page is shown again where it cannot be taken."""
    staff = await _reviewer(request)
    number = request.match_info["number"]
    fields = await read_form(request)
    try:
        decision = read(fields)
        seen = fields.get("seen", "")
        await request.app[DATABASE].run(work.decide, staff, number, seen, decision)
    except DecisionError as error:
        return await _show(request, staff, _Sent(name, error.problem, fields))
    except PortalError as error:
        if error.code not in _ENDED:
            raise
        return await _show(request, staff, _Sent(name, Problem.CHANGED, fields))
    return await _go_on(request, staff, {"after": number}, to_queue=fields.get("then") == "queue")


async def _go_on(
    request: web.Request, staff: StaffMember, told: Mapping[str, str], *, to_queue: bool = False
) -> web.Response:
    """Open the next case, or the queue where there is none or a pause is wanted."""
    if to_queue:
        return see_other(_with(_QUEUE, **told))
    number = await request.app[DATABASE].run(work.take_next, staff, _rules(request))
    if number is None:
        return see_other(_with(_QUEUE, **told, none="1"))
    return see_other(_with(_address(number), **told))


async def _show(
    request: web.Request, staff: StaffMember, sent: _Sent | None = None
) -> web.Response:
    """Show a case as it stands, with what was sent and could not be done."""
    db = request.app[DATABASE]
    opened = await db.run(work.open_case, staff, request.match_info["number"])
    rules = _rules(request)
    facts: dict[str, Any] = {
        "case": opened.case,
        "age": age_of(opened.case, opened.now, rules.holidays),
        "problem": sent.problem if sent else None,
        "has_none": False,
        "after": await _after(request, staff),
        "status": _status(sent),
    }
    if not isinstance(opened, OpenedCase):
        why = "own" if opened.can_claim and "own" in request.query else opened.why
        can_claim = opened.can_claim and why != "own"
        facts |= {"why": why, "holder": opened.holder, "can_claim": can_claim}
        return staff_page(request, staff, "desk/closed.html", area=_AREA, **facts)
    fields = sent.fields if sent else {}
    return staff_page(
        request,
        staff,
        "desk/case.html",
        area=_AREA,
        opened=opened,
        form=opened.form,
        late_after=LATE_AFTER,
        lock_left=max(0, (opened.case.claimed_until or 0) - opened.now),
        must_be_two=rules.two_reviewers,
        points=forms.POINTS[opened.case.kind],
        reasons=REASONS[opened.case.kind],
        phrases=forms.PHRASES,
        longest_question=forms.LONGEST_QUESTION,
        decision=sent.decision if sent else "",
        fields=fields,
        **born(opened.form.born, opened.now),
        **facts,
    )


async def _after(request: web.Request, staff: StaffMember) -> Mapping[str, str] | None:
    """Return what the reviewer has just done, as it is in the database and not in the address."""
    typed = request.query.get("after", "")
    done = await request.app[DATABASE].read(work.done_by, staff, typed) if typed else None
    if done is None:
        return None
    tone = "warning" if done in _SURPRISES else "ok"
    return {"what": done.value, "number": parse_case_number(typed) or "", "tone": tone}


def _watermarked(jpeg: bytes, text: str) -> bytes:
    """Mark a picture that was made anew here; only for that is a decoder loaded."""
    from agent.portal.desk.watermark import watermarked  # noqa: PLC0415  # see above

    return watermarked(jpeg, text)


def _rules(request: web.Request) -> CaseRules:
    config = request.app[PORTAL].config
    return CaseRules(frozenset(config.holidays), config.two_reviewers)


def _status(sent: _Sent | None) -> HTTPStatus:
    if sent is None:
        return HTTPStatus.OK
    is_late = sent.problem is Problem.CHANGED
    return HTTPStatus.CONFLICT if is_late else HTTPStatus.UNPROCESSABLE_ENTITY


def _address(number: str) -> str:
    """Return the page of a case; what cannot be a number leads to the queue."""
    known = parse_case_number(number)
    return f"{_QUEUE}/cases/{known}" if known else _QUEUE


def _with(path: str, **query: str) -> str:
    return f"{path}?{urlencode(query)}" if query else path
