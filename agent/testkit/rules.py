"""What a tester wants answered: rules, read strictly and used in their order.

::

    [{"kind": "enter_pin", "site": "https://site.example", "answer": {"pin": "000000"}, "times": 1},
     {"kind": "enter_pin", "answer": {"pin": "card"}, "after_ms": 200}]

The first rule that fits a question answers it. A rule that was used ``times`` often fits no more;
without ``times`` it always does. Where no rule speaks of ``allow_site``, every site is allowed.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta, Struct, structs

from agent.consent.questions import (
    AllowBlind,
    AllowSite,
    ChooseCard,
    EnterPin,
    LastAttempt,
    Locked,
    Prompt,
)
from agent.errors import BadRequestError
from agent.origin import Origin
from agent.testkit.mistakes import of_request, read_json, wrong_field

QuestionKind: TypeAlias = Literal[
    "allow_site", "blind", "enter_pin", "last_try", "locked", "choose_card"
]
Word: TypeAlias = Literal["always", "this_time", "never", "cancel", "yes", "no", "seen"]
OF_CARD: Final = "card"
"""In place of a PIN: the one of the card that the question is about."""
MAX_RULES: Final = 1000
MAX_DELAY: Final = 60_000  # milliseconds
_SITE_WORDS: Final = frozenset({"always", "this_time", "never", "cancel"})
_WORDS: Final[dict[QuestionKind, frozenset[str]]] = {
    "allow_site": _SITE_WORDS,
    "blind": _SITE_WORDS,
    "enter_pin": frozenset({"cancel", "never"}),
    "last_try": frozenset({"yes", "no"}),
    "locked": frozenset({"seen"}),
    "choose_card": frozenset({"cancel"}),
}
_VALUES: Final[dict[QuestionKind, str]] = {"enter_pin": "pin", "choose_card": "reader"}
_KINDS: Final[dict[type[object], QuestionKind]] = {
    AllowSite: "allow_site",
    AllowBlind: "blind",
    EnterPin: "enter_pin",
    LastAttempt: "last_try",
    Locked: "locked",
    ChooseCard: "choose_card",
}


class GivenValue(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An answer that is more than a word: a PIN to type, or the reader of a card to choose.

    Attributes:
        pin: 1 to 32 printable ASCII characters, or :data:`OF_CARD`.
        reader: the name of a reader.

    """

    pin: Annotated[str, Meta(pattern=r"^[ -~]{1,32}\Z")] | None = None
    reader: Annotated[str, Meta(min_length=1, max_length=127)] | None = None

    def __repr__(self) -> str:
        # Logs print objects; what was typed stays out of them.
        return "GivenValue(…)"


class AnswerRule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One rule; the module's docstring has examples.

    Attributes:
        kind: of the questions that it answers.
        answer: what is said.
        site: of which origin's alone; None for any.
        after_ms: how long the citizen takes, in milliseconds.
        times: how often it answers; None for always.

    """

    kind: QuestionKind
    answer: Word | GivenValue
    site: Annotated[str, Meta(max_length=255)] | None = None
    after_ms: Annotated[int, Meta(ge=0, le=MAX_DELAY)] = 0
    times: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None

    def fits(self, kind: QuestionKind, site: Origin) -> bool:
        """Return whether it answers such a question."""
        return self.kind == kind and self.site in (None, str(site))


_ALLOW_ALL: Final = AnswerRule(kind="allow_site", answer="always")
_Rules: TypeAlias = Annotated[tuple[AnswerRule, ...], Meta(max_length=MAX_RULES)]


def kind_of(prompt: Prompt[Any]) -> QuestionKind:
    """Return what rules call such a question."""
    return _KINDS[type(prompt)]


def read_rules(raw: bytes) -> tuple[AnswerRule, ...]:
    """Read the rules that a tester wrote, as JSON.

    Raises:
        RefusedControlError: they are none; its ``path`` names the field.

    """
    rules = read_json(raw, _Rules)
    for number, rule in enumerate(rules):
        _check(f"$[{number}]", rule)
    return rules


def _check(path: str, rule: AnswerRule) -> None:
    if rule.site is not None:
        try:
            Origin.parse_any(rule.site)
        except BadRequestError as error:
            raise of_request(error, f"{path}.site") from error
    if isinstance(rule.answer, str):
        if rule.answer not in _WORDS[rule.kind]:
            raise wrong_field(f"{path}.answer", f"no answer to {rule.kind}")
        return
    given = {name for name, value in structs.asdict(rule.answer).items() if value is not None}
    if given != {_VALUES.get(rule.kind)}:
        raise wrong_field(f"{path}.answer", f"no answer to {rule.kind}")


class RuleBook:
    """The rules in force, and how often each was used; belongs to one event loop."""

    def __init__(self, rules: Iterable[AnswerRule] = ()) -> None:
        """Begin with ``rules``."""
        self.replace(rules)

    def replace(self, rules: Iterable[AnswerRule]) -> None:
        """Forget the old rules, and how often they were used."""
        self._rules = list(rules)
        self._allows_all = all(rule.kind != "allow_site" for rule in self._rules)

    def left(self) -> tuple[AnswerRule, ...]:
        """Return the rules that may still answer, with the ``times`` that are left of them."""
        return tuple(self._rules)

    def take(self, kind: QuestionKind, site: Origin) -> AnswerRule | None:
        """Return the rule that answers a question, used once more; None where none does."""
        for place, rule in enumerate(self._rules):
            if rule.fits(kind, site):
                if rule.times == 1:
                    del self._rules[place]
                elif rule.times is not None:
                    self._rules[place] = structs.replace(rule, times=rule.times - 1)
                return rule
        return _ALLOW_ALL if self._allows_all and kind == "allow_site" else None
