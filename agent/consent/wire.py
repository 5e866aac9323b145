"""What goes through the two pipes of a prompt process: one JSON line in, a few bytes out.

The request has no secret in it. The answer may: a PIN is the raw bytes after ``pin:``, in one
buffer that can be wiped, and never text.
"""

import json
from typing import Any, Final, TypeAlias, TypeVar, cast

from agent.consent.questions import (
    MAX_SHOWN,
    Act,
    AllowSite,
    CardFacts,
    DocumentFacts,
    EnterPin,
    LastAttempt,
    Locked,
    Prompt,
    Purpose,
    SiteAnswer,
)
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.origin import Origin
from agent.secret import SecretBytes

A = TypeVar("A")
AnyPrompt: TypeAlias = AllowSite | EnterPin | LastAttempt | Locked

SYSTEM: Final = "system"
"""The language of whichever system the window opens on."""
MAX_REQUEST: Final = 64 * 1024  # bytes of the line
MAX_ANSWER: Final = 64  # bytes; a PIN has 8 at most
NO_DISPLAY: Final = 3
"""The exit status of a process that could not open a window, and so asked nobody."""

PIN: Final = b"pin:"
YES: Final = b"yes"
NO: Final = b"no"
SEEN: Final = b"seen"
CANCEL: Final = b"cancel"
BLOCK: Final = b"block"


def encode_request(prompt: Prompt[A], language: str = SYSTEM) -> bytes:
    """Write a request as one line of JSON, at most 64 KiB.

    Args:
        prompt: one of the four.
        language: of the window, a BCP 47 tag, or "system" for that of the system.

    Raises:
        AgentError: it is none of the four requests.

    """
    match prompt:
        case AllowSite():
            body: dict[str, Any] = {"kind": "allow_site"}
        case EnterPin():
            body = {
                "kind": "enter_pin",
                "purpose": _purpose_body(prompt.purpose),
                "card": _card_body(prompt.card),
                "attempts_left": prompt.attempts_left,
                "was_wrong": prompt.was_wrong,
                "min_length": prompt.min_length,
                "max_length": prompt.max_length,
                "may_block": prompt.may_block,
            }
        case LastAttempt():
            body = {
                "kind": "last_try",
                "attempts_left": prompt.attempts_left,
                "card": _card_body(prompt.card),
                "pin_given": prompt.pin_given,
            }
        case Locked():
            body = {"kind": "locked", "card": _card_body(prompt.card)}
        case _:
            raise AgentError(f"no window for {type(prompt).__name__}")
    common = {"site": str(prompt.site), "language": language}
    return json.dumps({**body, **common}).encode("ascii") + b"\n"


def decode_request(line: bytes) -> tuple[AnyPrompt, str]:
    """Read a request, and the language of its window.

    Raises:
        BadRequestError: the line is none.

    """
    try:
        body = json.loads(line)
        return _request(body), _text(body["language"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadRequestError("not a request for a window") from error


def decode_answer(prompt: Prompt[A], raw: bytearray) -> A:
    """Read the answer to ``prompt``; ``raw`` is wiped, whatever is in it.

    Raises:
        AgentError: ``user_cancelled``; ``origin_blocked``; ``internal`` for what is no answer.

    """
    with SecretBytes(raw):
        return cast("A", _answer(prompt, raw))


# Requests.


def _purpose_body(purpose: Purpose) -> dict[str, Any]:
    documents = [
        {"name": document.name, "digest": document.digest.hex()}
        for document in purpose.documents[:MAX_SHOWN]
    ]
    return {
        "act": purpose.act.value,
        "hash": purpose.hash,
        "documents": documents,
        "count": purpose.count,
    }


def _card_body(card: CardFacts) -> dict[str, Any]:
    return {
        "reader": card.reader,
        "generation": card.generation,
        "serial": card.serial,
        "holder": card.holder,
        "virtual": card.virtual,
    }


def _request(body: dict[str, Any]) -> AnyPrompt:
    site = Origin.parse_any(_text(body["site"]))
    match body["kind"]:
        case "allow_site":
            return AllowSite(site)
        case "enter_pin":
            left = body["attempts_left"]
            return EnterPin(
                site=site,
                purpose=_purpose(body["purpose"]),
                card=_card(body["card"]),
                attempts_left=None if left is None else _number(left),
                was_wrong=_flag(body["was_wrong"]),
                min_length=_number(body["min_length"]),
                max_length=_number(body["max_length"]),
                may_block=_flag(body["may_block"]),
            )
        case "last_try":
            left = _number(body["attempts_left"])
            return LastAttempt(site, left, _card(body["card"]), _flag(body["pin_given"]))
        case "locked":
            return Locked(site, _card(body["card"]))
        case _:
            raise ValueError("an unknown kind")


def _purpose(body: dict[str, Any]) -> Purpose:
    documents = tuple(
        DocumentFacts(_text_or_none(each["name"]), bytes.fromhex(each["digest"]))
        for each in body["documents"]
    )
    return Purpose(Act(body["act"]), _text(body["hash"]), documents, _number(body["count"]))


def _card(body: dict[str, Any]) -> CardFacts:
    return CardFacts(
        reader=_text(body["reader"]),
        generation=_text(body["generation"]),
        serial=_text(body["serial"]),
        holder=_text_or_none(body["holder"]),
        virtual=_flag(body["virtual"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a number")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not a flag")
    return value


# Answers.


def _answer(prompt: Prompt[A], raw: bytearray) -> object:
    match prompt:
        case AllowSite() if bytes(raw) in _SITE_ANSWERS:
            return _SITE_ANSWERS[bytes(raw)]
        case EnterPin() if raw == BLOCK:
            raise AgentError("blocked in the PIN window", code=ErrorCode.ORIGIN_BLOCKED)
        case EnterPin() if raw == CANCEL:
            raise AgentError("cancelled in the PIN window", code=ErrorCode.USER_CANCELLED)
        case EnterPin() if raw.startswith(PIN):
            return _pin(prompt, memoryview(raw)[len(PIN) :])
        case LastAttempt() if bytes(raw) in (YES, NO):
            return raw == YES
        case Locked() if raw == SEEN:
            return None
        case _:
            raise AgentError("the window ended without an answer")


_SITE_ANSWERS: Final = {answer.value.encode(): answer for answer in SiteAnswer}


def _pin(prompt: EnterPin, typed: memoryview) -> SecretBytes:
    if not prompt.min_length <= len(typed) <= prompt.max_length:
        raise AgentError("the window gave a PIN of a length that it must not")
    return SecretBytes(bytearray(typed))
