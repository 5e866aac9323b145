"""The documents of a question in the panel: these octets, for its own pages, while it is asked."""

import hashlib
import json
import queue
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.web.offered_views import OfferedViews, ViewedPdf
from agent.web.panel import document_viewer
from agent.web.panel.document_viewer import DocumentViewer
from tests.documents.pdf_files import simple_pdf
from tests.web.conftest import AgentFactory
from tests.web.panel.panel_door import Door, open_door

PDF = simple_pdf("Contract", "Second page")
VIEWS = OfferedViews()


@pytest.fixture
async def viewing_door(
    start_agent: AgentFactory, card_certificate: Any, tmp_path: Path
) -> AsyncIterator[Door]:
    async with open_door(start_agent, card_certificate, tmp_path, views=VIEWS) as opened:
        yield opened


def viewed(folder: Path, name: str | None, password: str | None = None) -> ViewedPdf:
    file = folder / "private.pdf"
    file.write_bytes(PDF)
    digest = hashlib.sha256(PDF).digest()
    remark = "agreed\n\u202eTaipei\n \n"
    more = {"mark": 2, "field": "Si\u202egner", "remark": remark, "password": password}
    return ViewedPdf(name, file, len(PDF), digest, 2, ("scripts",), **more)


async def code_of(door: Door, path: str, **headers: str | None) -> tuple[int, str]:
    response, raw = await door.ask("GET", path, **headers)
    return response.status, str(json.loads(raw)["error"]["code"])


async def test_a_question_s_documents_are_shown_while_it_is_asked(
    viewing_door: Door, tmp_path: Path
) -> None:
    door = viewing_door
    with VIEWS.offered([viewed(tmp_path, "a.pdf", "opens it"), viewed(tmp_path, None)]) as view:
        listed = f"api/documents/viewed?id={view}"
        response, raw = await door.ask("GET", listed)
        assert response.status == 200
        digest = hashlib.sha256(PDF).hexdigest()
        facts = {"size": len(PDF), "sha256": digest, "pages": 2, "warnings": ["scripts"]}
        facts |= {"mark": 2, "field": "Si\ufffdgner", "remark": ["agreed", "\ufffdTaipei"]}
        assert json.loads(raw) == {
            "documents": [
                {"name": "a.pdf", **facts, "password": "opens it"},
                {"name": None, **facts, "password": None},
            ]
        }
        file = f"api/documents/viewed/file?id={view}&number=2"
        response, raw = await door.ask("GET", file)
        assert raw == PDF
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.headers["Content-Type"] == "application/pdf"
        for number in ("0", "3", "-1", "x", "", "9999", "\u0661"):
            wrong = f"api/documents/viewed/file?id={view}&number={number}"
            assert await code_of(door, wrong) == (400, "bad_request")
        for headers in ({"Cookie": None}, {"X-Ankong-Panel": "A" * 43}):
            assert (await code_of(door, listed, **headers))[0] == 401
        assert (await code_of(door, file, Origin="https://evil.example"))[0] == 403
    assert await code_of(door, listed) == (400, "bad_request")
    assert await code_of(door, file) == (400, "bad_request")


@pytest.mark.parametrize(
    ("name", "shown"),
    [("\u200b\u00ad", None), ("a\u200fb.pdf", "a\ufffdb.pdf"), ("\u5408\u7d04.pdf",) * 2],
    ids=["nothing to see", "reordered", "a name"],
)
async def test_a_name_of_the_site_s_does_not_mislead(
    viewing_door: Door, tmp_path: Path, name: str, shown: str | None
) -> None:
    with VIEWS.offered([viewed(tmp_path, name)]) as view:
        _, raw = await viewing_door.ask("GET", f"api/documents/viewed?id={view}")
    assert json.loads(raw)["documents"][0]["name"] == shown


def test_the_panel_is_opened_at_the_documents_once_for_two_clicks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses: queue.Queue[str] = queue.Queue()

    def open_page(address: str) -> bool:
        addresses.put(address)
        return True

    viewer = DocumentViewer(lambda: "token", open_page)
    viewer.show("ab")  # there is no panel yet
    viewer.listening(28443)
    viewer.show("cd")
    viewer.show("cd")
    monkeypatch.setattr(document_viewer, "PAUSE", 0.0)
    viewer.show("ef")
    opened = {addresses.get(timeout=20), addresses.get(timeout=20)}
    assert opened == {
        "https://localhost:28443/panel/#token=token&view=cd",
        "https://localhost:28443/panel/#token=token&view=ef",
    }
    assert addresses.empty()
