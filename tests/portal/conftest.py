"""A site for each test, and a guard that fails a test when the event loop is blocked.

A test that is marked ``both_databases`` runs on SQLite and on PostgreSQL; with the environment
variable ``ANKONG_TEST_DATABASES=both`` all do that are not marked ``sqlite`` or ``postgresql``.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from agent.virtualcard.issuer import TestIssuer
from tests.portal.databases import CHOSEN, DatabaseKind, PostgresTests, require_postgres
from tests.portal.postgres import Cluster, running_cluster
from tests.portal.support import Person, Site, Visitor, issue, running_site


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each database that it is for."""
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    is_for_one = bool(marks & set(map(str, DatabaseKind)))
    wants_all = os.environ.get("ANKONG_TEST_DATABASES") == "both" and not is_for_one
    if wants_all or "both_databases" in marks:
        metafunc.parametrize("database_kind", list(DatabaseKind), indirect=True, ids=str)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of this process of pytest."""
    require_postgres()
    with running_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def postgres(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> PostgresTests:
    """Databases in it."""
    return PostgresTests(cluster, tmp_path_factory.mktemp("postgres"))


@pytest.fixture(autouse=True)
def database_kind(request: pytest.FixtureRequest) -> Iterator[DatabaseKind]:
    """What the sites of this test keep their data in."""
    CHOSEN.kind = getattr(request, "param", DatabaseKind.SQLITE)
    if CHOSEN.kind is DatabaseKind.POSTGRESQL:
        CHOSEN.postgres = request.getfixturevalue("postgres")
    yield CHOSEN.kind
    CHOSEN.kind = DatabaseKind.SQLITE


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
