"""The installers of step 4: offered as they were published, and handed out whole or not at all."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent.portal.downloads import find_artefacts
from agent.virtualcard.issuer import TestIssuer
from tests.portal.support import SiteOptions, Visitor, running_site

LARGE = bytes(range(256)) * 4096
"""More than is sent at once."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder that the site is told of."""
    found = tmp_path / "dist"
    found.mkdir()
    return found


@asynccontextmanager
async def offering(
    issuer: TestIssuer, folder: Path
) -> AsyncIterator[tuple[Visitor, dict[str, Any]]]:
    """Open a site; give a visitor and what is listed, by name."""
    options = SiteOptions(settings={"downloads": str(folder)})
    async with running_site(issuer, folder.parent, options) as site:
        visitor = await site.visitor()
        listed = (await visitor.get("/api/downloads"))[1]["downloads"]
        yield visitor, {item["name"]: item for item in listed}


async def write(path: Path, content: bytes) -> None:
    await asyncio.to_thread(path.write_bytes, content)


@pytest.mark.parametrize("position", [0, len(LARGE) // 2, len(LARGE) - 1])
async def test_a_file_that_changed_is_never_handed_out_to_its_end(
    test_issuer: TestIssuer, folder: Path, position: int
) -> None:
    file = folder / "ankong.run"
    await write(file, LARGE)
    async with offering(test_issuer, folder) as (visitor, listed):
        async with visitor.http.get(listed["ankong.run"]["url"]) as response:
            assert await response.read() == LARGE
            assert response.headers["Repr-Digest"].startswith("sha-256=:")
        changed = bytearray(LARGE)
        changed[position] ^= 1
        await write(file, bytes(changed))
        with pytest.raises(aiohttp.ClientError):
            async with visitor.http.get(listed["ankong.run"]["url"]) as response:
                await response.read()


@pytest.mark.parametrize("content", [LARGE + b"x", LARGE[:-1], b"", None])
async def test_a_file_of_another_size_is_not_even_begun(
    test_issuer: TestIssuer, folder: Path, content: bytes | None
) -> None:
    file = folder / "ankong.run"
    await write(file, LARGE)
    async with offering(test_issuer, folder) as (visitor, _):
        if content is None:
            await asyncio.to_thread(file.unlink)
        else:
            await write(file, content)
        assert (await visitor.get("/downloads/ankong.run"))[0] == 404


async def test_who_only_asks_gets_no_body(test_issuer: TestIssuer, folder: Path) -> None:
    await write(folder / "ankong.exe", LARGE)
    async with (
        offering(test_issuer, folder) as (visitor, listed),
        visitor.http.head(listed["ankong.exe"]["url"]) as response,
    ):
        assert response.content_length == len(LARGE)
        assert await response.read() == b""


async def test_what_the_build_did_not_publish_is_not_offered(
    test_issuer: TestIssuer, folder: Path
) -> None:
    for name in ("good.deb", "changed.exe", "unknown.run"):
        await write(folder / name, name.encode())
    good, other = (hashlib.sha256(each).hexdigest() for each in (b"good.deb", b"as it was"))
    await write(
        folder / "SHA256SUMS", f"{good}  good.deb\n{other}  changed.exe\ngarbage\n".encode()
    )
    async with offering(test_issuer, folder) as (visitor, listed):
        assert set(listed) == {"good.deb"}
        for name in ("changed.exe", "unknown.run", "SHA256SUMS", "artefacts.json"):
            assert (await visitor.get(f"/downloads/{name}"))[0] == 404


@pytest.mark.parametrize(
    "name", ["a b.run", "x;reboot.run", "-rf.run", "安控.run", "a`b`.run", 'a".run', "..run", "run"]
)
def test_a_name_that_could_be_a_command_is_not_offered(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"x")
    assert find_artefacts(folder) == ()


def test_every_kind_knows_its_system(folder: Path) -> None:
    for name in ("a.exe", "b.deb", "c.rpm", "d-0.1.0_x86~64+1.run", "e.pkg", "f.tar.gz"):
        (folder / name).write_bytes(name.encode())
    assert [(each.kind, each.system) for each in find_artefacts(folder)] == [
        ("exe", "windows"),
        ("deb", "linux"),
        ("rpm", "linux"),
        ("run", "linux"),
        ("pkg", "macos"),
        ("tar.gz", "linux"),
    ]


def test_without_a_folder_there_is_nothing(folder: Path) -> None:
    assert find_artefacts(None) == ()
    assert find_artefacts(folder / "missing") == ()
