"""What channels.toml says of the program, and when it was released."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from devkit.shell import ROOT

DATA: Final = ROOT / "installer" / "release" / "channels.toml"
NOBODY: Final = "example.org"
"""The domain that stands for one that the publisher does not have yet (RFC 2606)."""
_RELEASED: Final = re.compile(r"^## \[(\d[^\]\s]*)\] - (\d{4}-\d{2}-\d{2})\s*$", re.MULTILINE)


def facts() -> dict[str, Any]:
    """Return what channels.toml says."""
    return tomllib.loads(DATA.read_text("utf-8"))


def is_somebodys(address: str) -> bool:
    """Return whether an address is somebody's, and no placeholder."""
    host = urlsplit(address).hostname or ""
    return host != NOBODY and not host.endswith(f".{NOBODY}")


def released(changelog: Path = ROOT / "CHANGELOG.md") -> dict[str, str]:
    """Return the day of each version that CHANGELOG.md calls released, the newest first."""
    return dict(_RELEASED.findall(changelog.read_text("utf-8")))


def holder() -> str:
    """Return whose the copyright is, with the year, as LICENSE says it."""
    found = re.search(r"^Copyright .+$", (ROOT / "LICENSE").read_text("utf-8"), re.MULTILINE)
    return found[0] if found else ""


def product(tag: str) -> dict[str, str]:
    """Return what the catalogue calls the product in the language of a tag such as "zh-TW".

    Raises:
        KeyError: no language that is reviewed is it.

    """
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    from agent.words import REVIEWED, section  # noqa: PLC0415  # the line above finds it

    for language in REVIEWED:
        if f"{tag}-".startswith(f"{language.posix.replace('_', '-')}-"):
            return section(language, "product")
    raise KeyError(tag)
