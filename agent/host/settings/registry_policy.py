r"""Read a policy from ``HKEY_LOCAL_MACHINE\Software\Policies\Ankong``, where group policies are.

The names are those of TOML, in any case. ``true`` and ``false`` are REG_DWORD 1 and 0, numbers are
REG_DWORD, everything else is REG_SZ. A list is a subkey of the rule's name with one value for each
entry: values called 1, 2, … in the order of these numbers; for a list of named things the names
themselves. A value of the rule's name, "none", says that the list is empty, whatever the subkey
holds; "list" says nothing more. A subkey without values says nothing either: group policies leave
such ones behind.

HKEY_CURRENT_USER never counts: it is the user's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath
from types import MappingProxyType
from typing import Any, Final

from agent.harmless import shortened
from agent.host.settings import mistakes
from agent.host.settings.config import ConfigError
from agent.host.settings.managed_policy import (
    REGISTRY_KEY,
    REGISTRY_SOURCE,
    ManagedTable,
    unknown_names,
)
from agent.host.settings.policy_rules import BY_NAME, PolicyRule, RuleKind

NO_ENTRIES: Final = "none"
"""The value of a list's own name that says that it is empty."""
WITH_ENTRIES: Final = "list"
_MOST_NAMES: Final = 1000  # in the key itself
_LONGEST: Final = 4096  # characters of a text
_LONGEST_SHOWN: Final = 40  # characters of a wrong text
_HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")  # which Windows allows, and UTF-8 cannot write
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_REG_SZ: Final = 1
_REG_DWORD: Final = 4
_TYPES: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "REG_NONE",
        1: "REG_SZ",
        2: "REG_EXPAND_SZ",
        3: "REG_BINARY",
        4: "REG_DWORD",
        5: "REG_DWORD_BIG_ENDIAN",
        6: "REG_LINK",
        7: "REG_MULTI_SZ",
        11: "REG_QWORD",
    }
)


@dataclass(frozen=True, slots=True)
class _RegistryValue:
    name: str
    data: Any
    type: int


def read(registry: Any) -> ManagedTable | None:
    """Return what the registry lays down; None where nothing is below the key.

    Args:
        registry: the module ``winreg``, or a double of it.

    Raises:
        ConfigError: a known rule has what is no value of it in any spelling; or there is more than
            any policy has.
        OSError: it cannot be read.

    """
    found = _key(registry, REGISTRY_KEY)
    if found is None:
        return None
    values, subkeys = found
    table: dict[str, Any] = {}
    marks: dict[str, str] = {}
    unknown: list[str] = []
    for value in values:
        rule = BY_NAME.get(value.name.lower())
        if rule is None:
            unknown.append(value.name or "(Default)")
        elif rule.kind.is_list:
            marks[rule.name] = _mark(rule, value)
        else:
            table[rule.name] = _plain(rule, value)
    empty = {name for name, mark in marks.items() if mark == NO_ENTRIES}
    _read_lists(registry, subkeys, empty, table, unknown)
    for name in marks:
        table.setdefault(name, [])
    if not table and not unknown:
        return None
    return ManagedTable(REGISTRY_SOURCE, table, unknown_names(unknown))


def _read_lists(
    registry: Any, names: list[str], empty: set[str], table: dict[str, Any], unknown: list[str]
) -> None:
    """Add the lists in subkeys to a table, and what is no rule's to ``unknown``.

    Args:
        registry: the module ``winreg``, or a double of it.
        names: of the subkeys.
        empty: rules whose lists are empty, whatever stands there.
        table: of the policy.
        unknown: names of rules that this version does not have.

    Raises:
        ConfigError, OSError: as :func:`read`.

    """
    for name in names:
        rule, entries = BY_NAME.get(name.lower()), _entries(registry, name)
        if not entries:
            continue
        if rule is None:
            unknown.append(name)
        elif not rule.kind.is_list:
            raise _mistaken(rule, "a key")
        elif rule.name not in empty:
            table[rule.name] = list(_listed(rule, entries))


