"""What the README shows is what was run."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "agent" / "testkit" / "README.md"
BLOCK = re.compile(
    r"<!-- from: (?P<file>[^#\s]+)(#(?P<region>\S+))? -->\n```\w+\n(?P<text>.*?)```", re.DOTALL
)


def shown(file: str, region: str | None) -> str:
    lines = (README.parent / file).read_text("utf-8").splitlines()
    if region is not None:
        first = next(at for at, line in enumerate(lines) if line.endswith(f" region: {region}"))
        last = next(at for at, line in enumerate(lines) if line.endswith(f" endregion: {region}"))
        lines = lines[first + 1 : last]
    return "\n".join(lines) + "\n"


def test_each_block_is_what_a_test_runs() -> None:
    text = README.read_text("utf-8")
    blocks = list(BLOCK.finditer(text))
    assert len(blocks) == text.count("\n```") / 2 == 4
    for block in blocks:
        assert block["text"] == shown(block["file"], block["region"]), block["file"]


def test_the_readme_has_the_headings_of_every_kit() -> None:
    text = README.read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
        "What you get",
        "Five minutes",
        "The whole program",
        "What can go wrong",
        "Going live",
        "Limits",
    ]
    assert len(text.splitlines()) <= 150
