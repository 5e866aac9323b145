"""The files that show what the pack claims: copies beside the documents, each with its sum."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from devkit.shell import SetupError

FOLDER: Final = "evidence"


@dataclass(frozen=True)
class KeptFile:
    """A file that shows something.

    Attributes:
        name: its place below the pack, with slashes.
        sha256: of it, in hex.
        size: in bytes.
        origin: where it is from: a path of the checkout, or the program that made it.

    """

    name: str
    sha256: str
    size: int
    origin: str


class KeptFiles:
    """Puts files below the folder of a pack, and knows what lies there.

    Attributes:
        root: the checkout.

    """

    def __init__(self, out: Path, root: Path) -> None:
        self._out = out
        self.root = root
        self._files: dict[str, KeptFile] = {}

    @property
    def files(self) -> Mapping[str, KeptFile]:
        """What was kept, by name, in the order of names."""
        return dict(sorted(self._files.items()))

    def keep(self, name: str, content: bytes, origin: str) -> str:
        """Write a file; return its name in the pack.

        Raises:
            SetupError: another content has that name already.

        """
        place = (PurePosixPath(FOLDER) / name).as_posix()
        sha256 = hashlib.sha256(content).hexdigest()
        known = self._files.get(place)
        if known and known.sha256 != sha256:
            raise SetupError(f"two files of the pack want to be {place}")
        if not known:
            path = self._out / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self._files[place] = KeptFile(place, sha256, len(content), origin)
        return place

    def keep_json(self, name: str, content: Any, origin: str) -> str:
        """Write JSON, the same for the same content; return its name in the pack."""
        text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        return self.keep(name, text.encode(), origin)

    def keep_source(self, path: str) -> str:
        """Copy a file of the checkout; return its name in the pack.

        Raises:
            SetupError: it is not there.

        """
        try:
            content = (self.root / path).read_bytes()
        except OSError as error:
            raise SetupError(f"a document of the pack names {path}: {error.strerror}") from error
        # What begins with a dot is left out by programs that pass folders on.
        parts = [part.lstrip(".") for part in PurePosixPath(path).parts]
        return self.keep("/".join(["sources", *parts]), content, path)
