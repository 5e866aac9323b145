"""Members without a card: registration, account, contacts, closing, mailbox, and refusals."""

import secrets

from playwright.sync_api import Page

from tests.browser.gallery.walking import GalleryVisit, GalleryWalk, some_mobile
from tests.browser.world import go, register

_GUEST = {
    "login": "/#/login",
    "login: no contact": "/#/login",
    "code": "/#/login/code",
    "code: no code": "/#/login/code",
    "member": "/#/member",
    "profile": "/#/profile",
    "profile: no name": "/#/profile",
    "ways": "/#/upgrade",
    "component: not there": "/#/upgrade/component",
    "component: its sign is open": "/#/upgrade/component",
    "component: installers": "/#/upgrade/component",
    "mac": "/mac",
    "ID number: wrong": "/#/upgrade/id",
    "way 2": "/ways/counter",
    "mailbox": "/mailbox",
    "not found": "/{path}",
    "no form": "/{path}",
    "case of somebody else": "/ways/online/case/{number}",
    "offline": "/{path}",
}


_INSTALLERS = [
    {
        "system": system,
        "kind": kind,
        "name": f"ankong-1.0.0.{kind}",
        "url": f"/downloads/ankong-1.0.0.{kind}",
        "size": 12_345_678,
        "sha256": "5a" * 32,
    }
    for system, kind in (("windows", "exe"), ("linux", "run"), ("linux", "deb"), ("macos", "dmg"))
]
_SEND_TO_NOWHERE = """() => {
    const form = document.body.appendChild(document.createElement("form"));
    [form.method, form.action] = ["post", "/nothing-here"];
    form.submit();
}"""


def _register(visit: GalleryVisit) -> None:
    with visit.somebody() as page:
        page.goto(visit.url)
        page.wait_for_selector("#contact")
        visit.see(page, "login")
        page.click("#send-code")
        visit.see(page, "login: no contact")
        page.fill("#contact", some_mobile())
        page.click("#send-code")
        page.wait_for_selector("#confirm-code")
        visit.see(page, "code")
        page.click("#confirm-code")
        visit.see(page, "code: no code")
        page.fill("#code", page.inner_text("#demo-code"))
        page.click("#confirm-code")
        page.wait_for_selector("#portrait")
        visit.see(page, "member")
        _look_around(visit, page)


def _look_around(visit: GalleryVisit, page: Page) -> None:
    _screen(page, "profile", "#save-profile")
    visit.see(page, "profile")
    page.click("#save-profile")
    visit.see(page, "profile: no name")
    _screen(page, "upgrade", "#way-card")
    visit.see(page, "ways")
    _screen(page, "upgrade/component", ".component-state button")
    visit.see(page, "component: not there")
    page.click("#chip-button")
    visit.see(page, "component: its sign is open")
    page.route("**/api/downloads", lambda route: route.fulfill(json={"downloads": _INSTALLERS}))
    page.reload()
    page.wait_for_selector(".download-lists a[download]")
    visit.see(page, "component: installers")
    page.click("#mac")
    visit.see(page, "mac")
    page.go_back()
    _screen(page, "upgrade/id", "#id-number")
    page.fill("#id-number", "A123456780")
    page.click("#next")
    visit.see(page, "ID number: wrong")
    for path, name in (
        ("ways/counter", "way 2"),
        ("mailbox", "mailbox"),
        ("nothing-here", "not found"),
        ("ways/online/case/7K3-M92-QFX", "case of somebody else"),
    ):
        page.goto(visit.url + path)
        visit.see(page, name)
    page.evaluate(_SEND_TO_NOWHERE)
    page.wait_for_selector("[data-code=bad_request]")
    visit.see(page, "no form")
    page.route("**/api/config", lambda route: route.abort())
    page.goto(visit.url)
    page.wait_for_selector("main h1")
    visit.see(page, "offline")


def _screen(page: Page, path: str, part: str) -> None:
    go(page, path)
    page.wait_for_selector(part)


_ACCOUNT = {
    "contacts": "/account/contacts",
    "contacts: wrong": "/account/contacts/code",
    "contact: code": "/account/contacts/code",
    "contact: wrong code": "/account/contacts",
    "contacts: changed": "/account/contacts",
    "own data": "/account/data",
    "close": "/account/close",
    "close: codes": "/account/close/code",
    "close: under way": "/account/close",
    "member: closing": "/#/member",
    "close: kept": "/account/close",
}


def _account(visit: GalleryVisit) -> None:
    with visit.somebody() as page:
        register(page, visit.url)
        page.goto(f"{visit.url}account/contacts")
        visit.see(page, "contacts")
        page.fill("#contact", "0912")
        page.click("#send-code")
        visit.see(page, "contacts: wrong")
        page.fill("#contact", f"tester{secrets.token_hex(4)}@example.test")
        page.click("#send-code")
        visit.see(page, "contact: code")
        code = page.inner_text(".demo-code")
        page.fill("#code", "000000" if code != "000000" else "000001")
        page.click("#confirm-code")
        visit.see(page, "contact: wrong code")
        page.fill("#code", code)
        page.click("#confirm-code")
        page.wait_for_selector(".notice.ok")
        visit.see(page, "contacts: changed")
        page.goto(f"{visit.url}account/data")
        visit.see(page, "own data")
        page.goto(f"{visit.url}account/close")
        visit.see(page, "close")
        page.click("#send-code")
        page.wait_for_selector("#code_email")
        visit.see(page, "close: codes")
        page.fill("#code_email", page.locator(".demo-code").last.inner_text())
        page.click("#confirm-close")
        page.wait_for_selector(".notice.warning")
        visit.see(page, "close: under way")
        page.goto(f"{visit.url}#/member")
        page.wait_for_selector("#keep-account")
        visit.see(page, "member: closing")
        page.goto(f"{visit.url}account/close")
        page.click("#keep-account")
        page.wait_for_selector(".notice.ok")
        visit.see(page, "close: kept")


WALKS = {"guest": GalleryWalk(_GUEST, _register), "account": GalleryWalk(_ACCOUNT, _account)}
