"""A body that is refused unread: an honest page hears why, and a stranger's costs little."""

import asyncio
from typing import Any

import pytest

from agent.rate import Rate
from agent.web.front import dropped, http_server
from agent.web.front.dropped import DroppedBytes
from tests.web.conftest import SITE, AgentFactory

STRANGER = "https://stranger.example"
PIECE = bytes(64 * 1024)
ANNOUNCED = 100_000_000  # bytes; more than any limit
MOST = 1024 * 1024  # bytes that are read of one domain, in the test
ONE_READ = 256 * 1024  # bytes that one turn of the event loop brings at most


async def begin(agent: Any, site: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await agent.raw()
    writer.write(
        f"POST /v1/sign HTTP/1.1\r\nHost: localhost:{agent.serving.port}\r\nOrigin: {site}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {ANNOUNCED}\r\n\r\n".encode()
    )
    return reader, writer


async def send(writer: asyncio.StreamWriter, pieces: int) -> None:
    for _ in range(pieces):
        writer.write(PIECE)
        await writer.drain()


@pytest.fixture
def came(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes came in on connections."""
    lengths: list[int] = []
    receive = http_server._Connection.data_received

    def count(self: Any, data: bytes) -> None:
        lengths.append(len(data))
        receive(self, data)

    monkeypatch.setattr(http_server._Connection, "data_received", count)
    return lengths


async def test_little_is_read_of_a_stranger_s(
    start_agent: AgentFactory, came: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropped, "OF_A_DOMAIN", Rate(MOST, 0))
    agent = await start_agent()
    _, writer = await begin(agent, STRANGER)
    with pytest.raises(ConnectionError):
        await send(writer, ANNOUNCED // len(PIECE))
    assert sum(came) < MOST + 2 * ONE_READ
    assert await agent.alive()


@pytest.mark.parametrize(
    ("site", "length"), [(STRANGER, dropped.OF_A_DOMAIN.burst // 2), (SITE, 2 * MOST)]
)
async def test_who_sends_on_hears_why_it_was_refused(
    start_agent: AgentFactory, site: str, length: int
) -> None:
    agent = await start_agent()
    reader, writer = await begin(agent, site)
    await send(writer, length // len(PIECE))
    status = await asyncio.wait_for(reader.readline(), 20)
    assert status.split()[1] in {b"403", b"413"}
    writer.transport.abort()


def test_strangers_are_counted_by_domain_and_all_together() -> None:
    counted = DroppedBytes(clock=lambda: 0.0)
    half = dropped.OF_A_DOMAIN.burst // 2
    assert [counted.take("pest.example", half) for _ in range(3)] == [True, True, False]
    assert counted.take("honest.example", half)
    taken = [counted.take(f"pest{number}.example", half) for number in range(20)]
    assert sum(taken) == dropped.OF_ALL.burst // half - 3
