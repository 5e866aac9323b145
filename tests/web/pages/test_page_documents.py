"""PDFs that pages hand over and have signed: whose they are, how many, how large, how long."""

import asyncio
import base64
import hashlib
import os
import time
from pathlib import Path
from typing import Any, cast

import pytest

from agent.consent.questions import EnterPin
from agent.documents import copies, page_shelf
from agent.documents.signing import PdfSigner
from agent.documents.site_turns import SiteTurns
from agent.errors import BadRequestError
from agent.history.store import History
from agent.history.store import read as read_history
from agent.host.machine import document_copies
from agent.origin import Origin
from tests.conftest import CardFactory
from tests.documents import pdf_judges
from tests.documents.command_support import NearWorker
from tests.documents.pdf_files import simple_pdf
from tests.web.conftest import SITE, AgentFactory
from tests.web.page_signing_rig import (
    NOBODY,
    PDF,
    READER,
    Rig,
    b64,
    code,
    pieces,
    signing_rig,
)

OTHER = "https://other.example"


@pdf_judges.needs_pdfsig
async def test_a_small_pdf_comes_back_signed_in_the_answer(rig: Rig, tmp_path: Path) -> None:
    status, told = await rig.sign(data=b64(PDF), document_name="合約.pdf")
    assert status == 200, told
    signed = base64.b64decode(told["result"].pop("pdf"))
    assert set(told["result"]) == {
        *("field", "level", "algorithm", "certificate", "thumbprint", "reader", "card_serial")
    }
    assert (told["result"]["level"], told["result"]["field"]) == ("B-B", "Signature1")
    assert signed.startswith(PDF)
    file = tmp_path / "signed.pdf"
    file.write_bytes(signed)
    (said,) = pdf_judges.pdfsig(file)
    assert said["signature validation"] == "Signature is Valid."
    (asked,) = rig.person.asked
    (shown,) = asked.purpose.documents
    assert str(asked.site) == SITE
    assert (shown.name, shown.digest) == ("合約.pdf", hashlib.sha256(PDF).digest())
    assert rig.files() == []


async def test_a_document_is_told_by_its_facts_signed_and_fetched_by_its_site_alone(
    rig: Rig,
) -> None:
    rig.consent.sites.add(OTHER)
    status, told = await rig.hand()
    assert status == 200
    identifier = told["result"].pop("document")
    assert told["result"] == {
        "size": len(PDF),
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "pages": 2,
        "signatures": 0,
        "fields": [],
        "encrypted": False,
        "locked": False,
        "warnings": [],
    }
    for answer in (
        await rig.sign(OTHER, document=identifier),
        await rig.call("GET", identifier, OTHER),
        await rig.call("DELETE", identifier, OTHER),
        await rig.call("GET", identifier),  # not signed yet
        await rig.call("GET", NOBODY),
    ):
        assert (answer[0], code(answer)) == (400, "bad_request")
    assert not rig.person.asked
    status, told = await rig.sign(document=identifier)
    assert status == 200, told
    assert told["result"]["document"] == identifier
    assert code(await rig.call("GET", identifier, OTHER)) == "bad_request"
    status, signed = await rig.call("GET", identifier)
    assert status == 200
    assert signed.startswith(PDF)
    assert len(pdf_judges.signed_parts(signed)) == 1
    again = await rig.sign(document=identifier)
    assert (again[0], code(again)) == (400, "bad_request")
    assert len(rig.person.asked) == 1
    assert (await rig.call("DELETE", identifier))[0] == 200
    assert code(await rig.call("GET", identifier)) == "bad_request"
    assert rig.files() == []


