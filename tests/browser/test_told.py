"""What a step has told its visitor is said on in the language that they change to."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from agent.words import Language, load
from tests.browser.world import PIN, WRONG_PIN, World, chip, go, panel, register, to_pin

pytestmark = pytest.mark.browser


def said(language: Language, name: str, **values: object) -> str:
    text: Any = load(language)[name]
    return str(text.format(**values) if values else text)


def survives(page: Page, place: Locator, name: str, **values: object) -> None:
    """Read a text of the catalogue in each language, one after the other."""
    for language in (*Language, Language.CHINESE):
        page.select_option("#language", language)
        expect(place).to_have_text(said(language, name, **values))


def test_what_is_wrong_at_the_login(page: Page, agent: World) -> None:
    page.goto(agent.url)
    page.fill("#contact", "nobody")
    page.click("#send-code")
    survives(page, page.locator("#contact-error"), "portal.login.contactInvalid")
    expect(page.locator("#contact")).to_have_attribute("aria-invalid", "true")
    page.fill("#contact", "0912345678")
    expect(page.locator("#contact-error")).to_have_text("")
    page.select_option("#language", "en")
    expect(page.locator("#contact-error")).to_have_text("")
    page.click("#send-code")
    page.fill("#code", "12")
    page.click("#confirm-code")
    survives(page, page.locator("#code-error"), "portal.login.codeInvalid")


def test_what_is_told_after_a_step(page: Page, agent: World) -> None:
    register(page, agent.url)
    go(page, "profile")
    page.fill("#name", " ")
    page.click("#save-profile")
    survives(page, page.locator("#name-error"), "portal.profile.nameInvalid")
    page.fill("#name", "王測試")
    page.click("#save-profile")
    told = page.locator("main > .notice")
    survives(page, told, "portal.profile.saved")
    go(page, "upgrade")
    page.locator("#way-card").wait_for()
    expect(told).to_have_count(0)
    go(page, "profile")
    page.locator("#name").wait_for()
    expect(told).to_have_count(0)


def test_what_is_wrong_with_an_id_number(page: Page, agent: World) -> None:
    agent.start_agent()
    register(page, agent.url)
    go(page, "upgrade/id")
    error = page.locator("#id-number-error")
    page.fill("#id-number", "A123456780")
    page.click("#next")
    survives(page, error, "portal.identity.faults.checksum")
    expect(page.locator("#id-number")).to_have_value("A123456780")
    page.route("**/api/upgrade/card/challenge", lambda route: route.abort())
    page.fill("#id-number", agent.card().id_number)
    page.click("#next")
    survives(page, error, "portal.codes.network")
    page.unroute("**/api/upgrade/card/challenge")
    page.click("#next")
    panel(page, "empty")
    page.go_back()
    page.locator("#id-number").wait_for()
    expect(error).to_have_text("")


def test_what_is_told_beside_the_pin(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    panel(page, "pin")
    chip(page, "running")
    page.fill("#pin", "12")
    page.click("#submit-pin")
    survives(page, page.locator("#pin-error"), "portal.pin.length")
    page.fill("#pin", WRONG_PIN)
    page.click("#submit-pin")
    told = page.locator(".card-message .notice")
    survives(page, told, "portal.codes.pin_incorrect_left", count=2)
    page.fill("#pin", "12")
    page.click("#submit-pin")
    page.fill("#pin", "123")
    card.pull()
    panel(page, "empty")
    survives(page, told, "portal.pin.removed")
    card.insert()
    panel(page, "pin")
    expect(told).to_have_count(0)
    expect(page.locator("#pin-error")).to_have_text("")
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    page.wait_for_selector(".success")


def test_no_step_says_to_put_a_card_in_while_it_is_in(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    asking: dict[Language, tuple[str, ...]] = {
        Language.CHINESE: ("插入", "插到"),
        Language.ENGLISH: ("put ", "insert"),
        Language("vi"): ("cắm",),
        Language("id"): ("masukkan kartu",),
    }
    for language, words in asking.items():
        page.select_option("#language", language)
        panel(page, "pin")
        shown = page.locator("main").inner_text().lower()
        assert not [word for word in words if word in shown], shown


def test_a_site_that_does_not_answer_says_so_in_any_language(page: Page, agent: World) -> None:
    page.route("**/api/session", lambda route: route.abort())
    page.goto(agent.url)
    page.locator("#again").wait_for()
    survives(page, page.locator("main h1"), "portal.offline.title")
