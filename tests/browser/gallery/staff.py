"""The staff: login, counter, desk, what a supervisor takes back, and the audit."""

from playwright.sync_api import Page

from agent.portal import members
from agent.portal.contact import parse_contact
from agent.portal.members import Proven, Way, make_gold
from agent.portal.online import applying
from agent.portal.staff.register import Role
from agent.portal.store.transaction import Transaction
from tests.browser.gallery.walking import (
    GalleryVisit,
    GalleryWalk,
    some_id_number,
    some_mobile,
    uncover,
)
from tests.portal.desk_support import Applicant

_VISIT = "/staff/counter/{visit}"
_COUNTER = {
    "staff login": "/staff/login",
    "staff login: everything": "/staff/login",
    "staff": "/staff",
    "staff: idle": "/staff",
    "staff: not for this role": "/staff/audit",
    "staff: not found": "/{path}",
    "counter": "/staff/counter",
    "counter: wrong contact": "/staff/counter",
    "counter: contact": _VISIT,
    "counter: code": f"{_VISIT}/code",
    "counter: wrong code": f"{_VISIT}/confirm",
    "counter: record": _VISIT,
    "counter: wrong record": _VISIT,
    "counter: done": _VISIT,
    "counter: receipt": f"{_VISIT}/receipt",
    "counter: gold already": _VISIT,
}


def _counter(visit: GalleryVisit) -> None:
    with visit.somebody() as page:
        page.goto(f"{visit.url}staff/login?ended=card")
        page.wait_for_selector("[data-view=not_running]")
        visit.see(page, "staff login")
        uncover(page, "#login-state [data-view]")
        visit.see(page, "staff login: everything")
        visit.log_in(page.context, Role.CLERK)
        page.goto(f"{visit.url}staff")
        visit.see(page, "staff")
        uncover(page, "#idle-warning")
        visit.see(page, "staff: idle")
        page.goto(f"{visit.url}staff/audit")
        visit.see(page, "staff: not for this role")
        page.goto(f"{visit.url}staff/nothing-here")
        visit.see(page, "staff: not found")
        _serve(visit, page)


def _serve(visit: GalleryVisit, page: Page) -> None:
    mobile = some_mobile()
    _find(visit, page, "1", ".field-error", "counter: wrong contact", "counter")
    _find(visit, page, mobile, "#send-code", "counter: contact")
    page.click("#send-code")
    page.wait_for_selector("#code")
    visit.see(page, "counter: code")
    code = page.inner_text("#demo-code")
    page.fill("#code", "000000" if code != "000000" else "000001")
    page.click("#confirm")
    page.wait_for_selector(".notice.error")
    visit.see(page, "counter: wrong code")
    page.fill("#code", code)
    page.click("#confirm")
    page.wait_for_selector("#make-gold")
    visit.see(page, "counter: record")
    page.check("#applicant-proxy")
    page.click("#make-gold")
    page.wait_for_selector("#id_number-error")
    visit.see(page, "counter: wrong record")
    page.fill("#id_number", some_id_number())
    page.fill("#name", "陳測試")
    page.fill("#birth_date", "79/1/31")
    page.select_option("#document_1", "national_id")
    page.fill("#document_1_last4", "1234")
    page.check("#applicant-self")
    page.check("#consent")
    page.click("#make-gold")
    page.wait_for_selector("#done")
    visit.see(page, "counter: done")
    page.click("#receipt")
    page.wait_for_selector(".receipt")
    visit.see(page, "counter: receipt")
    _find(visit, page, mobile, "#send-code")
    page.click("#send-code")
    page.fill("#code", page.inner_text("#demo-code"))
    page.click("#confirm")
    page.wait_for_selector("#already-gold")
    visit.see(page, "counter: gold already")


def _find(visit: GalleryVisit, page: Page, contact: str, part: str, *names: str) -> None:
    """Look for a contact; see the page that comes, and before it the page it begins on."""
    page.goto(f"{visit.url}staff/counter")
    for name in names[1:]:
        visit.see(page, name)
    page.fill("#contact", contact)
    page.click("#find")
    page.wait_for_selector(part)
    for name in names[:1]:
        visit.see(page, name)


_CHANGE = "/staff/counter/contact"
_CONTACT = {
    "contact change": _CHANGE,
    "contact change: wrong": _CHANGE,
    "contact change: not proven": _CHANGE,
    "contact change: begun": f"{_CHANGE}/{{visit}}",
    "contact change: code": f"{_CHANGE}/{{visit}}/code",
    "contact change: done": f"{_CHANGE}/{{visit}}",
}


def _change_contact(visit: GalleryVisit) -> None:
    mobile, id_number = some_mobile(), some_id_number()
    visit.db.run_here(become_gold, mobile, id_number)
    with visit.somebody() as page:
        visit.log_in(page.context, Role.CLERK)
        page.goto(f"{visit.url}staff/counter")
        page.click("#change-contact")
        page.wait_for_selector("#new_contact")
        visit.see(page, "contact change")
        page.click("#check")
        page.wait_for_selector("#contact-error")
        visit.see(page, "contact change: wrong")
        page.fill("#contact", mobile)
        page.fill("#id_number", some_id_number())
        page.select_option("#document_1", "national_id")
        page.fill("#document_1_last4", "1234")
        page.fill("#new_contact", some_mobile())
        page.check("#in_person")
        page.click("#check")
        page.wait_for_selector("#refused")
        visit.see(page, "contact change: not proven")
        page.fill("#id_number", id_number)
        page.click("#check")
        page.wait_for_selector("#send-code")
        visit.see(page, "contact change: begun")
        page.click("#send-code")
        page.wait_for_selector("#code")
        visit.see(page, "contact change: code")
        page.fill("#code", page.inner_text("#demo-code"))
        page.click("#confirm")
        page.wait_for_selector("#done")
        visit.see(page, "contact change: done")


