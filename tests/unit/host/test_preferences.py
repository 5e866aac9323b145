"""What was chosen with the mouse lasts, and a damaged file is no reason to stop."""

from pathlib import Path
from typing import Any

import pytest

from agent.host.settings.preferences import Preferences
from agent.words import CHOICES, SYSTEM


@pytest.mark.parametrize("language", CHOICES)
def test_a_choice_lasts(tmp_path: Path, language: str) -> None:
    path = tmp_path / "preferences.json"
    Preferences(path).set_language(language)
    assert Preferences(path).language == language


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"[]", b"null", b'{"language": 5}', b'{"language": "fr"}', b"\xff"]
)
def test_what_makes_no_sense_stands_for_no_choice(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "preferences.json"
    if content is not None:
        path.write_bytes(content)
    found = Preferences(path)
    assert found.language == "system"
    found.set_language("en")
    assert Preferences(path).language == "en"


def test_a_choice_that_cannot_be_written_lasts_as_long_as_the_agent(tmp_path: Path) -> None:
    found = Preferences(tmp_path / "missing" / "preferences.json")
    with pytest.raises(OSError, match="preferences"):
        found.set_language("en")
    assert found.language == "en"


@pytest.mark.parametrize("language", ["7", "null", "[]", '"xx"'])
def test_a_choice_that_makes_no_sense_takes_no_other_along(tmp_path: Path, language: str) -> None:
    path = tmp_path / "preferences.json"
    path.write_text(f'{{"language": {language}, "update_check": false}}')
    found = Preferences(path)
    assert found.language == SYSTEM
    assert not found.update_check


@pytest.mark.parametrize("place", ["auto", "window", "page"])
def test_where_to_be_asked_lasts(tmp_path: Path, place: Any) -> None:
    path = tmp_path / "preferences.json"
    Preferences(path).set_questions(place)
    assert Preferences(path).questions == place
    path.write_text('{"questions": "nowhere", "language": "en"}')
    assert Preferences(path).questions == "auto"
    assert Preferences(path).language == "en"
