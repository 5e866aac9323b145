"""A script answers what it was told to, and nothing else."""

import asyncio
import json
from typing import Any

import pytest

from agent.consent.questions import (
    CardFacts,
    EnterPin,
    Prompt,
    SiteAnswer,
    UnaskedError,
)
from agent.errors import AgentError, ErrorCode
from agent.testkit.rules import RuleBook, read_rules
from agent.testkit.scripted_prompter import ScriptedPrompter
from tests.signing.prompt_support import (
    ALL,
    ALLOW,
    BLIND,
    CARD,
    CHOOSE,
    LAST,
    LOCKED,
    OTHER_CARD,
    PIN,
    THINKING,
)

RIGHT = "246810"


def scripted(*rules: dict[str, Any]) -> ScriptedPrompter:
    def pin_of(card: CardFacts) -> bytes | None:
        return RIGHT.encode() if card.reader == CARD.reader else None

    return ScriptedPrompter(RuleBook(read_rules(json.dumps(rules).encode())), pin_of)


@pytest.mark.parametrize(
    ("prompt", "kind", "answer", "expected"),
    [
        (ALLOW, "allow_site", "always", SiteAnswer.ALWAYS),
        (ALLOW, "allow_site", "cancel", SiteAnswer.CANCEL),
        (BLIND, "blind", "this_time", SiteAnswer.THIS_TIME),
        (BLIND, "blind", "never", SiteAnswer.NEVER),
        (LAST, "last_try", "yes", True),
        (LAST, "last_try", "no", False),
        (LOCKED, "locked", "seen", None),
        (CHOOSE, "choose_card", {"reader": OTHER_CARD.reader}, OTHER_CARD),
    ],
)
async def test_it_says_what_the_rule_says(
    prompt: Prompt[Any], kind: str, answer: object, expected: object
) -> None:
    prompter = scripted({"kind": kind, "answer": answer})
    assert await prompter.ask(prompt) == expected
    assert [(each["kind"], each["answer"]) for each in prompter.questions] == [(kind, answer)]


@pytest.mark.parametrize(("pin", "typed"), [("135791", "135791"), ("card", RIGHT)])
async def test_it_types_the_pin_of_the_rule_or_of_the_card(pin: str, typed: str) -> None:
    prompter = scripted({"kind": "enter_pin", "answer": {"pin": pin}})
    with await prompter.ask(PIN) as given:
        assert given.buffer == typed.encode()
    assert typed not in json.dumps(list(prompter.questions))


async def test_the_pin_is_the_cards_own_copy_and_can_be_wiped() -> None:
    prompter = scripted({"kind": "enter_pin", "answer": {"pin": "card"}})
    for _ in range(2):
        with await prompter.ask(PIN) as given:
            assert given.buffer == RIGHT.encode()


@pytest.mark.parametrize("answer", [{"pin": "card"}, {"pin": "12345"}, {"pin": "123456789"}])
async def test_no_other_pin_is_typed_where_that_of_the_rule_cannot_be(answer: object) -> None:
    pulled = EnterPin(ALLOW.site, PIN.purpose, OTHER_CARD, 3, False, 6, 8)
    prompter = scripted({"kind": "enter_pin", "answer": answer})
    with pytest.raises(UnaskedError) as unasked:
        await prompter.ask(pulled)
    assert unasked.value.code is ErrorCode.PIN_REQUIRED
    assert prompter.questions[0]["answer"] == "unanswered"


@pytest.mark.parametrize(
    ("answer", "code"),
    [("cancel", ErrorCode.USER_CANCELLED), ("never", ErrorCode.ORIGIN_BLOCKED)],
)
async def test_a_pin_window_can_be_cancelled_and_block_the_site(
    answer: str, code: ErrorCode
) -> None:
    with pytest.raises(AgentError) as refused:
        await scripted({"kind": "enter_pin", "answer": answer}).ask(PIN)
    assert refused.value.code is code


@pytest.mark.parametrize("prompt", ALL, ids=lambda prompt: f"{type(prompt).__name__}")
async def test_what_no_rule_answers_is_refused_at_once_with_the_questions_own_code(
    prompt: Prompt[Any],
) -> None:
    prompter = scripted({"kind": "allow_site", "answer": "always", "site": "https://x.example"})
    with pytest.raises(UnaskedError) as unasked:
        await prompter.ask(prompt)
    assert unasked.value.code is prompt.unasked
    (asked,) = prompter.questions
    assert (asked["answer"], asked["site"]) == ("unanswered", str(prompt.site))


async def test_a_slow_citizen_can_be_given_up() -> None:
    prompter = scripted(
        {"kind": "allow_site", "answer": "always", "after_ms": int(THINKING * 1000)}
    )
    asking = asyncio.create_task(prompter.ask(ALLOW))
    await asyncio.sleep(0)
    assert prompter.questions[0]["answer"] is None
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert prompter.questions[0]["answer"] == "closed"


async def test_an_answer_that_would_come_after_the_test_never_comes() -> None:
    prompter = scripted({"kind": "allow_site", "answer": "always", "after_ms": 60_000})
    asking = asyncio.create_task(prompter.ask(ALLOW))
    await asyncio.sleep(0)
    prompter.begin_anew(prompter.rules.left())
    with pytest.raises(UnaskedError):
        await asking
    assert list(prompter.questions) == []
    again = asyncio.create_task(prompter.ask(ALLOW))  # which is of the next test
    for _ in range(5):
        await asyncio.sleep(0)
    assert not again.done()
    again.cancel()


async def test_nothing_of_a_person_is_remembered_of_a_question() -> None:
    prompter = scripted(
        {"kind": "enter_pin", "answer": {"pin": RIGHT}}, {"kind": "last_try", "answer": "yes"}
    )
    (await prompter.ask(PIN)).wipe()
    await prompter.ask(LAST)
    told = json.dumps(list(prompter.questions), ensure_ascii=False)
    assert CARD.holder is not None
    assert CARD.holder not in told
    assert RIGHT not in told
    assert PIN.purpose.documents[0].name not in told
