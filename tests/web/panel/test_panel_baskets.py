"""What file managers handed over: shown by names, taken by numbers, saved beside the originals."""

import asyncio
import json
import os
import stat
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.consent.consent import AlwaysAllow
from agent.documents.baskets import BasketFolder, describe_file
from agent.signing.service import SigningService
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.web.panel import own_baskets
from tests.conftest import CardFactory
from tests.documents.pdf_files import simple_pdf
from tests.documents.test_baskets import HOSTILE, IDS, Clock
from tests.web.conftest import AgentFactory
from tests.web.panel.panel_door import Door, open_door
from tests.web.panel.test_panel_documents import NOBODY, TypingPrompter, private_files, refused

PDF = simple_pdf("Contract: pay 100 TWD")


@pytest.fixture
def typist() -> TypingPrompter:
    """Return who sits at the computer of :func:`card_door`."""
    return TypingPrompter("123456", "123456")


@pytest.fixture
async def card_door(
    start_agent: AgentFactory,
    card_certificate: Any,
    tmp_path: Path,
    make_card: CardFactory,
    typist: TypingPrompter,
) -> AsyncIterator[Door]:
    """Start an agent that signs with a card of its own, its panel open."""
    provider = VirtualProvider()
    provider.insert(READER_NAME.format(0), make_card("gen2"))
    service = SigningService(provider, AlwaysAllow(), prompter=typist)
    await service.start()
    folder = tmp_path / "state"
    folder.mkdir()
    async with open_door(start_agent, card_certificate, folder, service=service) as door:
        await door.post("settings", {"language": "zh-Hant"})
        yield door
    await service.close()


def basket_of(door: Door, files: Sequence[Path]) -> str:
    clock = Clock(time.time())
    folder = BasketFolder(door.paths.baskets, clock)
    assert folder.put([describe_file(each) for each in files])
    return folder.close(clock.wait)


def written(folder: Path, name: str = "合約.pdf", content: bytes = PDF) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    path.chmod(0o644)
    return path


async def take(door: Door, basket: str, number: int = 0) -> Any:
    return await door.post("documents/basket/take", {"basket": basket, "number": number})


async def test_it_is_signed_and_saved_beside_over_nothing(card_door: Door, tmp_path: Path) -> None:
    door, papers = card_door, tmp_path / "papers"
    file, other = written(papers), written(papers, "b.pdf")
    taken = written(papers, "合約-已簽署.pdf", b"somebody's own")
    basket = await asyncio.to_thread(basket_of, door, [file, other, papers])
    told = await door.post("documents/basket", {"id": basket})
    assert [(each["name"], each["problem"]) for each in told["files"]] == [
        ("合約.pdf", ""),
        ("b.pdf", ""),
        ("papers", "no_file"),
    ]
    assert str(tmp_path) not in json.dumps(told)
    ids = [(await take(door, basket, number))["id"] for number in (0, 1)]
    answer = await door.post("documents/sign", {"ids": ids})
    assert answer == {
        "signed": [
            {"id": ids[0], "saved": "合約-已簽署-2.pdf", "level": "B-B"},
            {"id": ids[1], "saved": "b-已簽署.pdf", "level": "B-B"},
        ],
        "failed": [],
    }
    saved = papers / "合約-已簽署-2.pdf"
    assert saved.read_bytes().startswith(PDF)
    assert len(saved.read_bytes()) > len(PDF)
    assert (file.read_bytes(), taken.read_bytes()) == (PDF, b"somebody's own")
    if os.name == "posix":
        mask = os.umask(0)
        os.umask(mask)
        assert stat.S_IMODE(saved.stat().st_mode) == 0o666 & ~mask


async def test_a_changed_original_is_not_signed(
    card_door: Door, tmp_path: Path, typist: TypingPrompter
) -> None:
    door, file = card_door, written(tmp_path / "papers")
    basket = await asyncio.to_thread(basket_of, door, [file])
    await door.post("documents/basket", {"id": basket})
    first = await take(door, basket)
    file.write_bytes(PDF + b"\n")
    path = "api/documents/sign"
    assert await refused(door, "POST", path, {"ids": [first["id"]]}) == (409, "document_changed")
    path, wanted = "api/documents/basket/take", {"basket": basket, "number": 0}
    assert await refused(door, "POST", path, wanted) == (409, "document_changed")
    file.unlink()
    assert await refused(door, "POST", path, wanted) == (409, "document_changed")
    assert typist.asked == []
    assert [each.name for each in file.parent.iterdir()] == []