def _key(registry: Any, path: str) -> tuple[list[_RegistryValue], list[str]] | None:
    """Return the values and the names of the subkeys of a key; None where it is not there.

    Raises:
        ConfigError: there are more than any policy has.
        OSError: it cannot be read, or somebody takes values away meanwhile.

    """
    access = registry.KEY_READ | registry.KEY_WOW64_64KEY
    try:
        opened = registry.OpenKey(registry.HKEY_LOCAL_MACHINE, path, 0, access)
    except FileNotFoundError:
        return None
    with opened:
        subkeys, values, _ = registry.QueryInfoKey(opened)
        if max(subkeys, values) > _MOST_NAMES:
            raise _too_many(path)
        found = [_RegistryValue(*registry.EnumValue(opened, at)) for at in range(values)]
        return found, [registry.EnumKey(opened, at) for at in range(subkeys)]


def _entries(registry: Any, name: str) -> list[_RegistryValue]:
    found = _key(registry, f"{REGISTRY_KEY}\\{name}")
    return [] if found is None else found[0]


def _mark(rule: PolicyRule, value: _RegistryValue) -> str:
    text = value.data if value.type == _REG_SZ else None
    if text not in {NO_ENTRIES, WITH_ENTRIES}:
        raise _mistaken(rule, _shown_type(value))
    return str(text)


def _plain(rule: PolicyRule, value: _RegistryValue) -> Any:
    match rule.kind:
        case RuleKind.BOOL:
            if value.type != _REG_DWORD or value.data not in {0, 1}:
                raise _mistaken(rule, _shown_type(value))
            return value.data == 1
        case RuleKind.NUMBER:
            if value.type != _REG_DWORD:
                raise _mistaken(rule, _shown_type(value))
            return value.data
        case _:
            return _text(rule, value)


def _text(rule: PolicyRule, value: _RegistryValue) -> str:
    if value.type != _REG_SZ or not isinstance(value.data, str) or len(value.data) > _LONGEST:
        raise _mistaken(rule, _shown_type(value))
    if _HALF_A_PAIR.search(value.name + value.data):
        raise _mistaken(rule, _shown_type(value))
    return value.data


def _listed(rule: PolicyRule, entries: list[_RegistryValue]) -> Iterator[Any]:
    for entry in sorted(entries, key=_by_name if rule.kind is RuleKind.NAMED else _by_number):
        if rule.kind is RuleKind.NAMED:
            yield {"name": entry.name, "path": _text(rule, entry)}
        elif rule.kind is RuleKind.TEXTS or entry.type != _REG_DWORD:
            text = _text(rule, entry)
            yield int(text) if rule.kind is RuleKind.NUMBERS and _NUMBER.fullmatch(text) else text
        else:
            yield entry.data


def _by_name(entry: _RegistryValue) -> tuple[int, str]:
    return 0, entry.name.lower()


def _by_number(entry: _RegistryValue) -> tuple[int, str]:
    """Return what sorts entries by their numbers, and by name where that is none."""
    name = entry.name.lower()
    return (int(name) if _NUMBER.fullmatch(name) else 10**9, name)


def _shown_type(value: _RegistryValue) -> str:
    kind = _TYPES.get(value.type, str(value.type))
    if value.type == _REG_DWORD:
        return f"{kind} {value.data}"
    return f"{kind} {shortened(value.data, _LONGEST_SHOWN)!r}" if value.type == _REG_SZ else kind


def _mistaken(rule: PolicyRule, found: str) -> ConfigError:
    """Make the error of a value that this rule takes in no spelling.

    Args:
        rule: whose value it is.
        found: what stands there, as the registry's editor calls it.

    """
    facts = {"path": REGISTRY_SOURCE, "name": rule.name, "value": found, "expected": spelled(rule)}
    words: mistakes.Words = "cli.settings.wrong", facts
    return ConfigError(mistakes.in_english(words), said=words)


def _too_many(path: str) -> ConfigError:
    words: mistakes.Words = (
        "cli.settings.too_many",
        {"path": PureWindowsPath("HKEY_LOCAL_MACHINE", path), "most": _MOST_NAMES},
    )
    return ConfigError(mistakes.in_english(words), said=words)


def spelled(rule: PolicyRule) -> mistakes.Words:
    """Return the words for what a rule's value looks like in the registry."""
    match rule.kind:
        case RuleKind.BOOL:
            return "cli.expected.registry.bool", {}
        case RuleKind.NUMBER:
            return "cli.expected.registry.number", {"least": rule.least, "most": rule.most}
        case RuleKind.CHOICE | RuleKind.TEXT:
            return "cli.expected.registry.text", {}
        case RuleKind.NAMED:
            return "cli.expected.registry.named", {"name": rule.name}
        case _:
            return "cli.expected.registry.list", {"name": rule.name}
