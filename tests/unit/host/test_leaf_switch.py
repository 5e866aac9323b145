"""A running server climbs the ladder: no restart, no new trust, and a new authority at its end."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self

import pytest
from cryptography import x509

from agent.host.tls import identity
from agent.host.tls.authority import LEAVES
from agent.host.tls.switch import LeafSwitch

NOW = datetime.now(UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Server:
    """A live TLS listener on loopback whose leaf a client can look at."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    async def __aenter__(self) -> Self:
        async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        self._listener = await asyncio.start_server(close, "127.0.0.1", 0, ssl=self._context)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        await self._listener.wait_closed()

    async def leaf(self) -> x509.Certificate:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE  # the clock of this test is ahead of OpenSSL's
        port = self._listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        return x509.load_der_x509_certificate(der)


async def test_the_live_server_changes_its_leaf_when_the_day_comes(tmp_path: Path) -> None:
    clock = Clock()
    first = identity.ensure(tmp_path, NOW)
    context = identity.server_context(first)
    switch = LeafSwitch(context, partial(identity.ensure, tmp_path), first, clock)
    seen = set()
    async with Server(context) as server:
        seen.add((await server.leaf()).serial_number)
        for days in range(100, 1800, 100):
            clock.now = NOW + timedelta(days=days)
            await switch.look()
            leaf = await server.leaf()
            assert leaf.not_valid_before_utc <= clock.now < leaf.not_valid_after_utc
            assert (
                leaf.issuer == x509.load_pem_x509_certificate(first.authority.read_bytes()).issuer
            )
            seen.add(leaf.serial_number)
    assert len(seen) == LEAVES


async def test_nothing_changes_before_that_day(tmp_path: Path) -> None:
    first = identity.ensure(tmp_path, NOW)
    switch = LeafSwitch(
        identity.server_context(first), partial(identity.ensure, tmp_path), first, Clock()
    )
    assert not await switch.look()


async def test_at_the_end_of_the_ladder_there_is_a_new_authority(tmp_path: Path) -> None:
    clock = Clock()
    first = identity.ensure(tmp_path, NOW)
    context = identity.server_context(first)
    switch = LeafSwitch(context, partial(identity.ensure, tmp_path), first, clock)
    clock.now = NOW + timedelta(days=365 * 6)
    assert await switch.look()
    async with Server(context) as server:
        leaf = await server.leaf()
    authority = x509.load_pem_x509_certificate(first.authority.read_bytes())
    leaf.verify_directly_issued_by(authority)
    assert leaf.not_valid_after_utc > clock.now


async def test_a_repair_by_another_process_is_taken_up(tmp_path: Path) -> None:
    first = identity.ensure(tmp_path, NOW)
    context = identity.server_context(first)
    switch = LeafSwitch(context, partial(identity.ensure, tmp_path), first, Clock())
    renewed = identity.renew(tmp_path, NOW)
    assert await switch.look()
    async with Server(context) as server:
        leaf = await server.leaf()
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(renewed.authority.read_bytes()))


async def test_a_disk_that_fails_leaves_the_server_as_it_is(tmp_path: Path) -> None:
    clock = Clock()
    folder = tmp_path / "tls"
    first = identity.ensure(folder, NOW)
    context = identity.server_context(first)
    switch = LeafSwitch(context, partial(identity.ensure, folder), first, clock)
    async with Server(context) as server:
        before = await server.leaf()
        folder.rename(tmp_path / "away")
        folder.write_bytes(b"")
        clock.now = NOW + timedelta(days=350)
        assert not await switch.look()
        assert await server.leaf() == before
        folder.unlink()
        (tmp_path / "away").rename(folder)
        assert await switch.look()
        assert await server.leaf() != before


async def test_it_looks_again_and_again_until_cancelled(tmp_path: Path) -> None:
    looks = asyncio.Semaphore(0)

    def clock() -> datetime:
        looks.release()
        return NOW

    first = identity.ensure(tmp_path, NOW)
    context = identity.server_context(first)
    running = asyncio.create_task(
        LeafSwitch(context, partial(identity.ensure, tmp_path), first, clock, interval=0.001).run()
    )
    async with asyncio.timeout(30):
        for _ in range(3):
            await looks.acquire()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
