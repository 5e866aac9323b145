"""``ankong policy explain``: the rules of a policy, and how each is spelled on each system."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from agent.commands.colour import Colour, coloured
from agent.commands.columns import cells, padded, screen_width, wrapped
from agent.commands.complaints import said
from agent.commands.output import say, say_json
from agent.commands.parser import JsonOptions
from agent.commands.tongue import tell
from agent.commands.usage import nearest
from agent.errors import BadRequestError
from agent.harmless import printable, shortened
from agent.host.settings import mistakes
from agent.host.settings.managed_policy import PROFILE_DOMAIN, REGISTRY_SOURCE
from agent.host.settings.policy_rules import BY_NAME, RULES, PolicyRule
from agent.host.settings.registry_policy import spelled

_LONGEST_NAME: Final = 40  # characters of a wrong name that are shown


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplainOptions(JsonOptions):
    """The options of ``policy explain``.

    Attributes:
        rule: which; None for all of them.

    """

    rule: str | None = None


def add_rule(parser: argparse.ArgumentParser) -> None:
    """Add the operand."""
    parser.add_argument("rule", nargs="?", metavar="RULE", help="cli.policy.explain.rule")


def explain(options: ExplainOptions) -> int:
    """Print a rule, or the titles of all; as JSON always everything.

    Raises:
        BadRequestError: there is no such rule.

    """
    rules = RULES if options.rule is None else (_named(options.rule),)
    if options.json:
        say_json({"rules": [_as_json(rule) for rule in rules]})
    elif options.rule is None:
        widest = max(cells(rule.name) for rule in RULES) + 2
        for rule in RULES:
            say(f"{padded(rule.name, widest)}{tell(rule.title)}")
    else:
        for line in _lines(rules[0]):
            say(line)
    return 0


def _named(name: str) -> PolicyRule:
    rule = BY_NAME.get(name.replace("-", "_").lower())
    if rule is None:
        near = nearest(name, list(BY_NAME))
        facts = {"name": shortened(name, _LONGEST_NAME), "near": near}
        key = "cli.policy.no_rule" if near is None else "cli.policy.meant"
        raise BadRequestError(f"no rule {facts['name']}", said=(key, facts))
    return rule


def _lines(rule: PolicyRule) -> Iterator[str]:
    width = screen_width()
    yield coloured(f"{rule.name}: {tell(rule.title)}", Colour.BOLD)
    yield from wrapped(tell(rule.help), width)
    yield ""
    default = in_toml(msgspec.to_builtins(rule.default))
    left_open = tell("cli.policy.left_open")
    yield from wrapped(
        tell("cli.policy.takes", value=said(mistakes.expected(rule.annotation))), width
    )
    yield tell("cli.policy.without", value=left_open if rule.default is None else default)
    yield tell("cli.policy.since", version=rule.since)
    yield ""
    yield f"policy.toml: {rule.name} = {in_toml(rule.example)}"
    place = REGISTRY_SOURCE if rule.kind.is_list else REGISTRY_SOURCE / rule.name
    yield f"{place}: {said(spelled(rule))}"
    yield f"{PROFILE_DOMAIN}: {rule.name}"


def _as_json(rule: PolicyRule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "kind": str(rule.kind),
        "since": rule.since,
        "default": msgspec.to_builtins(rule.default),
        "example": rule.example,
        "title": tell(rule.title),
        "help": tell(rule.help),
        "expected": said(mistakes.expected(rule.annotation)),
        "registry": said(spelled(rule)),
    }


def in_toml(value: Any) -> str:
    """Return a value of what TOML has as it stands there, made printable."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        pairs = (f"{name} = {in_toml(each)}" for name, each in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(in_toml, value))}]"
    return f'"{printable(value)}"' if isinstance(value, str) else str(value)
