"""What the citizen chose with the mouse: a small file that the agent writes itself.

The settings (``config.toml``) are for a person's editor; nothing of ours ever writes there.
"""

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct

from agent.files import read_file, replace_file
from agent.words import CHOICES, SYSTEM

_MAX_SIZE: Final = 4096  # bytes

_log = structlog.get_logger(__name__)


class Choices(Struct, frozen=True):
    """What the file holds.

    Attributes:
        language: as :data:`CHOICES`, or one that only another version of the agent has.
        update_check: whether the agent may ask for newer versions.

    """

    language: str = SYSTEM
    update_check: bool = True


class Preferences:
    """The choices; every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Read the file; one that is missing or makes no sense stands for no choices."""
        self._path = path
        self._lock = threading.Lock()
        self._choices = _read(path)

    @property
    def language(self) -> str:
        """One of :data:`CHOICES`."""
        chosen = self._choices.language
        return chosen if chosen in CHOICES else SYSTEM

    def set_language(self, language: str) -> None:
        """Choose a language, and write it down; blocks.

        Args:
            language: one of :data:`CHOICES`.

        Raises:
            OSError: the file cannot be written; the choice then lasts as long as the agent runs.

        """
        self._set(language=language)

    @property
    def update_check(self) -> bool:
        """Whether the agent may ask for newer versions, where it is told whom."""
        return self._choices.update_check

    def set_update_check(self, wanted: bool) -> None:
        """Choose whether newer versions are asked for, and write it down; blocks.

        Raises:
            OSError: as :meth:`set_language`.

        """
        self._set(update_check=wanted)

    def _set(self, **chosen: str | bool) -> None:
        with self._lock:
            self._choices = msgspec.structs.replace(self._choices, **chosen)
            replace_file(self._path, msgspec.json.encode(self._choices))


def _read(path: Path) -> Choices:
    try:
        found = msgspec.json.decode(read_file(path, _MAX_SIZE), type=dict[str, Any])
    except FileNotFoundError:
        return Choices()
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("the preferences cannot be read", detail=str(error))
        return Choices()
    return msgspec.structs.replace(Choices(), **dict(_sound(found)))


def _sound(found: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield the choices that make sense: one that does not takes no other along."""
    for field in msgspec.structs.fields(Choices):
        if field.name in found:
            try:
                yield field.name, msgspec.convert(found[field.name], field.type)
            except msgspec.ValidationError as error:
                _log.warning("a preference makes no sense", name=field.name, detail=str(error))
