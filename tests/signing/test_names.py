"""A holder's name passes through unchanged, whatever characters it has."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.origin import LOCAL_USER
from agent.virtualcard.card import VirtualCard
from agent.web.hipki.certificates import certificate_object, without_quotes
from agent.web.native import convert, wire
from tests.odd_names import NAMES
from tests.signing.test_recording import ONE, SITE, entries, pin, running

CardFactory = Callable[..., VirtualCard]


@pytest.fixture(params=NAMES, ids=ascii)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


async def test_a_name_reaches_pages_and_history_as_it_is(
    make_card: CardFactory, name: str, tmp_path: Path
) -> None:
    async with running(tmp_path / "history.sqlite", make_card(name=name)) as service:
        listing = await service.certificates(LOCAL_USER)
        (own,) = (each for each in listing.certificates if each.id == "SIGN")
        await service.sign(SITE, ONE, pin())
        (line,) = await entries(tmp_path / "history.sqlite")
    assert own.facts.subject_cn == line.holder == name
    told = json.loads(wire.encode(convert.certificate(own)))
    assert told["subject_cn"] == name
    described = certificate_object(own)
    assert described["subjectCN"] == name
    assert f"CN={name}" in own.facts.subject
    assert f"CN={name}" in told["subject"]
    assert f"CN={name}" in described["subjectDN"]


@pytest.mark.parametrize(
    "odd", ['王"測試', "王\\測試", "王\u2028測試", "王\x07測試", "王\u202e測試"]
)
def test_a_name_cannot_break_out_of_the_json_that_pages_build(odd: str) -> None:
    shown = without_quotes(odd)
    assert not re.search(r'["\\\x00-\x1f\u2028\u2029]', shown)
    assert len(shown) == len(odd)
