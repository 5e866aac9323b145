"""The windows themselves, on a desktop of our own: typed at, cancelled, pestered, looked at.

With ANKONG_SHOTS=FOLDER each one leaves its picture there.
"""

import ctypes
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from agent.consent.questions import Act, AllowSite, DocumentFacts, EnterPin, LastAttempt, Purpose
from agent.consent.wire import AnyPrompt, encode_request
from agent.origin import Origin
from agent.words import Language
from tests.signing.prompt_support import (
    ALL,
    ALLOW,
    BLIND,
    CARD,
    CHOOSE,
    KEYPAD,
    LAST,
    LOCKED,
    PIN,
    SITE,
    VIEWED,
)
from tests.tray.prompt.desktop import PATIENCE, SHOTS, Desktop, opened, program, x_server
from tests.tray.prompt.desktop import Window as DesktopWindow
from tray.prompt import window as prompt_window
from tray.prompt.pin import PinBuffer

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
HOUR = 3600.0  # in which input is ignored
DIGITS = tuple("246813")
PR_GET_DUMPABLE = 3  # <linux/prctl.h>


@pytest.mark.parametrize("language", ["zh_TW.UTF-8", "en_US.UTF-8"])
def test_a_typed_pin_comes_out_as_it_was_typed(desktop: Desktop, language: str) -> None:
    desktop.language = language
    with opened(desktop, PIN) as window:
        window.press(*DIGITS)
        desktop.picture(f"pin-{language[:2]}")
        window.press("Return")
        assert window.answer() == b"pin:246813"


@pytest.mark.parametrize("language", ["zh_TW", "en_US"])
def test_a_document_is_shown_while_its_window_waits(desktop: Desktop, language: str) -> None:
    desktop.language = f"{language}.UTF-8"
    with opened(desktop, VIEWED) as window:
        window.press("2", "alt+v", "4", "6")
        desktop.picture(f"view-{language}")
        window.press("shift+Tab", "Return", "Tab", "8", "1", "3", "Return")
        assert window.answer() == b"??pin:246813"


def test_the_pin_can_be_corrected_and_has_its_length(desktop: Desktop) -> None:
    with opened(desktop, PIN) as window:
        window.press("1", "Delete", "9", "ctrl+u", "A", "a", "7", "x", "BackSpace", "asciitilde")
        window.press("5", "Return")  # too short: nothing happens
        window.press("KP_0", "space", "eacute", "Left", "0", "0", "0", "0")  # 8 at most
        window.press("KP_Enter")
        assert window.answer() == b"pin:Aa7~5000"


def test_the_button_and_its_key_do_the_same_as_enter(desktop: Desktop) -> None:
    for keys in (("alt+s",), ("Tab", "Return"), ("Tab", "space")):
        with opened(desktop, PIN) as window:
            window.press(*DIGITS, *keys)
            assert window.answer() == b"pin:246813"


@pytest.mark.parametrize("prompt", ALL, ids=lambda prompt: type(prompt).__name__)
def test_escape_is_the_harmless_answer(desktop: Desktop, prompt: AnyPrompt) -> None:
    harmless = {LAST: b"no", LOCKED: b"seen"}
    with opened(desktop, prompt) as window:
        window.press("Escape")
        assert window.answer() == harmless.get(prompt, b"cancel")


@pytest.mark.parametrize("prompt", ALL, ids=lambda prompt: type(prompt).__name__)
def test_a_stray_enter_is_harmless_too(desktop: Desktop, prompt: AnyPrompt) -> None:
    harmless = {LAST: b"no", LOCKED: b"seen"}
    with opened(desktop, prompt) as window:
        window.press("Return")
        if prompt is PIN:
            assert window.process.poll() is None
            window.press("Escape")
        assert window.answer() == harmless.get(prompt, b"cancel")


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (("alt+t",), b"this_time"),
        (("alt+a",), b"always"),
        (("alt+n",), b"never"),
        (("alt+c",), b"cancel"),
        (("Tab", "Return"), b"always"),
        (("Tab", "Tab", "space"), b"this_time"),
        (("shift+Tab", "Return"), b"never"),
    ],
)
def test_a_site_is_judged_by_keyboard_alone(
    desktop: Desktop, keys: tuple[str, ...], answer: bytes
) -> None:
    with opened(desktop, ALLOW) as window:
        window.press(*keys)
        assert window.answer() == answer


def test_a_site_is_judged_by_mouse(desktop: Desktop) -> None:
    with opened(desktop, ALLOW) as window:
        number = desktop.see()
        width, height = desktop.size(number)
        # "Never" stands on the left, apart from the others.
        x, y = str(round(width * 0.15)), str(round(height * 0.87))
        desktop.do("xdotool", "mousemove", "--window", number, x, y, "click", "1")
        assert window.answer() == b"never"


