"""What the documents name is there: files, targets of make, commands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob(".github/**/*.md"), *ROOT.glob("*/**/*.md")]
    if not {"node_modules", ".venv", "build", "dist"} & set(path.relative_to(ROOT).parts)
)
IDS = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


@pytest.fixture(scope="module")
def told() -> str:
    command = [sys.executable, "-m", "tray", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_every_command_is_known(document: Path, told: str) -> None:
    text = document.read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for chore in re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE):
        assert f"\n{chore}:\n" in makefile, chore
    for variable in re.findall(r"make [a-z -]+([A-Z]+)=", text):
        assert f"$({variable})" in makefile, variable
    for command in re.findall(r"(?:^|`)ankong ([a-z]+)", text, re.MULTILINE):
        assert re.search(rf"^  {command}\b", told, re.MULTILINE), command


def test_each_kind_of_reader_has_a_page() -> None:
    for folder in (".", "agent/web/sdk", "agent/portal", "agent/virtualcard", "installer", "tests"):
        assert (ROOT / folder / "README.md").stat().st_size > 500


def test_pre_commit_fetches_nothing_and_runs_what_lint_runs() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    assert re.findall(r"repo: (.*)", text) == ["local"]
    assert re.findall(r"entry: (.*)", text) == ["python3 installer/dev.py lint"]
