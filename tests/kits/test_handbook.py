"""The panel's handbook is made from the READMEs, and leads nowhere that is not there."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from agent import cli
from agent.host.machine.paths import Paths
from agent.web.panel.files import ROOT as PANEL
from agent.web.panel.files import handbook_path, load
from agent.words.language import SOURCE, Language

ROOT = Path(__file__).resolve().parents[2]
MAKER: dict[str, Any] = runpy.run_path(str(ROOT / "installer" / "kits" / "handbook.py"))
PAGES: dict[str, str] = MAKER["make"]()
LANGUAGES = {page.name: page.language for page in MAKER["PAGES"]}
SERVED = load()
WRITTEN = [each for each in Language if each in MAKER["WORDS"]]
_ITEM = re.compile(r'<li><a href="([^"]+)"([^>]*)>')


def test_the_committed_pages_are_made_from_the_readmes() -> None:
    kept = {path.name: path.read_text("utf-8") for path in MAKER["OUT"].iterdir()}
    assert kept == PAGES, "run make docs"


@pytest.mark.parametrize("name", PAGES)
def test_every_link_and_file_of_a_page_is_there(name: str) -> None:
    page = f"{PANEL}handbook/{name}"
    document = SERVED[page].read().decode()
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
        assert target in SERVED, link
        if anchor and target.endswith(".html"):
            assert f'id="{anchor}"' in SERVED[target].read().decode(), link


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_its_language_and_leads_to_the_same_page_in_the_others(name: str) -> None:
    document = PAGES[name]
    language = LANGUAGES[name]
    assert f'<html lang="{language}">' in document
    frame = language if language in WRITTEN else SOURCE
    assert f'<nav aria-label="{MAKER["WORDS"][frame]["handbook"]}" lang="{frame}">' in document
    tongues, listed = (_ITEM.findall(each) for each in re.findall(r"(?s)<ul.*?</ul>", document)[:2])
    stem = name.removesuffix(".html").removesuffix(f"-{language}")
    offered = Language if stem == MAKER["CODES"] else WRITTEN
    own = {each: "" if each is SOURCE else f"-{each}" for each in Language}
    assert [target for target, _ in tongues] == [f"{stem}{own[each]}.html" for each in offered]
    for target, marks in (*tongues, *listed):
        assert ("aria-current" in marks) is (target == name)
        assert (f'lang="{LANGUAGES[target]}"' in marks) is (LANGUAGES[target] is not frame)


@pytest.mark.parametrize("language", WRITTEN)
def test_each_language_has_every_page_and_a_name_for_it(language: Language) -> None:
    words, first = MAKER["WORDS"][language], MAKER["WORDS"][SOURCE]
    assert list(words) == list(first)
    assert list(words["pages"]) == list(first["pages"]) == list(MAKER["SOURCES"])


@pytest.mark.parametrize("language", Language)
def test_the_panel_has_a_handbook_for_everybody(language: Language) -> None:
    begun = SERVED[handbook_path(language)].read().decode()
    expected = language if language in WRITTEN else SOURCE
    assert f'<html lang="{expected}">' in begun


@pytest.mark.parametrize("language", Language)
def test_the_command_says_where_it_is_in_the_persons_language(
    language: Language,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "instance.json").write_text(json.dumps({"pid": 1, "port": 28444}), "utf-8")
    assert Paths.choose(tmp_path).instance.exists()
    monkeypatch.setenv("ANKONG_LANGUAGE", str(language))
    assert cli.run(["handbook", "--print", "--state-dir", str(tmp_path)]) == 0
    path = capsys.readouterr().out.strip().removeprefix("https://localhost:28444")
    assert path in SERVED
    assert path == handbook_path(language)
