"""The front serves every protocol alike: one table of what it refuses, and a protocol of a test."""

from asyncio import IncompleteReadError
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from agent.origin import LOCAL_PROGRAM, Origin
from agent.size_limits import MAX_HIPKI_BODY, MAX_MESSAGE, MAX_PANEL_BODY
from agent.web.front import refusal
from agent.web.front.limits import Limits
from tests.web.conftest import SITE, STRANGER, AgentFactory
from tests.web.front_examples import CLASSES, GOOD_STATUS, Everything, Sent, ToyMount, everything


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


async def test_a_route_may_refuse_in_a_form_of_its_own(toy: Any) -> None:
    with capture_logs():  # which would read our source files for the traceback
        status, body, headers = await _get(toy, "/toy/fails")
    assert (status, body, headers["X-Toy"]) == (418, "toy:internal", "yes")


# What each mount refuses, by the check that does it.

BURST = 3
REFUSED = "origin_not_allowed"
UNTRUSTED = '"ret_code":1979711537'  # 0x76000031, of the old component


class Row(NamedTuple):
    """What a check says to a request that fails it and is like the mount's good one otherwise.

    Attributes:
        status: of HTTP.
        says: part of the body.
        changes: of the mount's good request.
        breaks: a method of the service that raises what nobody expects.
        caller: who asks, where the mount is made to be mistaken about it.
        hangs_up: whether the connection ends with the answer.

    """

    status: int
    says: str
    changes: Mapping[str, Any] = {}
    breaks: str = ""
    caller: tuple[Origin | None, ...] = ()
    hangs_up: bool = False


def headers(**changed: str | None) -> dict[str, Any]:
    return {"headers": {name.replace("_", "-"): value for name, value in changed.items()}}


def preflight(method: str = "POST", **more: str | None) -> dict[str, Any]:
    asked = headers(Access_Control_Request_Method=method, Content_Type=None, **more)
    return {"method": "OPTIONS", "body": b"", **asked}


def length(limit: int, says: str = "a message has at most") -> Row:
    return Row(413, says, headers(Content_Length=str(limit + 1)), hangs_up=True)


