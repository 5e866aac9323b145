"""The last manifest of releases on disk, as it came, and when it was asked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from agent.files import read_file, replace_file
from agent.host.update.manifest import BadManifestError, ReleaseManifest, read

_MAX_SIZE: Final = 64 * 1024  # bytes


_Moment = Annotated[datetime, Meta(tz=True)]


class _Kept(Struct, frozen=True):
    """What the file holds; see :class:`UpdateMemory`."""

    tried: _Moment | None
    answered: _Moment | None
    manifest: str


@dataclass(frozen=True, slots=True)
class UpdateMemory:
    """The last manifest, and when it was asked for.

    Attributes:
        tried: when the server was asked last; None for never.
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
        """The manifest with its bytes, for ``manifest.accept``; None without one."""
        return None if self.manifest is None else (self.content, self.manifest)

    def write(self, path: Path) -> None:
        """Write it down.

        Raises:
            OSError: that cannot be done.

        """
        kept = _Kept(self.tried, self.answered, self.content.decode())
        replace_file(path, msgspec.json.encode(kept))


def load(path: Path, keys: Iterable[str]) -> UpdateMemory:
    """Read the file; empty where it is missing, damaged or not signed by a trusted key.

    Args:
        path: of the file.
        keys: see ``manifest.read``.

    """
    try:
        kept = msgspec.json.decode(read_file(path, _MAX_SIZE), type=_Kept)
        content = kept.manifest.encode()
    except (OSError, ValueError, RecursionError):
        return UpdateMemory()
    try:
        manifest = read(content, keys)
    except BadManifestError:
        return UpdateMemory(_utc(kept.tried))
    return UpdateMemory(_utc(kept.tried), _utc(kept.answered), content, manifest)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
