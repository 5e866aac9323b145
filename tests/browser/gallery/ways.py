"""Ways 3 and 4: desktop, phone and operator; the application online from the draft to its end."""

import io

from PIL import Image
from playwright.sync_api import FilePayload, Page

from agent.portal.contact import parse_contact
from agent.portal.demo.telecom import add_authenticator
from agent.portal.members import member_of_contact
from agent.portal.online import reviewing
from agent.portal.online.states import CaseRules, RefusalReason
from agent.portal.staff.register import Role
from agent.portal.store.transaction import Transaction
from agent.portal.telecom import applying, records
from agent.portal.telecom.standin.site import OperatorPlay
from agent.portal.telecom.states import TelecomState
from tests.browser.gallery.walking import (
    OPERATOR,
    GalleryVisit,
    GalleryWalk,
    some_id_number,
    some_mobile,
    uncover,
)
from tests.browser.world import register

_LINK = "/phone/link/{token}"
_TELECOM = {
    "way 3": "/ways/telecom",
    "code for the phone": "/ways/telecom/phone",
    "phone: start": _LINK,
    "phone: no consent": _LINK,
    "phone: form": "/phone",
    "desktop: connected": "/ways/telecom/phone",
    "phone: wrong form": "/phone/form",
    "phone: device": "/phone",
    "phone: ask": "/phone",
    "operator": f"{OPERATOR}/authorize",
    "phone: differs": "/phone",
    "phone: reading": "/phone",
    "phone: gold": "/phone",
    "desktop: gold": "/ways/telecom/phone",
    "phone: link is over": _LINK,
}


def _telecom(visit: GalleryVisit) -> None:
    with visit.somebody() as desktop, visit.somebody() as phone:
        add_authenticator(phone, is_user_verified=True)
        contact = register(desktop, visit.url)
        desktop.goto(f"{visit.url}ways/telecom")
        visit.see(desktop, "way 3")
        desktop.click("#begin")
        desktop.wait_for_selector("#open-phone")
        visit.see(desktop, "code for the phone")
        link = str(desktop.get_attribute("#open-phone", "href"))
        _connect(visit, phone, link)
        desktop.wait_for_selector(".notice.ok")
        visit.see(desktop, "desktop: connected")
        _write(visit, phone)
        _ask(visit, phone, contact)
        desktop.wait_for_selector("#telecom[data-outcome=gold]")
        visit.see(desktop, "desktop: gold")
        desktop.goto(link)
        visit.see(desktop, "phone: link is over")


def _connect(visit: GalleryVisit, phone: Page, link: str) -> None:
    phone.goto(link)
    visit.see(phone, "phone: start")
    phone.evaluate("document.querySelector('form:has(#consent)').submit()")
    phone.wait_for_selector("#consent[aria-invalid=true]")
    visit.see(phone, "phone: no consent")
    phone.check("#consent")
    phone.click("#connect")
    phone.wait_for_selector("#phone[data-step=form]")
    visit.see(phone, "phone: form")


def _write(visit: GalleryVisit, phone: Page) -> None:
    for name in ("id_number", "name", "born", "mobile"):
        phone.fill(f"#{name}", "1")
    phone.click("#next")
    phone.wait_for_selector("[aria-invalid=true]")
    visit.see(phone, "phone: wrong form")
    _fill_in(phone)
    phone.wait_for_selector("#phone[data-step=device]")
    uncover(phone, "#device-alert [data-why]")
    visit.see(phone, "phone: device")
    phone.click("#verify")
    phone.wait_for_selector("#phone[data-step=operator]")
    visit.see(phone, "phone: ask")


def _fill_in(phone: Page) -> None:
    phone.fill("#id_number", some_id_number())
    phone.fill("#name", "王測試")
    phone.fill("#born", "79/1/31")
    phone.fill("#mobile", some_mobile())
    phone.click("#next")


def _ask(visit: GalleryVisit, phone: Page, contact: str) -> None:
    phone.click("#ask")
    phone.wait_for_selector("#play")
    visit.see(phone, "operator")
    _answer(phone, OperatorPlay.OTHER_NUMBER)
    phone.wait_for_selector("#phone[data-step=form] #outcome")
    visit.see(phone, "phone: differs")
    _see_reading(visit, phone, contact)
    _fill_in(phone)
    phone.click("#ask")
    _answer(phone, OperatorPlay.MATCH)
    phone.wait_for_selector("#phone[data-step=result]")
    visit.see(phone, "phone: gold")


def _answer(phone: Page, play: OperatorPlay) -> None:
    phone.select_option("#play", play.value)
    phone.click("[name=agree]")


def _see_reading(visit: GalleryVisit, phone: Page, contact: str) -> None:
    """See the page of who waits for the operator, with an answer that nobody reads."""

    def put(tx: Transaction, state: TelecomState) -> None:
        member = member_of_contact(tx, parse_contact(contact))
        application = applying.latest_application(tx, str(member))
        assert application is not None
        records.change(tx, application.id, state, reading_since=tx.now)

    visit.db.run_here(put, TelecomState.READING)
    phone.goto(f"{visit.url}phone")
    visit.see(phone, "phone: reading")
    visit.db.run_here(put, TelecomState.CONNECTED)
    phone.wait_for_selector("#phone[data-step=form]")  # by itself


