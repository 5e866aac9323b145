"""Whoever opens a page of the portal for the first time, the others are answered meanwhile."""

from pathlib import Path

import aiohttp

from agent.virtualcard.issuer import TestIssuer
from tests.portal.programs import running, whole_site
from tests.portal.support import Person, Visitor

PAGES = (
    "/",
    "/js/app.js",
    "/css/base.css",
    "/sdk/ankong.js",
    "/api/session",
    "/api/config",
    "/api/downloads",
)


async def test_no_page_of_the_portal_keeps_the_loop_to_itself(
    test_issuer: TestIssuer, citizen: Person, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    async with (
        whole_site(test_issuer, tmp_path) as arguments,
        running(
            "tests.loop_watch", tmp_path / "log", str(report), "agent.portal", *arguments
        ) as portal,
        Visitor(portal.ready["origins"][1]) as visitor,
    ):
        report.write_text("")  # beginning may take what it takes
        async with aiohttp.ClientSession() as browser:
            for page in PAGES:
                async with browser.get(portal.ready["origins"][1] + page) as response:
                    assert response.status == 200, page
                    await response.read()
                assert not report.read_text(), page
        await visitor.register()
        assert not report.read_text(), "registering"
        assert await visitor.upgrade(citizen) == "ok"
        assert not report.read_text(), "the upgrade"
        assert (await visitor.member())["grade"] == "gold"
        assert not report.read_text(), "the member's page"
