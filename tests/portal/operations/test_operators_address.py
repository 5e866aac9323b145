"""Health, readiness and metrics: who learns what, and that nobody's data is in them."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from agent.portal.operations.health import Readiness
from agent.portal.operations.metrics import PortalMetrics
from agent.virtualcard.issuer import TestIssuer
from tests.portal.programs import Program, running, whole_site
from tests.portal.support import Person, Site, Visitor

CONTACT = "someone@example.test"
DAYS = 24 * 60 * 60


@pytest.fixture
async def program(test_issuer: TestIssuer, tmp_path: Path) -> AsyncIterator[Program]:
    """A process with an operator's address."""
    log = tmp_path / "portal.log"
    async with (
        whole_site(test_issuer, tmp_path) as arguments,
        running("agent.portal", log, *arguments, "--metrics-port", "0") as portal,
    ):
        yield portal


async def fetch(url: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        return response.status, await response.text()


async def test_the_operator_sees_figures_and_nobody_s_data(
    program: Program, citizen: Person
) -> None:
    operators = f"http://127.0.0.1:{program.ready['metrics_port']}"
    async with Visitor(program.ready["origins"][1]) as visitor:
        await visitor.register(CONTACT)
        assert await visitor.upgrade(citizen) == "ok"
        assert await visitor.code("/api/otp", {"contact": "nonsense"}) == "contact_invalid"
        await visitor.get(f"/{citizen.id_number}?{CONTACT}")
        await visitor.http.request("BREW", f"/{citizen.id_number}")
    assert await fetch(f"{operators}/healthz") == (200, "ok\n")
    assert await fetch(f"{operators}/readyz") == (200, "database: ok\nrevocation_lists: ok\n")
    status, text = await fetch(f"{operators}/metrics")
    assert status == 200
    for line in (
        'ankong_portal_requests_total{method="POST",route="/api/upgrade/card",status="200"} 1.0',
        'ankong_portal_request_seconds_count{method="POST",route="/api/upgrade/card"} 1.0',
        'ankong_portal_refusals_total{code="contact_invalid"} 1.0',
        'ankong_portal_ready{part="database"} 1.0',
        'ankong_portal_list_expires_seconds{issuer="',
        "ankong_portal_open_requests 0.0",
        'ankong_portal_outbox_notices{channel="email",state="',
    ):
        assert line in text
    assert "process_resident_memory_bytes" in text
    for secret in (citizen.id_number, CONTACT, "nonsense", "BREW", "127.0.0.1"):
        assert secret not in text
    routes = set(re.findall(r'route="([^"]*)"', text))
    assert routes <= {"/api/otp", "/api/otp/confirm", "/{path}"} | {
        route for route in routes if route.startswith("/api/upgrade/card")
    }


async def test_the_public_address_says_no_more_than_whether(program: Program) -> None:
    public = f"http://127.0.0.1:{program.ready['port']}"
    balancer = {"Host": "10.0.0.7"}
    assert await fetch(f"{public}/healthz", **balancer) == (200, "ok\n")
    assert await fetch(f"{public}/readyz", **balancer) == (200, "ready\n")
    status, text = await fetch(f"{public}/metrics")
    assert (status, "ankong_portal" in text) == (404, False)
    status, _ = await fetch(f"{public}/metrics", **balancer)
    assert status == 403


async def test_without_fresh_lists_the_service_is_not_ready(site: Site) -> None:
    site.clock.offset = 400 * DAYS
    assert await fetch(f"{site.origin}/readyz") == (503, "not ready\n")
    assert await fetch(f"{site.origin}/healthz") == (200, "ok\n")


async def test_a_part_that_hangs_is_wrong_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.portal.operations.health._LIMIT_S", 0.01)
    asked = 0

    async def hang() -> str:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        return ""

    async def fail() -> str:
        raise OSError

    readiness = Readiness({"slow": hang, "broken": fail}, PortalMetrics())
    found = await asyncio.gather(*(readiness.faults() for _ in range(5)))
    assert dict(found[0]) == {"slow": "no answer in 0.01 s", "broken": "OSError"}
    assert all(each == found[0] for each in found)
    assert asked == 1