async def test_a_document_is_gone_after_its_time(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf_class = page_shelf.PageShelf
    monkeypatch.setattr(shelf_class.__init__, "__kwdefaults__", {"seconds": 0.05})
    identifier = await rig.handed()
    await rig.agent.until(lambda: not rig.files())
    assert code(await rig.sign(document=identifier)) == "bad_request"


async def test_what_is_used_is_not_taken_for_what_a_killed_process_left(rig: Rig) -> None:
    identifier = await rig.handed()
    long_ago = time.time() - 2 * document_copies.LEFT_SECONDS
    for file in rig.folder.iterdir():
        os.utime(file, (long_ago, long_ago))

    async def look(_: EnterPin) -> None:
        await asyncio.to_thread(copies.WorkFolder(rig.folder).open)  # of another document

    rig.person.before = look
    assert (await rig.sign(document=identifier))[0] == 200
    assert (await rig.call("GET", identifier))[0] == 200


async def test_what_is_signed_has_its_whole_time_to_be_fetched(tmp_path: Path) -> None:
    turns = SiteTurns(cast("Any", NearWorker()))
    shelf = page_shelf.PageShelf(tmp_path / "documents", turns)
    taken = await shelf.take(Origin.parse(SITE), pieces(PDF))
    first = taken.timer
    with shelf.used([taken]):
        pass
    assert taken.timer is first
    with shelf.used([taken]):
        shelf.take_signed(taken, taken.copy.file)
    assert first is not None
    assert first.cancelled()
    assert taken.timer is not first
    await shelf.close()


async def test_a_reason_and_a_place_are_in_the_signature(rig: Rig) -> None:
    wish = {"level": "B-B", "reason": "agreed", "location": "Taipei"}
    status, told = await rig.sign(data=b64(PDF), pades=wish)
    assert status == 200, told
    signed = base64.b64decode(told["result"]["pdf"])
    assert b"/Reason" in signed
    assert b"Taipei" in signed
    (asked,) = rig.person.asked
    assert [each.text for each in asked.purpose.documents] == ["agreed\nTaipei"]


async def test_a_long_reason_is_begun_in_the_window(rig: Rig) -> None:
    status, told = await rig.sign(data=b64(PDF), pades={"reason": "同意" * 127})
    assert status == 200, told
    (asked,) = rig.person.asked
    (shown,) = asked.purpose.documents
    assert shown.text == "同意" * 99 + "同…"


async def test_one_pin_signs_pdfs_and_what_is_none(rig: Rig) -> None:
    identifier = await rig.handed()
    text = b"and these words"
    status, told = await rig.sign(
        format="cms-detached",
        items=[
            {"data": b64(PDF), "format": "pades", "document_name": "a.pdf"},
            {"data": b64(text), "document_name": "b.txt"},
            {"document": identifier, "format": "pades", "pades": {"reason": "agreed"}},
        ],
    )
    assert status == 200, told
    first, second, third = told["result"]["items"]
    assert base64.b64decode(first["pdf"]).startswith(PDF)
    assert set(second) == {"signature"}
    assert third["document"] == identifier
    (asked,) = rig.person.asked
    assert asked.purpose.count == 3
    assert [each.name for each in asked.purpose.documents] == ["a.pdf", "b.txt", None]
    assert [each.digest for each in asked.purpose.documents] == [
        hashlib.sha256(each).digest() for each in (PDF, text, PDF)
    ]


async def test_while_the_citizen_is_asked_they_can_look_at_these_very_octets(rig: Rig) -> None:
    seen = []

    async def look(prompt: EnterPin) -> None:
        seen.extend(rig.views.find(str(prompt.purpose.view)))
        assert [each.pages for each in prompt.purpose.documents] == [2, 2]
        assert [each.file.read_bytes() for each in seen] == [PDF, PDF]

    rig.person.before = look
    identifier = await rig.handed()
    items = [{"data": b64(PDF), "document_name": "a.pdf"}, {"document": identifier}]
    assert (await rig.sign(items=items))[0] == 200
    assert [each.name for each in seen] == ["a.pdf", None]
    assert {each.digest for each in seen} == {hashlib.sha256(PDF).digest()}
    with pytest.raises(BadRequestError):
        rig.views.find(str(rig.person.asked[0].purpose.view))


async def test_with_a_page_s_pin_nobody_is_asked_and_with_a_wrong_one_nothing_is_left(
    rig: Rig,
) -> None:
    wrong = await rig.sign(data=b64(PDF), pin="000000")
    assert code(wrong) in {"pin_incorrect", "pin_last_attempt"}
    assert rig.files() == []
    status, told = await rig.sign(data=b64(PDF), pin="123456")
    assert status == 200, told
    assert not rig.person.asked


async def told(socket: Any) -> Any:
    """Return what the agent says next, but of its reader."""
    while "reader" in (said := await socket.receive_json()).get("data", {}):
        pass
    return said


async def test_a_page_that_cancels_or_leaves_leaves_nothing(rig: Rig) -> None:
    reached, never = asyncio.Event(), asyncio.Event()

    async def wait(_: object) -> None:
        reached.set()
        await never.wait()

    rig.person.before = wait
    async with rig.agent.socket() as socket:
        params = {"hash": "SHA-256", "format": "pades", "data": b64(PDF)}
        await socket.send_json({"id": 7, "method": "sign", "params": params})
        assert await told(socket) == {"event": "document_prepared", "data": {"request": 7}}
        await asyncio.wait_for(reached.wait(), 20)
        assert rig.files()
        await socket.send_json({"id": 8, "method": "cancel", "params": {"request": 7}})
        answers = [await told(socket), await told(socket)]
        codes = {each["id"]: each.get("error", {}).get("code") for each in answers}
        assert codes == {7: "user_cancelled", 8: None}
        await rig.agent.until(lambda: not rig.files())
        reached.clear()
        await socket.send_json({"id": 9, "method": "sign", "params": params})
        await asyncio.wait_for(reached.wait(), 20)
    await rig.agent.until(lambda: not rig.files())


async def test_a_card_that_is_pulled_while_the_citizen_is_asked_leaves_the_document(
    rig: Rig,
) -> None:
    identifier = await rig.handed()

    async def pull(_: object) -> None:
        rig.provider.remove(READER)
        await asyncio.Event().wait()

    rig.person.before = pull
    assert code(await rig.sign(document=identifier)) == "card_removed"
    assert len(rig.files()) == 1


async def test_another_card_than_prepared_for_is_prepared_for_once_more(
    rig: Rig, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other card is found before anybody is asked, so that no attempt of it is spent."""
    other = make_card("gen2")
    holders = []
    prepare = PdfSigner.prepare

    async def prepare_and_swap(signer: Any, document: Any, wish: Any, chosen: Any) -> Any:
        if not holders:
            rig.provider.remove(READER)
            rig.provider.insert(READER, other)
        holders.append(chosen.signer.facts.thumbprint)
        return await prepare(signer, document, wish, chosen)

    monkeypatch.setattr(PdfSigner, "prepare", prepare_and_swap)
    status, told = await rig.sign(data=b64(PDF))
    assert status == 200, told
    assert len(set(holders)) == 2
    assert told["result"]["thumbprint"] == holders[-1].hex()
    assert len(rig.person.asked) == 1


async def test_the_history_has_a_line_for_each_with_the_whole_file_s_digest(
    start_agent: AgentFactory, make_card: CardFactory, tmp_path: Path
) -> None:
    path = tmp_path / "history.sqlite"
    history = await asyncio.to_thread(History, path)
    async with signing_rig(start_agent, make_card, tmp_path, "123456", history=history) as rig:
        items = [{"data": b64(PDF), "format": "pades"}, {"data": b64(b"text")}]
        status, answer = await rig.sign(format="cms-detached", items=items)
        assert status == 200, answer
    await asyncio.to_thread(history.close)
    lines = await asyncio.to_thread(read_history, path)
    told = {(each.entry.format, each.entry.site, each.entry.digest) for each in lines}
    assert told == {
        ("pades-b-b", SITE, hashlib.sha256(PDF).hexdigest()),
        ("cms-detached", SITE, hashlib.sha256(b"text").hexdigest()),
    }


async def test_the_agent_that_ends_leaves_nothing(whole_rig: Rig) -> None:
    await whole_rig.handed()
    await whole_rig.agent.serving.close()
    assert whole_rig.files() == []


async def test_another_agent_takes_no_pdfs(start_agent: AgentFactory) -> None:
    agent = await start_agent()
    params = {"hash": "SHA-256", "format": "pades", "data": b64(simple_pdf())}
    status, told = await agent.post("sign", {"params": params})
    assert (status, told["error"]["code"]) == (400, "bad_request")
    assert agent.service.is_allowed(Origin.parse(SITE))
