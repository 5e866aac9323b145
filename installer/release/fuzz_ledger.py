"""The ledger of fuzzing: add what sessions counted, and say the sum in README.md.

``fuzz_ledger.py`` writes the sentences anew, which `dev.py docs` does; ``fuzz_ledger.py add FILE…``
first adds other ledgers, such as those of hosted machines. Standard library only.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
LEDGER: Final = Path(__file__).with_name("fuzz-ledger.json")
README: Final = ROOT / "README.md"
FORMAT: Final = 1
FIELDS: Final[Mapping[str, type]] = {
    "target": str,
    "engine": str,
    "executions": int,
    "seconds": int,
    "edges": int,
    "crashes": int,
    "commit": str,
    "date": str,
}
"""What each row has: of one target, and one session."""
WORDS: Final = Path(__file__).with_name("support.toml")
"""What README says in each of its languages: ``text.LANGUAGE.fuzz``."""
_MARKED: Final = "<!-- fuzz-ledger {language} -->{text}<!-- /fuzz-ledger -->"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a ledger; none where there is no such file.

    Raises:
        ValueError: it is no ledger.

    """
    if not path.exists():
        return []
    found = json.loads(path.read_text("utf-8"))
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"{path}: no ledger")
    rows: list[dict[str, Any]] = found["sessions"]
    for row in rows:
        _check(row)
    return rows


def _check(row: Mapping[str, Any]) -> None:
    """Refuse a row that no session wrote.

    Raises:
        ValueError: a field is missing, of another kind, or of another form.

    """
    if {name: type(value) for name, value in row.items()} != dict(FIELDS):
        raise ValueError(f"other fields than {', '.join(FIELDS)}: {row}")
    if not _COMMIT.fullmatch(row["commit"]) or not _DATE.fullmatch(row["date"]):
        raise ValueError(f"no commit or date: {row}")
    if min(row["executions"], row["edges"]) < 1 or min(row["seconds"], row["crashes"]) < 0:
        raise ValueError(f"nothing that ran: {row}")


def add(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows to a ledger; one that stands there already, as it is, is not counted twice.

    Raises:
        ValueError: one of them, or what is there, is not of its form.

    """
    known = read(path)
    for row in rows:
        _check(row)
        if row not in known:
            known.append(dict(row))
    known.sort(key=lambda row: (row["date"], row["target"], row["commit"]))
    lines = ",\n".join(f"  {json.dumps(row)}" for row in known)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f'{{"format": {FORMAT}, "sessions": [\n{lines}\n]}}\n'
    path.write_text(text, "utf-8")


def sentences(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what README says of a ledger, by language; nothing of an empty one."""
    said = tomllib.loads(WORDS.read_text("utf-8"))["text"]
    return {language: _filled(words["fuzz"], rows) for language, words in said.items()}


def _filled(words: str, rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    hours = sum(row["seconds"] for row in rows) / 3600
    return words.format(
        date=max(row["date"] for row in rows),
        targets=len({row["target"] for row in rows}),
        executions=f"{sum(row['executions'] for row in rows):,}",
        hours=f"{hours:.1f}",
    )


def page(text: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return README with its sentences made anew.

    Raises:
        ValueError: the place for one of them is missing.

    """
    for language, said in sentences(rows).items():
        before, after = _MARKED.format(language=language, text="|").split("|")
        start = text.find(before) + len(before)
        end = text.find(after, start)
        if text.count(before) != 1 or end < 0:
            raise ValueError(f"README.md has no place for the ledger in {language}")
        text = text[:start] + said + text[end:]
    return text


def main(arguments: Sequence[str]) -> int:
    """Add ledgers, if any are named, and write README; return the exit status."""
    if arguments and arguments[0] != "add":
        print(__doc__, file=sys.stderr)
        return 2
    for name in arguments[1:]:
        add(LEDGER, read(Path(name)))
    README.write_text(page(README.read_text("utf-8"), read(LEDGER)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