def test_a_card_is_chosen_by_keyboard_and_none_is_chosen_at_first(desktop: Desktop) -> None:
    for keys, answer in ((("space",), b"card:0"), (("Down", "space"), b"card:1")):
        with opened(desktop, CHOOSE) as window:
            window.press("alt+u")
            assert window.process.poll() is None
            window.press("shift+Tab", "shift+Tab", *keys)
            desktop.picture(f"choose-{answer[-1:].decode()}")
            window.press("alt+u")
            assert window.answer() == answer


def test_the_last_attempt_needs_a_second_confirmation(desktop: Desktop) -> None:
    with opened(desktop, LAST) as window:
        window.press("alt+g")
        desktop.picture("last-unconfirmed")
        assert window.process.poll() is None
        window.press("alt+u")
        desktop.picture("last-confirmed")
        window.press("alt+g")
        assert window.answer() == b"yes"
    with opened(desktop, LAST) as window:
        window.press("alt+u", "alt+u", "alt+g", "Escape")
        assert window.answer() == b"no"


def test_a_pin_that_is_typed_on_the_reader_has_no_field(desktop: Desktop) -> None:
    with opened(desktop, KEYPAD) as window:
        window.press(*DIGITS, "Return")  # a stray Enter makes no reader wait
        assert window.answer() == b"cancel"
    with opened(desktop, KEYPAD) as window:
        desktop.picture("pin-keypad")
        window.press("alt+s")
        assert window.answer() == b"keypad"


def test_a_pestering_site_can_be_blocked(desktop: Desktop) -> None:
    with opened(desktop, PIN) as window:
        window.press("alt+b", "Escape")
        assert window.answer() == b"cancel"
    with opened(desktop, replace(PIN, may_block=True)) as window:
        window.press("1", "alt+b")
        assert window.answer() == b"block"


@pytest.mark.parametrize("prompt", ALL, ids=lambda prompt: type(prompt).__name__)
def test_at_first_no_key_and_no_click_counts(desktop: Desktop, prompt: AnyPrompt) -> None:
    with opened(desktop, prompt, input_delay=HOUR) as window:
        window.press(*DIGITS, "Return", "KP_Enter", "space", "alt+t", "alt+a", "alt+n")
        window.press("alt+s", "alt+u", "alt+g", "alt+k", "Tab", "Return", "space")
        assert window.process.poll() is None
        window.press("Escape")
        assert window.answer() in (b"cancel", b"no", b"seen")


def test_after_half_a_second_keys_count(desktop: Desktop) -> None:
    with opened(desktop, PIN, input_delay=None) as window:
        desktop.see()
        time.sleep(2.0)
        window.press(*DIGITS, "Return")
        assert window.answer() == b"pin:246813"


def test_a_key_that_comes_too_early_takes_no_part_of_a_pin(desktop: Desktop) -> None:
    with opened(desktop, PIN, input_delay=6.0) as window:
        desktop.see()
        for _ in range(4):  # longer than the time at first
            desktop.press(*DIGITS, "Return")
            time.sleep(2.0)
        assert window.process.poll() is None
        time.sleep(6.0)
        window.press(*DIGITS, "Return")
        assert window.answer() == b"pin:246813"


