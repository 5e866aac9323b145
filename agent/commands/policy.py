"""``ankong policy``: which settings are in force, where each comes from, and what is locked.

What a file would do is told by :mod:`agent.commands.policy_check`, what a rule does by
:mod:`agent.commands.policy_explain`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import Struct

from agent.commands.colour import Colour, coloured
from agent.commands.columns import cells, padded
from agent.commands.complaints import said
from agent.commands.output import log_aside, say, say_aside, say_json
from agent.commands.parser import CommandAction, CommandParser, JsonOptions, add_actions
from agent.commands.policy_browsers import BROWSERS
from agent.commands.policy_check import CheckOptions, add_file, check, remarks
from agent.commands.policy_explain import ExplainOptions, add_rule, explain, in_toml
from agent.commands.tongue import tell
from agent.harmless import printable
from agent.host.instance.quitting import is_running
from agent.host.instance.record import read_record
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.settings.config import Lock, Settings
from agent.host.settings.flags import add_flags
from agent.host.settings.policy import Policy, system_path
from agent.host.settings.policy_in_force import policy_in_force

_NAMES: Final = Settings.__struct_fields__


class SettingSource(StrEnum):
    """Where the value of a setting comes from."""

    DEFAULT = "default"
    FILE = "config"
    FLAG = "flag"
    POLICY = "policy"
    SHARED = "shared"  # the certificates that all users share


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyOptions(JsonOptions):
    """The options of ``policy show``.

    Attributes:
        flags: values of settings, by name, as for ``serve``: what would be in force with them.

    """

    flags: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """A setting as it is in force.

    Attributes:
        name: as in the files.
        value: in what TOML has; None where it is left to the agent.
        source: where it comes from.
        lockable: whether a policy may fix it.

    """

    name: str
    value: Any
    source: SettingSource
    lockable: bool

    @property
    def locked(self) -> bool:
        """Whether the user cannot change it."""
        return self.source in {SettingSource.POLICY, SettingSource.SHARED}


def add(parser: CommandParser) -> None:
    """Add the command's actions."""
    actions = (
        CommandAction("show", PolicyOptions, show, add_flags),
        CommandAction("check", CheckOptions, check, add_file),
        CommandAction("explain", ExplainOptions, explain, add_rule),
        BROWSERS,
    )
    add_actions(parser, actions)


def show(options: PolicyOptions) -> int:
    """Print the settings in force; return 1 where the policy cannot be used."""
    log_aside()
    paths = Paths.choose(options.state_dir)
    policy = policy_in_force(paths)
    rows = in_force(paths, policy, options.flags)
    if options.json:
        say_json(_as_json(paths, policy, rows))
    else:
        _say(paths, policy, rows)
    return 0 if policy.problem is None else 1


def in_force(
    paths: Paths, policy: Policy, flags: Mapping[str, object]
) -> tuple[SettingInForce, ...]:
    """Return every setting, in the order in which they are declared.

    Raises:
        ConfigError: the user's file cannot be used.

    """
    settings = policy.over(config.load(paths.config, flags))
    try:
        written = config.read(paths.config).keys()
    except FileNotFoundError:
        written = {}.keys()
    lockable = {name for name, _, _ in config.marked(Lock)}

    def source(name: str) -> SettingSource:
        if name in policy.locked:
            return SettingSource.POLICY
        if name in policy.implied:
            return SettingSource.SHARED
        if name in flags:
            return SettingSource.FLAG
        return SettingSource.FILE if name in written else SettingSource.DEFAULT

    return tuple(
        SettingInForce(
            name, msgspec.to_builtins(getattr(settings, name)), source(name), name in lockable
        )
        for name in _NAMES
    )


def _as_json(paths: Paths, policy: Policy, rows: tuple[SettingInForce, ...]) -> dict[str, Any]:
    return {
        "policy": {
            "path": str(policy.source or system_path()),
            "found": policy.source is not None,
            "problem": policy.problem,
            "ignored": policy.planted,
            "hidden": None if policy.hidden is None else str(policy.hidden),
            "unknown": list(policy.unknown),
        },
        "config": str(paths.config),
        "restart": _is_old(paths, policy),
        "settings": {
            row.name: {
                "value": row.value,
                "source": str(row.source),
                "locked": row.locked,
                "lockable": row.lockable,
            }
            for row in rows
        },
        "sites": msgspec.to_builtins(policy.rules),
        "fleet": msgspec.to_builtins(policy.fleet),
    }


def _is_old(paths: Paths, policy: Policy) -> bool:
    """Return whether an agent runs that was started under another policy."""
    record = read_record(paths.instance) if is_running(paths) else None
    return record is not None and record.policy not in {None, policy.fingerprint}


def _say(paths: Paths, policy: Policy, rows: tuple[SettingInForce, ...]) -> None:
    for line in _about(paths, policy):
        say(line)
    say()
    table = [
        (each.name, _toml(each.value), tell(f"cli.policy.{each.source}"), _lock(each))
        for each in rows
    ]
    heading = tuple(tell(f"cli.policy.{name}") for name in ("name", "value", "source", "locked"))
    widths = [max(cells(line[at]) for line in (heading, *table)) for at in range(3)]
    for number, row in enumerate((heading, *table)):
        text = "  ".join([*map(padded, row, widths), row[-1]]).rstrip()
        say(coloured(text, Colour.BOLD) if number == 0 else text)
    if policy.source is not None and policy.problem is None:
        _say_rules(tell("cli.policy.sites"), policy.rules)
        _say_rules(tell("cli.policy.fleet"), policy.fleet)
    if _is_old(paths, policy):
        say_aside(tell("cli.policy.restart"))


def _say_rules(heading: str, rules: Struct) -> None:
    say()
    say(coloured(heading, Colour.BOLD))
    widest = max(map(cells, rules.__struct_fields__)) + 2
    for name in rules.__struct_fields__:
        say(f"{padded(name, widest)}{_toml(getattr(rules, name))}")


def _lock(row: SettingInForce) -> str:
    if row.locked:
        return tell("cli.policy.yes")
    return tell("cli.policy.no") if row.lockable else tell("cli.policy.never")


def _about(paths: Paths, policy: Policy) -> Iterator[str]:
    if policy.problem is not None:
        problem = printable(policy.problem) if policy.words is None else said(policy.words)
        yield coloured(tell("cli.policy.unusable", problem=problem), Colour.RED)
    elif policy.source is None:
        yield tell("cli.policy.none", path=system_path())
    else:
        yield tell("cli.policy.found", path=policy.source)
    if policy.planted is not None:
        yield tell("cli.policy.ignored", detail=printable(policy.planted))
    if policy.hidden is not None:
        yield tell("cli.policy.hidden", path=policy.hidden)
    yield from remarks(policy)
    there = "file" if paths.config.exists() else "no_file"
    yield tell(f"cli.policy.{there}", path=paths.config)


def _toml(value: Any) -> str:
    """Return a value as it stands in TOML; a dash where it is left to the agent."""
    return "–" if value is None else in_toml(value)
