"""What a screen reader is told of a question's page, and what axe and a keyboard find there."""

import os
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agent.consent.page import PageCheck, PageChoices, PagePin
from agent.words import Language, load
from tests.browser import axe_judge
from tests.browser.panel.conftest import PanelAgent
from tests.browser.panel.question_support import (
    QUESTIONS,
    picture,
    shown,
    until_awake,
)
from tests.browser.world import tab_to
from tray.prompt.page import question_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ALL = os.environ.get("ANKONG_TEST_LOOKS") == "all"
LOOKS = axe_judge.EVERY_LOOK if ALL else axe_judge.FEW_LOOKS
CONTROLS = {"button", "textbox", "checkbox", "radio", "link", "combobox", "heading", "timer"}


def controls(page: Page) -> list[tuple[str, str, str]]:
    """Return role, name and description of each control, as assistive technology has them."""
    session = page.context.new_cdp_session(page)
    nodes: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()

    def said(node: dict[str, Any], what: str) -> str:
        return str(node.get(what, {}).get("value", ""))

    by_id = {node["nodeId"]: node for node in nodes}
    waiting, found = [nodes[0]["nodeId"]], []
    while waiting:  # in the order of the page
        node = by_id[waiting.pop(0)]
        waiting[:0] = [each for each in node.get("childIds", ()) if each in by_id]
        if not node.get("ignored") and said(node, "role") in CONTROLS:
            found.append((said(node, "role"), said(node, "name"), said(node, "description")))
    return found


def expected(name: str, language: Language) -> list[tuple[str, str]]:
    """Return role and name of each control that a question has, in order of the page."""
    said = question_page(QUESTIONS[name], language)
    found = [("heading", said.title)]
    for part in said.parts:
        match part:
            case PageChoices():
                found += [("radio", f"{each.text} {each.aside}") for each in part.choices]
            case PageCheck():
                found.append(("checkbox", part.text))
            case PagePin():
                found.append(("textbox", part.name))
            case _:
                pass
    more = str(load(language)["panel.question.more"])
    return [*found, *(("button", each.text) for each in said.buttons), ("button", more)]


@pytest.mark.parametrize("language", Language)
def test_every_control_of_every_question_has_its_role_and_name(
    language: Language, agent_here: PanelAgent, page: Page
) -> None:
    agent_here.start()
    for name, prompt in QUESTIONS.items():
        with shown(page, agent_here, name, language):
            said = question_page(prompt, language)
            found = [each for each in controls(page) if each[0] != "timer"]
            told = [(role, " ".join(label.split())) for role, label, _ in found]
            assert told == expected(name, language), name
            expect(page).to_have_title(f"{said.asker} – {said.title} – {_product(language)}")
            assert page.get_attribute("html", "lang") == language
            for part in said.parts:
                if isinstance(part, PagePin):
                    description = next(each[2] for each in found if each[0] == "textbox")
                    assert part.hint in description
                    assert part.attempts in description
            expect(page.get_by_role("timer")).to_contain_text("2:")
            if language in {Language.CHINESE, Language.ENGLISH}:
                picture(page, f"question-{name}-{language}")


def _product(language: Language) -> str:
    return str(load(language)["product.name"])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", Language if ALL else [Language.CHINESE])
def test_nothing_is_wrong_with_any_question(
    language: Language, agent_here: PanelAgent, page: Page
) -> None:
    agent_here.start()
    found: list[str] = []
    for name in QUESTIONS:
        with shown(page, agent_here, name, language):
            found += [f"{name}: {each}" for each in axe_judge.faults(page, LOOKS)]
            axe_judge.show(page, axe_judge.Look(390, "dark"))
            if language is Language.CHINESE:
                picture(page, f"question-{name}-narrow-dark")
            axe_judge.show(page, axe_judge.Look(1280, "light"))
    assert not found, "\n".join(found)


def test_a_card_is_chosen_and_a_box_ticked_by_keyboard_alone(
    agent_here: PanelAgent, page: Page
) -> None:
    agent_here.start()
    with shown(page, agent_here, "choose", Language.ENGLISH) as answers:
        until_awake(page)
        expect(page.locator("[value='card:']")).to_be_disabled()
        tab_to(page, "[name=card]")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        expect(page.locator("[value='card:']")).to_be_enabled()  # Tab goes by one that is off
        tab_to(page, "[value='card:']")
        page.keyboard.press("Enter")
        page.locator("[data-over]").wait_for()
        assert answers == [{"answer": "card:1"}]
    with shown(page, agent_here, "last", Language.ENGLISH) as answers:
        until_awake(page)
        expect(page.locator("[value=yes]")).to_be_disabled()
        tab_to(page, "#sure")
        page.keyboard.press("Space")
        expect(page.locator("[value=yes]")).to_be_enabled()
        tab_to(page, "[value=yes]")
        page.keyboard.press("Space")
        page.locator("[data-over]").wait_for()
        assert answers == [{"answer": "yes"}]


