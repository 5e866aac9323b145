"""The changes that were made to trust stores, each written down before it is made.

Uninstalling undoes them in reverse order. A change that was written down but perhaps not made,
because the process was killed, is undone like the others: undoing twice does no harm.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from agent.errors import AgentError
from agent.files import FileTooLargeError, read_file, replace_file

VERSION: Final = 1
READERS: Final = "readers"
"""The fact that names the browsers which had read a store before it was changed, JSON."""
_LATEST: Final = frozenset({READERS})  # facts of the last change; all others are of the first
MAX_SIZE: Final = 4 * 1024 * 1024  # bytes; a step has a few hundred


class ManifestError(AgentError):
    """The manifest cannot be read, so the changes cannot be undone."""


class TrustStep(Struct, frozen=True):
    """One change of one store.

    Attributes:
        store: which kind of store, as in ``PlatformTrustStore.name``.
        place: the database, file or keychain.
        fingerprint: SHA-256 of the authority, lower-case hex.
        facts: what undoing it needs besides.

    """

    store: str
    place: str
    fingerprint: str
    facts: Mapping[str, str] = {}


class _TrustFile(Struct, frozen=True):
    """What the file holds."""

    version: Literal[1]
    steps: list[TrustStep]


class Manifest:
    """The list of steps, oldest first, on disk."""

    def __init__(self, path: Path) -> None:
        """Read it; a missing file is an empty list.

        Args:
            path: of the JSON file.

        Raises:
            ManifestError: it is damaged.
            OSError: it cannot be read.

        """
        self.path = path
        self._steps = _load(path)

    @property
    def steps(self) -> tuple[TrustStep, ...]:
        """All steps, oldest first."""
        return tuple(self._steps)

    def record(self, step: TrustStep) -> None:
        """Write ``step`` down, before it is taken.

        One that is there already stays as it is, but for the facts that change each time.

        Raises:
            OSError: it cannot be written, and must not be taken.

        """
        found = next((known for known in self._steps if _is_same(step, known)), None)
        if found is None:
            self._save([*self._steps, step])
            return
        latest = {name: fact for name, fact in step.facts.items() if name in _LATEST}
        changed = msgspec.structs.replace(found, facts={**found.facts, **latest})
        if changed != found:
            self._save([changed if known is found else known for known in self._steps])

    def forget(self, step: TrustStep) -> None:
        """Remove ``step`` after it was undone; with the last one the file is deleted.

        Raises:
            OSError: the file cannot be changed.

        """
        self._save([known for known in self._steps if known != step])

    def _save(self, steps: list[TrustStep]) -> None:
        if steps:
            content = msgspec.json.encode(_TrustFile(VERSION, steps))
            replace_file(self.path, msgspec.json.format(content, indent=1))
        else:
            self.path.unlink(missing_ok=True)
        self._steps = steps


def _is_same(first: TrustStep, second: TrustStep) -> bool:
    return (first.store, first.place, first.fingerprint) == (
        second.store,
        second.place,
        second.fingerprint,
    )


def _load(path: Path) -> list[TrustStep]:
    try:
        return msgspec.json.decode(read_file(path, MAX_SIZE), type=_TrustFile).steps
    except FileNotFoundError:
        return []
    except FileTooLargeError as error:
        raise ManifestError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: not a list of steps: {error}") from error
