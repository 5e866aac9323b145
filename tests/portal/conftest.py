"""A site for each test, and a guard that fails a test when the event loop is blocked."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from agent.virtualcard.issuer import TestIssuer
from tests.portal.support import Person, Site, Visitor, issue, running_site


@pytest.fixture(autouse=True)
def _loop_never_blocked() -> Iterator[BlockBuster]:
    with blockbuster_ctx("agent.portal") as watch:
        yield watch


@pytest.fixture(scope="session")
def citizen(test_issuer: TestIssuer) -> Person:
    """One invented person with a good card."""
    return issue(test_issuer, 1)


@pytest.fixture(scope="session")
def other_citizen(test_issuer: TestIssuer) -> Person:
    """Another one."""
    return issue(test_issuer, 2, name="測試用卡")


@pytest.fixture
async def site(
    test_issuer: TestIssuer, citizen: Person, other_citizen: Person, tmp_path: Path
) -> AsyncIterator[Site]:
    """An ordinary site that knows both of them."""
    assert citizen.id_number != other_citizen.id_number
    async with running_site(test_issuer, tmp_path) as running:
        yield running


@pytest.fixture
async def visitor(site: Site) -> Visitor:
    """Somebody who has never been here."""
    return await site.visitor()
