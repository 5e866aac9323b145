"""The policy that this system's management lays down: stronger than any file, and whole.

On Windows it is a key of the registry (:mod:`agent.host.settings.registry_policy`), on macOS the
managed preferences of a configuration profile (:mod:`agent.host.settings.profile_policy`); Linux
has none. Both give a table as TOML would, and name the rules that this version does not know:
templates and profiles run ahead of the agents of a fleet, so that these are reported and not fatal.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any, Final

from agent.harmless import shortened

REGISTRY_KEY: Final = r"Software\Policies\Ankong"
REGISTRY_SOURCE: Final = PureWindowsPath(r"HKEY_LOCAL_MACHINE", REGISTRY_KEY)
PROFILE_DOMAIN: Final = "org.ankong.agent"
"""Of the managed preferences, and the type of our payload in a profile."""
_MOST_UNKNOWN: Final = 20
_LONGEST_NAME: Final = 40  # characters


@dataclass(frozen=True, slots=True)
class ManagedTable:
    """What was found.

    Attributes:
        source: where; a key of the registry looks like a path.
        table: the known rules, by name, in what TOML has.
        unknown: names of others, made printable; the first 20.

    """

    source: PurePath
    table: Mapping[str, Any]
    unknown: tuple[str, ...] = ()


def find_managed_policy() -> ManagedTable | None:
    """Return what the system's management lays down; None where it lays nothing down.

    Raises:
        ConfigError: what is there makes no policy, or others than administrators can change it.
        OSError: it cannot be read.

    """
    registry = open_registry()
    if registry is not None:
        from agent.host.settings import registry_policy  # noqa: PLC0415  # Windows only

        return registry_policy.read(registry)
    profile = profile_path()
    if profile is not None:
        from agent.host.settings import profile_policy  # noqa: PLC0415  # macOS only

        return profile_policy.read(profile)
    return None


def managed_place() -> PurePath:
    """Return where :func:`find_managed_policy` looks; nothing useful on Linux."""
    return profile_path() or REGISTRY_SOURCE


def open_registry() -> Any:
    """Return the module ``winreg``; None on other systems than Windows."""
    return import_module("winreg") if sys.platform == "win32" else None


def profile_path() -> Path | None:
    """Return where macOS keeps the computer's managed preferences; None on other systems."""
    if sys.platform == "darwin":
        return Path("/Library/Managed Preferences") / f"{PROFILE_DOMAIN}.plist"
    return None


def unknown_names(names: list[str]) -> tuple[str, ...]:
    """Make the names of unknown rules fit to be shown: sorted, short, the first 20."""
    return tuple(shortened(each, _LONGEST_NAME) for each in sorted(names)[:_MOST_UNKNOWN])