async def test_where_nothing_can_be_saved_the_page_still_has_it(
    card_door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, file = card_door, written(tmp_path / "papers")
    basket = await asyncio.to_thread(basket_of, door, [file])
    await door.post("documents/basket", {"id": basket})
    told = await take(door, basket)
    file.parent.chmod(0o555)
    if os.access(file.parent, os.W_OK):  # root may all the same

        def refuse(*_: object) -> Path:
            raise PermissionError("no")

        monkeypatch.setattr("agent.documents.shelf.save_beside", refuse)
    answer = await door.post("documents/sign", {"ids": [told["id"]]})
    file.parent.chmod(0o755)
    assert answer["signed"] == [
        {"id": told["id"], "saved": None, "level": "B-B", "unsaved": "not_writable"}
    ]
    response, body = await door.ask("GET", f"api/documents/signed?id={told['id']}")
    assert (response.status, body[: len(PDF)]) == (200, PDF)
    path = "api/documents/reveal"
    assert await refused(door, "POST", path, {"id": told["id"]}) == (400, "bad_request")


async def test_its_folder_is_opened_by_its_id_alone(
    card_door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, file = card_door, written(tmp_path / "papers")
    shown: list[Path] = []

    def show(path: Path) -> bool:
        shown.append(path)
        return len(shown) == 1

    monkeypatch.setattr(door.panel._documents._baskets, "_show", show)
    basket = await asyncio.to_thread(basket_of, door, [file])
    await door.post("documents/basket", {"id": basket})
    told = await take(door, basket)
    await door.post("documents/sign", {"ids": [told["id"]]})
    assert await door.post("documents/reveal", {"id": told["id"]}) == {}
    assert shown == [file.with_name("合約-已簽署.pdf")]
    path = "api/documents/reveal"
    assert (await refused(door, "POST", path, {"id": told["id"]}))[1] == "window_unavailable"
    for body in ({"id": NOBODY}, {"id": str(file)}, {"path": str(file)}, {}):
        assert await refused(door, "POST", path, body) == (400, "bad_request")
    await door.open()  # another session
    assert await refused(door, "POST", path, {"id": told["id"]}) == (400, "bad_request")
    assert len(shown) == 2


@pytest.mark.parametrize("name", HOSTILE, ids=IDS)
async def test_any_name_is_shown_without_harm(door: Door, tmp_path: Path, name: str) -> None:
    file = written(tmp_path / "papers", name)
    basket = await asyncio.to_thread(basket_of, door, [file])
    (told,) = (await door.post("documents/basket", {"id": basket}))["files"]
    assert not set(told["name"]) & set("\n\u202e\udcff")
    assert told["name"] == (await take(door, basket))["name"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("documents/basket", {"path": "/etc/passwd"}),
        ("documents/basket", {"id": "../../etc/passwd"}),
        ("documents/basket", {"id": NOBODY}),
        ("documents/basket", {"id": NOBODY, "path": "/etc/passwd"}),
        ("documents/basket/take", {"basket": NOBODY, "number": 0}),
        ("documents/basket/take", {"basket": NOBODY, "path": "/etc/passwd"}),
        ("documents/basket/take", {"basket": NOBODY, "number": -1}),
        ("documents/basket/take", {"basket": NOBODY, "number": "/etc/passwd"}),
    ],
)
async def test_no_page_names_a_path(door: Door, path: str, body: Any) -> None:
    assert await refused(door, "POST", f"api/{path}", body) == (400, "bad_request")
    assert private_files(door) == []


async def test_a_basket_is_of_the_session_that_opened_it(door: Door, tmp_path: Path) -> None:
    papers = tmp_path / "papers"
    file = written(papers)
    basket = await asyncio.to_thread(basket_of, door, [file, papers])
    await door.post("documents/basket", {"id": basket})
    path = "api/documents/basket"
    assert await refused(door, "POST", path, {"id": basket}) == (400, "bad_request")
    take_it = {"basket": basket, "number": 0}
    for number in (1, 2):  # what is no file, and what is not there
        wrong = {**take_it, "number": number}
        assert await refused(door, "POST", f"{path}/take", wrong) == (400, "bad_request")
    before = {"X-Ankong-Panel": door.page_key, "Cookie": f"{door.cookie_name}={door.cookie}"}
    await door.open()
    assert await refused(door, "POST", f"{path}/take", take_it) == (400, "bad_request")
    assert (await door.ask("POST", f"{path}/take", take_it, **before))[0].status == 200
    await door.ask("POST", "api/close", {}, **before)
    assert private_files(door) == []


async def test_few_baskets_are_open(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_baskets, "MAX_OPEN", 1)
    file = written(tmp_path / "papers")
    ids = [await asyncio.to_thread(basket_of, door, [file]) for _ in range(2)]
    for each in ids:
        await door.post("documents/basket", {"id": each})
    old = {"basket": ids[0], "number": 0}
    path = "api/documents/basket/take"
    assert await refused(door, "POST", path, old) == (400, "bad_request")
    await take(door, ids[1])


async def test_without_the_panels_key_no_basket_opens(door: Door, tmp_path: Path) -> None:
    basket = await asyncio.to_thread(basket_of, door, [written(tmp_path / "papers")])
    for headers in ({"X-Ankong-Panel": "open"}, {"Origin": "https://evil.example"}):
        response, _ = await door.ask("POST", "api/documents/basket", {"id": basket}, **headers)
        assert response.status in (401, 403)
    await door.post("documents/basket", {"id": basket})
