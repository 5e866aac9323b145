"""The first page and its way in, without a browser: what it holds, and who gets nothing from it."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest

from agent.host.instance.first_ticket import PURPOSE, Ticket, make_ticket
from agent.words.language import REVIEWED
from tests.web.panel.panel_door import Door

POSTED = {"Content-Type": "application/json"}


def plain(door: Door) -> str:
    return f"http://127.0.0.1:{door.agent.plain_port}"


async def fetch(
    door: Door, url: str, method: str = "GET", body: Any = None, **headers: str
) -> tuple[int, Any, bytes]:
    data = None if body is None else json.dumps(body).encode()
    async with door.agent.http.request(
        method, url, data=data, headers=headers, allow_redirects=False
    ) as response:
        return response.status, response.headers, await response.read()


def new_ticket(door: Door) -> Ticket:
    return make_ticket(door.key.derive(PURPOSE))


async def claim(door: Door, ticket: Ticket) -> str:
    own = {"Origin": plain(door), **POSTED}
    url = f"{plain(door)}/first/claim"
    status, headers, body = await fetch(door, url, "POST", {"claim": ticket.claim}, **own)
    assert status == 200, body
    assert "Access-Control-Allow-Origin" not in headers
    answer: str = json.loads(body)["answer"]
    return answer


async def test_ticket_and_answer_open_the_panel_once(door: Door) -> None:
    ticket = new_ticket(door)
    token = {"token": f"{ticket.claim}.{ticket.half}.{await claim(door, ticket)}"}
    first, body = await door.ask("POST", "api/open", token, **{"X-Ankong-Panel": "open"})
    second, _ = await door.ask("POST", "api/open", token, **{"X-Ankong-Panel": "open"})
    assert (first.status, second.status) == (200, 401), body


@pytest.mark.parametrize("language", REVIEWED)
async def test_the_page_is_the_same_for_everybody_and_runs_its_own_script_alone(
    door: Door, language: str
) -> None:
    asked = {"Accept-Language": f"{language},en;q=0.5"}
    status, headers, body = await fetch(door, f"{plain(door)}/first", **asked)
    again = await fetch(door, f"{plain(door)}/first?x=1", Cookie="a=b", **asked)
    assert (status, again[2]) == (200, body)
    text = body.decode()
    assert f'<html lang="{language}">' in text
    assert "{" not in re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
    policy = headers["Content-Security-Policy"]
    for kind in ("style", "script"):
        (inside,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert not re.search(r"""(?:src|href)=["'](?!data:,)""", text)
    assert "Set-Cookie" not in headers
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize("where", ["/first", "/panel/enter"])
@pytest.mark.parametrize(
    "metadata",
    [
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Dest": "embed"},
        {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"},
        {"Origin": "https://evil.example"},
    ],
)
async def test_no_frame_and_no_script_gets_the_pages(
    door: Door, where: str, metadata: dict[str, str]
) -> None:
    base = plain(door) if where == "/first" else door.origin
    status, headers, _ = await fetch(door, f"{base}{where}", **metadata)
    assert status == 403
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:{port}"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Mode": "navigate"},
        {"Origin": "http://127.0.0.1:{port}", "Content-Type": "text/plain"},
    ],
)
async def test_no_other_page_and_no_form_hands_a_ticket_in(
    door: Door, headers: dict[str, str]
) -> None:
    ticket = new_ticket(door)
    port = door.agent.plain_port
    sent = {**POSTED, **{name: value.format(port=port) for name, value in headers.items()}}
    url = f"{plain(door)}/first/claim"
    status, _, body = await fetch(door, url, "POST", {"claim": ticket.claim}, **sent)
    assert status in (403, 415), body
    assert await claim(door, ticket)  # it is still good


@pytest.mark.parametrize(
    "body", [{}, {"claim": 1}, {"claim": "A" * 129}, {"claim": "A" * 4000}, [], {"claim": "A" * 54}]
)
async def test_garbage_is_refused(door: Door, body: Any) -> None:
    own = {"Origin": plain(door), **POSTED}
    status, _, raw = await fetch(door, f"{plain(door)}/first/claim", "POST", body, **own)
    assert status in (400, 401, 413)
    assert b"answer" not in raw


async def test_only_the_first_page_hears_that_its_browser_trusts_us(door: Door) -> None:
    url = f"{door.origin}/panel/trusted"
    for name in ("127.0.0.1", "localhost", "[::1]"):
        ours = f"http://{name}:{door.agent.plain_port}"
        status, headers, body = await fetch(door, url, Origin=ours)
        assert (status, headers["Access-Control-Allow-Origin"], body) == (204, ours, b"")
    port = door.agent.plain_port
    for origin in ("https://evil.example", "null", f"https://localhost:{port}", door.origin):
        status, headers, _ = await fetch(door, url, Origin=origin)
        assert status == 403
        assert "Access-Control-Allow-Origin" not in headers
    assert (await fetch(door, url))[0] == 403


async def test_the_way_in_holds_nothing_and_the_panel_itself_stays_shut(door: Door) -> None:
    from_page = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    status, headers, body = await fetch(door, f"{door.origin}/panel/enter", **from_page)
    assert status == 200
    assert b"Ankong Virtual Reader" not in body
    assert headers["X-Frame-Options"] == "DENY"
    assert (await fetch(door, f"{door.origin}/panel/", **from_page))[0] == 403
    assert (await fetch(door, f"{plain(door)}/panel/enter", **from_page))[0] == 404
