"""The codes of the kits: each explained in every language, and said alike everywhere."""

import json

import pytest

from agent.kits.error_catalogue import FOLDER, JSON_FILE, as_json, as_markdown
from agent.portal.errors import REFUSALS, PortalCode
from agent.relying.errors import RETRIABLE, VerificationCode
from agent.words.language import Language

HINT = "run python -m agent.kits.error_catalogue"


def test_every_code_has_its_own_words_in_every_language() -> None:
    rows = json.loads(as_json())["codes"]
    assert [row["code"] for row in rows] == [each.value for each in VerificationCode]
    for row in rows:
        for kind in ("site", "page"):
            said = [texts[kind] for texts in row["texts"].values()]
            assert len(set(said)) == len(Language), (row["code"], kind)


def test_the_portal_says_of_trying_again_what_the_kits_say() -> None:
    for code in VerificationCode:
        assert REFUSALS[PortalCode(code)].is_retriable is (code in RETRIABLE), code


@pytest.mark.parametrize("language", Language)
def test_the_committed_documents_are_generated(language: Language) -> None:
    assert (FOLDER / f"{language}.md").read_text("utf-8") == as_markdown(language), HINT


def test_the_committed_catalogue_is_generated() -> None:
    assert JSON_FILE.read_text("utf-8") == as_json(), HINT
