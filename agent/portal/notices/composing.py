"""The words of a notice, in one language."""

from typing import Final

from agent.portal.moments import minute_in_taipei
from agent.portal.notices.kinds import Facts, NoticeKind
from agent.portal.notices.sending import NoticeMessage
from agent.words import Language, say

_OWN_DOING: Final = frozenset(
    {
        NoticeKind.REGISTERED,
        NoticeKind.GOLD,
        NoticeKind.CARD_ADDED,
        NoticeKind.CARD_REPLACED,
        NoticeKind.CONTACT_CHANGED,
        NoticeKind.CONTACT_REMOVED,
        NoticeKind.CASE_SENT,
        NoticeKind.CASE_WITHDRAWN,
        NoticeKind.CLOSING,
        NoticeKind.CLOSED,
        NoticeKind.KEPT,
    }
)
"""What only the member should have done: who is told of it and did not has to call somebody."""
_RAISES_QUESTIONS: Final = frozenset(
    {NoticeKind.TAKEN_BACK, NoticeKind.CASE_EXPIRED, NoticeKind.CASE_LOST}
)


def compose(
    kind: NoticeKind, language: Language, facts: Facts, *, created: int, helpline: str
) -> NoticeMessage:
    """Return what is told.

    Args:
        kind: what.
        language: in which.
        facts: what :data:`agent.portal.notices.kinds.NEEDED` lists.
        created: when it happened, in seconds since 1970.
        helpline: the telephone number for whoever did not do this.

    """
    spoken = {name: _spoken(language, name, str(value)) for name, value in facts.items()}
    paragraphs = [say(language, f"notice.{kind}.text", spoken)]
    if kind in _OWN_DOING:
        paragraphs.append(say(language, "notice.not_you", {"helpline": helpline}))
    if kind in _RAISES_QUESTIONS:
        paragraphs.append(say(language, "notice.questions", {"helpline": helpline}))
    site = say(language, "portal.site", {})
    return NoticeMessage(
        language=language,
        site=site,
        subject=say(language, f"notice.{kind}.subject", {}),
        paragraphs=tuple(paragraphs),
        footer=(
            site,
            say(language, "notice.when", {"when": minute_in_taipei(created)}),
            say(language, "notice.automatic", {}),
            say(language, "notice.never_asked", {}),
        ),
    )


def _spoken(language: Language, name: str, value: str) -> str:
    """Return a fact as the language says it."""
    return say(language, f"portal.method.ways.{value}.name", {}) if name == "way" else value
