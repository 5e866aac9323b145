"""Lists that are fetched, and the identity service: what the service has of others."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from agent.kits.vectors.__main__ import FOLDER
from agent.validator.config import ServiceConfigError
from agent.validator.judging import judging
from tests.kits.service.service_support import config_of, login_of, service


@asynccontextmanager
async def authority() -> AsyncIterator[tuple[str, list[str]]]:
    """Serve the lists of the vectors; give its address, and the paths that were asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=(FOLDER / request.path.removeprefix("/")).read_bytes())

    app = web.Application()
    app.router.add_get("/{name}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


def lists_of(address: str, folder: Path) -> str:
    urls = [f"{address}/root.crl", f"{address}/ca.crl"]
    return f"urls = {json.dumps(urls)}\nfolder = {json.dumps(str(folder))}"


async def test_lists_are_fetched_once_and_serve_the_next_start_without_their_server(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "lists"
    async with authority() as (address, asked):
        lists = lists_of(address, folder)
        for _ in range(2):
            async with service(config_of(lists=lists)) as found:
                _, answer = await found.ask("login/verify", login_of())
                assert answer["verdict"] == "accepted"
        assert sorted(asked) == ["/ca.crl", "/root.crl"]
    async with service(config_of(lists=lists)) as found:
        assert (await found.get("/readyz"))[0] == 200
        _, answer = await found.ask("login/verify", login_of())
    assert answer["verdict"] == "accepted"


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "lists").write_text("no folder")
    lists = lists_of("http://127.0.0.1:1", tmp_path / "lists")
    with pytest.raises(ServiceConfigError, match="lists"):
        async with judging(config_of(lists=lists)):
            pass


async def test_an_identity_service_that_is_down_is_an_outage_and_no_verdict() -> None:
    body = {"subject_serial": "9999000000000001", "id_number": "A100000001"}
    clients = '[ics]\nurl = "http://127.0.0.1:1/"'
    config = config_of(clients=clients, more='origins = ["https://portal.example"]')
    async with service(config) as found:
        status, answer = await found.ask("identity/check", body)
    assert (status, answer["error"]["code"]) == (503, "identity_unavailable")


@pytest.mark.parametrize(
    ("ics", "why"),
    [
        ('url = "http://ics.example/"', "must be https"),
        ('url = "https://ics.example:99999/"', "ics_url is no address"),
        ('url = "https://[::1/"', "ics_url is no address"),
        ('url = "https://ics.example/"\ncertificate = "no.pem"\nkey = "no.key"', r"no\.key"),
    ],
)
async def test_an_identity_service_that_cannot_be_asked_is_refused(ics: str, why: str) -> None:
    config = config_of(clients=f"[ics]\n{ics}", more='origins = ["https://portal.example"]')
    with pytest.raises(ServiceConfigError, match=why):
        async with judging(config):
            pass
