"""What notices say: every kind in every language, and never an ID number."""

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.portal.contact import parse_contact
from agent.portal.notices.composing import compose
from agent.portal.notices.kinds import NEEDED, Facts, NoticeKind, check_facts
from agent.portal.otp import LIFETIME
from agent.virtualcard.identity import generate_id_number
from agent.words import Language

LIKE_AN_ID_NUMBER: Final = re.compile(r"[A-Z][0-9A-D][0-9]{8}")
EXAMPLES: Final[Facts] = {
    "code": "012345",
    "minutes": LIFETIME // 60,
    "way": "telecom",
    "contact": parse_contact("tester@example.test").masked,
    "case": "K7-2026-11-0042",
    "date": "2026-12-05",
}


def facts_of(kind: NoticeKind) -> Facts:
    return {name: EXAMPLES[name] for name in NEEDED[kind]}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", NoticeKind)
def test_every_kind_is_said_in_every_language(kind: NoticeKind, language: Language) -> None:
    facts = facts_of(kind)
    check_facts(kind, facts)
    message = compose(kind, language, facts, created=1_790_000_000, helpline="1999")
    assert "\n" not in message.subject
    assert 3 < len(message.subject) <= 60
    said = " ".join((message.subject, *message.paragraphs, *message.footer))
    assert "{" not in said
    assert "http" not in said
    for name in facts:
        assert name == "way" or str(facts[name]) in said
    # Four parts of a text message in UCS-2 (3GPP TS 23.038), or in GSM's own alphabet.
    assert len(message.short) <= (268 if language is not Language.ENGLISH else 612)


@pytest.mark.parametrize("kind", sorted(set(NoticeKind) - {NoticeKind.CODE}))
def test_who_did_not_do_it_is_told_whom_to_call(kind: NoticeKind) -> None:
    message = compose(
        kind, Language.CHINESE, facts_of(kind), created=1_790_000_000, helpline="1999"
    )
    is_news = kind in {NoticeKind.CASE_NEEDS_MORE, NoticeKind.CASE_DECIDED}
    assert ("1999" in message.short) is not is_news


@given(
    kind=st.sampled_from(list(NoticeKind)),
    language=st.sampled_from(list(Language)),
    number=st.integers(0, 9_999_999),
    place=st.sampled_from(sorted(EXAMPLES)),
    wrapped=st.sampled_from(["{}", "{}-1", "K-{}", " {}", "{}\n", "a***{}", "{}***abc"]),
)
def test_no_notice_carries_an_id_number(
    kind: NoticeKind, language: Language, number: int, place: str, wrapped: str
) -> None:
    id_number = generate_id_number(number)
    facts = dict(facts_of(kind))
    if place in facts and place != "contact":
        facts[place] = id_number
        with pytest.raises(ValueError, match=place) as caught:
            check_facts(kind, facts)
        assert id_number not in str(caught.value)
    facts = facts_of(kind) | {"id_number": wrapped.format(id_number)}
    with pytest.raises(ValueError, match="needs"):
        check_facts(kind, facts)
    message = compose(kind, language, facts_of(kind), created=number, helpline="1999")
    said = " ".join((message.subject, *message.paragraphs, *message.footer, message.short))
    assert not LIKE_AN_ID_NUMBER.search(said)


@given(text=st.from_regex(r"[a-z0-9.+-]{1,30}@[a-z0-9]{1,20}\.test", fullmatch=True))
def test_a_contact_is_shown_masked_only(text: str) -> None:
    contact = parse_contact(text)
    facts = {"contact": contact.masked}
    check_facts(NoticeKind.CONTACT_CHANGED, facts)
    with pytest.raises(ValueError, match="none"):
        check_facts(NoticeKind.CONTACT_CHANGED, {"contact": contact.value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("code", "12345"),
        ("code", "123456\n"),
        ("way", "post"),
        ("contact", "a@example.test"),
        ("contact", "a***\r\nBcc: b@example.test"),
        ("case", "K7 2026"),
        ("case", "k7-2026"),
        ("case", "A123456789"),
        ("date", "5 December"),
        ("date", "2026-12-05T00:00"),
        ("minutes", "five"),
    ],
)
def test_a_fact_is_what_its_name_says(name: str, value: str) -> None:
    kind = next(kind for kind in NoticeKind if name in NEEDED[kind])
    with pytest.raises(ValueError, match=name):
        check_facts(kind, {**facts_of(kind), name: value})
