"""Write what a page asked for as a test, for the fixtures of agent.testkit.

Nothing stands in it that is not in the record: names, kinds and lengths. The test fills in dummies.
"""

from collections.abc import Iterable, Iterator
from pprint import pformat
from typing import Any, Final

from agent.consent.asked import QuestionKind
from agent.web.recorder.recorder import RecordedCall
from agent.web.recorder.shape import NO_NAME, Shape

_WIDTH: Final = 80
_BEFORE: Final = " " * len("    asked = ")
_REFUSED: Final = frozenset({"user_cancelled", "origin_blocked", "blind_not_allowed"})
_YES: Final[dict[QuestionKind, Any]] = {
    "blind": "always",
    "enter_pin": {"pin": "card"},
    "last_try": "yes",
    "locked": "seen",
}
_NO: Final[dict[QuestionKind, Any]] = {
    "allow_site": "cancel",
    "blind": "cancel",
    "enter_pin": "cancel",
    "last_try": "no",
    "choose_card": "cancel",
}
_NOT_REPLAYED: Final = frozenset({NO_NAME, "cancel"})
_HEAD: Final = '''"""What a page asked for, with dummies in place of every content.

An outcome that hangs on the content, such as that of decrypt, may need your own.
"""

SITE = {site!r}


def test_the_page_is_answered_as_before(ankong_agent, ankong_reader):
'''


def as_test(calls: Iterable[RecordedCall], origin: str) -> str:
    """Return the source of a pytest that sends one site's calls again.

    Calls through other doors than the native one are named in comments.

    Args:
        calls: the oldest first.
        origin: of the site whose calls are wanted.

    """
    found = [call for call in calls if call.origin == origin]
    lines = [line for call in found for line in _lines(call)]
    if all(line.startswith("#") for line in lines):
        lines.append("assert ankong_agent.requests(SITE) == []")
    # As printed by repr, an origin cannot leave its quotes.
    return _HEAD.format(site=origin) + "".join(f"    {line}\n" for line in lines)


def _lines(call: RecordedCall) -> Iterator[str]:
    outcome = call.outcome
    if call.door != "native" or call.method is None or call.method in _NOT_REPLAYED:
        yield f"# {call.door} {call.method}: {outcome!r}, not sent again"
        return
    if not isinstance(outcome, str) or outcome == "cancelled":
        yield f"# {call.method}: {outcome!r}, the page did not wait"
        return
    for number, kind in enumerate(call.asked, 1):
        is_refusal = outcome in _REFUSED and number == len(call.asked)
        answer = (_NO if is_refusal else _YES).get(kind)
        if answer is not None:
            yield f"ankong_agent.answer({kind!r}, {answer!r}, times=1)"
    yield f"asked = {_written(call.shape)}"
    yield f"assert ankong_agent.replay(SITE, {call.method!r}, asked) == {outcome!r}"


def _written(shape: Shape) -> str:
    """Return a shape as Python, of one line or of several that stand below each other."""
    return pformat(shape, width=_WIDTH, sort_dicts=False).replace("\n", f"\n{_BEFORE}")
