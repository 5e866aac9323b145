"""An authority's server, or whoever sits on the line before it, may send anything at all."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.relying.list_fetch import FetchedList, ListFetchError, ListVersion
from agent.relying.list_http import fetch_list
from tests.kits.lists_support import crl, make
from tests.signing import pki_support as pki

NONE = ListVersion()
Writer = asyncio.StreamWriter
Handler = Callable[[Writer], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[tuple[str, list[str]]]:
    """Give the address of a server, and the heads of the requests that come."""
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            await handler(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side has had enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ca.crl", heads


def answer(body: bytes = b"", head: Sequence[str] = (), status: str = "200 OK") -> Handler:
    lines = "".join(f"{line}\r\n" for line in head)

    async def handler(writer: Writer) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\n{lines}\r\n".encode() + body)
        await writer.drain()

    return handler


async def test_a_list_comes_with_the_name_of_its_version() -> None:
    body = crl()
    named = [f"Content-Length: {len(body)}", 'ETag: "one"', "Last-Modified: yesterday"]
    version = ListVersion('"one"', "yesterday")
    async with serving(answer(body, named)) as (url, heads):
        assert await fetch_list(url, NONE) == FetchedList(body, version)
        await fetch_list(url, version)
    assert "If-" not in heads[0]
    assert 'If-None-Match: "one"' in heads[1]
    assert "If-Modified-Since: yesterday" in heads[1]
    assert "Accept-Encoding: identity" in heads[1]
    async with serving(answer(status="304 Not Modified")) as (url, _):
        assert await fetch_list(url, version) == FetchedList(None, version)


async def endless_body(writer: Writer) -> None:
    await answer()(writer)
    while True:
        writer.write(bytes(65536))
        await writer.drain()


async def endless_head(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: and more\r\n" * 1000)
        await writer.drain()


async def endless_line(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def silent(writer: Writer) -> None:
    await writer.wait_closed()


async def one_byte_and_silence(writer: Writer) -> None:
    await answer(b"\x30", ["Content-Length: 1000"])(writer)
    await writer.wait_closed()


BOMB = gzip.compress(bytes(1 << 20))


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (endless_body, "more than"),
        (answer(bytes(10_001)), "more than"),
        (answer(b"", ["Content-Length: 10001"]), "more than"),
        (answer(b"", ["Content-Length: 99999999999999999999"]), "more than|not reached"),
        (answer(BOMB, ["Content-Encoding: gzip"]), "packed"),
        (answer(BOMB, ["Content-Encoding: br, gzip"]), "packed"),
        (answer(b"abc", ["Content-Length: 10"]), "not reached"),
        (answer(b"abc", ["Content-Length: -1"]), "not reached"),
        (answer(b"abc", ["Content-Length: 3", "Content-Length: 4"]), "not reached"),
        (answer(b"5\r\nabc", ["Transfer-Encoding: chunked"]), "not reached"),
        (answer(b"no number\r\nabc", ["Transfer-Encoding: chunked"]), "not reached"),
        (answer(status="302 Found", head=["Location: http://127.0.0.1:1/"]), "answered 302"),
        (answer(status="304 Not Modified"), "answered 304"),
        (answer(status="404 Not Found"), "answered 404"),
        (answer(status="206 Partial Content"), "answered 206"),
        (endless_line, "not reached"),
    ],
    ids=range(16),
)
async def test_a_server_cannot_send_without_end_or_send_us_elsewhere(
    handler: Handler, why: str
) -> None:
    async with serving(handler) as (url, heads):
        with pytest.raises(ListFetchError, match=why):
            await fetch_list(url, NONE, limit=10_000)
    assert len(heads) == 1


@pytest.mark.parametrize("handler", [silent, one_byte_and_silence, endless_head])
async def test_a_server_that_never_ends_is_left(handler: Handler) -> None:
    async with serving(handler) as (url, _):
        with pytest.raises(ListFetchError, match=r"longer than|not reached"):
            await fetch_list(url, NONE, seconds=0.3)


async def test_nobody_there() -> None:
    async with serving(silent) as (url, _):
        pass
    with pytest.raises(ListFetchError, match="not reached"):
        await fetch_list(url, NONE)


async def test_other_schemes_are_not_fetched() -> None:
    with pytest.raises(ValueError, match="only plain http"):
        await fetch_list("file:///etc/hostname", NONE)


async def test_a_packed_list_is_no_list_and_one_with_more_than_it_said_is_cut_short(
    tmp_path: Path,
) -> None:
    body = crl()
    for handler, found in (
        (answer(gzip.compress(body)), []),
        (answer(body, [f"Content-Length: {len(body) - 1}"]), []),
        (answer(b"<html>Service suspended</html>", ["Content-Type: text/html"]), []),
        (answer(body, ["Content-Type: text/html", "Set-Cookie: a=b"]), [body]),
    ):
        async with serving(handler) as (url, _), make(tmp_path, None, urls=(url,)) as lists:
            assert [each.der for each in (await lists.current()).crls] == found


async def test_each_address_has_its_own_list(tmp_path: Path) -> None:
    other = pki.root().crl()
    async with (
        serving(answer(crl())) as (one, _),
        serving(answer(other)) as (two, heads),
        make(tmp_path, None, urls=(one, two, two)) as lists,
    ):
        assert [each.der for each in (await lists.current()).crls] == [crl(), other]
    assert len(heads) == 1