_CASE = "/staff/desk/cases/{number}"
_DESK = {
    "queue": "/staff/desk",
    "queue: nothing": "/staff/desk",
    "case": _CASE,
    "case: approve": _CASE,
    "case: refuse": _CASE,
    "case: ask": _CASE,
    "case: its time ends": _CASE,
    "case: wrong question": f"{_CASE}/ask",
    "case: of another reviewer": _CASE,
    "queue: decided": "/staff/desk",
}


def _desk(visit: GalleryVisit) -> None:
    applicants = [Applicant(int(some_mobile()[-6:])) for _ in range(2)]
    first, _ = (visit.db.run_here(each.send) for each in applicants)
    try:
        with visit.somebody() as page, visit.somebody() as other:
            visit.log_in(page.context, Role.REVIEWER)
            visit.log_in(other.context, Role.REVIEWER)
            _look_through(visit, page, first)
            other.goto(f"{visit.url}staff/desk/cases/{first}")
            visit.see(other, "case: of another reviewer")
            page.click("[data-decision=refuse] summary")
            page.check("[name=reason] >> nth=0")
            page.click("[data-decision=refuse] button[value=queue]")
            page.wait_for_selector(".notice.ok")
            visit.see(page, "queue: decided")
    finally:  # who tests the desk has its cases to themselves
        for each in applicants[1:]:
            visit.db.run_here(lambda tx, each=each: applying.withdraw(tx, each.member(tx)))


def _look_through(visit: GalleryVisit, page: Page, number: str) -> None:
    page.goto(f"{visit.url}staff/desk?show=mine")
    visit.see(page, "queue: nothing")
    page.goto(f"{visit.url}staff/desk")
    visit.see(page, "queue")
    page.click(f"form[action$='/cases/{number}/claim'] button")
    _wait_for_case(page)
    visit.see(page, "case")
    for decision in ("approve", "refuse", "ask"):
        page.click(f"[data-decision={decision}] summary")
        visit.see(page, f"case: {decision}")
    uncover(page, "[data-ending], [data-ended]")
    visit.see(page, "case: its time ends")
    page.fill("#ask-text", f"{some_id_number()}?")
    page.click("[data-decision=ask] button[value=queue]")
    page.wait_for_selector(".notice.error [data-code=id_number]")
    visit.see(page, "case: wrong question")


def _wait_for_case(page: Page) -> None:
    page.wait_for_function("() => document.querySelector('.desk-side img')?.naturalWidth > 0")


_SUPERVISOR = {
    "take back": "/staff/upgrades",
    "take back: nobody": "/staff/upgrades",
    "take back: upgrades": "/staff/upgrades/{visit}",
    "take back: no reason": "/staff/upgrades/{visit}",
    "take back: done": "/staff/upgrades/{visit}",
    "audit": "/staff/audit",
    "audit: nothing": "/staff/audit",
    "audit: checked": "/staff/audit/check",
}


def _supervise(visit: GalleryVisit) -> None:
    mobile = some_mobile()
    visit.db.run_here(become_gold, mobile, some_id_number())
    with visit.somebody() as page:
        visit.log_in(page.context, Role.SUPERVISOR)
        page.goto(f"{visit.url}staff/upgrades")
        visit.see(page, "take back")
        page.fill("#who", "1")
        page.click("#find")
        page.wait_for_selector(".notice.error")
        visit.see(page, "take back: nobody")
        page.fill("#who", mobile)
        page.click("#find")
        page.wait_for_selector("#take-back")
        visit.see(page, "take back: upgrades")
        page.evaluate("document.querySelector('form:has(#take-back)').submit()")
        page.wait_for_selector(".field-error")
        visit.see(page, "take back: no reason")
        page.check("[name=reason] >> nth=0")
        page.click("#take-back")
        page.wait_for_selector(".upgrade .notice.info")
        visit.see(page, "take back: done")
    with visit.somebody() as page:
        visit.log_in(page.context, Role.AUDITOR)
        page.goto(f"{visit.url}staff/audit")
        visit.see(page, "audit")
        page.goto(f"{visit.url}staff/audit?member=nobody")
        visit.see(page, "audit: nothing")
        page.click("#check-chain")
        page.wait_for_selector("#whole")
        visit.see(page, "audit: checked")


def become_gold(tx: Transaction, mobile: str, id_number: str) -> None:
    """Register a member, and make them gold at a counter."""
    contact = parse_contact(mobile)
    member = members.member_of_contact(tx, contact) or members.register(tx, contact)
    evidence = {"document_1": "national_id", "document_1_last4": "1234", "consent_form": "2026-11"}
    proven = Proven(Way.COUNTER, id_number, "陳測試", evidence)
    assert make_gold(tx, member, proven) is None


WALKS = {
    "counter": GalleryWalk(_COUNTER, _counter),
    "contact change": GalleryWalk(_CONTACT, _change_contact),
    "desk": GalleryWalk(_DESK, _desk),
    "supervisor": GalleryWalk(_SUPERVISOR, _supervise),
}