ANY_SITE = (Origin.parse(SITE),)
EVERYWHERE = {
    "address": Row(403, REFUSED),
    "host": Row(421, "another server", headers(Host="evil.example")),
    "method": Row(405, "no such method", {"method": "DELETE"}),
    "preflight of a method": Row(405, "no such method", preflight("DELETE")),
}
CALLS = {
    "fetch metadata": Row(403, REFUSED, headers(Sec_Fetch_Mode="navigate")),
    "content type": Row(415, "application/json", headers(Content_Type="text/plain")),
    "content encoding": Row(415, "Content-Encoding", headers(Content_Encoding="gzip")),
}
SITES = {
    "caller": Row(403, REFUSED, headers(Origin="null")),
    "budget": Row(429, "rate_limited"),
    "audience": Row(403, REFUSED, headers(Origin=STRANGER)),
    "nobody": Row(403, REFUSED, headers(Origin=None)),
    "preflight": Row(403, REFUSED, preflight(Origin=STRANGER)),
}
OUR_PAGES = {
    "caller": Row(403, REFUSED, headers(Origin=SITE)),
    "audience": Row(403, REFUSED, caller=ANY_SITE),
    "nobody": Row(403, REFUSED, caller=(None,)),
    "preflight": Row(403, REFUSED, preflight(), caller=ANY_SITE),
    "preflight for nobody": Row(403, REFUSED, preflight()),
}
TABLE: Mapping[str, Mapping[str, Row]] = {
    "toy": {
        **EVERYWHERE,
        **CALLS,
        **SITES,
        "path": Row(404, "no such path", {"path": "/toy/none"}),
        "length": length(16),
        "preflight for nobody": Row(
            403, REFUSED, {"path": "/toy/who", **preflight("GET", X_Program="1")}
        ),
        "exception": Row(500, "internal", breaks="snapshot"),
    },
    "native": {
        **EVERYWHERE,
        **CALLS,
        **SITES,
        "path": Row(404, "no such path", {"path": "/v1/none"}),
        "length": length(MAX_MESSAGE),
        "preflight for nobody": Row(
            403, REFUSED, {"path": "/v1/status", **preflight("GET", Origin=None)}
        ),
        "exception": Row(500, "internal", breaks="certificates"),
    },
    "panel": {
        **EVERYWHERE,
        **CALLS,
        **OUR_PAGES,
        "path": Row(404, "no such path", {"path": "/panel/api/none"}),
        "length": length(MAX_PANEL_BODY),
        "exception": Row(
            500, "internal", {"path": "/panel/api/certificates", "method": "GET"}, "certificates"
        ),
    },
    "hipki": {
        **EVERYWHERE,
        "method": Row(405, "no such method", {"method": "DELETE"}),
        "caller": Row(200, UNTRUSTED, headers(Origin="null")),
        "budget": Row(429, '"func":"sign"'),
        "path": Row(404, "no such path", {"path": "/sign/none"}),
        "length": length(MAX_HIPKI_BODY, '"ret_code":1979711498'),  # 0x7600000A
        "preflight": Row(403, REFUSED, preflight(Origin=STRANGER)),
        "preflight for nobody": Row(
            403, REFUSED, {"path": "/p11Image.bmp", **preflight("GET", Origin=None)}
        ),
        "exception": Row(
            500, '"func":"pkcs11info"', {"path": "/pkcs11info?withcert=true"}, "connect"
        ),
    },
    "hipki's own pages": {
        **EVERYWHERE,
        **CALLS,
        **OUR_PAGES,
        "path": Row(404, "no such path", {"path": "/popup/none", **headers(Origin=None)}),
        "length": length(4096),
        "exception": Row(500, "internal", breaks="snapshot"),
    },
    "jrsys": {
        **EVERYWHERE,
        "fetch metadata": CALLS["fetch metadata"],
        "caller": SITES["caller"],
        "budget": SITES["budget"],
        "nobody": SITES["nobody"],
        "path": Row(404, "no such path", {"path": "/none"}),
        "length": length(MAX_MESSAGE),
        "preflight for nobody": Row(403, REFUSED, preflight("GET", Origin=None)),
    },
}
LEFT_OUT: Mapping[str, frozenset[str]] = {
    # Our own pages have no budget to exceed.
    "panel": frozenset({"budget"}),
    "hipki's own pages": frozenset({"budget"}),
    # Old pages send any body, and whoever is not allowed gets a reply in their form.
    "hipki": frozenset(CALLS) | {"audience", "nobody"},
    # A WebSocket for any site; what it may have is settled message by message.
    "jrsys": frozenset({"content type", "content encoding", "audience", "preflight", "exception"}),
}

READERS: Mapping[str, frozenset[str]] = {
    "native": frozenset({SITE, STRANGER}),  # its errors are for any site that names itself
    "jrsys": frozenset({SITE}),
    "hipki": frozenset({SITE}),
}
"""Who can read a refusal."""


def test_every_check_is_in_the_table_for_every_mount() -> None:
    checks = frozenset(check for rows in TABLE.values() for check in rows)
    assert {name: checks - rows.keys() for name, rows in TABLE.items()} == {
        name: LEFT_OUT.get(name, frozenset()) for name in CLASSES
    }


@pytest.fixture
async def served(
    start_agent: AgentFactory, card_certificate: Any, tmp_path: Path
) -> AsyncIterator[Everything]:
    limits = Limits(rate=0.001, burst=BURST)
    async with everything(start_agent, card_certificate, tmp_path, limits) as made:
        yield made


