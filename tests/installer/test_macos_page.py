"""What the page for people with a Mac says is what the package really is."""

import re
import runpy

import pytest
from macos.build.installer import MACHINES, OLDEST, SOURCES

from agent.host.settings.config import Settings
from agent.words import Language
from agent.words.mac_page import MacPart, mac_parts


def said_by(part: MacPart) -> str:
    return "\n".join((part.title, part.text, *part.steps))


@pytest.mark.parametrize("language", Language)
def test_it_says_what_the_package_is(language: Language) -> None:
    parts = mac_parts(language)
    which, *_, old, _, off = map(said_by, parts)
    assert f"macOS {OLDEST.partition('_')[0]} " in which
    for machine in MACHINES:
        assert f"`{machine}.pkg`" in which
    build = (SOURCES / "build.sh").read_text("utf-8")
    assert "ankong-$version-$machine.pkg" in build
    script = SOURCES / "uninstall.command"
    assert f'"$here/{script.name}" "$work/root/Ankong.app/Contents/Resources/"' in build
    assert f"/Applications/Ankong.app/Contents/Resources/{script.name}" in off
    assert script.is_file()
    assert str(Settings().hipki_port) in old


def test_the_parts_are_the_same_in_every_language() -> None:
    shapes = {tuple(len(part.steps) for part in mac_parts(each)) for each in Language}
    assert len(shapes) == 1
    typed = [re.findall("`[^`]*`", "".join(map(said_by, mac_parts(each)))) for each in Language]
    assert typed[0]
    assert all(each == typed[0] for each in typed)


def test_the_readme_beside_the_package_is_the_generated_one() -> None:
    made = runpy.run_path(str(SOURCES / "readme.py"))
    assert made["PAGE"].read_text("utf-8") == made["page"]()
