"""PDFs of pages that need a password of their own: told with the request, and kept nowhere."""

import base64
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.consent.questions import EnterPin
from agent.web.native import wire
from agent.web.native.methods import wipe_secrets
from tests.documents import pdf_judges
from tests.web.page_signing_rig import PDF, Rig, b64, code

PASSWORD = "geheim-密碼"


@pytest.fixture(scope="module")
def locked_pdf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a document that nobody opens without its password."""
    if not shutil.which("qpdf"):
        pytest.skip("qpdf is not installed")
    folder = tmp_path_factory.mktemp("locked")
    (folder / "open.pdf").write_bytes(PDF)
    words = ["qpdf", "--encrypt", PASSWORD, "owner", "256", "--", "open.pdf", "locked.pdf"]
    subprocess.run(words, cwd=folder, check=True)
    return (folder / "locked.pdf").read_bytes()


async def test_a_page_tells_the_password_of_its_pdf_and_nobody_else_learns_it(
    rig: Rig, locked_pdf: bytes, secrets_made: list[Any], tmp_path: Path
) -> None:
    drawn_with = []

    async def look(prompt: EnterPin) -> None:
        drawn_with.extend(each.password for each in rig.views.find(str(prompt.purpose.view)))
        assert PASSWORD not in repr(prompt) + repr(rig.views.find(str(prompt.purpose.view)))

    rig.person.before = look
    data = b64(locked_pdf)
    with capture_logs() as lines:
        assert code(await rig.sign(data=data)) == "document_encrypted"
        wrong = await rig.sign(data=data, pades={"password": "wrong"})
        assert (wrong[0], code(wrong)) == (409, "document_password_incorrect")
        assert wrong[1]["error"]["retriable"]
        assert not rig.person.asked
        items = [{"data": data, "pades": {"password": PASSWORD}}, {"data": b64(PDF)}]
        status, told = await rig.sign(items=items)
    assert status == 200, told
    assert PASSWORD not in repr((lines, wrong, told))
    signed = base64.b64decode(told["result"]["items"][0]["pdf"])
    assert signed.startswith(locked_pdf)
    assert drawn_with == [PASSWORD, None]
    assert [set(each.buffer) for each in secrets_made if each.buffer] == [{0}] * 3  # and the PIN
    if shutil.which("pdfsig"):
        file = tmp_path / "signed.pdf"
        file.write_bytes(signed)
        (said,) = pdf_judges.pdfsig(file, password=PASSWORD)
        assert said["signature validation"] == "Signature is Valid."


async def test_a_document_that_was_handed_over_locked_is_signed_with_its_password(
    rig: Rig, locked_pdf: bytes
) -> None:
    status, told = await rig.hand(locked_pdf)
    assert status == 200, told
    facts = told["result"]
    assert (facts["locked"], facts["encrypted"], facts["pages"]) == (True, True, 0)
    document = facts["document"]
    assert code(await rig.sign(document=document)) == "document_encrypted"
    wrong = await rig.sign(document=document, pades={"password": "wrong"})
    assert code(wrong) == "document_password_incorrect"
    status, told = await rig.sign(document=document, pades={"password": PASSWORD})
    assert status == 200, told
    (asked,) = rig.person.asked
    assert [each.pages for each in asked.purpose.documents] == [2]
    _, signed = await rig.call("GET", document)
    assert signed.startswith(locked_pdf)


async def test_a_password_that_no_document_can_have_is_refused_without_being_said(rig: Rig) -> None:
    for wrong in ("", "密" * 43, "x" * 128, 7, None, ["x" * 100]):
        answer = await rig.sign(data=b64(PDF), pades={"password": wrong})
        assert (answer[0], code(answer)) == (400, "bad_request")
        assert "xx" not in repr(answer)
        assert "密" not in repr(answer)
    status, told = await rig.sign(data=b64(PDF), pades={"password": "密" * 42 + "x"})
    assert status == 200, told  # which it does not need


def test_every_secret_of_a_request_is_wiped() -> None:
    raw = (
        b'{"params":{"hash":"SHA-256","format":"pades","pin":"123456","pades":{"password":"one"},'
        b'"items":[{"data":"","pades":{"password":"two"}},{"data":""},{"data":"","pades":{}}]}}'
    )
    request: Any = wire.decode_for("sign_batch", raw)
    params = request.params
    secrets = [params.pin, params.pades.password, params.items[0].pades.password]
    assert [bytes(each.buffer) for each in secrets] == [b"123456", b"one", b"two"]
    assert "one" not in repr(request)
    wipe_secrets(request)
    assert {octet for each in secrets for octet in each.buffer} == {0}
