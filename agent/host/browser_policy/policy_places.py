"""Where browsers keep policies for all users of a computer, and what stands there.

Whatever is there is taken as it is; of a file that is no such thing, or too large, only that is
told. Tried with Chromium 156 and Firefox 153 on Linux; the other places are those that the makers
of the browsers name.
"""

import codecs
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.files import read_file
from agent.host.property_list import parse_plist
from agent.host.tls.firefox import BINARIES, DISTRIBUTIONS, POLICY_FILE
from agent.host.tls.machine import Machine

LISTS: Final = (
    "LoopbackNetworkBlockedForUrls",
    "LocalNetworkAccessBlockedForUrls",
    "LoopbackNetworkAllowedForUrls",
    "LocalNetworkAllowedForUrls",
    "LocalNetworkAccessAllowedForUrls",
    "PopupsAllowedForUrls",
)
"""Policies of Chromium about who may reach this computer and open windows: lists of patterns."""
OPT_OUT: Final = "LocalNetworkAccessRestrictionsTemporaryOptOut"
"""The policy of Chromium that switches the guard off."""
_LINUX: Final = (
    ("Chromium", "/etc/chromium/policies/managed"),
    ("Chromium", "/etc/chromium-browser/policies/managed"),
    ("Chrome", "/etc/opt/chrome/policies/managed"),
    ("Edge", "/etc/opt/edge/policies/managed"),
    ("Brave", "/etc/brave/policies/managed"),
)
_MACOS: Final = {
    "Chrome": "/Library/Managed Preferences/com.google.Chrome.plist",
    "Edge": "/Library/Managed Preferences/com.microsoft.Edge.plist",
    "Firefox": "/Library/Managed Preferences/org.mozilla.firefox.plist",
}
_MACOS_FIREFOX: Final = "/Applications/Firefox.app/Contents/Resources/distribution/policies.json"
_WINDOWS: Final = {
    "Chrome": r"SOFTWARE\Policies\Google\Chrome",
    "Edge": r"SOFTWARE\Policies\Microsoft\Edge",
    "Chromium": r"SOFTWARE\Policies\Chromium",
}
_WINDOWS_FIREFOX: Final = r"SOFTWARE\Policies\Mozilla\Firefox"
_PROGRAM_FILES: Final = ("ProgramFiles", "ProgramFiles(x86)")
_ENABLED: Final = "EnterprisePoliciesEnabled"
_FLAT: Final = "__"  # between the names of a policy in a property list, and of a field in it
_MAX_VALUES: Final = 1000
_MAX_FILES: Final = 1000
_MAX_SIZE: Final = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class BrowserPolicies:
    """What stands in one place.

    Attributes:
        browser: as people call it.
        place: a path, or a key of the registry.
        policies: by their names, whatever the values are; None where they cannot be read.
        is_firefox: whether they are Firefox's; of Chromium and its relatives otherwise.

    """

    browser: str
    place: str
    policies: Mapping[str, Any] | None
    is_firefox: bool = False


def machine_policies(machine: Machine, registry: Any = None) -> Iterator[BrowserPolicies]:
    """Yield what stands in each place, one file at a time.

    Args:
        machine: the computer.
        registry: the module ``winreg`` or a double of it; None for this system's.

    """
    if machine.platform == "linux":
        yield from _on_linux(machine)
    elif machine.platform == "darwin":
        yield from _on_macos(machine)
    elif machine.platform == "win32":
        yield from _on_windows(machine, registry or import_module("winreg"))


def _on_linux(machine: Machine) -> Iterator[BrowserPolicies]:
    for browser, folder in _LINUX:
        for path in sorted(islice(machine.system_path(folder).glob("*.json"), _MAX_FILES)):
            yield BrowserPolicies(browser, str(path), _read_json(path))
    for path in _firefox_files(machine):
        yield _firefox_file(path)


def _firefox_files(machine: Machine) -> list[Path]:
    """Return the files that are in force: where one is in ``/etc``, no other is."""
    ours = machine.system_path(POLICY_FILE)
    if _is_there(ours):
        return [ours]
    root = machine.root
    found = [each for pattern in DISTRIBUTIONS for each in root.glob(pattern.lstrip("/"))]
    for name in BINARIES:
        program = machine.find(name)
        if program is not None and root == Path("/"):
            found.append(Path(program).resolve().parent / "distribution" / "policies.json")
    there = list(filter(_is_there, sorted(found)))
    return list({each.resolve(): each for each in there}.values())


