"""Members with a card: way 1, the login by card, and what a gold member does with the card."""

from playwright.sync_api import Page

from tests.browser.gallery.walking import GalleryVisit, GalleryWalk
from tests.browser.world import PIN, WRONG_PIN, TestCard, go, panel, register, to_pin

_PAGES = {
    "card login: no component": "/#/login/card",
    "component of a guest": "/#/login/component",
    "component: there": "/#/upgrade/component",
    "ID number": "/#/upgrade/id",
    "PIN": "/#/upgrade/pin",
    "PIN: too short": "/#/upgrade/pin",
    "PIN: wrong": "/#/upgrade/pin",
    "gold": "/#/upgrade/done",
    "member: gold": "/#/member",
    "profile: gold": "/#/profile",
    "own card": "/#/account/card",
    "own card: PIN": "/#/account/card/pin",
    "component of a gold member": "/#/account/component",
    "own data: gold": "/account/data",
    "close: by card": "/account/close",
    "close: the card": "/#/account/close",
    "way 4: gold": "/ways/online",
    "login: logged out": "/#/login",
    "card login": "/#/login/card",
    "taken": "/#/upgrade/taken",
}


def _cards(visit: GalleryVisit) -> None:
    card = visit.world.card()
    with visit.somebody() as page:
        page.goto(f"{visit.url}#/login/card")
        panel(page, "notRunning")
        visit.see(page, "card login: no component")
        go(page, "login/component")
        page.wait_for_selector(".component-state button")
        visit.see(page, "component of a guest")
        visit.world.start_agent(card)
        try:
            _become_gold(visit, page, card)
            _with_the_card(visit, page, card)
            _take_again(visit, page, card)
        finally:
            visit.world.stop_agent()


def _become_gold(visit: GalleryVisit, page: Page, card: TestCard) -> None:
    register(page, visit.url)
    go(page, "upgrade/component")
    page.wait_for_selector("#next:enabled")
    visit.see(page, "component: there")
    page.click("#next")
    page.wait_for_selector("#id-number")
    visit.see(page, "ID number")
    page.fill("#id-number", card.id_number)
    page.click("#next")
    panel(page, "pin")
    visit.see(page, "PIN")
    page.fill("#pin", "123")
    page.click("#submit-pin")
    visit.see(page, "PIN: too short")
    page.fill("#pin", WRONG_PIN)
    page.click("#submit-pin")
    page.wait_for_selector("#card-panel[data-view=pin] .notice.error")
    visit.see(page, "PIN: wrong")
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    page.wait_for_selector(".success")
    visit.see(page, "gold")


def _with_the_card(visit: GalleryVisit, page: Page, card: TestCard) -> None:
    for path, part, name in (
        ("member", "#how-gold", "member: gold"),
        ("profile", "#save-profile", "profile: gold"),
        ("account/component", "#next:enabled", "component of a gold member"),
        ("account/card", "#id-number", "own card"),
    ):
        go(page, path)
        page.wait_for_selector(part)
        visit.see(page, name)
    page.fill("#id-number", card.id_number)
    page.click("#next")
    panel(page, "pin")
    visit.see(page, "own card: PIN")
    go(page, "account/close")
    panel(page, "pin")
    visit.see(page, "close: the card")
    for path, name in (
        ("account/data", "own data: gold"),
        ("account/close", "close: by card"),
        ("ways/online", "way 4: gold"),
    ):
        page.goto(visit.url + path)
        visit.see(page, name)
    page.goto(visit.url)
    page.click("#logout")
    page.wait_for_selector("#contact")
    visit.see(page, "login: logged out")
    page.click("#card-login")
    panel(page, "pin")
    visit.see(page, "card login")


def _take_again(visit: GalleryVisit, page: Page, card: TestCard) -> None:
    go(page, "login")
    register(page, visit.url)
    to_pin(page, card.id_number)
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    page.wait_for_selector("#change-account")
    visit.see(page, "taken")


WALKS = {"card": GalleryWalk(_PAGES, _cards)}