@pytest.mark.parametrize("mount", TABLE)
async def test_the_good_request_passes_every_check(served: Everything, mount: str) -> None:
    for _ in range(BURST):
        answer = await served.ask(mount, served.good[mount])
        assert answer.status == GOOD_STATUS.get(mount, 200), answer


@pytest.mark.parametrize("mount", ["panel", "hipki's own pages"])
async def test_our_own_pages_have_no_budget(served: Everything, mount: str) -> None:
    for _ in range(BURST + 2):
        assert (await served.ask(mount, served.good[mount])).status == 200


def broken(*_: object) -> None:
    raise RuntimeError("nobody expected it")


@pytest.mark.parametrize(
    ("mount", "check"), [(mount, check) for mount, rows in TABLE.items() for check in rows]
)
async def test_every_mount_refuses_what_fails_a_check(
    served: Everything, monkeypatch: pytest.MonkeyPatch, mount: str, check: str
) -> None:
    row = TABLE[mount][check]
    sent = served.good[mount].but(**row.changes)
    if check == "address":
        monkeypatch.setattr(web.BaseRequest, "remote", "192.0.2.1")
    if check == "budget":
        for _ in range(BURST):
            assert (await served.ask(mount, sent)).status == GOOD_STATUS.get(mount, 200)
    if row.breaks:
        monkeypatch.setattr(served.agent.service, row.breaks, broken)
    for caller in row.caller:
        monkeypatch.setattr(CLASSES[mount], "identify", Mock(return_value=caller))
    monkeypatch.setattr(refusal, "_unexpected", refusal.UnexpectedErrors())
    with capture_logs() as lines:  # and no traceback, which would read our source files
        answer = await served.ask(mount, sent)
    assert (answer.status, row.says in answer.body) == (row.status, True), answer
    assert "nobody expected" not in answer.body
    assert [line["event"] for line in lines] == ["unexpected error"] * (check == "exception")
    assert (answer.headers.get("connection") == "close") is row.hangs_up
    kept = {name.lower(): value.lower() for name, value in CLASSES[mount].headers.items()}
    assert kept.items() <= answer.headers.items()
    readers = READERS.get(mount, frozenset())
    assert answer.headers.get("access-control-allow-origin") in {None, *readers}


@pytest.mark.parametrize("mount", CLASSES)
async def test_another_users_program_gets_no_answer_from_any_mount(
    served: Everything, mount: str
) -> None:
    served.is_ours = False
    with pytest.raises((ConnectionError, IncompleteReadError)):
        await served.ask(mount, served.good[mount])
    served.is_ours = True
    answer = await served.ask(mount, served.good[mount])
    assert answer.status == GOOD_STATUS.get(mount, 200)


async def test_one_budget_is_spent_on_every_mount(served: Everything) -> None:
    for mount in ("toy", "native", "hipki"):
        assert (await served.ask(mount, served.good[mount])).status == 200
    for mount in ("toy", "native", "hipki"):
        assert (await served.ask(mount, served.good[mount])).status == 429
        other = served.good[mount].but(**headers(Origin=STRANGER))
        assert (await served.ask(mount, other)).status != 429
    for _ in range(BURST + 1):  # no page, no budget
        program = Sent("GET", "/toy/who", {"X-Program": "1"})
        assert (await served.ask("toy", program)).status == 200


async def test_preflights_name_the_method_that_was_asked_for(served: Everything) -> None:
    for mount in ("toy", "native", "hipki"):
        asked = served.good[mount].but(**preflight())
        answer = await served.ask(mount, asked)
        assert (answer.status, answer.headers["access-control-allow-methods"]) == (204, "post")


async def test_every_mount_is_closed_with_the_agent(start_agent: Any) -> None:
    ours, old = ToyMount(), ToyMount()
    agent = await start_agent(native_mounts=(ours,), plain_mounts=(old,))
    close: Callable[[], Any] = agent.serving.close
    await close()
    assert ours.closed
    assert old.closed