def test_who_clicks_on_and_on_has_answered_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page can have somebody click fast, and ask while they do."""
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(prompt_window, "time", clock)
    window = object.__new__(prompt_window.Window)
    window._is_away, window._accepts_input_at = False, prompt_window.INPUT_DELAY_SECONDS
    for clock.now in (0.3, 0.7, 1.1):
        window._on_click(None)
        assert not window.accepts_input()
    clock.now = 1.7
    window._on_click(None)
    assert window.accepts_input()


def click_on_last_button(desktop: Desktop, number: str) -> None:
    """Click where the PIN window has its act, and a question one of its answers."""
    width, height = desktop.size(number)
    x, y = str(round(width * 0.85)), str(height - 40)
    desktop.do("xdotool", "mousemove", "--window", number, x, y, "click", "1")


@pytest.mark.parametrize("prompt", [ALLOW, BLIND], ids=lambda prompt: type(prompt).__name__)
def test_a_click_that_was_meant_for_another_window_answers_no_question(
    desktop: Desktop, prompt: AnyPrompt
) -> None:
    with opened(desktop, prompt, return_delay=HOUR) as below:
        number = desktop.see()
        above = DesktopWindow(desktop, PIN, program(0.0))
        with above.process:
            while desktop.see() == number:
                pass
            desktop.press(*DIGITS, "Return")
            assert above.answer() == b"pin:246813"
        click_on_last_button(desktop, number)
        desktop.press("alt+t", "alt+a", "alt+n")
        click_on_last_button(desktop, number)
        assert below.process.poll() is None
        desktop.press("Escape")
        assert below.answer() == b"cancel"


def test_a_question_that_has_the_keyboard_again_is_answered_as_before(desktop: Desktop) -> None:
    with opened(desktop, ALLOW) as below:
        number = desktop.see()
        above = DesktopWindow(desktop, PIN, program(0.0))
        with above.process:
            while desktop.see() == number:
                pass
            desktop.press("Escape")
            assert above.answer() == b"cancel"
        while below.process.poll() is None:  # the first click may only give it the keyboard
            with suppress(subprocess.CalledProcessError):
                click_on_last_button(desktop, number)
        assert below.answer() == b"cancel"


@pytest.mark.parametrize("prompt", ALL, ids=lambda prompt: type(prompt).__name__)
def test_a_window_closes_when_nobody_waits_any_more(desktop: Desktop, prompt: AnyPrompt) -> None:
    with opened(desktop, prompt) as window:
        window.press("1")
        window.close_input()
        assert window.answer() == b""


def test_a_window_does_not_outlive_the_agent(desktop: Desktop) -> None:
    agent = subprocess.Popen(
        [sys.executable, "-c", PLAY_AGENT, *program(0.0)],
        env=desktop.environment,
        stdin=subprocess.PIPE,
    )
    with agent:
        assert agent.stdin is not None
        agent.stdin.write(encode_request(PIN))
        agent.stdin.flush()
        desktop.see()
        agent.kill()
    desktop.see_nothing()


PLAY_AGENT = """
import subprocess, sys
window = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
window.stdin.write(sys.stdin.buffer.readline())
window.stdin.flush()
window.wait()
"""


@pytest.mark.parametrize("language", ["zh_TW.UTF-8", "en_US.UTF-8"])
@pytest.mark.parametrize("was_wrong", [True, False])
def test_whatever_strangers_say_fits_on_a_small_screen(language: str, *, was_wrong: bool) -> None:
    worst = replace(worst_of_all(), was_wrong=was_wrong)
    with x_server("1024x768x24") as display:
        desktop = Desktop(display)
        desktop.language = language
        with opened(desktop, worst) as window:
            number = desktop.see()
            width, height = desktop.size(number)
            desktop.picture(f"worst-{language[:2]}")
            assert width <= 700
            assert height <= 740
            window.press(*DIGITS, "Return")
            assert window.answer() == b"pin:246813"


def worst_of_all() -> EnterPin:
    """Return a question in which all that strangers say is as long as it may be."""
    host = ".".join(("xn--" + "a" * 59,) * 3) + ".example"
    names = ("\u202e" * 255, "很" * 255, "\U0001f600" * 255)
    documents = tuple(DocumentFacts(name, bytes(64)) for name in names * 85)
    return replace(
        PIN,
        site=Origin.parse(f"http://{host}:65535"),
        purpose=Purpose(Act.SIGN, "SHA-512", documents, len(documents)),
        card=replace(CARD, holder="W" * 200, reader="W" * 127, serial="W" * 16),
        attempts_left=1,
        may_block=True,
    )


def test_all_documents_are_listed_by_keyboard_alone(desktop: Desktop) -> None:
    purpose = worst_of_all().purpose
    with opened(desktop, replace(PIN, purpose=purpose)) as window:
        number = desktop.see()
        size = desktop.size(number)
        window.press("2", "shift+Tab", "space")  # from the PIN to the button before it
        deadline = time.monotonic() + PATIENCE
        while desktop.size(number) == size and time.monotonic() < deadline:
            time.sleep(0.05)
        assert desktop.size(number)[0] == size[0]
        assert size[1] < desktop.size(number)[1] < 1000
        # What is typed into the list moves it, and no digit of it becomes one of the PIN.
        window.press("Next", "Down", "9", "End", "Prior", "Up", "Home", "alt+a")
        desktop.picture("list")
        window.press("Tab", *DIGITS[1:], "Return")
        assert window.answer() == b"pin:246813"


def test_the_list_of_all_documents_fits_on_a_small_screen() -> None:
    with x_server("1024x768x24") as display:
        desktop = Desktop(display)
        with opened(desktop, worst_of_all()) as window:
            window.press("alt+a", "9", "Tab", *DIGITS)
            desktop.picture("worst-list")
            assert desktop.size(desktop.see())[1] <= 740
            window.press("Return")
            assert window.answer() == b"pin:246813"


def test_a_document_s_own_text_leaves_room_for_the_pin_on_a_small_screen() -> None:
    worst = worst_of_all()
    text = "W" * 90 + "\n" * 9 + "W" * 90
    document = DocumentFacts("很" * 255, bytes(64), text)
    prompt = replace(worst, purpose=Purpose(Act.SIGN, "SHA-512", (document,), 1), was_wrong=True)
    with x_server("1024x768x24") as display:
        desktop = Desktop(display)
        with opened(desktop, prompt) as window:
            # The text can be reached and moved, and takes no key of the PIN.
            window.press("2", "shift+Tab", "9", "Down", "End", "Tab", *DIGITS[1:])
            desktop.picture("worst-text")
            assert desktop.size(desktop.see())[1] <= 740
            window.press("Return")
            assert window.answer() == b"pin:246813"


@pytest.mark.parametrize("language", ["zh_TW.UTF-8", "en_US.UTF-8"])
@pytest.mark.parametrize("theme", ["", "HighContrast"])
def test_every_window_is_as_wide_as_its_text(
    desktop: Desktop, language: str, theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop.language = language
    pictures = {
        "allow": ALLOW,
        "allow-punycode": AllowSite(Origin.parse("https://xn--80ak6aa92e.com")),
        "pin": PIN,
        "pin-wrong": replace(PIN, was_wrong=True, attempts_left=2),
        "decrypt-last": replace(PIN, purpose=Purpose(Act.DECRYPT), attempts_left=1),
        "last": LAST,
        "few": LastAttempt(SITE, 2, CARD, pin_given=True),
        "locked": LOCKED,
        "choose": CHOOSE,
    }
    for name, prompt in pictures.items():
        environment = {**desktop.environment, "GTK_THEME": theme}
        monkeypatch.setattr(Desktop, "environment", environment)
        with opened(desktop, prompt) as window:
            width, height = desktop.size(desktop.see())
            desktop.picture(f"{name}-{language[:2]}{'-contrast' if theme else ''}")
            assert 400 <= width <= 700
            assert 250 <= height <= 700
            window.press("Escape")
            assert window.answer()
        monkeypatch.undo()


@pytest.mark.parametrize("language", Language)
def test_no_text_of_a_window_is_cut_in_any_language(desktop: Desktop, language: Language) -> None:
    folder = os.environ.get(SHOTS)
    assert gallery(desktop, language, *([folder] if folder else [])) == []


@pytest.mark.parametrize(
    ("language", "dots_per_inch"),
    [(Language("id"), 192), (Language("vi"), 144), (Language("zh-Hant"), 144)],
)
def test_large_text_on_a_small_screen_leaves_no_button_below_its_edge(
    language: Language, dots_per_inch: int
) -> None:
    with x_server("1366x768x24", "-dpi", str(dots_per_inch)) as name:
        assert gallery(Desktop(name), language) == []


def gallery(desktop: Desktop, language: Language, *folder: str) -> object:
    """Show every window, keep their pictures in the folder, and return what is wrong with them."""
    command = [sys.executable, "-P", "-m", "tests.tray.prompt.gallery", language, *folder]
    done = subprocess.run(
        command,
        env={**desktop.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return json.loads(done.stdout)


# Without a display.


def run_program(line: bytes, **environment: str) -> int:
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        program(None),
        input=line,
        env={**kept, **environment},
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.stdout == b""
    return done.returncode


def test_without_a_display_the_process_says_so() -> None:
    assert run_program(encode_request(PIN)) == 3
    assert run_program(encode_request(PIN), DISPLAY=":no.such.display") == 3


@pytest.mark.parametrize("line", [b"", b"\n", b"{}\n", b"x" * 70_000, b'{"kind": "shell"}\n'])
def test_what_is_no_question_ends_the_process(line: bytes) -> None:
    assert run_program(line, DISPLAY=":no.such.display") == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's own")
def test_the_process_leaves_no_core_and_cannot_be_looked_into() -> None:
    script = f"""
import ctypes, resource
from agent.host.machine.memory import leave_no_core, shut_others_out
leave_no_core()
shut_others_out()
print(resource.getrlimit(resource.RLIMIT_CORE)[0], ctypes.CDLL(None).prctl({PR_GET_DUMPABLE}))
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "0"]


def test_the_buffer_wipes_what_it_gives_away_and_what_is_deleted() -> None:
    buffer = PinBuffer(8)
    room = (ctypes.c_char * 8).from_buffer(buffer._bytes)
    for character in ("2", "4", "6", "é", "", " ", "\t", "12", "國"):
        buffer.add(character)
    assert room.raw[:4] == b"246\0"
    buffer.drop()
    assert room.raw[:3] == b"24\0"
    assert buffer.take(b"pin:") == b"pin:24"
    assert (room.raw, len(buffer)) == (bytes(8), 0)
    for _ in range(9):
        buffer.add("9")
    assert len(buffer) == 8
    buffer.clear()
    buffer.drop()
    assert (room.raw, len(buffer)) == (bytes(8), 0)