STRIKE = """([type, code, key, NumLock, CapsLock]) => {
    const lit = {modifierNumLock: NumLock, modifierCapsLock: CapsLock};
    const event = new KeyboardEvent(type, {code, key, bubbles: true, ...lit});
    document.querySelector("#pin").dispatchEvent(event);
    return document.querySelector("#hint").textContent;
}"""


def test_a_keyboard_that_writes_no_digits_is_said_to_in_the_page_as_in_the_window(
    agent_here: PanelAgent, page: Page
) -> None:
    agent_here.start()
    with shown(page, agent_here, "sign", Language.ENGLISH):
        said = question_page(QUESTIONS["sign"], Language.ENGLISH).parts
        pin = next(part for part in said if isinstance(part, PagePin))
        strikes = {
            ("keydown", "Numpad7", "Home", False, False): pin.num_lock,
            ("keydown", "Numpad7", "7", True, False): pin.hint,
            ("keydown", "Digit1", "ㄅ", True, False): pin.layout,
            ("keydown", "Digit1", "Process", True, False): pin.layout,
            ("keydown", "Digit1", "１", True, False): pin.layout,
            ("keydown", "Digit1", "1", True, False): pin.hint,
            ("keydown", "Home", "Home", False, False): pin.hint,
            ("keyup", "CapsLock", "CapsLock", True, True): pin.capitals,
            ("keyup", "CapsLock", "CapsLock", True, False): pin.hint,
        }
        for strike, expected_hint in strikes.items():
            assert page.evaluate(STRIKE, list(strike)) == expected_hint, strike
        page.evaluate(STRIKE, ["keydown", "Numpad7", "Home", False, False])
        expect(page.locator("#announcer")).to_have_text(pin.num_lock)
        picture(page, "question-num-lock")


@pytest.mark.parametrize("language", [Language.CHINESE, Language.ENGLISH])
def test_a_pin_of_more_than_digits_is_remarked_in_the_page_as_in_the_window(
    language: Language, agent_here: PanelAgent, page: Page
) -> None:
    """By the window's words, to be seen and heard, and only while there is something else."""
    agent_here.start()
    with shown(page, agent_here, "sign", language) as answers:
        said = question_page(QUESTIONS["sign"], language).parts
        pin = next(part for part in said if isinstance(part, PagePin))
        until_awake(page)
        box, hint = page.locator("#pin"), page.locator("#hint")
        box.press_sequentially("12")
        expect(hint).to_have_text(pin.hint)
        box.press_sequentially("a")
        expect(hint).to_have_text(pin.no_digit)
        expect(page.locator("#announcer")).to_have_text(pin.no_digit)
        expect(box).to_have_accessible_description(re.compile(re.escape(pin.no_digit)))
        box.press_sequentially("34")
        expect(hint).to_have_text(pin.no_digit)
        picture(page, f"question-no-digit-{language}")
        expect(page.locator("[value='pin:']")).to_be_disabled()
        for _ in range(3):
            box.press("Backspace")
        expect(hint).to_have_text(pin.hint)
        expect(page.locator("#announcer")).to_have_text(pin.hint)
        # What is pasted is looked at too; and such a PIN is taken all the same.
        page.evaluate("document.execCommand('insertText', false, 'Ab-345')")
        expect(hint).to_have_text(pin.no_digit)
        box.press("Enter")
        page.locator("[data-over]").wait_for()
        assert answers == [{"answer": "pin:", "pin": list(b"12Ab-345")}]


FOCUSED = """() => {
    const at = document.activeElement;
    const {outlineStyle, outlineWidth} = getComputedStyle(at);
    return [at.id || at.value, outlineStyle !== "none" && parseFloat(outlineWidth) >= 2];
}"""


def test_escape_answers_as_closing_does_and_focus_is_always_seen(
    agent_here: PanelAgent, page: Page
) -> None:
    agent_here.start()
    for name in ("allow", "sign-many", "last", "locked"):
        first = question_page(QUESTIONS[name], Language.ENGLISH).buttons[0].answer
        with shown(page, agent_here, name, Language.ENGLISH) as answers:
            expect(page.locator("#title")).to_be_focused()
            page.keyboard.press("Escape")  # too early: meant for something else
            expect(page.locator("#announcer")).not_to_be_empty()
            places: list[str] = []
            while "more" not in places:
                page.keyboard.press("Tab")
                place, is_seen = page.evaluate(FOCUSED)
                assert is_seen, (name, place)
                assert place not in places
                places.append(place)
            assert first in places
            until_awake(page)
            assert answers == []
            page.keyboard.press("Escape")
            page.locator("[data-over]").wait_for()
            assert answers == [{"answer": first}]
