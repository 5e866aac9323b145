"""A question as a page says it: the sentences of the window in its place, in the same order.

The prompt process makes it, which knows the words and what must not be shown of a stranger's; the
agent hands it to the page as it is. No secret is in it.
"""

from typing import Annotated, Final, Literal, TypeAlias, TypeVar

from msgspec import Meta, Struct

from agent import strict_json
from agent.consent import wire
from agent.consent.questions import (
    AllowBlind,
    AllowSite,
    ChooseCard,
    EnterPin,
    LastAttempt,
    Locked,
    Prompt,
    SiteAnswer,
    view_of,
)

A = TypeVar("A")
MAX_PAGE: Final = 2 * wire.MAX_REQUEST
"""Bytes of a description: our own sentences beside what the request has."""
_CAUTIOUS: Final = frozenset(
    {
        wire.CANCEL,
        wire.NO,
        wire.BLOCK,
        wire.SEEN,
        wire.LOOK,
        SiteAnswer.CANCEL.encode(),
        SiteAnswer.NEVER.encode(),
    }
)
"""Answers that neither allow nor spend anything."""


class PageLine(Struct, frozen=True):
    """One thing to say in a fact.

    Attributes:
        text: made harmless.
        kind: how much it matters: what is "small" explains what stands above it.
        before: the beginning of a host, which matters less than ``text``.
        aside: what follows it.

    """

    text: str
    kind: Literal["plain", "strong", "host", "small"] = "plain"
    before: str = ""
    aside: str = ""


class PageFact(Struct, frozen=True):
    """A row: its name, its lines, then all documents, and the whole text of a short one."""

    name: str
    lines: tuple[PageLine, ...] = ()
    documents: tuple[PageLine, ...] = ()
    text: str | None = None


class PageFacts(Struct, frozen=True, tag="facts", tag_field="part"):
    """The rows of a panel."""

    rows: tuple[PageFact, ...]


class PageNotice(Struct, frozen=True, tag="notice", tag_field="part"):
    """What must not be overlooked."""

    text: str
    danger: bool = False


class PageText(Struct, frozen=True, tag="text", tag_field="part"):
    """A paragraph."""

    text: str


class PageSteps(Struct, frozen=True, tag="steps", tag_field="part"):
    """What to do, one after the other."""

    steps: tuple[str, ...]


class PageChoices(Struct, frozen=True, tag="choices", tag_field="part"):
    """Things of which one is chosen; none is at first."""

    name: str
    choices: tuple[PageLine, ...]


class PageCheck(Struct, frozen=True, tag="check", tag_field="part"):
    """A box to tick before the attempt can be spent."""

    text: str


class PagePin(Struct, frozen=True, tag="pin", tag_field="part"):
    """The box for the PIN.

    Attributes:
        name: its label.
        hint: how long a PIN is.
        capitals: said in the hint's place while Caps Lock is on.
        num_lock: said there once the keypad moved instead of writing.
        layout: said there once a key wrote what no PIN has.
        no_digit: said there while something else than a digit is in the box.
        attempts: how many are left.
        few: whether that matters.
        least: characters of the shortest PIN.
        most: characters of the longest one.

    """

    name: str
    hint: str
    capitals: str
    num_lock: str
    layout: str
    no_digit: str
    attempts: str
    few: bool
    least: int
    most: int


PagePart: TypeAlias = (
    PageFacts | PageNotice | PageText | PageSteps | PageChoices | PageCheck | PagePin
)


class PageButton(Struct, frozen=True):
    """A button.

    Attributes:
        answer: as it goes through :mod:`agent.consent.wire`; "card:" and "pin:" without the rest.
        text: what it says.
        kind: what it looks like.

    """

    answer: Annotated[str, Meta(max_length=16)]
    text: str
    kind: Literal["primary", "danger", "plain", "quiet"] = "plain"


class QuestionPage(Struct, frozen=True):
    """A question.

    Attributes:
        language: BCP 47.
        asker: who asks, for the title of the page; "" where nobody does.
        title: the question.
        alarm: whether it is about a card that locks.
        parts: from top to bottom.
        buttons: likewise, the cautious one first.

    """

    language: str
    asker: str
    title: str
    alarm: bool
    parts: tuple[PagePart, ...]
    buttons: tuple[PageButton, ...]


def read_page(raw: bytes) -> QuestionPage:
    """Read what the prompt process made of a question.

    Raises:
        ValueError: it is no such page.

    """
    return strict_json.decode(raw, QuestionPage, limit=MAX_PAGE)


def is_cautious(answer: bytes) -> bool:
    """Return whether an answer neither allows nor spends anything."""
    return answer in _CAUTIOUS


def closing_answer(prompt: Prompt[A]) -> bytes:
    """Return what closing the page answers, as closing the window does."""
    match prompt:
        case LastAttempt():
            return wire.NO
        case Locked():
            return wire.SEEN
        case _:
            return wire.CANCEL


def takes(prompt: Prompt[A], answer: bytes, typed: bytearray | None) -> bool:
    """Return whether an answer is one of a question's.

    Args:
        prompt: the question.
        answer: of a button, with the place of the chosen card.
        typed: the PIN; None where the button sends none.

    """
    if typed is not None:
        is_asked = isinstance(prompt, EnterPin) and not prompt.keypad and answer == wire.PIN
        return is_asked and _is_pin(prompt, typed)
    match prompt:
        case AllowSite() | AllowBlind():
            return answer in {each.encode() for each in SiteAnswer}
        case ChooseCard():
            cards = {wire.CARD + b"%d" % place for place in range(len(prompt.cards))}
            return answer in {wire.CANCEL, *cards}
        case EnterPin():
            offered = {
                wire.CANCEL: True,
                wire.BLOCK: prompt.may_block,
                wire.LOOK: bool(view_of(prompt)),
                wire.KEYPAD: prompt.keypad,
            }
            return offered.get(answer, False)
        case LastAttempt():
            return answer in {wire.YES, wire.NO}
        case _:
            return answer == wire.SEEN


def _is_pin(prompt: Prompt[A], typed: bytearray) -> bool:
    """Return whether this is what the window's field takes: printable ASCII of some length."""
    if not isinstance(prompt, EnterPin):
        return False
    fits = prompt.min_length <= len(typed) <= prompt.max_length
    return fits and all(ord("!") <= octet <= ord("~") for octet in typed)
