"""On a Mac: what installing Ankong has left where macOS looks for it."""

import plistlib
from pathlib import Path
from typing import Final
from xml.parsers.expat import ExpatError

from devkit.mac_trust import Tool, run_tool
from devkit.shell import SetupError

AGENT: Final = "Library/LaunchAgents/org.ankong.agent.plist"
"""Below a person's home: what starts when they log in."""
SEEN: Final = "its signature covers all of it, and it starts at login"


def look_at_app(program: Path, tool: Tool = run_tool, home: Path | None = None) -> str:
    """Look at the installed program's bundle and its start at login; return what was seen.

    Args:
        program: in its bundle.
        tool: runs a command.
        home: of whoever installed it; None for one's own.

    Raises:
        SetupError: the bundle was changed since it was signed (if by nobody), or nothing starts.

    """
    app = program.parents[2]
    command = ("/usr/bin/codesign", "--verify", "--deep", "--strict", str(app))
    if tool(command, b"")[0] != 0:
        raise SetupError(f"smoke: codesign refuses {app}")
    file = (home or Path.home()) / AGENT
    try:
        started = plistlib.loads(file.read_bytes())["ProgramArguments"][0]
    except (OSError, ValueError, ExpatError, LookupError, TypeError) as error:
        raise SetupError(f"smoke: nothing starts at login: {file}: {error}") from error
    if not Path(started).is_relative_to(app):
        raise SetupError(f"smoke: {file} starts {started}")
    return SEEN
