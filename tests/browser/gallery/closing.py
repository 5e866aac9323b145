"""A gold member without a card closes the account by a case, and a reviewer agrees."""

from agent.portal.online import reviewing
from agent.portal.online.states import CaseRules
from agent.portal.staff.register import Role
from tests.browser.gallery.staff import become_gold
from tests.browser.gallery.walking import GalleryVisit, GalleryWalk, some_id_number
from tests.browser.gallery.ways import send_form, send_pictures
from tests.browser.world import register

_CASE = "/ways/online/case/{number}"
_PAGES = {
    "close: by case": "/account/close",
    "closing case: form": "/ways/online/form",
    "close: case begun": "/account/close",
    "closing case: sent": _CASE,
    "member: closing case": "/#/member",
    "closing case: at the desk": "/staff/desk/cases/{number}",
    "closing case: agreed": _CASE,
}


def _close(visit: GalleryVisit) -> None:
    id_number = some_id_number()
    with visit.somebody() as page, visit.somebody() as desk:
        visit.db.run_here(become_gold, register(page, visit.url), id_number)
        page.goto(f"{visit.url}account/close")
        visit.see(page, "close: by case")
        page.click("#begin-case")
        page.wait_for_selector("#closing")
        visit.see(page, "closing case: form")
        page.goto(f"{visit.url}account/close")
        visit.see(page, "close: case begun")
        page.click("#go-on")
        send_form(page, id_number)
        number = send_pictures(page)
        visit.see(page, "closing case: sent")
        page.goto(f"{visit.url}#/member")
        page.wait_for_selector(".application")
        visit.see(page, "member: closing case")
        reviewer = visit.log_in(desk.context, Role.REVIEWER)
        visit.db.run_here(reviewing.claim, reviewer, number)
        desk.goto(f"{visit.url}staff/desk/cases/{number}")
        desk.wait_for_selector("#closing")
        visit.see(desk, "closing case: at the desk")
        visit.db.run_here(reviewing.approve, reviewer, number, CaseRules())
        page.goto(f"{visit.url}ways/online/case/{number}")
        visit.see(page, "closing case: agreed")


WALKS = {"closing": GalleryWalk(_PAGES, _close)}
