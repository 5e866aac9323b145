"""The templates as texts, by the file of the checkout in which each is committed."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.host.settings.policy_rules import RULES, PolicyRule
from agent.words import SOURCE, say
from agent.words.language import REVIEWED

from . import admx, mobileconfig

BEGIN = "<!-- Made of the declarations of the rules by `make docs`. -->\n"
END = "<!-- End of what is made. -->\n"


def written(root: Path) -> Mapping[Path, str]:
    """Return all that is made.

    Args:
        root: of the checkout, whose guide the table goes into.

    """
    installer = root / "installer"
    windows = installer / "windows" / "policy"
    guide = installer / "README.md"
    return {
        windows / "Ankong.admx": admx.definitions(),
        **{windows / admx.folder(each) / "Ankong.adml": admx.resources(each) for each in REVIEWED},
        installer / "macos" / "policy" / "Ankong.mobileconfig": mobileconfig.profile(),
        installer / "linux" / "policy" / "policy.toml": toml(),
        guide: with_table(guide.read_text("utf-8")),
    }


def toml() -> str:
    """Return a policy in which every rule is a comment: as it is, it lays nothing down."""
    return "\n".join(_toml_lines()) + "\n"


def _toml_lines() -> Iterator[str]:
    for language in REVIEWED:
        yield f"## {say(language, 'policy.template', {})}"
    for rule in RULES:
        yield ""
        for language in REVIEWED:
            yield f"## {say(language, rule.title, {})}: {say(language, rule.help, {})}"
        yield f"# {rule.name} = {_value(rule.example)}"


def _value(value: Any) -> str:
    """Return a value as TOML has it; JSON has the same texts and numbers."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {_value(each)}' for name, each in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)


def with_table(guide: str) -> str:
    """Return the guide with its table of the rules made anew."""
    head, rest = guide.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}{''.join(map(_row, RULES))}{END}{tail}"


def _row(rule: PolicyRule) -> str:
    what = f"{say(SOURCE, rule.title, {})}. {say(SOURCE, rule.help, {})}"
    return f"| `{rule.name}` | `{_value(rule.example)}` | {rule.since} | {what} |\n"
