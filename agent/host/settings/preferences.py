"""The user's choices in tray and panel, kept in a small JSON file that the agent writes.

The settings file (``config.toml``) is edited by hand; the agent never writes to it.
"""

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct

from agent.files import read_file, replace_file
from agent.host.settings.config import QuestionPlace
from agent.words import CHOICES, SYSTEM

_MAX_SIZE: Final = 4096  # bytes

_log = structlog.get_logger(__name__)


class Choices(Struct, frozen=True):
    """Contents of the file.

    Attributes:
        language: one of :data:`CHOICES`, or a language that only another version of the agent has.
        update_check: whether to check for newer versions.
        questions: where to be asked.

    """

    language: str = SYSTEM
    update_check: bool = True
    questions: QuestionPlace = "auto"


class Preferences:
    """The user's choices; thread-safe."""

    def __init__(self, path: Path) -> None:
        """Read the file; blocks. A missing or invalid file gives the defaults."""
        self._path = path
        self._lock = threading.Lock()
        self._choices = _read(path)

    @property
    def language(self) -> str:
        """The language, one of :data:`CHOICES`; SYSTEM if this version does not have it."""
        chosen = self._choices.language
        return chosen if chosen in CHOICES else SYSTEM

    def set_language(self, language: str) -> None:
        """Set the language and write the file; blocks.

        Args:
            language: one of :data:`CHOICES`.

        Raises:
            OSError: the file cannot be written; the choice is lost when the agent ends.

        """
        self._set(language=language)

    @property
    def update_check(self) -> bool:
        """Whether to check for newer versions; without an ``update_url`` nothing is checked."""
        return self._choices.update_check

    def set_update_check(self, wanted: bool) -> None:
        """Set whether to check for newer versions and write the file; blocks.

        Raises:
            OSError: as :meth:`set_language`.

        """
        self._set(update_check=wanted)

    @property
    def questions(self) -> QuestionPlace:
        """Where to be asked; "auto" is a page where a screen reader runs, and else a window."""
        return self._choices.questions

    def set_questions(self, place: QuestionPlace) -> None:
        """Set where to be asked and write the file; blocks.

        Raises:
            OSError: as :meth:`set_language`.

        """
        self._set(questions=place)

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
    """Yield the valid choices; an invalid one is logged and does not affect the others."""
    for field in msgspec.structs.fields(Choices):
        if field.name in found:
            try:
                yield field.name, msgspec.convert(found[field.name], field.type)
            except msgspec.ValidationError as error:
                _log.warning("a preference makes no sense", name=field.name, detail=str(error))
