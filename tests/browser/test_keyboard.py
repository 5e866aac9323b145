"""The way to gold by keyboard alone, from the step with the component to the end."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.keyboard_judge import keyboard_faults
from tests.browser.sight_judge import sight_faults
from tests.browser.world import PIN, World, go, register, tab_to

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_member_becomes_gold_by_keyboard_alone(page: Page, agent: World) -> None:
    card = agent.card("gen2")
    agent.start_agent(card)
    register(page, agent.url)
    go(page, "upgrade/component")
    expect(page.locator("#next")).to_be_enabled()
    tab_to(page, "#next")
    page.keyboard.press("Enter")
    page.locator("#id-number").wait_for()
    tab_to(page, "#id-number")
    page.keyboard.type(card.id_number)
    tab_to(page, "#next")
    page.keyboard.press("Enter")
    expect(page.locator("#pin")).to_be_focused()
    page.keyboard.type(PIN)
    tab_to(page, "#submit-pin")
    page.keyboard.press("Space")
    page.wait_for_selector(".success")
    expect(page.locator("#portrait .badge.gold")).to_have_text("金質會員")


BAD = """<!doctype html><style>a, button { outline-offset: 0 } button:focus { outline: none }
#pale:focus { outline: 3px solid #eee } #under { position: absolute; top: 300px }
#over { position: absolute; top: 290px; width: 300px; height: 80px; background: white }
#cut { overflow: hidden; width: 80px; height: 20px } #last { position: absolute; top: 0 }
</style><button id="bare">1</button><a href="/" id="pale">2</a><a href="/" id="no" tabindex="-1">3
</a><a href="/" id="first" tabindex="2">4</a><p style="cursor: pointer" id="mouse">5</p>
<div id="cut"><a href="/" id="cut-off">long</a></div><a href="/" id="under">6</a>
<div id="over"></div><input id="trap"><a href="/" id="last">7</a><script>
document.querySelector("#trap").onkeydown = (event) => event.preventDefault();</script>"""


def test_what_is_wrong_by_keyboard_is_found(page: Page) -> None:
    page.set_content(BAD)
    found = keyboard_faults(page)
    for expected in (
        "keyboard: no ring: button#bare",
        "keyboard: pale ring 1.2: a#pale",
        "keyboard: Tab leaves it out: a#no",
        "keyboard: goes before its place: a#first",
        "keyboard: only for a mouse: p#mouse",
        "keyboard: ring cut: left, top: a#cut-off",
        "keyboard: something lies on it: a#under",
        "keyboard: Tab does not reach: a#last",
    ):
        assert [each for each in found if each.startswith(expected)], (expected, found)


def test_what_goes_up_a_column_is_found(page: Page) -> None:
    page.set_content(
        "<div style='display: flex; flex-direction: column-reverse'>"
        "<a href='/' id='one'>1</a><a href='/' id='two'>2</a></div>"
    )
    (found,) = keyboard_faults(page)
    assert found.startswith("keyboard: against the reading order: a#one")


PALE = """<!doctype html><style>input { border: 1px solid #ddd; background: #fff }
#squeezed { height: 1em; width: 4em; overflow: hidden; font-size: 1rem }
#wide { width: 40rem }</style><main>
<input id="pale"><input id="bad" aria-invalid="true"><input aria-describedby="nobody">
<p class="field-error">Wrong</p><p class="notice ok">Done</p>
<p id="squeezed">Something of several words</p><p id="wide">wide</p></main>"""


def test_pale_fields_and_lonely_messages_are_found(page: Page) -> None:
    page.set_content(PALE)
    found = sight_faults(page)
    for expected in (
        "pale field 1.4: input#pale",
        "names nothing, nobody: input",
        "does not say what is wrong: input#bad",
        "of no field: p#.field-error",
        "nobody says it: p#.notice ok",
        "large letters: cut off: p#squeezed",
        "large letters: reaches out: p#wide",
    ):
        assert [each for each in found if each.startswith(expected)], (expected, found)
