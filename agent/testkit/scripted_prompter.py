"""Answers the citizen's questions by a tester's rules; it needs no display.

It says what a rule says and nothing else: above all, no other PIN.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

import structlog

from agent.consent.asked import kind_of
from agent.consent.questions import (
    AllowBlind,
    AllowSite,
    CardFacts,
    ChooseCard,
    EnterPin,
    LastAttempt,
    Locked,
    Prompt,
    SiteAnswer,
    unasked,
)
from agent.errors import AgentError, ErrorCode
from agent.secret import SecretBytes
from agent.testkit.rules import OF_CARD, AnswerRule, GivenValue, RuleBook

A = TypeVar("A")
MAX_QUESTIONS: Final = 1000
"""How many are remembered; the oldest goes first."""
UNANSWERED: Final = "unanswered"
_NO_RULE: Final = "no rule of the tester's answers this question"
_ENDED: Final = "the test that asked for it has ended"

_log = structlog.get_logger(__name__)


class _UnfitAnswerError(Exception):
    """A rule fits the question, and its answer does not; the message says why."""


class ScriptedPrompter:
    """A prompter (:class:`agent.consent.questions.Prompter`) for tests; of one event loop.

    Attributes:
        rules: what is answered.
        questions: what was asked, the oldest first; JSON, without PINs and names of people.

    """

    def __init__(
        self, rules: RuleBook, pin_of: Callable[[CardFacts], bytes | None] = lambda _: None
    ) -> None:
        """Begin without a question.

        Args:
            rules: what is answered.
            pin_of: returns the PIN of a virtual card that is in its reader; None without one.

        """
        self.rules = rules
        self.questions: deque[dict[str, Any]] = deque(maxlen=MAX_QUESTIONS)
        self._pin_of = pin_of
        self._ended = asyncio.Event()

    def begin_anew(self, rules: Iterable[AnswerRule]) -> None:
        """Answer by other rules, forget what was asked, and close what waits for its answer.

        An answer that came later would be one to a test that is over, and change the next one.
        """
        self.rules.replace(rules)
        self.questions.clear()
        self._ended.set()
        self._ended = asyncio.Event()

    def can_ask(self) -> bool:
        """Tell that questions are put."""
        return True

    def pin_unasked(self) -> ErrorCode:
        """Return what a page is told that gave no PIN; not used while :meth:`can_ask` is true."""
        return EnterPin.unasked

    async def ask(self, prompt: Prompt[A]) -> A:
        """Answer as the first rule says that fits, after as long as it says.

        Raises:
            UnaskedError: with the prompt's own ``unasked`` code, at once: no rule fits, what it
                says is no answer to this question, or everything began anew meanwhile.
            AgentError: ``user_cancelled``, ``origin_blocked``: a rule says so.

        """
        kind = kind_of(prompt)
        record = _record(kind, prompt)
        self.questions.append(record)
        ended = self._ended
        rule = self.rules.take(kind, prompt.site)
        if rule is None:
            raise self._left_open(prompt, record, _NO_RULE)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), rule.after_ms / 1000)
                raise self._left_open(prompt, record, _ENDED)
            record["answer"] = _shown(rule)
            return cast("A", self._answer(prompt, rule))
        except _UnfitAnswerError as error:
            raise self._left_open(prompt, record, str(error)) from error
        except asyncio.CancelledError:
            record["answer"] = "closed"  # whoever asked waits no more
            raise

    def _left_open(self, prompt: Prompt[A], record: dict[str, Any], why: str) -> AgentError:
        record["answer"], record["why"] = UNANSWERED, why
        _log.warning("a question of a test stays unanswered", kind=record["kind"], why=why)
        return unasked(prompt, why)

    def _answer(self, prompt: Prompt[A], rule: AnswerRule) -> object:
        match prompt, rule.answer:
            case (AllowSite() | AllowBlind(), str(word)):
                return SiteAnswer(word)
            case (EnterPin(), GivenValue(pin=str(pin))):
                return self._pin(prompt, pin)
            case (EnterPin(), "never"):
                raise AgentError("a rule blocks the site", code=ErrorCode.ORIGIN_BLOCKED)
            case (EnterPin() | ChooseCard(), "cancel"):
                raise AgentError("a rule cancels", code=ErrorCode.USER_CANCELLED)
            case (ChooseCard(), GivenValue(reader=str(reader))):
                return _card_in(prompt, reader)
            case (LastAttempt(), str(word)):
                return word == "yes"
            case (Locked(), str()):
                return None
            case _:
                raise _UnfitAnswerError("the rule's answer is none to this question")

    def _pin(self, prompt: EnterPin, said: str) -> SecretBytes:
        if prompt.keypad:
            return SecretBytes(bytearray())
        typed = self._pin_of(prompt.card) if said == OF_CARD else said.encode("ascii")
        if typed is None:
            raise _UnfitAnswerError("the card is in no reader any more: nobody knows its PIN")
        if not prompt.min_length <= len(typed) <= prompt.max_length:
            # Our window does not let such a PIN out either.
            raise _UnfitAnswerError("the rule's PIN is too short or too long for this card")
        return SecretBytes(bytearray(typed))


def _card_in(prompt: ChooseCard, reader: str) -> CardFacts:
    for card in prompt.cards:
        if card.reader == reader:
            return card
    raise _UnfitAnswerError("the rule's reader has no card that can do this")


def _shown(rule: AnswerRule) -> Any:
    """Return what was answered, without the PIN."""
    if isinstance(rule.answer, str):
        return rule.answer
    if rule.answer.pin is None:
        return {"reader": rule.answer.reader}
    return {"pin": OF_CARD if rule.answer.pin == OF_CARD else "<pin>"}


def _record(kind: str, prompt: Prompt[A]) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    found: dict[str, Any] = {"at": at, "kind": kind, "site": str(prompt.site), "answer": None}
    match prompt:
        case AllowSite():
            found |= {"blind": prompt.blind}
        case EnterPin():
            found |= {"reader": prompt.card.reader, "serial": prompt.card.serial}
            found |= {"act": str(prompt.purpose.act), "documents": prompt.purpose.count}
            found |= {"attempts_left": prompt.attempts_left, "was_wrong": prompt.was_wrong}
        case LastAttempt():
            found |= {"reader": prompt.card.reader, "serial": prompt.card.serial}
            found |= {"attempts_left": prompt.attempts_left, "pin_given": prompt.pin_given}
        case Locked():
            found |= {"reader": prompt.card.reader, "serial": prompt.card.serial}
        case ChooseCard():
            found |= {"readers": [card.reader for card in prompt.cards]}
        case _:
            pass
    return found
