"""The box for a PIN: what is typed arrives, and nobody reads more than dots in it."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from agent.virtualcard.card import VirtualCard
from tests.web.hipki.rig import Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = pytest.mark.browser
DOT = "•"


@pytest.fixture
def box(page: Page, make_card: CardFactory) -> Iterator[Page]:
    """Open the self-test page at its box, and keep what it sends."""
    with Rig(make_card()) as rig:
        page.goto(f"{rig.own}/selfTest.htm")
        page.wait_for_selector("#pin")
        yield page


def taken(page: Page) -> str:
    """Press the button; return the PIN that went to the agent, by its message."""
    with page.expect_request("**/popup/request") as asked:
        page.click("#sign")
    sent: str = json.loads(json.loads(asked.value.post_data or "")["message"])["pin"]
    return sent


@pytest.mark.parametrize(
    ("keys", "typed"),
    [
        ("135790", "135790"),
        ("1 3 5 Backspace 7", "137"),
        ("1 2 3 4 Home Delete", "234"),
        ("1 2 3 4 ArrowLeft ArrowLeft 9", "12934"),
        ("1 2 3 4 ArrowLeft ArrowLeft Backspace", "134"),
        ("1 2 3 4 Shift+ArrowLeft Shift+ArrowLeft 9", "129"),
        ("1 2 3 4 Control+a 9", "9"),
        ("1 2 3 4 Home Shift+ArrowRight a", "a234"),
        ("1 2 3 4 5 6 7 8 9", "12345678"),
        ("1 2 Control+a Control+c End Control+v 9", None),
    ],
)
def test_what_is_typed_arrives_and_only_dots_are_there(
    box: Page, keys: str, typed: str | None
) -> None:
    box.click("#pin")
    if " " in keys:
        for key in keys.split():
            box.keyboard.press(key)
    else:
        box.keyboard.type(keys)
    assert set(box.input_value("#pin")) <= {DOT}
    if typed is not None:
        assert taken(box) == typed
        assert box.input_value("#pin") == ""
    else:  # nothing of it can be copied
        assert "12" not in box.evaluate("document.getSelection().toString()")


def test_an_input_method_shows_nothing_and_its_end_counts(box: Page) -> None:
    box.click("#pin")
    box.keyboard.type("12")
    session = box.context.new_cdp_session(box)
    session.send("Input.imeSetComposition", {"text": "34", "selectionStart": 2, "selectionEnd": 2})
    style = "getComputedStyle(document.querySelector('#pin')).webkitTextSecurity"
    assert box.evaluate(style) == "disc"
    session.send("Input.insertText", {"text": "345"})
    assert box.input_value("#pin") == DOT * 5
    assert taken(box) == "12345"


def test_without_a_mask_of_the_browsers_an_input_method_shows_nothing_either(
    page: Page, make_card: CardFactory
) -> None:
    page.add_init_script("CSS.supports = () => false")
    page.add_init_script(
        "CSSStyleDeclaration.prototype.setProperty = (function (set) {"
        "  return function (name, ...value) {"
        "    if (!name.includes('text-security')) set.call(this, name, ...value);"
        "  };"
        "})(CSSStyleDeclaration.prototype.setProperty)"
    )
    color = "getComputedStyle(document.querySelector('#pin')).color"
    with Rig(make_card()) as rig:
        page.goto(f"{rig.own}/selfTest.htm")
        page.wait_for_selector("#pin")
        usual = page.evaluate(color)
        page.click("#pin")
        session = page.context.new_cdp_session(page)
        composed = {"text": "34", "selectionStart": 2, "selectionEnd": 2}
        session.send("Input.imeSetComposition", composed)
        assert page.evaluate(color) == "rgba(0, 0, 0, 0)"
        session.send("Input.insertText", {"text": "345"})
        assert page.evaluate(color) == usual
        assert page.input_value("#pin") == DOT * 3
        assert taken(page) == "345"


def test_a_screen_reader_finds_dots(box: Page) -> None:
    box.fill("#pin", "135790")
    session = box.context.new_cdp_session(box)
    tree = json.dumps(session.send("Accessibility.getFullAXTree"), ensure_ascii=False)
    assert DOT * 6 in tree
    assert "135790" not in tree


def test_pasting_works_and_dots_that_are_pasted_are_nothing(box: Page) -> None:
    box.click("#pin")
    box.keyboard.insert_text("1357")
    box.keyboard.insert_text(DOT * 3)
    box.keyboard.insert_text("90")
    assert taken(box) == "135790"


def test_the_page_works_without_a_mask_of_the_browser_s(box: Page) -> None:
    assert box.get_attribute("#pin", "type") == "text"
    assert box.get_attribute("#pin", "inputmode") == "text"  # the keyboard on a touch screen
    assert box.get_attribute("#pin", "autocomplete") == "off"
    assert box.get_attribute("#pin", "spellcheck") == "false"
    assert not box.get_attribute("#pin", "name")
