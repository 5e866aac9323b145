"""What goes through the two pipes of a prompt process: one JSON line in, a few bytes out.

The request has no secret in it. The answer may: a PIN is the raw bytes after ``pin:``, in one
buffer that can be wiped, and never text.
"""

import json
from typing import Annotated, Final, TypeAlias, TypeVar, cast

from msgspec import Meta, Struct, to_builtins

from agent import strict_json
from agent.consent.questions import (
    MAX_PIN,
    AllowBlind,
    AllowSite,
    CardFacts,
    ChooseCard,
    EnterPin,
    LastAttempt,
    Locked,
    Prompt,
    SiteAnswer,
)
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.words.language import SYSTEM

A = TypeVar("A")
AnyPrompt: TypeAlias = AllowSite | AllowBlind | ChooseCard | EnterPin | LastAttempt | Locked

MAX_REQUEST: Final = 512 * 1024  # bytes of the line: 256 documents with the longest names
MAX_LINE: Final = 80  # characters of the administrator's line
NO_DISPLAY: Final = 3
"""The exit status of a process that found no display to open a window on, and so asked nobody."""
NO_TOOLKIT: Final = 4
"""The same of one whose Python has no tkinter: a package of the system that is not installed."""

CHECK: Final = "--check"
"""The argument of a process that asks nothing: its exit status alone says if a window opens."""
WAIT: Final = "--wait"
"""The argument of a process that gets ready, and then waits for its question."""
TAKEN: Final = b"+"
"""The first byte from such a process: it has read its question, and shows the window."""

LOOK: Final = b"?"
"""One octet, before the answer and as often as the citizen likes: they want to see the documents.

The window stays, and waits longer from then on.
"""
READING_SECONDS: Final = 600.0
"""How long a question waits once its documents were asked for: they have to be read."""

PIN: Final = b"pin:"
MAX_ANSWER: Final = len(PIN) + MAX_PIN + 1
"""Bytes; one more than the longest PIN has: of a PIN that was cut nobody could tell."""
CARD: Final = b"card:"
"""Followed by the place of the chosen card in the question, from 0, in decimal."""
KEYPAD: Final = b"keypad"
"""That the reader is to ask for the PIN on its own keypad."""
YES: Final = b"yes"
NO: Final = b"no"
SEEN: Final = b"seen"
CANCEL: Final = b"cancel"
BLOCK: Final = b"block"


class WindowRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The line.

    Attributes:
        prompt: the question.
        language: of its window.
        as_page: whether it becomes a page instead.
        administrator: a line that the computer's administrator has us show; empty for none.

    """

    prompt: AnyPrompt
    language: str
    as_page: bool
    administrator: Annotated[str, Meta(max_length=MAX_LINE)] = ""


def encode_request(
    prompt: Prompt[A], language: str = SYSTEM, administrator: str = "", *, as_page: bool = False
) -> bytes:
    """Write a request as one line of JSON, at most 512 KiB.

    Args:
        prompt: the question.
        language: of the window, a BCP 47 tag, or "system" for that of the system.
        administrator: the administrator's line, at most 80 characters; empty for none.
        as_page: whether no window is wanted but what a page says in its place
            (:mod:`agent.consent.page`).

    """
    body = to_builtins({"prompt": prompt, "language": language, "as_page": as_page})
    if administrator:
        body["administrator"] = administrator
    # A file or a reader with a name that is no Unicode has a window all the same.
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def decode_request(line: bytes) -> WindowRequest:
    """Read a request.

    Raises:
        BadRequestError: the line is none; the message says where.

    """
    try:
        request = strict_json.decode(line, WindowRequest, limit=MAX_REQUEST)
    except ValueError as error:
        raise BadRequestError(f"not a request for a window: {error}") from error
    site = request.prompt.site
    if Origin.parse_any(str(site)) != site:  # its parts fit their types, but not each other
        raise BadRequestError("not a request for a window: no such origin")
    return request


def decode_answer(prompt: Prompt[A], raw: bytearray) -> A:
    """Read the answer to ``prompt``; ``raw`` is wiped, whatever is in it.

    Raises:
        AgentError: ``user_cancelled``; ``origin_blocked``; ``internal`` for what is no answer.

    """
    with SecretBytes(raw):
        return cast("A", _answer(prompt, raw))


def _answer(prompt: Prompt[A], raw: bytearray) -> object:
    match prompt:
        case AllowSite() | AllowBlind() if bytes(raw) in _SITE_ANSWERS:
            return _SITE_ANSWERS[bytes(raw)]
        case EnterPin() if raw == BLOCK or raw == CANCEL:  # noqa: PLR1714, SIM109  # without a copy
            code = _PIN_REFUSALS[bytes(raw)]
            raise AgentError(f"{raw.decode()} in the PIN window", code=code)
        case EnterPin() if raw == KEYPAD or raw.startswith(PIN):
            return _pin(prompt, raw)
        case ChooseCard() if raw == CANCEL:
            raise AgentError("cancelled in the card window", code=ErrorCode.USER_CANCELLED)
        case ChooseCard() if bytes(raw) in (offered := _card_answers(prompt)):
            return offered[bytes(raw)]
        case LastAttempt() if bytes(raw) in (YES, NO):
            return raw == YES
        case Locked() if raw == SEEN:
            return None
        case _:
            raise AgentError("the window ended without an answer")


_PIN_REFUSALS: Final = {BLOCK: ErrorCode.ORIGIN_BLOCKED, CANCEL: ErrorCode.USER_CANCELLED}
_SITE_ANSWERS: Final = {answer.value.encode(): answer for answer in SiteAnswer}


def _card_answers(prompt: ChooseCard) -> dict[bytes, CardFacts]:
    return {CARD + b"%d" % place: card for place, card in enumerate(prompt.cards)}


def _pin(prompt: EnterPin, answer: bytearray) -> SecretBytes:
    """Return what was typed in the window; nothing, where it is typed on the reader."""
    if prompt.keypad != (answer == KEYPAD):
        raise AgentError("the window gave a PIN that is typed elsewhere")
    if prompt.keypad:
        return SecretBytes(bytearray())
    with memoryview(answer) as typed:
        if not prompt.min_length <= len(typed) - len(PIN) <= prompt.max_length:
            raise AgentError("the window gave a PIN of a length that it must not")
        return SecretBytes(bytearray(typed[len(PIN) :]))
