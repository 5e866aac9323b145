"""Every test here has a Windows of its own, and the wizard that ``make installers`` built."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from devkit.installers import OUT
from windows.build.installer import PROGRAM
from windows.build.wine import CACHE

from tests.installer.built.windows.machine import Machine, machine
from tests.installer.built.windows.words import CHINESE, ENGLISH, Words

Switch = Callable[..., Machine]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what these tests need, and how long they may take: Wine starts slowly."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.artefact)
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def wizard() -> Path:
    """Find the wizard."""
    if sys.platform != "linux" or shutil.which("wine") is None:
        pytest.skip("Wine is needed: apt-get install wine wine64")
    found = sorted(OUT.glob("ankong-setup-*-x64.exe"))
    assert len(found) == 1, "make installers ONLY=windows"
    assert PROGRAM.is_dir()
    return found[0]


@pytest.fixture
def switch_on(wizard: Path, tmp_path: Path) -> Iterator[Switch]:
    """Switch a Windows on: ``switch_on("zh_TW", tray=True)``; it is switched off again."""
    del wizard
    with ExitStack() as stack:

        def on(language: str = "zh_TW", *, tray: bool = False) -> Machine:
            # Not in pytest's folders, which are kept: it is large.
            folder = CACHE / "tests" / tmp_path.name
            return stack.enter_context(machine(folder, language, tray=tray))

        yield on


@pytest.fixture(params=[CHINESE, ENGLISH], ids=lambda words: words.language)
def words(request: pytest.FixtureRequest) -> Words:
    """Run the test once in each language."""
    chosen: Words = request.param
    return chosen


@pytest.fixture(scope="session")
def version() -> str:
    """Read which version was built."""
    rows = json.loads((OUT / "artefacts.json").read_text("utf-8"))
    name = next(row["name"] for row in rows if row["name"].startswith("ankong-setup-"))
    return str(name).removeprefix("ankong-setup-").removesuffix("-x64.exe")
