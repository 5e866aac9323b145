"""Policies in each spelling, and the part of ``winreg`` that reads one."""

import json
import plistlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from hypothesis import strategies as st

from agent.host.settings.managed_policy import REGISTRY_KEY
from agent.host.settings.policy_rules import RULES, PolicyRule, RuleKind
from agent.host.settings.registry_policy import NO_ENTRIES

SZ, EXPAND_SZ, BINARY, DWORD, MULTI_SZ, QWORD = 1, 2, 3, 4, 7, 11
Values = dict[str, tuple[Any, int]]


class OpenedKey(AbstractContextManager["OpenedKey"]):
    """A key that is open; as in winreg, its context is itself."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __exit__(self, *_: object) -> None:
        pass


class LocalMachine:
    """HKEY_LOCAL_MACHINE in memory: keys by their paths, with values of any kind.

    Names are compared without regard to case, as Windows does.
    """

    HKEY_LOCAL_MACHINE = 0x80000002
    KEY_READ = 0x20019
    KEY_WOW64_64KEY = 0x100

    def __init__(self, keys: Mapping[str, Values]) -> None:
        self._keys = dict(keys)
        self.failure: OSError | None = None

    def OpenKey(self, root: int, path: str, _: int, access: int) -> OpenedKey:  # noqa: N802  # winreg's own name
        assert root == self.HKEY_LOCAL_MACHINE
        assert access == self.KEY_READ | self.KEY_WOW64_64KEY
        if self.failure is not None:
            raise self.failure
        found = [each for each in self._keys if each.lower() == path.lower()]
        if not found:
            raise FileNotFoundError(2, "no such key")
        return OpenedKey(found[0])

    def QueryInfoKey(self, opened: OpenedKey) -> tuple[int, int, int]:  # noqa: N802  # likewise
        return len(self._subkeys(opened.path)), len(self._keys[opened.path]), 0

    def EnumValue(self, opened: OpenedKey, index: int) -> tuple[str, Any, int]:  # noqa: N802  # likewise
        name, (data, kind) = list(self._keys[opened.path].items())[index]
        return name, data, kind

    def EnumKey(self, opened: OpenedKey, index: int) -> str:  # noqa: N802  # likewise
        return self._subkeys(opened.path)[index]

    def _subkeys(self, path: str) -> list[str]:
        start = f"{path}\\".lower()
        return [key[len(start) :] for key in self._keys if key.lower().startswith(start)]


def registry(values: Values, **lists: Values) -> LocalMachine:
    """Return a registry with a policy."""
    keys = {f"{REGISTRY_KEY}\\{name}": entries for name, entries in lists.items()}
    return LocalMachine({REGISTRY_KEY: values, **keys})


def in_registry(table: Mapping[str, Any]) -> LocalMachine:
    """Write a policy as the templates for group policies do."""
    values: Values = {}
    lists: dict[str, Values] = {}
    kinds = {rule.name: rule.kind for rule in RULES}
    for name, value in table.items():
        if isinstance(value, bool | int):
            values[name] = int(value), DWORD
        elif isinstance(value, str):
            values[name] = value, SZ
        elif not value:
            values[name] = NO_ENTRIES, SZ
        elif kinds[name] is RuleKind.NAMED:
            lists[name] = {each["name"]: (each["path"], SZ) for each in value}
        else:
            # No order of a registry's can be relied on.
            numbered = reversed(list(enumerate(value, 1)))
            lists[name] = {str(at): (str(each), SZ) for at, each in numbered}
    return registry(values, **lists)


def in_toml(table: Mapping[str, Any]) -> str:
    """Write a policy as a file."""
    return "".join(f"{name} = {_toml(value)}\n" for name, value in table.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {_toml(each)}' for name, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)  # a string of JSON's is one of TOML's, too


def in_profile(table: Mapping[str, Any], *, binary: bool) -> bytes:
    """Write a policy as macOS keeps managed preferences."""
    form = plistlib.FMT_BINARY if binary else plistlib.FMT_XML
    return plistlib.dumps(dict(table), fmt=form)


_LINE = st.text(st.sampled_from("Ab9 é安控ｋ·'\"#\\%[]="), max_size=20)
_PATTERN = st.sampled_from(["https://a.example", "https://*.b.example:8443", "local://program"])
_PATHS = st.lists(st.sampled_from(["/a/b.pem", "C:\\CA", "D:/x y"]), max_size=16)
_VERSION = st.sampled_from(["1", "3.0.2.0", "007.1"])
_ADDRESSES = ["https://updates.example/a?b=c", "http://localhost:1/"]
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "minimum_version": st.sampled_from(["0.0", "0.0.1", "0.1.0"]),
    "consent_text": _LINE,
    "hipki_version": _VERSION,
    "jrsys_version": _VERSION,
    "update_url": st.sampled_from(["", *_ADDRESSES]),
    "timestamp_url": st.sampled_from(["", *_ADDRESSES]),
    "update_keys": st.lists(st.sampled_from(["0" * 64, "ab" * 32]), max_size=4),
    "timestamp_anchors": _PATHS,
    "document_anchors": _PATHS,
    "evidence_urls": st.lists(st.sampled_from(_ADDRESSES), max_size=16),
}
_NAMES = st.lists(st.sampled_from(["1", "02", "10", "opensc", "a b.c"]), unique=True)


def _values(rule: PolicyRule) -> st.SearchStrategy[Any]:
    if rule.name in _VALUES:
        return _VALUES[rule.name]
    number = st.integers(rule.least, rule.most)
    return {
        RuleKind.BOOL: st.booleans(),
        RuleKind.NUMBER: number,
        RuleKind.CHOICE: st.sampled_from(rule.choices or ("",)),
        RuleKind.NUMBERS: st.lists(number, max_size=rule.entries),
        RuleKind.NAMED: _NAMES.map(
            lambda names: [{"name": each, "path": f"/m/{each}.so"} for each in sorted(names)]
        ),
        RuleKind.TEXTS: st.lists(_PATTERN, max_size=12),
    }[rule.kind]


POLICIES = st.fixed_dictionaries({}, optional={rule.name: _values(rule) for rule in RULES})
"""Tables of usable policies: each rule is there or not, with any value that it may have."""
