"""The Explorer's verb: what Windows' own registry takes, starts, and is rid of again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from devkit.shell import ROOT
from windows.build import windows_python
from windows.build.wine import CACHE, windows_path

from agent.portal.demo.programs import free_port
from tests.documents.pdf_files import simple_pdf
from tests.installer.built.windows.conftest import Switch
from tests.installer.built.windows.machine import Machine, machine
from tests.installer.built.windows.test_walk import OTHERS_KEYS
from tests.installer.built.windows.walk import install_quietly, wait_for_agent

NAMES = (
    "合約 1.pdf",
    "-x.pdf",
    "%1 %F.pdf",
    "it's; & del.pdf",
    "\u202efdp.pdf",
    "長" * 83 + ".pdf",  # 255 octets are the most that this computer's own folders take
)
KEY = r"SystemFileAssociations\.pdf\shell\Ankong.Sign"
SCRIPT = r"""
import json, subprocess, sys
source, told, names = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
sys.path.insert(0, source)
from agent.host.autostart.windows import CurrentUser
from agent.host.filemanager.explorer_verb import COMMAND, KEY, ExplorerVerb
tell = "import json, sys; open(sys.argv[1], 'a').write(json.dumps(sys.argv[2:]) + '\\n')"
command = (sys.executable, "-c", tell, told, "sign", "--window", "--")
verb = ExplorerVerb(command)
assert not verb.is_on()
verb.turn_on()
verb.turn_on()
assert verb.is_on() and verb.started() == command, verb.started()
read = CurrentUser().read
assert read(KEY, "MultiSelectModel") == "Player"
print(json.dumps({"verb": read(KEY, "MUIVerb"), "icon": read(KEY, "Icon")}))
line = read(COMMAND, "")
for name in names:
    subprocess.run(line.replace('"%1"', f'"C:\\{name}"'), check=True)
verb.turn_off()
verb.turn_off()
assert not verb.is_on()
"""


@pytest.fixture
def bare_windows(tmp_path: Path) -> Iterator[Machine]:
    """Switch on a Windows in which nothing of ours is installed, but a Python."""
    if not (windows_python.HERE / "python.exe").exists():
        pytest.skip("make installers ONLY=windows")
    with machine(CACHE / "tests" / tmp_path.name, "zh_TW") as made:
        yield made


def test_the_registry_takes_it_starts_it_and_is_as_before(
    bare_windows: Machine, tmp_path: Path
) -> None:
    here = bare_windows
    keys = here.registry()
    script, told = tmp_path / "verb.py", tmp_path / "told"
    script.write_text(SCRIPT, "utf-8")
    python = windows_python.HERE / "python.exe"
    words = (windows_path(ROOT), windows_path(told), json.dumps(NAMES))
    status, printed = here.run(python, windows_path(script), *words)
    assert status == 0, printed
    assert json.loads(printed)["verb"] == "以安控簽署"
    found = [json.loads(line) for line in told.read_text().splitlines()]
    assert found == [["sign", "--window", "--", f"C:\\{name}"] for name in NAMES]
    assert {line for line in here.registry() ^ keys if not OTHERS_KEYS.search(line)} == set()


def test_the_installed_verb_fills_one_basket_and_can_be_taken_away(
    switch_on: Switch, wizard: Path
) -> None:
    here = switch_on("zh_TW")
    here.settings(port=free_port(), hipki_port=0, check_peer=False)
    install_quietly(here, wizard)
    assert any(KEY in line and "MUIVerb" in line for line in here.registry())
    program = here.folder / "ankongw.exe"
    here.start(program, "tray")
    wait_for_agent(here)
    papers = [here.prefix.drive / name for name in NAMES]
    for each in papers:
        each.write_bytes(simple_pdf("Contract"))
    for each in papers:
        here.start(program, "sign", "--window", "--", f"C:\\{each.name}")
    baskets = here.state / "baskets"

    def handed_over() -> list[dict[str, Any]]:
        return [
            file
            for basket in baskets.glob("?" * 32 + ".json")
            for file in json.loads(basket.read_text("utf-8"))["files"]
        ]

    here.wait(lambda: len(handed_over()) >= len(NAMES), "all files in baskets")
    assert len(handed_over()) == len(NAMES)
    assert here.ankong("setup", "complete", "--no-trust", "--no-file-manager")[0] == 0
    assert not any(KEY in line for line in here.registry())
