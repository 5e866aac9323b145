"""The code blocks of a README, and the files from which they are taken.

A block is typed once, in a file that a test runs; the README repeats it below a comment that names
the file: ``<!-- from: examples/site.py#login -->``. A region of a file lies between lines that
contain ``region: login`` and ``endregion: login``; without a name it is the whole file.
``python -m tests.kits.blocks`` writes the blocks into every README anew, in both languages.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HEADINGS: Final = (
    "What you get",
    "Five minutes",
    "The whole program",
    "What can go wrong",
    "Going live",
    "Limits",
)
MAX_LINES: Final = 150
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FROM: Final = re.compile(r"<!-- from: ([^#\s]+)(?:#([\w-]+))? -->\n\Z")


class BlockError(Exception):
    """A README has a block that is not what its file says, or no file."""


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One block, as it stands in a README.

    Attributes:
        line: of the README, where it begins.
        text: with a line feed at its end.
        source: the file, relative to the README, and the region in it; None where it names none.

    """

    line: int
    text: str
    source: tuple[str, str | None] | None


def blocks_of(readme: str) -> Iterator[CodeBlock]:
    """Return the blocks of a README."""
    for found in _FENCE.finditer(readme):
        origin = _FROM.search(readme[: found.start()])
        source = (origin[1], origin[2]) if origin else None
        yield CodeBlock(readme.count("\n", 0, found.start()) + 1, found[2], source)


def region(text: str, name: str | None) -> str:
    """Return a region of a file, without the indent that all its lines share.

    Raises:
        BlockError: there is none of that name, or it does not end.

    """
    if name is None:
        return text
    lines = text.splitlines(keepends=True)
    first = [at for at, line in enumerate(lines) if re.search(rf"(?<!end)region: {name}\b", line)]
    last = [at for at, line in enumerate(lines) if re.search(rf"endregion: {name}\b", line)]
    if len(first) != 1 or len(last) != 1 or last[0] < first[0]:
        raise BlockError(f"no region {name}")
    inside = lines[first[0] + 1 : last[0]]
    return textwrap.dedent("".join(line for line in inside if "region: " not in line))


def check(readme: Path) -> None:
    """Compare every block of a README with its file.

    Raises:
        BlockError: one differs, or has no file.

    """
    for block in blocks_of(readme.read_text("utf-8")):
        where = f"{readme}:{block.line}"
        if block.source is None:
            raise BlockError(f"{where}: a block that no file has")
        name, part = block.source
        file = readme.parent / name
        if not file.is_file():
            raise BlockError(f"{where}: there is no {name}")
        if region(file.read_text("utf-8"), part).strip("\n") != block.text.strip("\n"):
            raise BlockError(f"{where}: is not what {name} says")


def written(readme: Path) -> str:
    """Return a README with each of its blocks as its file has it."""
    text = readme.read_text("utf-8")
    for found in reversed(list(_FENCE.finditer(text))):
        origin = _FROM.search(text[: found.start()])
        if origin is not None:
            inside = region((readme.parent / origin[1]).read_text("utf-8"), origin[2]).strip("\n")
            text = f"{text[: found.start(2)]}{inside}\n{text[found.end(2) :]}"
    return text


def main() -> None:
    """Write the blocks of all READMEs of the kits."""
    for readme in sorted((Path(__file__).resolve().parents[2] / "agent").glob("**/README*.md")):
        if "node_modules" not in readme.parts:
            readme.write_text(written(readme), "utf-8")


if __name__ == "__main__":
    main()
