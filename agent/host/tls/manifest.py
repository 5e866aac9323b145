"""The changes that were made to trust stores, each written down before it is made.

Uninstalling undoes them in reverse order. A change that was written down but perhaps not made,
because the process was killed, is undone like the others: undoing twice does no harm.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec
from filelock import FileLock
from msgspec import Struct

from agent.errors import AgentError
from agent.files import FileTooLargeError, read_file, replace_file

VERSION: Final = 1
_LOCK_SECONDS: Final = 30.0  # a change takes milliseconds
READERS: Final = "readers"
"""The fact that names the browsers which had read a store before it was changed, JSON."""
FILE: Final = "file"
"""The fact that tells a database file which trusted us from another that takes its place."""
MADE: Final = "made"
"""The fact of a store that we made ourselves: the folders that were made for it, JSON."""
_LATEST: Final = frozenset({READERS, FILE})  # facts of the last change; all others are of the first
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
    wanted: bool | None = None


class Manifest:
    """The list of steps, oldest first, on disk, with the user's wish.

    Several processes may change it: each change is made to what is on the disk then.
    """

    def __init__(self, path: Path) -> None:
        """Read it; a missing file is an empty list.

        Args:
            path: of the JSON file.

        Raises:
            ManifestError: it is damaged.
            OSError: it cannot be read.

        """
        self.path = path
        self._steps: list[TrustStep] = []
        self._wanted: bool | None = None
        self._load()

    @property
    def steps(self) -> tuple[TrustStep, ...]:
        """All steps, oldest first."""
        return tuple(self._steps)

    @property
    def is_wanted(self) -> bool:
        """Whether the user wants browsers to trust us: those that come later, too."""
        return bool(self._steps) if self._wanted is None else self._wanted

    def wish(self, *, wanted: bool) -> None:
        """Write down whether the user wants it; what is not wanted and empty has no file.

        Raises:
            ManifestError: it is damaged.
            OSError: it cannot be written.

        """
        with self._changing():
            self._wanted = wanted
            self._save(self._steps)

    def find(self, store: str, place: str, fingerprint: str) -> TrustStep | None:
        """Return the step of a place; None where there is none."""
        return self._like(TrustStep(store, place, fingerprint))

    def record(self, step: TrustStep) -> None:
        """Write ``step`` down, before it is taken.

        One that is there already stays as it is, but for the facts that change each time.

        Raises:
            ManifestError: it is damaged; the step must not be taken.
            OSError: it cannot be written, likewise.

        """
        with self._changing():
            found = self._like(step)
            if found is None:
                self._save([*self._steps, step])
                return
            latest = {name: fact for name, fact in step.facts.items() if name in _LATEST}
            changed = msgspec.structs.replace(found, facts={**found.facts, **latest})
            if changed != found:
                self._save([changed if known is found else known for known in self._steps])

    def forget(self, step: TrustStep) -> None:
        """Remove ``step`` after it was undone; with the last one the file may be deleted.

        Raises:
            ManifestError: it is damaged.
            OSError: the file cannot be changed.

        """
        with self._changing():
            self._save([known for known in self._steps if not _is_same(step, known)])

    def _like(self, step: TrustStep) -> TrustStep | None:
        return next((known for known in self._steps if _is_same(step, known)), None)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Let no other process change it, and see what others have changed."""
        with FileLock(self.path.with_suffix(".lock"), timeout=_LOCK_SECONDS):
            self._load()
            yield

    def _load(self) -> None:
        found = _read(self.path)
        self._steps, self._wanted = found.steps, found.wanted

    def _save(self, steps: list[TrustStep]) -> None:
        if steps or self._wanted:
            content = msgspec.json.encode(_TrustFile(VERSION, steps, self._wanted))
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


def _read(path: Path) -> _TrustFile:
    try:
        return msgspec.json.decode(read_file(path, MAX_SIZE), type=_TrustFile)
    except FileNotFoundError:
        return _TrustFile(VERSION, [])
    except FileTooLargeError as error:
        raise ManifestError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: not a list of steps: {error}") from error
