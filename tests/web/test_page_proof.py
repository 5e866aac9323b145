"""The time of a page's PDF is proven as the settings say; the page asks for no more than that."""

import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent.virtualcard.issuer import TestIssuer
from tests.conftest import CardFactory
from tests.documents.proof_world import World, world_of
from tests.documents.time_authorities import TYPE
from tests.web.conftest import AgentFactory
from tests.web.page_signing_rig import PDF, Rig, b64, code, signing_rig


@pytest.fixture
def world(tmp_path: Path, test_issuer: TestIssuer) -> Iterator[World]:
    (tmp_path / "authorities").mkdir()
    with world_of(tmp_path / "authorities", test_issuer) as found:
        yield found


@pytest.fixture
async def timed_rig(
    start_agent: AgentFactory, make_card: CardFactory, tmp_path: Path, world: World
) -> AsyncIterator[Rig]:
    """Return an agent whose settings name an authority for the time, and no revocation lists."""
    settings = {
        "timestamp_url": world.settings.timestamp_url,
        "timestamp_anchors": tuple(map(str, world.settings.timestamp_anchors)),
    }
    async with signing_rig(start_agent, make_card, tmp_path, "123456", "123456", **settings) as rig:
        yield rig


async def test_a_page_has_the_level_that_the_settings_can_give(
    timed_rig: Rig, world: World
) -> None:
    above = await timed_rig.sign(data=b64(PDF), pades={"level": "B-LT"})
    assert (code(above), timed_rig.person.asked) == ("bad_request", [])
    _, told = await timed_rig.sign(data=b64(PDF), pades={"level": "B-T"})
    assert told["result"]["level"] == "B-T"
    assert "lacks" not in told["result"]
    assert base64.b64decode(told["result"]["pdf"]).startswith(PDF)
    assert world.server.asked == 1


async def test_a_dead_authority_costs_a_page_no_signature(timed_rig: Rig, world: World) -> None:
    world.server.reply = lambda _: (500, TYPE, b"")
    _, told = await timed_rig.sign(data=b64(PDF), pades={"level": "B-T"})
    assert (told["result"]["level"], told["result"]["lacks"]) == ("B-B", "timestamp_failed")
    assert base64.b64decode(told["result"]["pdf"]).startswith(PDF)
