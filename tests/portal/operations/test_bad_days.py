"""The database gone, the disk full, the clock set back: clear answers, and then it goes on."""

import asyncio
import resource
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from agent.portal.app import Rates
from agent.rate import Rate
from agent.virtualcard.issuer import TestIssuer
from tests.portal.databases import CHOSEN, PostgresTests, require_postgres
from tests.portal.postgres import Cluster, running_cluster
from tests.portal.programs import Program, running, whole_site
from tests.portal.support import Person, Site, SiteOptions, Visitor, running_site

HOUR = 60 * 60
TRIES = 200


async def ready(program: Program) -> int:
    """Return the status of the readiness that a balancer sees."""
    url = f"http://127.0.0.1:{program.ready['port']}/readyz"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        return response.status


async def until_ready(program: Program, status: int) -> None:
    for _ in range(TRIES):
        if await ready(program) == status:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"never {status}")


@pytest.fixture
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server that a test may stop, with the database of its sites."""
    require_postgres()
    with running_cluster() as cluster:
        CHOSEN.use_postgresql(PostgresTests(cluster, tmp_path_factory.mktemp("key")))
        yield cluster


@pytest.mark.postgresql
async def test_a_server_that_is_gone_for_a_while(
    own_cluster: Cluster, test_issuer: TestIssuer, citizen: Person, tmp_path: Path
) -> None:
    """No restart of ours is needed, and what was answered before is there after."""
    async with (
        whole_site(test_issuer, tmp_path) as arguments,
        running("agent.portal", tmp_path / "log", *arguments) as portal,
        Visitor(portal.ready["origins"][1]) as visitor,
    ):
        member = await visitor.register()
        body = await visitor.upgrade_body(citizen)
        own_cluster.stop()
        assert await visitor.code("/api/upgrade/card", body) == "unavailable"
        status, answer = await visitor.get("/api/session")
        assert (status, answer["error"]["code"]) == (503, "unavailable")
        async with visitor.http.get("/", headers={"Accept": "text/html"}) as page:
            assert page.status == 200  # the page itself needs no database
        await until_ready(portal, 503)
        own_cluster.start()
        await until_ready(portal, 200)
        assert await visitor.code("/api/upgrade/card", body) == "ok"
        found = await visitor.member()
        assert (found["id"], found["grade"]) == (member["id"], "gold")


@pytest.mark.postgresql
async def test_a_server_that_is_not_up_yet_is_said_to_be_that(
    own_cluster: Cluster, test_issuer: TestIssuer, tmp_path: Path
) -> None:
    async with whole_site(test_issuer, tmp_path) as arguments:
        own_cluster.stop()
        with pytest.raises(AssertionError, match=r"portal: .*[Cc]onnection"):
            async with running("agent.portal", tmp_path / "log", *arguments):
                pass
        own_cluster.start()
        async with running("agent.portal", tmp_path / "log", *arguments) as portal:
            assert await ready(portal) == 200


@pytest.mark.sqlite
async def test_a_full_disk_refuses_and_loses_nothing(
    test_issuer: TestIssuer, citizen: Person, tmp_path: Path
) -> None:
    async with (
        whole_site(test_issuer, tmp_path) as arguments,
        running("agent.portal", tmp_path / "log", *arguments) as portal,
        Visitor(portal.ready["origins"][1]) as visitor,
    ):
        member = await visitor.register()
        body = await visitor.upgrade_body(citizen)
        # No file grows any further: Python ignores SIGXFSZ, and the write fails.
        written = (tmp_path / "portal.db-wal").stat().st_size
        set_file_limit(portal, written)
        assert await visitor.code("/api/upgrade/card", body) == "unavailable"
        assert (await visitor.member())["grade"] == "ordinary"
        set_file_limit(portal, resource.RLIM_INFINITY)
        assert await visitor.code("/api/upgrade/card", body) == "ok"
        found = await visitor.member()
        assert (found["id"], found["grade"]) == (member["id"], "gold")


def set_file_limit(program: Program, octets: int) -> None:
    _, hard = resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (octets, hard))


@pytest.mark.both_databases
@pytest.mark.parametrize("ahead", [HOUR / 2, 5 * HOUR])
async def test_a_clock_that_is_set_back_shuts_nobody_out(
    site: Site, citizen: Person, other_citizen: Person, ahead: float
) -> None:
    site.clock.offset = ahead
    early = await site.visitor()
    await early.register()
    early_body = await early.upgrade_body(citizen)
    asked = await site.visitor()
    assert await asked.code("/api/otp", {"contact": "0900000003"}) == "ok"
    site.clock.offset = 0
    late = await site.visitor()
    await late.register("0900000002")
    assert await late.upgrade(other_citizen) == "ok"
    assert (await early.member())["grade"] == "ordinary"
    assert await early.code("/api/upgrade/card", early_body) == "ok"
    assert await (await site.visitor()).login(citizen) == "ok"
    await asked.register("0900000003")


@pytest.mark.both_databases
async def test_attempts_of_a_time_to_come_are_not_waited_for(
    test_issuer: TestIssuer, tmp_path: Path
) -> None:
    rates = Rates(posts=Rate(1000, 1000), card_attempts=Rate(2, 0.01), newcomers=Rate(2, 0.01))
    options = SiteOptions(replacements={"rates": rates})
    async with running_site(test_issuer, tmp_path, options) as site:
        site.clock.offset = 5 * HOUR
        visitor = await site.visitor()
        answers = [await visitor.code("/api/login/card/challenge") for _ in range(4)]
        assert answers[-1] == "rate_limited"
        site.clock.offset = 0
        assert await visitor.code("/api/login/card/challenge") == "ok"
