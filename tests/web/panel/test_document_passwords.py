"""A document's own password is wiped in every way out, however little of the work was begun."""

from pathlib import Path
from typing import Any

import pytest

from agent.documents.copies import PrivateCopy, WorkFolder
from agent.documents.shelf import DocumentShelf
from agent.documents.shelved import ShelvedDocument
from agent.errors import AgentError, BadRequestError
from agent.pdf.wire import PdfFacts
from agent.secret import SecretBytes
from agent.web.panel import own_documents, question_desk
from tests.web.panel.panel_door import Door

NOBODY = "0" * 32
CALLS = ("documents/unlock", "documents/verify")


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> list[SecretBytes]:
    """Every password that the panel makes a secret of."""
    made: list[SecretBytes] = []

    def remembered(octets: list[int] | None) -> SecretBytes | None:
        secret = question_desk.secret_of(octets)
        if secret is not None:
            made.append(secret)
        return secret

    monkeypatch.setattr(own_documents, "secret_of", remembered)
    return made


async def send(door: Door, path: str, identifier: str = NOBODY) -> int:
    body = {"id": identifier, "password": list(b"open sesame")}
    response, _ = await door.ask("POST", f"api/{path}", body)
    return int(response.status)


@pytest.mark.parametrize("path", CALLS)
async def test_where_what_reads_documents_cannot_be_loaded(
    path: str, door: Door, passwords: list[SecretBytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Any:
        raise AgentError("no such module")

    monkeypatch.setattr(own_documents, "_shelf_class", missing)
    assert await send(door, path) == 500
    (password,) = passwords
    assert password.wiped


@pytest.mark.parametrize("path", CALLS)
async def test_where_there_is_no_such_document(
    path: str, door: Door, passwords: list[SecretBytes]
) -> None:
    assert await send(door, path) == 400
    (password,) = passwords
    assert password.wiped


async def test_where_all_is_put_away_while_the_document_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = DocumentShelf(tmp_path, None)  # type: ignore[arg-type]  # no card is asked
    copy = PrivateCopy(tmp_path / "copy", tmp_path / "copy", bytes(32), 1, "contract.pdf")
    document = ShelvedDocument(
        id=NOBODY,
        owner=b"me",
        copy=copy,
        facts=None,
        work=WorkFolder(tmp_path),
        is_locked=True,
    )
    shelf._documents[NOBODY] = document

    async def look(*_: object) -> PdfFacts:
        await shelf.close()
        return PdfFacts(pages=1)

    monkeypatch.setattr(shelf, "_look", look)
    password = SecretBytes.from_text("open sesame")
    with pytest.raises(BadRequestError):
        await shelf.unlock(b"me", NOBODY, password)
    assert password.wiped
    assert document.password is None
