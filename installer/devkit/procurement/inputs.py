"""What the pack is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devkit.procurement.kept_files import KeptFiles
from devkit.results import SourceState


@dataclass(frozen=True)
class PackInputs:
    """What the pack is made from.

    Attributes:
        root: the checkout.
        installers: the folder with what was built.
        version: of the program.
        state: of the sources.
        kept: gets the files that show something.
        words: of ``words.toml``.
        since: a tag, from which the quarter's report counts; "" for none.
        reports: files of a run elsewhere: SARIF, or what pip-audit wrote as JSON.

    """

    root: Path
    installers: Path
    version: str
    state: SourceState
    kept: KeptFiles
    words: Mapping[str, Any]
    since: str = ""
    reports: Sequence[Path] = ()

    def built(self, ending: str) -> list[Path]:
        """Return the installers of this version with that ending."""
        if not self.installers.is_dir():
            return []
        found = sorted(self.installers.glob(f"*{ending}"))
        return [path for path in found if self.version in path.name]
