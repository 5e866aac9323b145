"""Read a policy from the managed preferences that a configuration profile makes on macOS.

They are a property list for the whole computer; names and values are those of TOML. What a user may
manage, the preferences in a folder of the user's name beside it, never counts. Names that begin
with "Payload" are the profile's own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from agent.files import read_file
from agent.host.property_list import parse_plist
from agent.host.settings import mistakes
from agent.host.settings.config import ConfigError
from agent.host.settings.managed_policy import ManagedTable, unknown_names
from agent.host.settings.policy_file import check_policy_file
from agent.host.settings.policy_rules import BY_NAME

MAX_PROFILE_SIZE: Final = 1024 * 1024  # bytes
_OF_PROFILE: Final = "Payload"


def read(path: Path) -> ManagedTable | None:
    """Return what the managed preferences lay down; None where they are not there, or empty.

    Args:
        path: of the property list.

    Raises:
        ConfigError: it is none, or others than root can change it.
        OSError: it cannot be read.

    """
    try:
        check_policy_file(path)
        content = read_file(path, MAX_PROFILE_SIZE, follow_links=True)
    except FileNotFoundError:
        return None
    return sorted_out(path, parsed(path, content))


def sorted_out(path: Path, found: Mapping[str, Any]) -> ManagedTable | None:
    """Return what a property list lays down; None where it is empty.

    Args:
        path: where it comes from.
        found: its dictionary.

    """
    names = [name for name in found if not name.startswith(_OF_PROFILE)]
    if not names:
        return None
    table = {name: found[name] for name in names if name in BY_NAME}
    unknown = unknown_names([name for name in names if name not in BY_NAME])
    return ManagedTable(path, table, unknown)


def parsed(path: Path, content: bytes) -> dict[str, Any]:
    """Return the dictionary of a property list, XML or binary.

    Raises:
        ConfigError: it is none.

    """
    try:
        found = parse_plist(content)
    except ValueError as error:
        raise _no_profile(path, error) from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise _no_profile(path, "no dictionary")
    return found


def _no_profile(path: Path, detail: object) -> ConfigError:
    words: mistakes.Words = "cli.settings.no_profile", {"path": path, "detail": detail}
    return ConfigError(mistakes.in_english(words), said=words)
