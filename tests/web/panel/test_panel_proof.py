"""Proof that lasts, in the panel: what pages are told of it, and what is kept where it fails."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.consent.consent import AlwaysAllow
from agent.documents import signing as signing_module
from agent.host.settings.config import Settings
from agent.pdf.hole import fill
from agent.signing.service import SigningService
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.conftest import CardFactory
from tests.documents.pdf_files import simple_pdf
from tests.documents.proof_world import World, world_of
from tests.documents.time_authorities import TYPE
from tests.web.conftest import AgentFactory
from tests.web.panel.panel_door import Door, open_door
from tests.web.panel.test_panel_baskets import basket_of, take, written
from tests.web.panel.test_panel_documents import TypingPrompter, hand, named, refused


@pytest.fixture
def world(tmp_path: Path, test_issuer: TestIssuer) -> Iterator[World]:
    (tmp_path / "authorities").mkdir()
    with world_of(tmp_path / "authorities", test_issuer) as found:
        yield found


@pytest.fixture
def person() -> TypingPrompter:
    return TypingPrompter("123456")


@pytest.fixture
async def proving_door(  # each is a part of the world
    start_agent: AgentFactory,
    card_certificate: Any,
    tmp_path: Path,
    make_card: CardFactory,
    *,
    person: TypingPrompter,
    world: World,
) -> AsyncIterator[Door]:
    """Start an agent whose settings name authorities, its panel open."""
    provider = VirtualProvider()
    provider.insert(READER_NAME.format(0), make_card("gen2"))
    service = SigningService(provider, AlwaysAllow(), prompter=person)
    known = world.settings
    chosen = Settings(
        document_level="B-LT",
        timestamp_url=known.timestamp_url,
        timestamp_anchors=tuple(map(str, known.timestamp_anchors)),
        evidence_urls=tuple(known.evidence_urls),
        document_anchors=tuple(map(str, known.document_anchors)),
    )
    await service.start()
    async with open_door(
        start_agent,
        card_certificate,
        tmp_path,
        service=service,
        panel_settings=chosen,
    ) as door:
        yield door
    await service.close()


async def test_a_page_is_told_what_proves_the_time(proving_door: Door) -> None:
    door = proving_door
    first = await hand(door)
    assert first["proof"] == {"level": "B-LT", "host": "127.0.0.1"}
    done = await door.post("documents/sign", {"ids": [first["id"]]})
    assert done["signed"] == [{"id": first["id"], "saved": None, "level": "B-LT"}]
    _, signed = await door.ask("GET", f"api/documents/signed?id={first['id']}")
    other = await hand(door, signed, named(use="verify"))
    report = await door.post("documents/verify", {"id": other["id"]})
    assert report["verdict"] == "valid"
    assert report["signatures"][0]["level"] == "B-LT"
    assert report["signatures"][0]["proven_time"] is not None


async def test_a_page_is_told_what_is_lacking(proving_door: Door, world: World) -> None:
    world.server.reply = lambda _: (500, TYPE, b"")
    told = await hand(proving_door)
    done = await proving_door.post("documents/sign", {"ids": [told["id"]]})
    assert done["signed"] == [
        {"id": told["id"], "saved": None, "level": "B-B", "lacks": "timestamp_failed"}
    ]


def from_file_manager(door: Door, folder: Path) -> tuple[str, Path]:
    """Have a file manager hand over a document; return its basket, and where it is."""
    file = written(folder / "papers")
    return basket_of(door, [file]), file


async def shelve(door: Door, basket: str) -> str:
    await door.post("documents/basket", {"id": basket})
    identifier: str = (await take(door, basket))["id"]
    return identifier


async def signed_without_its_time(
    door: Door, world: World, folder: Path
) -> tuple[Path, dict[str, Any]]:
    """Sign while the authority is out of order; return the original, and what is told."""
    basket, file = await asyncio.to_thread(from_file_manager, door, folder)
    identifier = await shelve(door, basket)
    world.server.reply = lambda _: (500, TYPE, b"")
    (lacking,) = (await door.post("documents/sign", {"ids": [identifier]}))["signed"]
    assert (lacking["level"], lacking["lacks"]) == ("B-B", "timestamp_failed")
    return file, lacking


async def test_what_is_lacking_is_had_later_without_the_card(
    proving_door: Door, world: World, person: TypingPrompter, tmp_path: Path
) -> None:
    door, honest = proving_door, world.server.reply
    file, lacking = await signed_without_its_time(door, world, tmp_path)
    identifier, saved = lacking["id"], file.with_name(lacking["saved"])
    before = saved.read_bytes()
    path, wanted = "api/documents/extend", {"id": identifier}
    assert (await refused(door, "POST", path, wanted))[1] == "timestamp_failed"
    world.server.reply = honest
    list_of_ca = world.server.files.pop("/ca.crl")
    told = await door.post("documents/extend", wanted)
    assert (told["level"], told["lacks"]) == ("B-T", "evidence_missing")
    world.server.files["/ca.crl"] = list_of_ca
    told = await door.post("documents/extend", wanted)
    assert told == {"id": identifier, "saved": saved.name, "level": "B-LT"}
    assert saved.read_bytes() != before
    assert [each.name for each in sorted(file.parent.iterdir())] == sorted([file.name, saved.name])
    _, signed = await door.ask("GET", f"api/documents/signed?id={identifier}")
    assert signed == saved.read_bytes()
    assert signed.startswith(file.read_bytes())
    assert await refused(door, "POST", path, wanted) == (400, "bad_request")
    assert len(person.asked) == 1


async def test_a_saved_file_that_is_another_by_now_is_left_alone(
    proving_door: Door, world: World, tmp_path: Path
) -> None:
    door, honest = proving_door, world.server.reply
    file, lacking = await signed_without_its_time(door, world, tmp_path)
    saved = file.with_name(lacking["saved"])
    saved.write_bytes(b"a person's own by now")
    world.server.reply = honest
    told = await door.post("documents/extend", {"id": lacking["id"]})
    assert (told["level"], told["saved"]) == ("B-LT", f"{saved.stem}-2.pdf")
    assert saved.read_bytes() == b"a person's own by now"


async def test_a_page_is_told_by_how_much_documents_grow(
    proving_door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await proving_door.get("documents/growth") == {"bytes": 0}
    monkeypatch.setattr("agent.web.panel.own_documents.LARGE_GROWTH", 100)
    monkeypatch.setattr("agent.web.panel.own_baskets.LARGE_GROWTH", 100)
    assert (await proving_door.get("documents/growth"))["bytes"] > 100
    told = await hand(proving_door)
    (done,) = (await proving_door.post("documents/sign", {"ids": [told["id"]]}))["signed"]
    assert done["grown"] > 100


async def test_what_could_not_be_finished_is_finished_without_the_card(
    proving_door: Door, person: TypingPrompter, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, filled = proving_door, []

    def fill_once(file: Path, *more: Any, **how: Any) -> None:
        filled.append(file)
        if len(filled) == 1:
            raise OSError(28, "No space left on device")
        fill(file, *more, **how)

    monkeypatch.setattr(signing_module, "fill", fill_once)
    first, second = await hand(door), await hand(door, simple_pdf("Another"), named("b.pdf"))
    wanted = {"ids": [first["id"], second["id"]], "level": "B-B"}
    done = await door.post("documents/sign", wanted)
    assert [each["id"] for each in done["signed"]] == [second["id"]]
    assert done["failed"] == [{"id": first["id"], "code": "internal", "left": True}]
    done = await door.post("documents/sign", {"ids": [first["id"]]})
    assert ([each["id"] for each in done["signed"]], done["failed"]) == ([first["id"]], [])
    assert len(person.asked) == 1
    _, signed = await door.ask("GET", f"api/documents/signed?id={first['id']}")
    assert signed.startswith(simple_pdf("Contract: pay 100 TWD", "Second page"))