def _on_macos(machine: Machine) -> Iterator[BrowserPolicies]:
    for browser, file in _MACOS.items():
        path = machine.system_path(file)
        if _is_there(path):
            found = _read_plist(path)
            is_firefox = browser == "Firefox"
            if is_firefox and found is not None:
                # Without this switch Firefox looks at none of them.
                found = _unflattened(found) if found.get(_ENABLED) is True else {}
            yield BrowserPolicies(browser, str(path), found, is_firefox)
    path = machine.system_path(_MACOS_FIREFOX)
    if _is_there(path):
        yield _firefox_file(path)


def _on_windows(machine: Machine, registry: Any) -> Iterator[BrowserPolicies]:
    for browser, key in _WINDOWS.items():
        yield BrowserPolicies(browser, f"HKLM\\{key}", read_registry(key, registry))
    found = _firefox_registry(registry)
    yield BrowserPolicies("Firefox", f"HKLM\\{_WINDOWS_FIREFOX}", found, is_firefox=True)
    for name in _PROGRAM_FILES:
        folder = machine.environment.get(name)
        if folder:
            path = Path(folder, "Mozilla Firefox", "distribution", "policies.json")
            if _is_there(path):
                yield _firefox_file(path)


def _is_there(path: Path) -> bool:
    """Return whether there is something that this user may look at: their browser sees no more."""
    try:
        return path.exists()
    except OSError:
        return False


def _firefox_file(path: Path) -> BrowserPolicies:
    content = _read_json(path)
    found = None if content is None else content.get("policies")
    policies = found if isinstance(found, dict) else None
    return BrowserPolicies("Firefox", str(path), policies, is_firefox=True)


def _read_json(path: Path) -> Mapping[str, Any] | None:
    """Read a policy file as browsers do.

    A byte order mark is skipped, and of a repeated name the last value counts.
    """
    try:
        raw = read_file(path, _MAX_SIZE, follow_links=True).removeprefix(codecs.BOM_UTF8)
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (OSError, ValueError, RecursionError):
        return None


def _read_plist(path: Path) -> Mapping[str, Any] | None:
    try:
        found = parse_plist(read_file(path, _MAX_SIZE, follow_links=True))
        return msgspec.convert(found, dict[str, Any])
    except (OSError, ValueError, RecursionError):
        return None


def _unflattened(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return policies with their fields in them, as Firefox takes both forms."""
    whole: dict[str, Any] = {}
    for name, value in found.items():
        policy, is_flat, field = name.partition(_FLAT)
        if not is_flat:
            whole[name] = value
        elif isinstance(part := whole.setdefault(policy, {}), dict):
            part[field] = value
    return whole


def read_registry(key: str, registry: Any) -> Mapping[str, Any]:
    """Return :data:`LISTS` and :data:`OPT_OUT` under a key of the Windows registry.

    Args:
        key: relative to HKEY_LOCAL_MACHINE.
        registry: the module ``winreg``, or a double of it.

    """
    found: dict[str, Any] = {}
    for policy in LISTS:
        values = _values(f"{key}\\{policy}", registry)
        if values:
            found[policy] = list(values.values())
    found.update((n, v) for n, v in _values(key, registry).items() if n == OPT_OUT)
    return found


def _firefox_registry(registry: Any) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for policy, field in (("LocalNetworkAccess", "SkipDomains"), ("PopupBlocking", "Allow")):
        part = _values(f"{_WINDOWS_FIREFOX}\\{policy}", registry)
        names = _values(f"{_WINDOWS_FIREFOX}\\{policy}\\{field}", registry)
        found[policy] = {**part, field: list(names.values())}
    return found


def _values(key: str, registry: Any) -> dict[str, Any]:
    """Return the values of a key by their names; none where there is no such key."""
    found: dict[str, Any] = {}
    # No such key, or no more values: that is how winreg says both.
    with suppress(OSError), registry.OpenKey(registry.HKEY_LOCAL_MACHINE, key) as opened:
        for number in range(_MAX_VALUES):
            name, value = registry.EnumValue(opened, number)[:2]
            found[name] = value
    return found
