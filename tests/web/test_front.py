"""The front serves every protocol alike: one table of what it refuses, and a protocol of a test."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from agent.errors import AgentError
from agent.origin import LOCAL_PROGRAM, Origin
from agent.web.front.answer import answer
from agent.web.front.audience import Audience
from agent.web.front.guard import RequestPurpose
from agent.web.front.limits import Limits
from agent.web.front.mount import Mount, Route, Routes
from agent.web.front.refusal import refusal

SITE = "https://shop.example"
STRANGER = "https://stranger.example"
SIGN = {"params": {"data": "AAAA", "hash": "SHA-256", "format": "cms"}}


class ToyMount(Mount):
    """A protocol that the front has never heard of: its callers, headers and errors are its own."""

    headers: ClassVar[Mapping[str, str]] = {"X-Toy": "yes"}

    def __init__(self) -> None:
        self.closed = False
        routes: Routes = {
            "/toy/who": {"GET": Route(_who, Audience.EVERYBODY, None, refuse=_toy_refusal)},
            "/toy/own": {"GET": Route(_who, Audience.ALLOWED_SITE, RequestPurpose.READ)},
            "/toy/read": {
                "POST": Route(_who, Audience.ALLOWED_SITE, RequestPurpose.CALL, limit=16)
            },
            "/toy/fails": {"GET": Route(_fail, Audience.EVERYBODY, None)},
            "/toy/fails/alike": {
                "GET": Route(_fail, Audience.EVERYBODY, None, refuse=_toy_refusal)
            },
        }
        super().__init__(routes)

    def claims(self, path: str) -> bool:
        return path.startswith("/toy/")

    def identify(self, request: web.BaseRequest) -> Origin | None:
        if "X-Program" in request.headers:
            return LOCAL_PROGRAM
        return super().identify(request)

    def refuse(self, error: AgentError, caller: Origin | None) -> web.Response:
        del caller
        return refusal(error, None)

    async def close(self) -> None:
        self.closed = True


async def _who(_request: web.BaseRequest, caller: Origin | None) -> web.Response:
    return answer(str(caller).encode(), caller, content_type="text/plain")


async def _fail(_request: web.BaseRequest, _caller: Origin | None) -> web.Response:
    raise RuntimeError("nobody expected it")


def _toy_refusal(error: AgentError, _caller: Origin | None) -> web.Response:
    return web.Response(text=f"toy:{error.code}", status=418)


@pytest.fixture
async def toy(start_agent: Any) -> Any:
    return await start_agent(native_mounts=(ToyMount(),), limits=Limits(rate=0.001, burst=4))


async def _get(agent: Any, path: str, **headers: str) -> tuple[int, str, Mapping[str, str]]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with agent.http.get(f"{agent.url}{path}", headers=names) as response:
        return response.status, await response.text(), response.headers.copy()


async def test_a_protocol_fits_without_a_change_to_the_front(toy: Any) -> None:
    assert (await _get(toy, "/toy/who"))[1] == "None"
    assert (await _get(toy, "/toy/who", X_Program="1"))[1] == str(LOCAL_PROGRAM)
    status, body, headers = await _get(toy, "/toy/who", Origin=SITE)
    assert (status, body, headers["Access-Control-Allow-Origin"]) == (200, SITE, SITE)
    assert "Access-Control-Allow-Origin" not in (await _get(toy, "/toy/who", X_Program="1"))[2]
    async with toy.http.get(f"{toy.url}/v1/status") as response:  # the native API is beside it
        assert response.status == 200
        assert "X-Toy" not in response.headers


@pytest.mark.parametrize(
    ("path", "headers", "status", "body"),
    [
        ("/toy/who", {"Host": "evil.example"}, 421, "another server"),
        ("/toy/who", {"Origin": "null"}, 403, "origin_not_allowed"),
        ("/toy/own", {"Origin": STRANGER}, 403, "origin_not_allowed"),
        ("/toy/own", {}, 403, "origin_not_allowed"),
        ("/toy/own", {"Origin": SITE, "Sec-Fetch-Dest": "iframe"}, 403, "origin_not_allowed"),
        ("/toy/read", {"Origin": SITE}, 405, "no such method"),
        ("/toy/none", {}, 404, "no such path"),
        ("/toy/fails", {}, 500, "internal"),
        ("/toy/fails/alike", {}, 418, "toy:internal"),
    ],
)
async def test_every_refusal_has_the_mount_s_headers_and_form(
    toy: Any, path: str, headers: dict[str, str], status: int, body: str
) -> None:
    with capture_logs():  # which would read our source files for the traceback
        response = await toy.http.get(f"{toy.url}{path}", headers=headers)
    async with response:
        assert response.status == status
        assert body in await response.text()
        assert response.headers["X-Toy"] == "yes"
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_body_is_of_the_declared_kind_and_length(toy: Any) -> None:
    for body, kind, status in ((b"{}", "text/plain", 415), (b"[" * 17, "application/json", 413)):
        async with toy.http.post(
            f"{toy.url}/toy/read", data=body, headers={"Origin": SITE, "Content-Type": kind}
        ) as response:
            assert response.status == status


async def test_one_budget_is_spent_on_every_protocol(toy: Any) -> None:
    for path in ("/toy/who", "/v1/status", "/toy/none", "/v1/none"):
        assert (await _get(toy, path, Origin=SITE))[0] in {200, 404}
    for path in ("/toy/who", "/v1/status", "/toy/none"):
        status, body, _ = await _get(toy, path, Origin=SITE)
        assert (status, "rate_limited" in body) in {(429, True), (418, True)}
    assert (await _get(toy, "/toy/who", Origin=STRANGER))[0] == 200
    for _ in range(6):
        assert (await _get(toy, "/toy/who", X_Program="1"))[0] == 200  # no page, no budget


async def test_a_foreign_user_gets_the_mount_s_refusal_and_is_hung_up_on(start_agent: Any) -> None:
    agent = await start_agent(native_mounts=(ToyMount(),), is_our_peer=lambda *_: False)
    for path, has_header in (("/toy/who", True), ("/v1/status", False)):
        async with agent.http.get(f"{agent.url}{path}") as response:
            assert response.status == 403
            assert ("X-Toy" in response.headers) is has_header
            assert response.headers["Connection"] == "close"


async def test_preflights_name_the_method_that_was_asked_for(toy: Any) -> None:
    async def preflight(path: str, origin: str, method: str) -> Any:
        headers = {"Origin": origin, "Access-Control-Request-Method": method}
        async with toy.http.options(f"{toy.url}{path}", headers=headers) as response:
            return response.status, response.headers.get("Access-Control-Allow-Methods")

    assert await preflight("/toy/read", SITE, "POST") == (204, "POST")
    assert await preflight("/toy/read", SITE, "DELETE") == (405, None)
    assert await preflight("/toy/read", STRANGER, "POST") == (403, None)
    async with toy.http.options(f"{toy.url}/toy/who", headers={"X-Program": "1"}) as response:
        assert response.status in {403, 405}


async def test_every_mount_is_closed_with_the_agent(start_agent: Any) -> None:
    ours, old = ToyMount(), ToyMount()
    agent = await start_agent(native_mounts=(ours,), plain_mounts=(old,))
    close: Callable[[], Any] = agent.serving.close
    await close()
    assert ours.closed
    assert old.closed
