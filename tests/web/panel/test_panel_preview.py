"""What the panel's page needs to show a document, and to sign one as a person wants it."""

import asyncio
import hashlib
import subprocess
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.documents.shelf import DocumentShelf
from agent.documents.signing import PdfSigner, SignatureWish
from agent.web.panel.files import ROOT, load
from agent.web.panel.first_page import ENTER
from tests.documents.pdf_files import simple_pdf
from tests.documents.refused_pdfs import form, sig_field
from tests.web.panel.panel_door import Door
from tests.web.panel.test_panel_documents import (
    PDF,
    TypingPrompter,
    hand,
    named,
    person,
    private_files,
    refused,
    signing_door,
)

__all__ = ["person", "signing_door"]  # fixtures
VENDOR = f"{ROOT}vendor/pdfjs/"
DIGESTS = {
    "pdf.min.mjs": "0d29c4871eff0b72f3896825f2673ddf7dfbccf815a7095a5d14f5aa68fab0e5",
    "pdf.worker.min.mjs": "7fc442c268d107d656755252cf38c422a88e825b7f0caaac6a5f58364dff4179",
}
"""SHA-256 of what ``devkit.pdfjs`` takes."""
CMAPS = "8006ccfde473d451bdc0b1590d42ac178958bc10efbc7760ca8c28dc72d045be"
"""Of all of its character maps, one after another."""


def as_octets(password: str) -> list[int]:
    return list(password.encode())


@pytest.fixture
def locked_pdf(tmp_path: Path) -> bytes:
    """Return a document that only its password opens."""
    (tmp_path / "plain.pdf").write_bytes(PDF)
    words = ["qpdf", "--encrypt", "geheim 密", "owner", "256", "--", "plain.pdf", "locked.pdf"]
    subprocess.run(words, cwd=tmp_path, check=True)
    return (tmp_path / "locked.pdf").read_bytes()


def policies(text: str) -> dict[str, str]:
    return dict(each.strip().partition(" ")[::2] for each in text.split(";"))


async def test_only_the_panel_itself_may_start_a_worker(door: Door) -> None:
    paths = {"": True, "question.html": False, "js/app.js": False, "api/state": False}
    for path, draws in paths.items():
        response, _ = await door.ask("GET", path)
        found = policies(response.headers["Content-Security-Policy"])
        assert found["default-src"] == "'none'"
        assert found["script-src"] == "'self'"
        assert found["require-trusted-types-for"] == "'script'"
        assert found["trusted-types"] == ("ankong-worker" if draws else "'none'")
        assert found.get("worker-src") == ("'self'" if draws else None)
        assert "font-src" not in found


async def test_the_page_to_which_the_first_one_leads_may_as_well(door: Door) -> None:
    """It is the same page: the address changes without its being loaded again."""
    url = f"{door.origin}{ENTER}"
    async with door.agent.http.get(url) as response:
        found = policies(response.headers["Content-Security-Policy"])
    assert found["worker-src"] == "'self'"


def test_what_draws_documents_is_what_was_looked_at() -> None:
    files = load()
    drawn = {path.removeprefix(VENDOR): file for path, file in files.items() if VENDOR in path}
    contents = {name: file.read() for name, file in drawn.items()}
    assert {name: hashlib.sha256(contents[name]).hexdigest() for name in DIGESTS} == DIGESTS
    maps = sorted(set(contents) - set(DIGESTS))
    assert len(maps) == 34
    assert all(name.startswith("cmaps/") and name.endswith(".bcmap") for name in maps)
    assert hashlib.sha256(b"".join(contents[name] for name in maps)).hexdigest() == CMAPS
    assert sum(map(len, contents.values())) < 2_100_000


def test_an_agent_whose_panel_nobody_opens_has_nothing_of_it_in_memory() -> None:
    tracemalloc.start()
    try:
        files = load()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 300_000
    assert b"vendor" not in files[ROOT].read()


async def test_what_draws_documents_is_served_to_the_panel_alone(door: Door) -> None:
    response, body = await door.ask("GET", "vendor/pdfjs/pdf.worker.min.mjs")
    assert response.content_type == "text/javascript"
    assert hashlib.sha256(body).hexdigest() == DIGESTS["pdf.worker.min.mjs"]
    for destination, status in (("worker", 200), ("sharedworker", 403), ("iframe", 403)):
        response, _ = await door.ask(
            "GET", "vendor/pdfjs/pdf.worker.min.mjs", **{"Sec-Fetch-Dest": destination}
        )
        assert response.status == status
    response, _ = await door.ask("GET", "vendor/pdfjs/LICENSE")
    assert response.status == 404


async def test_the_page_gets_back_what_it_handed_over(door: Door) -> None:
    told = await hand(door)
    response, body = await door.ask("GET", f"api/documents/original?id={told['id']}")
    assert (response.content_type, body) == ("application/pdf", PDF)
    listed = await door.get("documents")
    assert listed == {"documents": [told]}


async def test_what_is_only_verified_is_not_listed_for_signing(door: Door) -> None:
    await hand(door, PDF, named(use="verify"))
    assert await door.get("documents") == {"documents": []}


