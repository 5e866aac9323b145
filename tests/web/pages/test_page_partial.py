"""What the card has signed is answered, also where another document cannot be finished."""

import base64
import hashlib
from typing import Any

import pytest

from agent.documents.signing import PdfSigner
from agent.errors import ErrorCode
from agent.pdf.wire import PdfError
from tests.documents.pdf_files import simple_pdf
from tests.web.page_signing_rig import PDF, Rig, b64, code

BAD = simple_pdf("This one kills whoever examines it")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> set[bytes]:
    """Documents, by their SHA-256, that cannot be finished after the card has signed them."""
    wrong = {hashlib.sha256(BAD).digest()}
    finish = PdfSigner._finish

    async def finish_or_not(signer: Any, ready: Any, *others: Any, **more: Any) -> Any:
        if ready.original.copy.digest in wrong:
            raise PdfError("the worker ended", code=ErrorCode.DOCUMENT_DAMAGED)
        return await finish(signer, ready, *others, **more)

    monkeypatch.setattr(PdfSigner, "_finish", finish_or_not)
    return wrong


async def test_one_that_cannot_be_finished_takes_nothing_from_the_others(
    rig: Rig, failing: set[bytes]
) -> None:
    document = await rig.handed(BAD)
    status, told = await rig.sign(
        format="cms-detached",
        items=[
            {"document": document, "format": "pades"},
            {"data": b64(PDF), "format": "pades"},
            {"data": b64(b"and these words")},
            {"data": b64(BAD), "format": "pades"},
        ],
    )
    assert status == 200, told
    first, second, third, fourth = told["result"]["items"]
    assert (
        first
        == fourth
        == {
            "error": {
                "code": "document_damaged",
                "message": "the document is no PDF, or not a whole one",
                "retriable": False,
            }
        }
    )
    assert base64.b64decode(second["pdf"]).startswith(PDF)
    assert set(third) == {"signature"}
    assert len(rig.person.asked) == 1
    assert code(await rig.call("GET", document)) == "bad_request"  # not signed
    failing.clear()
    assert (await rig.sign(document=document))[0] == 200  # and can be, once more
    assert (await rig.call("GET", document))[0] == 200


async def test_where_nothing_can_be_finished_there_is_one_error(
    rig: Rig, failing: set[bytes]
) -> None:
    assert failing
    answer = await rig.sign(items=[{"data": b64(BAD)}, {"data": b64(BAD)}])
    assert (answer[0], code(answer)) == (409, "document_damaged")
    answer = await rig.sign(data=b64(BAD))
    assert (answer[0], code(answer)) == (409, "document_damaged")
    assert rig.files() == []
