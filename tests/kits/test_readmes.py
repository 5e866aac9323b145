"""The READMEs of the kits: the same six headings, and no code that is not run elsewhere."""

import re
from pathlib import Path

import pytest

from tests.kits.blocks import HEADINGS, MAX_LINES, BlockError, blocks_of, check, region, written

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("relying", "validator", "testkit", "web/sdk")
ROOMS += tuple(f"kits/{language}" for language in ("node", "php", "java", "go"))
READMES = [path for room in ROOMS if (path := ROOT / "agent" / room / "README.md").exists()]

BESIDE = [ROOT / "agent" / "web" / "sdk" / "PDF.md"]


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_a_kits_readme_has_the_six_headings_and_is_short(readme: Path) -> None:
    text = readme.read_text("utf-8")
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == HEADINGS
    assert len(text.splitlines()) <= MAX_LINES


@pytest.mark.parametrize(
    "readme", [*READMES, *BESIDE], ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_every_block_of_code_is_the_files(readme: Path) -> None:
    check(readme)
    assert list(blocks_of(readme.read_text("utf-8")))


def test_a_block_that_differs_or_has_no_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "site.py").write_text("# region: one\n  a\n  b\n# endregion: one\n")
    readme = tmp_path / "README.md"
    good = "<!-- from: site.py#one -->\n```python\na\nb\n```\n"
    readme.write_text(good)
    check(readme)
    for bad in (
        good.replace("b\n", "c\n"),
        good.replace("#one", "#two"),
        good.replace("site", "sight"),
        good.partition("\n")[2],
    ):
        readme.write_text(bad)
        with pytest.raises(BlockError):
            check(readme)
    readme.write_text(good.replace("b\n", "c\n"))
    assert written(readme) == good


def test_a_region_inside_another_leaves_no_marks() -> None:
    text = "# region: all\na\n# region: part\nb\n# endregion: part\n# endregion: all\n"
    assert region(text, "all") == "a\nb\n"
    assert region(text, "part") == "b\n"
