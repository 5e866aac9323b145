"""The panel's handbook is made from the READMEs, and leads nowhere that is not there."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from agent.web.panel.files import ROOT as PANEL
from agent.web.panel.files import load

ROOT = Path(__file__).resolve().parents[2]
MAKER: dict[str, Any] = runpy.run_path(str(ROOT / "installer" / "kits" / "handbook.py"))
PAGES: dict[str, str] = MAKER["make"]()


def test_the_committed_pages_are_made_from_the_readmes() -> None:
    kept = {path.name: path.read_text("utf-8") for path in MAKER["OUT"].iterdir()}
    assert kept == PAGES, "run make docs"


@pytest.mark.parametrize("name", PAGES)
def test_every_link_and_file_of_a_page_is_there(name: str) -> None:
    served = load()
    page = f"{PANEL}handbook/{name}"
    document = served[page].body.decode()
    assert "<script" not in document
    assert " style=" not in document
    for link in re.findall(r'(?:href|src)="([^"]+)"', document):
        path, _, anchor = link.partition("#")
        if path.startswith(("https://", "http://localhost")):
            continue
        target = page
        if path:
            target = str(Path(page).parent / path) if not path.startswith("../") else path
            target = target.replace("../", PANEL) if path.startswith("../") else target
        assert target in served, link
        if anchor and target.endswith(".html"):
            assert f'id="{anchor}"' in served[target].body.decode(), link
