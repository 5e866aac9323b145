"""What was heard last, on disk: the manifest as it came, and when it was asked for."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent.files import read_file, replace_file
from agent.host.update.manifest import BadManifestError, ReleaseManifest, read

_MAX_SIZE: Final = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of newer versions.

    Attributes:
        tried: when somebody was asked last; None for never.
        answered: when a manifest was accepted last; None for never.
        content: the manifest as it came; empty for none.
        manifest: what it says.

    """

    tried: datetime | None = None
    answered: datetime | None = None
    content: bytes = b""
    manifest: ReleaseManifest | None = None

    @property
    def last(self) -> tuple[bytes, ReleaseManifest] | None:
        """What no older manifest takes the place of."""
        return None if self.manifest is None else (self.content, self.manifest)

    def write(self, path: Path) -> None:
        """Write it down.

        Raises:
            OSError: that cannot be done.

        """
        content = {
            "tried": None if self.tried is None else self.tried.isoformat(),
            "answered": None if self.answered is None else self.answered.isoformat(),
            "manifest": self.content.decode(),
        }
        replace_file(path, json.dumps(content, ensure_ascii=False).encode())


def load(path: Path, keys: Iterable[str]) -> Heard:
    """Read it; what is missing, damaged, or signed by nobody who counts was never heard.

    Args:
        path: of the file.
        keys: see ``manifest.read``.

    """
    try:
        found: Any = json.loads(read_file(path, _MAX_SIZE))
        tried, answered = _moment(found["tried"]), _moment(found["answered"])
        content = found["manifest"].encode()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Heard()
    try:
        return Heard(tried, answered, content, read(content, keys))
    except BadManifestError:
        return Heard(tried)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("no time zone")
    return found.astimezone(UTC)
