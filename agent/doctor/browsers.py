"""Browser policies that block pages from reaching this computer (Local Network Access)."""

import codecs
import plistlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from xml.parsers.expat import ExpatError

import msgspec

from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, fault, note, ok
from agent.files import read_file
from agent.host.tls.machine import Machine

# The stronger name first: it wins where both are set.
_BLOCKING: Final = ("LoopbackNetworkBlockedForUrls", "LocalNetworkAccessBlockedForUrls")
_LINUX: Final = {
    "Chromium": "/etc/chromium/policies/managed",
    "Chrome": "/etc/opt/chrome/policies/managed",
    "Edge": "/etc/opt/edge/policies/managed",
    "Brave": "/etc/brave/policies/managed",
}
_MACOS: Final = {
    "Chrome": "/Library/Managed Preferences/com.google.Chrome.plist",
    "Edge": "/Library/Managed Preferences/com.microsoft.Edge.plist",
}
_WINDOWS: Final = {
    "Chrome": r"SOFTWARE\Policies\Google\Chrome",
    "Edge": r"SOFTWARE\Policies\Microsoft\Edge",
}
_MAX_VALUES: Final = 1000
_MAX_SIZE: Final = 1024 * 1024  # bytes
_EVERYBODY: Final = frozenset({"*", "https://*", "https://*:*", "*://*"})


def check_browsers(installation: InstalledAgent) -> Iterator[Finding]:
    """Report policies that block requests to this computer, from all sites or from some."""
    blocked = False
    for browser, policies in _policies(installation.machine):
        if policies is None:
            yield note("browser", "browser_policy_unreadable", browser=browser)
            continue
        for policy in _BLOCKING:
            urls = policies.get(policy)
            if isinstance(urls, list) and urls:
                blocked = True
                total = bool(_EVERYBODY & {url for url in urls if isinstance(url, str)})
                make = fault if total else note
                code = "browser_blocks" if total else "browser_blocks_some"
                yield make("browser", code, browser=browser, policy=policy)
                break
    if not blocked:
        yield ok("browser", "browser_ok")


def _policies(machine: Machine) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """Yield each browser's policies, one file at a time; None for a file that cannot be used."""
    if machine.platform == "linux":
        for browser, folder in _LINUX.items():
            for path in sorted(machine.system_path(folder).glob("*.json")):
                yield browser, _read_json(path)
    elif machine.platform == "darwin":
        for browser, file in _MACOS.items():
            path = machine.system_path(file)
            if path.exists():
                yield browser, _read_plist(path)
    elif machine.platform == "win32":
        for browser, key in _WINDOWS.items():
            yield browser, read_registry(key, import_module("winreg"))


def _read_json(path: Path) -> Mapping[str, Any] | None:
    """Read a policy file as Chromium does.

    A byte order mark is skipped, and of a repeated name the last value counts.
    """
    try:
        raw = read_file(path, _MAX_SIZE, follow_links=True).removeprefix(codecs.BOM_UTF8)
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (OSError, ValueError, RecursionError):
        return None


def _read_plist(path: Path) -> Mapping[str, Any] | None:
    try:
        found = plistlib.loads(read_file(path, _MAX_SIZE, follow_links=True))
        return msgspec.convert(found, dict[str, Any])
    except (OSError, ValueError, ExpatError, RecursionError):
        return None
    except (AttributeError, LookupError):  # how plistlib fails on a bad date, key or encoding
        return None


def read_registry(key: str, registry: Any) -> Mapping[str, Any]:
    """Return the blocking policies under a key of the Windows registry, each a list of values.

    Args:
        key: relative to HKEY_LOCAL_MACHINE.
        registry: the module ``winreg``, or a double of it.

    """
    found: dict[str, Any] = {}
    for policy in _BLOCKING:
        values: list[Any] = []
        place = registry.HKEY_LOCAL_MACHINE, f"{key}\\{policy}"
        # No such key, or no more values: that is how winreg says both.
        with suppress(OSError), registry.OpenKey(*place) as opened:
            while len(values) < _MAX_VALUES:
                values.append(registry.EnumValue(opened, len(values))[1])
        if values:
            found[policy] = values
    return found
