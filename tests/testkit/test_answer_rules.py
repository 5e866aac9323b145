"""A tester's rules are read strictly, and used in their order."""

import json
from typing import Any

import pytest

from agent.origin import Origin
from agent.testkit.messages import OrderedCard
from agent.testkit.mistakes import RefusedControlError, read_json
from agent.testkit.rules import AnswerRule, RuleBook, read_rules

SITE = Origin.parse("https://portal.example")
OTHER = Origin.parse("https://other.example")


def book(*rules: dict[str, Any]) -> RuleBook:
    return RuleBook(read_rules(json.dumps(rules).encode()))


def words(rule: AnswerRule | None) -> object:
    return None if rule is None else rule.answer


def test_the_first_rule_that_fits_answers() -> None:
    rules = book(
        {"kind": "last_try", "answer": "yes"},
        {"kind": "allow_site", "site": str(OTHER), "answer": "never"},
        {"kind": "allow_site", "answer": "this_time"},
        {"kind": "allow_site", "answer": "cancel"},
    )
    assert words(rules.take("allow_site", SITE)) == "this_time"
    assert words(rules.take("allow_site", OTHER)) == "never"
    assert rules.take("enter_pin", SITE) is None


def test_a_rule_answers_as_often_as_it_says_and_the_next_one_then() -> None:
    rules = book(
        {"kind": "last_try", "answer": "yes", "times": 2}, {"kind": "last_try", "answer": "no"}
    )
    said = [words(rules.take("last_try", SITE)) for _ in range(4)]
    assert said == ["yes", "yes", "no", "no"]


def test_what_is_left_of_the_rules_can_be_put_back_as_it_is() -> None:
    rules = book(
        {"kind": "last_try", "answer": "yes", "times": 3}, {"kind": "locked", "answer": "seen"}
    )
    rules.take("last_try", SITE)
    left = rules.left()
    assert [rule.times for rule in left] == [2, None]
    rules.replace(left)
    assert rules.left() == left


def test_every_site_is_allowed_until_a_rule_speaks_of_sites() -> None:
    assert words(book().take("allow_site", SITE)) == "always"
    assert (
        words(book({"kind": "enter_pin", "answer": "cancel"}).take("allow_site", SITE)) == "always"
    )
    spoken = book({"kind": "allow_site", "answer": "always", "site": str(OTHER), "times": 1})
    assert spoken.take("allow_site", SITE) is None
    assert words(spoken.take("allow_site", OTHER)) == "always"
    assert spoken.take("allow_site", OTHER) is None, "the rule is spent, and still it was spoken of"


def test_a_word_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(RefusedControlError, match=r"enter_pn'; possible: .*enter_pin, last_try"):
        book({"kind": "enter_pn", "answer": "cancel"})
    with pytest.raises(RefusedControlError, match="possible: 1, 2"):
        read_json(b'{"generation": 3}', OrderedCard)
    with pytest.raises(RefusedControlError, match=r"possible: .*expired"):
        read_json(b'{"validity": "old"}', OrderedCard)


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"kind": "enter_pin"}, "$[0].answer"),
        ({"kind": "enter_pin", "answer": "yes"}, "$[0].answer"),
        ({"kind": "enter_pin", "answer": {}}, "$[0].answer"),
        ({"kind": "enter_pin", "answer": {"pin": ""}}, "$[0].answer.pin"),
        ({"kind": "enter_pin", "answer": {"pin": 123456}}, "$[0].answer.pin"),
        ({"kind": "enter_pin", "answer": {"pin": "１２３４５６"}}, "$[0].answer.pin"),
        ({"kind": "enter_pin", "answer": {"pin": "123456", "reader": "x"}}, "$[0].answer"),
        ({"kind": "enter_pin", "answer": {"reader": "x"}}, "$[0].answer"),
        ({"kind": "enter_pin", "answer": {"pim": "123456"}}, "$[0].answer.pim"),
        ({"kind": "allow_site", "answer": {"pin": "123456"}}, "$[0].answer"),
        ({"kind": "last_try", "answer": "always"}, "$[0].answer"),
        ({"kind": "locked", "answer": "yes"}, "$[0].answer"),
        ({"kind": "choose_card", "answer": "seen"}, "$[0].answer"),
        ({"kind": "window", "answer": "seen"}, "$[0].kind"),
        ({"kind": "locked", "answer": "seen", "times": 0}, "$[0].times"),
        ({"kind": "locked", "answer": "seen", "times": True}, "$[0].times"),
        ({"kind": "locked", "answer": "seen", "after_ms": -1}, "$[0].after_ms"),
        ({"kind": "locked", "answer": "seen", "after": 1}, "$[0].after"),
        ({"kind": "locked", "answer": "seen", "site": "portal.example"}, "$[0].site"),
        ({"kind": "locked", "answer": "seen", "site": "https://portal.example/"}, "$[0].site"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(rule: dict[str, Any], path: str) -> None:
    with pytest.raises(RefusedControlError) as refused:
        read_rules(json.dumps([rule]).encode())
    assert (refused.value.status, refused.value.path) == (400, path)
    assert "123456" not in str(refused.value)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"{}", b'"seen"', b'[{"kind":"locked","kind":"locked","answer":"seen"}]']
)
def test_what_is_no_list_of_rules_is_refused(raw: bytes) -> None:
    with pytest.raises(RefusedControlError) as refused:
        read_rules(raw)
    assert refused.value.path == "$"
