"""A PIN that is typed on the reader: what the window or the page in its place may answer."""

import pytest

from agent.consent import page, wire
from agent.errors import AgentError
from agent.words.language import BY_TAG
from tests.signing.prompt_support import KEYPAD, PIN
from tray.prompt.page import question_page


def test_what_a_window_answers_is_empty_and_nothing_else() -> None:
    with wire.decode_answer(KEYPAD, bytearray(wire.KEYPAD)) as nothing:
        assert len(nothing) == 0
    for prompt, answer in ((KEYPAD, b"pin:246813"), (KEYPAD, b"pin:"), (PIN, b"keypad")):
        with pytest.raises(AgentError, match="typed elsewhere"):
            wire.decode_answer(prompt, bytearray(answer))


def test_a_page_says_the_same_and_has_no_box() -> None:
    shown = question_page(KEYPAD, BY_TAG["en"])
    assert not any(isinstance(part, page.PagePin) for part in shown.parts)
    assert [button.answer for button in shown.buttons] == ["cancel", "keypad"]
    assert page.takes(KEYPAD, wire.KEYPAD, None)
    assert not page.takes(KEYPAD, wire.PIN, bytearray(b"246813"))
    assert not page.takes(PIN, wire.KEYPAD, None)
