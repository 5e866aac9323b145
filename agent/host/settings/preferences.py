"""What the citizen chose with the mouse: a small file that the agent writes itself.

The settings (``config.toml``) are for a person's editor; nothing of ours ever writes there.
"""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from agent.host.tls.machine import write_whole

LANGUAGES: Final = ("system", "zh-Hant", "en")
"""What may be chosen: the language of the system, or one of ours by its BCP 47 tag."""
_MAX_SIZE: Final = 4096  # bytes

_log = structlog.get_logger(__name__)


class Preferences:
    """The choices; every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Read the file; one that is missing or makes no sense stands for no choices."""
        self._path = path
        self._lock = threading.Lock()
        self._values = _read(path)

    @property
    def language(self) -> str:
        """One of :data:`LANGUAGES`."""
        chosen = self._values.get("language")
        return chosen if chosen in LANGUAGES else LANGUAGES[0]

    def set_language(self, language: str) -> None:
        """Choose a language, and write it down; blocks.

        Args:
            language: one of :data:`LANGUAGES`.

        Raises:
            OSError: the file cannot be written; the choice then lasts as long as the agent runs.

        """
        self._set("language", language)

    @property
    def update_check(self) -> bool:
        """Whether the agent may ask for newer versions, where it is told whom."""
        return self._values.get("update_check") is not False

    def set_update_check(self, wanted: bool) -> None:
        """Choose whether newer versions are asked for, and write it down; blocks.

        Raises:
            OSError: as :meth:`set_language`.

        """
        self._set("update_check", wanted)

    def _set(self, name: str, value: str | bool) -> None:
        with self._lock:
            self._values = {**self._values, name: value}
            write_whole(self._path, json.dumps(self._values).encode())


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MAX_SIZE))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("the preferences cannot be read", detail=str(error))
        return {}
    return found if isinstance(found, dict) else {}
