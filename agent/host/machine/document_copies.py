"""How private copies of documents are called, and when one that was left behind goes."""

import re
from pathlib import Path
from typing import Final, Literal

from agent.files import ANY_AGE, remove_leftovers

CopyKind = Literal["work", "command"]
AGENTS: Final = "work"
"""The copies of the agent, of which each folder has one."""
COMMANDS: Final = "command"
"""The copies of commands, which may work beside it."""
NAME: Final = re.compile(rf"({AGENTS}|{COMMANDS})-[0-9a-f]{{16}}\.(pdf|signed)")
"""The names of them all."""
LEFT_SECONDS: Final = 30 * 60.0
"""The age of a copy that nobody can be working with any more."""
_OF_AGENTS: Final = re.compile(rf"{AGENTS}-[0-9a-f]{{16}}\.(pdf|signed)")


def clear_old(folder: Path) -> None:
    """Remove the copies that killed processes left half an hour ago; never raises."""
    remove_leftovers(folder, NAME, LEFT_SECONDS)


def clear_abandoned(folder: Path) -> None:
    """Remove the copies that an agent left which was killed, and old ones; never raises.

    For an agent that starts, and has the folder to itself. Commands may be at work beside it: what
    is theirs stays until it is old.
    """
    remove_leftovers(folder, _OF_AGENTS, ANY_AGE)
    clear_old(folder)
