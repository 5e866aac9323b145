"""Browser policies that keep pages from this computer (Local Network Access)."""

import json
import plistlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from xml.parsers.expat import ExpatError

from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, fault, note, ok
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
    """Look for policies that block loopback, for all sites or for some."""
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
    """Return the policies of each browser, one file at a time; None for what cannot be read."""
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
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MAX_SIZE))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _read_plist(path: Path) -> Mapping[str, Any] | None:
    try:
        with path.open("rb") as file:
            found = plistlib.loads(file.read(_MAX_SIZE))
    except (OSError, ValueError, ExpatError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def read_registry(key: str, registry: Any) -> Mapping[str, Any]:
    """Read the lists below a key of the machine's registry, Windows only.

    Args:
        key: below HKEY_LOCAL_MACHINE.
        registry: the module ``winreg``, or its stand-in.

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
