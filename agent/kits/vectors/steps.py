"""Cases of challenges: given out once, to one session, for one purpose, for 300 seconds."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from agent.cms.digest import HashAlgorithm
from agent.cms.login import challenge_text
from agent.kits.vectors import certificates
from agent.kits.vectors.case import (
    CHALLENGE,
    OK,
    PURPOSE,
    VectorCase,
    message_of,
    signed_by,
    statement,
)
from agent.kits.vectors.certificates import AT
from agent.kits.vectors.messages import sign

SHORT_CHALLENGE: Final = CHALLENGE[:32]  # as long as most sites' challenges are
_EXPIRED: Final = "challenge_expired"
_UNKNOWN: Final = "challenge_unknown"
_USED: Final = "challenge_used"
_GOOD: Final = "challenge-of-32"  # cases
_ANOTHER: Final = "challenge-signed-again"
_ELSEWHERE: Final = "challenge-taken-elsewhere"


def steps() -> Iterator[VectorCase]:
    """Make the cases of this module: three messages, and what becomes of a challenge with them."""
    citizen, text = certificates.citizen(), statement(challenge=SHORT_CHALLENGE)
    again = message_of(sign(citizen, text, HashAlgorithm.SHA512), text)
    elsewhere = statement("https://evil.example", SHORT_CHALLENGE)
    messages = {
        _GOOD: (signed_by(citizen, text), OK, "the shortest challenge"),
        _ANOTHER: (again, OK, "another signature over the same challenge"),
        _ELSEWHERE: (
            signed_by(citizen, elsewhere),
            "origin_mismatch",
            "another site got a login for this site's challenge",
        ),
    }
    short = {"challenge": challenge_text(SHORT_CHALLENGE)}
    for name, (message, expect, note) in messages.items():
        yield VectorCase(name, message, expect, note, short)
    for name, (done, note) in _done().items():
        sent = messages[done[-1]["file"].removesuffix(".der")][0]
        yield VectorCase(name, sent, done[-1]["expect"], note, {**short, "steps": done})


def _done() -> dict[str, tuple[list[dict[str, str]], str]]:
    given, good = _issue(), _redeem(_GOOD, OK)
    return {
        "replayed": (
            [given, good, _redeem(_ANOTHER, _USED, 2)],
            "a second login with one challenge",
        ),
        "sent-twice": ([given, good, _redeem(_GOOD, OK, 2)], "a double click: the same answer"),
        "used-by-refused": (
            [given, _redeem(_ELSEWHERE, "origin_mismatch"), _redeem(_GOOD, _USED, 2)],
            "the challenge is used up by a login that was refused",
        ),
        "challenge-in-time": ([given, _redeem(_GOOD, OK, 299)], "one second before it expires"),
        "challenge-expired": ([given, _redeem(_GOOD, _EXPIRED, 301)], "one second too late"),
        "challenge-of-other-session": (
            [given, _redeem(_GOOD, _UNKNOWN, session="another visitor")],
            "given out to another session",
        ),
        "challenge-kept-for-its-session": (
            [given, _redeem(_GOOD, _UNKNOWN, session="another visitor"), _redeem(_GOOD, OK, 2)],
            "another session's attempt does not use it up",
        ),
        "challenge-for-other-purpose": (
            [_issue("identify"), _redeem(_GOOD, _UNKNOWN)],
            "given out to identify, sent to log in",
        ),
        "challenge-never-issued": ([_redeem(_GOOD, _UNKNOWN)], "never given out"),
    }


def _issue(purpose: str = PURPOSE.value) -> dict[str, str]:
    return {"do": "issue", "at": _after(0), "session": "a visitor", "purpose": purpose}


def _redeem(
    case: str, expect: str, seconds: int = 1, *, session: str = "a visitor"
) -> dict[str, str]:
    return {
        "do": "redeem",
        "at": _after(seconds),
        "session": session,
        "purpose": PURPOSE.value,
        "file": f"{case}.der",
        "expect": expect,
    }


def _after(seconds: int) -> str:
    return (AT + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
