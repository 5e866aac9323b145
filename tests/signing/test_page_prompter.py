"""Where a page asks instead of a window, and what it says: the window's words in its order."""

import asyncio
import sys
from dataclasses import dataclass, field, fields
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from agent.consent.as_page import describe
from agent.consent.page import PageText, QuestionPage, closing_answer, is_cautious, takes
from agent.consent.process import prompt_command
from agent.consent.questions import (
    MAX_NAME,
    MAX_SHOWN,
    AllowSite,
    DocumentFacts,
    EnterPin,
    Locked,
    Prompt,
    SiteAnswer,
    UnaskedError,
    unasked,
)
from agent.consent.wire import PIN as PIN_ANSWER
from agent.errors import ErrorCode
from agent.origin import LOCAL_PROGRAM
from agent.web.panel.page_prompter import PagePrompter
from agent.web.panel.question_desk import QuestionDesk
from agent.words import CountedText, Language
from tests.signing.prompt_support import ALL, ALLOW, CHOOSE, LAST, PIN, SIGNING
from tray.prompt.page import question_page
from tray.prompt.texts import load_texts


@dataclass
class Asked:
    """Windows, or pages, that answer everything alike, or cannot be shown."""

    answer: object = SiteAnswer.CANCEL
    opens: bool = True
    asked: list[object] = field(default_factory=list)

    def can_ask(self) -> bool:
        return self.opens

    def pin_unasked(self) -> ErrorCode:
        return ErrorCode.PIN_REQUIRED

    async def ask(self, prompt: Prompt[Any]) -> Any:
        if not self.opens:
            raise unasked(prompt, "as the test says")
        self.asked.append(prompt)
        return self.answer


def prompter(
    windows: Asked, pages: Asked, *, wanted: bool, command: tuple[str, ...] = prompt_command()
) -> PagePrompter:
    async def wants_page() -> bool:
        return wanted

    class Desk(QuestionDesk):
        async def ask(self, prompt: Prompt[Any], page: QuestionPage) -> Any:
            del page
            return await pages.ask(prompt)

    return PagePrompter(
        windows, Desk(lambda _: True), lambda prompt: describe(command, prompt, "en"), wants_page
    )


async def test_one_of_the_two_asks_and_the_window_where_no_page_can() -> None:
    windows, pages = Asked("window"), Asked("page")
    assert await prompter(windows, pages, wanted=False).ask(ALLOW) == "window"
    assert await prompter(windows, pages, wanted=True).ask(ALLOW) == "page"
    assert (windows.asked, pages.asked) == ([ALLOW], [ALLOW])
    broken = Asked(opens=False)
    assert await prompter(windows, broken, wanted=True).ask(ALLOW) == "window"
    for command in (("/no/such/program",), (sys.executable, "-c", "print('nonsense')")):
        told = await prompter(windows, pages, wanted=True, command=command).ask(ALLOW)
        assert told == "window"
    with pytest.raises(UnaskedError) as error:
        await prompter(broken, broken, wanted=True).ask(PIN)
    assert error.value.code is PIN.unasked


@pytest.mark.parametrize("prompt", ALL, ids=lambda each: type(each).__name__)
async def test_the_prompt_process_says_what_the_page_shows(prompt: Any) -> None:
    page = await describe(prompt_command(), prompt, "zh-Hant")
    assert page == question_page(prompt, Language.CHINESE)
    assert page.language == "zh-Hant"


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("prompt", ALL, ids=lambda each: type(each).__name__)
def test_every_button_of_a_page_is_an_answer_and_the_first_one_is_cautious(
    prompt: Any, language: Language
) -> None:
    page = question_page(prompt, language)
    typed = bytearray(b"123456")
    for button in page.buttons:
        answer = button.answer.encode()
        if answer == PIN_ANSWER:
            assert takes(prompt, answer, typed)
        else:
            assert takes(prompt, answer + (b"0" if answer == b"card:" else b""), None)
        assert not {"&", "("} & set(button.text)
    assert is_cautious(page.buttons[0].answer.encode())
    assert closing_answer(prompt).decode() == page.buttons[0].answer


def _texts(language: Language) -> set[str]:
    found: set[str] = set()
    texts = load_texts(language)
    for each in fields(texts):
        value = getattr(texts, each.name)
        found |= set(value.forms if isinstance(value, CountedText) else (value,))
    return found


def test_a_page_of_a_program_calls_it_no_site() -> None:
    page = question_page(AllowSite(LOCAL_PROGRAM, attempts_unknown=True), Language.ENGLISH)
    assert page.title == load_texts(Language.ENGLISH).allow_program_title
    assert page.title in _texts(Language.ENGLISH)
    assert "site" not in str(asdict(page)["parts"])


def test_closing_says_no_for_what_was_only_told() -> None:
    assert closing_answer(LAST) == b"no"
    assert closing_answer(CHOOSE) == b"cancel"
    assert closing_answer(Locked(PIN.site, PIN.card)) == b"seen"


async def test_the_longest_batch_is_said_whole_and_bad_names_are_not() -> None:
    names = ["\u202egpj.exe", "PIN: 123456", "x" * MAX_NAME]
    documents = tuple(
        DocumentFacts(names[at % 3], bytes([at % 256]) * 32) for at in range(MAX_SHOWN)
    )
    purpose = replace(SIGNING, documents=documents, count=300)
    prompt: EnterPin = replace(PIN, purpose=purpose)
    page = await describe(prompt_command(), prompt, "en")
    said = str(asdict(page)["parts"])
    assert "123456" not in said
    assert "\u202e" not in said
    assert "and 44 more" in said


async def test_a_question_that_is_cancelled_meanwhile_leaves_no_process() -> None:
    slow = (sys.executable, "-c", "import time; time.sleep(600)")
    asking = asyncio.create_task(describe(slow, ALLOW, "en"))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize("prompt", ALL, ids=lambda prompt: type(prompt).__name__)
def test_what_an_administrator_has_said_stands_below_all_else_as_theirs(prompt: Any) -> None:
    plain = question_page(prompt, Language.ENGLISH)
    said = question_page(prompt, Language.ENGLISH, "Enter {your} PIN\u202e here\n")
    assert said.parts[:-1] == plain.parts
    (line,) = said.parts[-1:]
    assert line == PageText("From the administrator: Enter {your} PIN\ufffd here")
    assert (said.title, said.buttons) == (plain.title, plain.buttons)
