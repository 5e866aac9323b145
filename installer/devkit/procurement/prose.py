"""Make documents of prose and findings: what can be counted is counted, never written down.

The prose stands in ``installer/release/procurement``, one file for each document. A row of it names
the file of the sources that shows it with words that have to stand there (``file``, ``shows``), or
the finding that its gaps are filled from (``source``), is a box for somebody (``blank``), or says
why something is ``left_out``. Where the value named by ``zero`` is not 0, what was run went wrong;
where that named by ``whole`` is not 0, not all of it was run.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from devkit.procurement.claim_rows import ClaimRow, FactSheet, PackDocument, PackSection, Status
from devkit.procurement.kept_files import KeptFiles
from devkit.shell import ROOT, SetupError

FOLDER: Final = ROOT / "installer" / "release" / "procurement"
WORDS: Final = "words.toml"
_KEYS: Final = {"item", "text", "file", "shows", "source", "zero", "whole", "blank", "left_out"}


def words(folder: Path = FOLDER) -> dict[str, Any]:
    """Return what every document says in the same way."""
    return tomllib.loads((folder / WORDS).read_text("utf-8"))


def names(folder: Path = FOLDER) -> list[str]:
    """Return the names of the documents, in their order."""
    return sorted(path.stem for path in folder.glob("*.toml") if path.name != WORDS)


class ProseWriter:
    """Makes documents."""

    def __init__(self, folder: Path, findings: Mapping[str, FactSheet], kept: KeptFiles) -> None:
        self._folder = folder
        self._findings = findings
        self._kept = kept
        self._words = words(folder)

    def document(self, name: str) -> PackDocument:
        """Make a document of its prose.

        Raises:
            SetupError: its prose is unfit, or a file does not say what it is to show.

        """
        path = self._folder / f"{name}.toml"
        said = tomllib.loads(path.read_text("utf-8"))
        try:
            sections = tuple(self._section(each) for each in said["section"])
            return PackDocument(name, said["title"], said["purpose"], sections)
        except KeyError as error:
            raise SetupError(f"{path.name}: there is no {error.args[0]}") from error
        except SetupError as error:
            raise SetupError(f"{path.name}: {error}") from error

    def _section(self, said: Mapping[str, Any]) -> PackSection:
        if "table" not in said:
            rows = tuple(self._row(each) for each in said["claim"])
            return PackSection(said["title"], tuple(self._words["columns"]), rows)
        source, _, table = said["table"].partition(".")
        columns = tuple(said["columns"])
        found = self._findings[source]
        if found.absent:
            return PackSection(said["title"], columns, (self._absent(found, len(columns)),))
        rows = tuple(found.tables[table])
        odd = [row for row in rows if len(row.cells) != len(columns)]
        if odd:
            raise SetupError(f"{said['table']} has rows of other than {len(columns)} cells")
        if not rows:
            none = (self._words["absent"]["no_rows"], *("" for _ in columns[1:]))
            rows = (ClaimRow(none, Status.SHOWN, found.evidence),)
        return PackSection(said["title"], columns, rows)

    def _absent(self, found: FactSheet, cells: int) -> ClaimRow:
        why = self._words["absent"][found.absent]
        return ClaimRow((why, *("" for _ in range(cells - 1))), Status.NOT_RUN)

    def _row(self, said: Mapping[str, Any]) -> ClaimRow:
        if unknown := said.keys() - _KEYS:
            raise SetupError(f"unknown keys: {', '.join(sorted(unknown))}")
        item, text = str(said["item"]), str(said["text"])
        if said.get("blank") or said.get("left_out"):
            return ClaimRow((item, text), Status.BLANK if said.get("blank") else Status.NOT_RUN)
        if "source" in said:
            return self._counted(said, item, text)
        if "file" not in said:
            raise SetupError(f"{item}: no file shows it")
        return ClaimRow((item, text), Status.SHOWN, self._shown(said, item))

    def _shown(self, said: Mapping[str, Any], item: str) -> tuple[str, ...]:
        """Keep the files that show a claim: each has some of the words, and none is missing."""
        paths, shows = _several(said["file"]), _several(said["shows"])
        kept = tuple(self._kept.keep_source(path) for path in paths)
        texts = [(self._kept.root / path).read_text("utf-8") for path in paths]
        contents = [" ".join(text.split()) for text in texts]
        missing = [each for each in shows if not any(each in text for text in contents)]
        if missing:
            raise SetupError(f"{item}: {', '.join(paths)} say no {missing[0]!r} (any more)")
        for path, content in zip(paths, contents, strict=True):
            if not any(each in content for each in shows):
                raise SetupError(f"{item}: {path} shows nothing of it (any more)")
        return kept

    def _counted(self, said: Mapping[str, Any], item: str, text: str) -> ClaimRow:
        found = self._findings[said["source"]]
        if found.absent:
            return ClaimRow((item, self._words["absent"][found.absent]), Status.NOT_RUN)
        filled = re.sub(r"\{(\w+)\}", lambda gap: str(found.values[gap[1]]), text)
        status = Status.SHOWN
        if "zero" in said:
            status = Status.PASSED if found.values[said["zero"]] == 0 else Status.FAILED
        if status != Status.FAILED and "whole" in said and found.values[said["whole"]] != 0:
            return ClaimRow((item, filled), Status.NOT_RUN, found.evidence)
        return ClaimRow((item, filled), status, found.evidence)


def _several(said: str | list[str]) -> list[str]:
    return [said] if isinstance(said, str) else said