_CASE = "/ways/online/case/{number}"
_ONLINE = {
    "way 4": "/ways/online",
    "way 4: form": "/ways/online/form",
    "way 4: wrong form": "/ways/online/form",
    "way 4: nothing to send": "/ways/online/check",
    "way 4: pictures": "/ways/online/pictures",
    "way 4: a hint": "/ways/online/pictures",
    "way 4: no picture": "/ways/online/pictures",
    "way 4: both pictures": "/ways/online/pictures",
    "way 4: check": "/ways/online/check",
    "way 4: sent": _CASE,
    "member: applies": "/#/member",
    "way 4: needs more": _CASE,
    "way 4: what is asked": "/ways/online/pictures",
    "way 4: answer": "/ways/online/check",
    "case: answered": "/staff/desk/cases/{number}",
    "way 4: refused": _CASE,
    "way 4: again": "/ways/online",
    "way 4: withdrawn": _CASE,
    "way 4: approved": _CASE,
}


def _online(visit: GalleryVisit) -> None:
    with visit.somebody() as page:
        register(page, visit.url)
        page.goto(f"{visit.url}ways/online")
        visit.see(page, "way 4")
        number = _apply(visit, page)
        page.goto(f"{visit.url}#/member")
        page.wait_for_selector(".application")
        visit.see(page, "member: applies")
        with visit.somebody() as desk:
            _review(visit, page, desk, number)


def _apply(visit: GalleryVisit, page: Page) -> str:
    page.click("#begin")
    page.wait_for_selector("#id_number")
    visit.see(page, "way 4: form")
    for name in ("id_number", "name", "born"):
        page.fill(f"#{name}", "1")
    page.check("[name=document][value=id_card]")
    page.click("#next")
    page.wait_for_selector("[aria-invalid=true]")
    visit.see(page, "way 4: wrong form")
    page.goto(f"{visit.url}ways/online/check")
    visit.see(page, "way 4: nothing to send")
    page.goto(f"{visit.url}ways/online/form")
    send_form(page, some_id_number())
    page.wait_for_selector("#picture-front")
    visit.see(page, "way 4: pictures")
    page.set_input_files("#picture-front", _photo("#050505"))
    page.wait_for_selector("li[data-hint=dark]")
    visit.see(page, "way 4: a hint")
    page.set_input_files("#picture-front", __file__)
    page.click("#upload-front")
    page.wait_for_selector("#picture-front[aria-invalid=true]")
    visit.see(page, "way 4: no picture")
    for side in ("front", "back"):
        upload(page, side)
    visit.see(page, "way 4: both pictures")
    page.click("#next")
    page.wait_for_selector("#consent")
    visit.see(page, "way 4: check")
    page.check("#consent")
    page.click("#send")
    page.wait_for_selector("#case[data-state=sent]")
    visit.see(page, "way 4: sent")
    return page.url.rpartition("/")[2]


def send_form(page: Page, id_number: str) -> None:
    page.fill("#id_number", id_number)
    page.fill("#name", "王測試")
    page.fill("#born", "79/1/31")
    page.check("[name=document][value=id_card]")
    page.click("#next")


def _review(visit: GalleryVisit, page: Page, desk: Page, number: str) -> None:
    reviewer = visit.log_in(desk.context, Role.REVIEWER)
    rules = CaseRules()
    visit.db.run_here(reviewing.claim, reviewer, number)
    visit.db.run_here(reviewing.ask_for_more, reviewer, number, "The back, please.", rules)
    page.goto(f"{visit.url}ways/online/case/{number}")
    visit.see(page, "way 4: needs more")
    page.click("#answer")
    page.wait_for_selector("#picture-back")
    visit.see(page, "way 4: what is asked")
    upload(page, "back")
    page.click("#next")
    page.wait_for_selector("#message")
    visit.see(page, "way 4: answer")
    page.fill("#message", "Here it is.")
    page.check("#consent")
    page.click("#send")
    page.wait_for_selector("#case[data-state=sent]")
    visit.db.run_here(reviewing.claim, reviewer, number)
    desk.goto(f"{visit.url}staff/desk/cases/{number}")
    visit.see(desk, "case: answered")
    visit.db.run_here(reviewing.refuse, reviewer, number, RefusalReason.DATA_DIFFER, rules)
    page.reload()
    visit.see(page, "way 4: refused")
    page.goto(f"{visit.url}ways/online")
    visit.see(page, "way 4: again")
    _once_more(page)
    page.click("#withdraw")
    page.wait_for_selector("#case[data-state=withdrawn]")
    visit.see(page, "way 4: withdrawn")
    page.goto(f"{visit.url}ways/online")
    number = _once_more(page)
    visit.db.run_here(reviewing.claim, reviewer, number)
    visit.db.run_here(reviewing.approve, reviewer, number, rules)
    page.reload()
    visit.see(page, "way 4: approved")


def _once_more(page: Page) -> str:
    page.click("#begin")
    send_form(page, some_id_number())
    return send_pictures(page)


def send_pictures(page: Page) -> str:
    """Send both pictures and the application; return the case's number."""
    for side in ("front", "back"):
        upload(page, side)
    page.click("#next")
    page.check("#consent")
    page.click("#send")
    page.wait_for_selector("#case[data-state=sent]")
    return page.url.rpartition("/")[2]


def upload(page: Page, side: str) -> None:
    page.set_input_files(f"#picture-{side}", _photo("#b0b8c0"))
    with page.expect_navigation():
        page.click(f"#upload-{side}")
    page.wait_for_selector(f".side.there:has(#picture-{side})")


def _photo(colour: str) -> FilePayload:
    out = io.BytesIO()
    Image.new("RGB", (1200, 800), colour).save(out, "JPEG")
    return {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


WALKS = {"way 3": GalleryWalk(_TELECOM, _telecom), "way 4": GalleryWalk(_ONLINE, _online)}