async def test_a_document_is_unlocked_with_its_own_password(
    signing_door: Door, locked_pdf: bytes
) -> None:
    door = signing_door
    told = await hand(door, locked_pdf)
    assert told["locked"]
    assert "pages" not in told
    wanted = {"ids": [told["id"]]}
    assert await refused(door, "POST", "api/documents/sign", wanted) == (400, "bad_request")
    unlock = "api/documents/unlock"
    wrong = {"id": told["id"], "password": as_octets("geheim")}
    assert (await refused(door, "POST", unlock, wrong))[1] == "document_password_incorrect"
    no_text = {"id": told["id"], "password": [0xFF, 0xFE]}
    assert (await refused(door, "POST", unlock, no_text))[1] == "document_password_incorrect"
    right = {"id": told["id"], "password": as_octets("geheim 密")}
    opened = await door.post("documents/unlock", right)
    assert (opened["locked"], opened["pages"], opened["encrypted"]) == (False, 2, True)
    assert await refused(door, "POST", unlock, right) == (400, "bad_request")  # once
    (signed,) = (await door.post("documents/sign", wanted))["signed"]
    _, body = await door.ask("GET", f"api/documents/signed?id={signed['id']}")
    assert body.startswith(locked_pdf)

    other = await hand(door, body, named(use="verify"))
    verify = "api/documents/verify"
    assert (await refused(door, "POST", verify, {"id": other["id"]}))[1] == "document_encrypted"
    report = await door.post("documents/verify", {**right, "id": other["id"]})
    assert len(report["signatures"]) == 1


@pytest.mark.parametrize("password", [[], [256], [-1], ["a"], "text", [0] * 513])
async def test_a_password_is_octets(door: Door, password: Any) -> None:
    told = await hand(door)
    wanted = {"id": told["id"], "password": password}
    assert await refused(door, "POST", "api/documents/unlock", wanted) == (400, "bad_request")


async def test_the_password_is_wiped_with_the_document(
    door: Door, locked_pdf: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []
    unlock = DocumentShelf.unlock

    async def noting(self: DocumentShelf, owner: bytes, identifier: str, password: Any) -> Any:
        given.append(password)
        return await unlock(self, owner, identifier, password)

    monkeypatch.setattr(DocumentShelf, "unlock", noting)
    told = await hand(door, locked_pdf)
    wrong = {"id": told["id"], "password": as_octets("x")}
    await refused(door, "POST", "api/documents/unlock", wrong)
    await door.post("documents/unlock", {**wrong, "password": as_octets("geheim 密")})
    assert [each.wiped for each in given] == [True, False]
    await door.ask("DELETE", "api/documents")
    assert [each.wiped for each in given] == [True, True]
    assert private_files(door) == []


async def test_what_does_not_take_the_signature_is_left_out(
    signing_door: Door, person: TypingPrompter, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = signing_door
    good = await hand(door)
    bad = await hand(door, simple_pdf("Another"), named("b.pdf"))
    prepare = PdfSigner.prepare

    async def prepared(self: PdfSigner, document: Any, *rest: Any) -> Any:
        if document.name == "b.pdf":
            await asyncio.to_thread(document.copy.file.write_bytes, b"%PDF-1.7")
        return await prepare(self, document, *rest)

    monkeypatch.setattr(PdfSigner, "prepare", prepared)
    assert await door.post("documents/sign", {"ids": [bad["id"], good["id"]]}) == {
        "signed": [{"id": good["id"], "saved": None, "level": "B-B"}],
        "failed": [{"id": bad["id"], "code": "document_damaged"}],
    }
    (question,) = person.asked
    assert [each.name for each in question.purpose.documents] == ["合約.pdf"]
    assert (await refused(door, "POST", "api/documents/sign", {"ids": [bad["id"]]}))[1] == (
        "document_damaged"
    )
    assert len(person.asked) == 1  # nothing was left to ask for


async def test_the_wish_reaches_the_signer(
    signing_door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = signing_door
    wishes: list[SignatureWish] = []
    prepare = PdfSigner.prepare

    async def prepared(self: PdfSigner, document: Any, wish: SignatureWish, *rest: Any) -> Any:
        wishes.append(wish)
        return await prepare(self, document, SignatureWish(field=wish.field), *rest)

    monkeypatch.setattr(PdfSigner, "prepare", prepared)
    told = await hand(door, form(b"6 0 R 7 0 R", sig_field(b"(Seller)"), sig_field(b"(Buyer)")))
    assert told["fields"] == ["Seller", "Buyer"]
    mark = {"page": 1, "box": [10, 20.5, 220, 70]}
    wanted = {"ids": [told["id"]], "field": "Buyer", "mark": mark, "reason": "同意"}
    await door.post("documents/sign", wanted)
    (wish,) = wishes
    assert (wish.field, wish.reason, wish.location) == ("Buyer", "同意", None)
    assert wish.mark is not None
    assert (wish.mark.page, wish.mark.box) == (1, (10, 20.5, 220, 70))
    for wrong in ({"field": "Nobody"}, {"ids": [told["id"], (await hand(door))["id"]]}):
        body = {**wanted, **wrong}
        assert await refused(door, "POST", "api/documents/sign", body) == (400, "bad_request")


async def test_only_what_the_agent_saved_itself_is_shown_in_its_folder(
    door: Door, tmp_path: Path
) -> None:
    told = await hand(door)
    wanted = {"id": told["id"]}
    assert await refused(door, "POST", "api/documents/reveal", wanted) == (400, "bad_request")
    for more in ({"path": str(tmp_path)}, {"id": str(tmp_path)}):
        body = {**wanted, **more}
        assert await refused(door, "POST", "api/documents/reveal", body) == (400, "bad_request")
    documents = door.panel._documents
    shelf = documents._made
    assert shelf is not None
    (document,) = shelf._documents.values()
    document.saved = tmp_path / "signed.pdf"
    shown: list[Path] = []

    def show(answer: bool) -> Callable[[Path], bool]:
        return lambda file: shown.append(file) or answer  # type: ignore[func-returns-value]

    documents._baskets._show = show(True)
    await door.post("documents/reveal", wanted)
    documents._baskets._show = show(False)
    assert (await refused(door, "POST", "api/documents/reveal", wanted))[1] == "window_unavailable"
    assert shown == [tmp_path / "signed.pdf"] * 2
