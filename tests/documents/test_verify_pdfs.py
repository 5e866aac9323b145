"""Signed PDFs that somebody altered, forged or added to: one verdict each, never a better one."""

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from agent import cli
from agent.cms.document import Document
from agent.cms.errors import CmsError
from agent.cms.signed import prepare
from agent.documents.copies import WorkFolder, copy_into
from agent.documents.pdf_verification import PdfVerdict, VerifiedPdf, extract, verify_pdf
from agent.pdf.wire import PdfError
from agent.pki.report import Inputs
from tests.documents import pdf_judges
from tests.documents.altered_pdfs import ALTERED, hide, more_text
from tests.documents.pdf_files import simple_pdf
from tests.documents.same_worker import SameWorker
from tests.documents.signed_pdfs import later, once, signed, twice
from tests.signing import pki_support as pki


@pytest.fixture(scope="module")
def same_worker() -> Iterator[SameWorker]:
    worker = SameWorker()
    yield worker
    worker.end()


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """Who is trusted, and what is known of revocation."""
    folder = tmp_path_factory.mktemp("trust")
    (folder / "root.cer").write_bytes(pki.root().der)
    (folder / "ca.cer").write_bytes(pki.issuing().der)
    (folder / "lists").mkdir()
    (folder / "lists" / "root.crl").write_bytes(pki.root().crl())
    (folder / "lists" / "ca.crl").write_bytes(pki.issuing().crl([0xBAD]))
    return Inputs(
        folder / "none",
        anchors=[folder / "root.cer"],
        intermediates=[folder / "ca.cer"],
        crls=[folder / "lists"],
    )


def verified(
    raw: bytes, worker: SameWorker, trust: Inputs, folder: Path, password: str | None = None
) -> VerifiedPdf:
    file = folder / "signed.pdf"
    file.write_bytes(raw)
    with WorkFolder(folder / "work") as work:
        inputs = replace(trust, message=file)
        return asyncio.run(verify_pdf(worker, work, inputs, pki.NOW, password))


@pytest.mark.parametrize("name", ALTERED, ids=str)
def test_each_signature_is_worth_what_it_is(
    name: str, same_worker: SameWorker, trust: Inputs, tmp_path: Path
) -> None:
    case = ALTERED[name]
    found = verified(case.make(), same_worker, trust, tmp_path)
    told = json.loads(json.dumps(found.report))["signatures"]
    assert tuple(each["verdict"] for each in told) == case.verdicts, told
    if told:
        assert case.says in f"{told[0]['problem']} {told[0]['changes']}"
    order = [*PdfVerdict]
    assert found.verdict is max(case.verdicts, key=order.index, default=PdfVerdict.UNSIGNED)


@pytest.mark.parametrize("number", [1, 2])
def test_the_version_as_signed_is_taken_out(
    number: int, same_worker: SameWorker, trust: Inputs, tmp_path: Path
) -> None:
    raw = later(twice(), more_text)
    found = verified(raw, same_worker, trust, tmp_path)
    with WorkFolder(tmp_path / "again") as work:
        copied = copy_into(work, tmp_path / "signed.pdf")
        taken = extract(replace(found, copy=copied), number)
    assert taken == (once(), twice())[number - 1]
    alone = verified(taken, same_worker, trust, tmp_path)
    assert alone.verdict is PdfVerdict.VALID


@pytest.mark.parametrize("name", ["no ranges", "a hole that is wider before", "garbage"])
def test_no_version_is_taken_out_that_nobody_signed(
    name: str, same_worker: SameWorker, trust: Inputs, tmp_path: Path
) -> None:
    found = verified(ALTERED[name].make(), same_worker, trust, tmp_path)
    for number in (-1, 0, 1, 2):
        with pytest.raises(CmsError):
            extract(found, number)


def test_octets_behind_the_end_are_told(
    same_worker: SameWorker, trust: Inputs, tmp_path: Path
) -> None:
    found = verified(once() + b"\n% more\n", same_worker, trust, tmp_path)
    assert found.report["document"]["warnings"] == ["trailing_bytes"]


@pdf_judges.needs_qpdf
@pytest.mark.parametrize(
    ("password", "code"),
    [(None, "document_encrypted"), ("wrong", "document_password_incorrect"), ("user", None)],
)
def test_an_encrypted_document_is_verified_with_its_password(
    password: str | None, code: str | None, same_worker: SameWorker, trust: Inputs, tmp_path: Path
) -> None:
    plain, locked = tmp_path / "plain.pdf", tmp_path / "locked.pdf"
    plain.write_bytes(simple_pdf())
    words = ["qpdf", "--encrypt", "user", "owner", "256", "--", str(plain), str(locked)]
    subprocess.run(words, check=True)
    raw = signed(locked.read_bytes(), password="user")
    if code is None:
        assert verified(raw, same_worker, trust, tmp_path, password).verdict is PdfVerdict.VALID
    else:
        with pytest.raises(PdfError) as caught:
            verified(raw, same_worker, trust, tmp_path, password)
        assert str(caught.value.code) == code


# --- the command -------------------------------------------------------------------------------

CASES: dict[str, tuple[Callable[[], bytes], int]] = {
    "valid": (once, 0),
    "changed_after_signing": (hide, 1),
    "invalid": (ALTERED["one octet of the text"].make, 1),
    "unsigned": (simple_pdf, 3),
    "damaged": (lambda: b"%PDF-1.7\n", 2),
    "no PDF at all": (lambda: b"", 2),
}


@pytest.fixture
def on_that_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificates' day, not today."""
    clock = Mock(wraps=datetime)
    clock.now.return_value = pki.NOW
    monkeypatch.setattr("agent.commands.verify.datetime", clock)


def words_for(file: Path, trust: Inputs) -> list[str]:
    words = ["verify", str(file)]
    for name in ("anchors", "intermediates", "crls"):
        option = f"--{name.removesuffix('s')}" if name == "crls" else f"--{name}"
        words += [word for each in getattr(trust, name) for word in (option, str(each))]
    return words


@pytest.mark.usefixtures("on_that_day")
@pytest.mark.parametrize("name", CASES, ids=str)
def test_the_command_ends_as_the_document_is_worth(
    name: str, trust: Inputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, status = CASES[name]
    file = tmp_path / "contract.pdf"
    file.write_bytes(make())
    assert cli.run([*words_for(file, trust), "--json"]) == status
    told = json.loads(capsys.readouterr().out)
    if status == 2:
        assert told["error"]["code"] == "document_damaged"
    else:
        assert told["verdict"] == name


def test_a_pipe_is_read_once_and_devices_are_no_documents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What looks whether a file is a PDF takes nothing from a pipe that holds a signature."""
    prepared = prepare(pki.citizen(), Document(b"content"))
    pipe = tmp_path / "pipe.p7m"
    os.mkfifo(pipe)
    message = prepared.finish(pki.sign(prepared.digest))
    writer = threading.Thread(target=pipe.write_bytes, args=(message,))
    writer.start()
    assert cli.run(["verify", str(pipe), "--json"]) == 3
    writer.join()
    assert json.loads(capsys.readouterr().out)["signature"] == "good"
    (tmp_path / "folder.pdf").mkdir()
    (tmp_path / "loop.pdf").symlink_to("loop.pdf")
    for odd in (tmp_path / "folder.pdf", tmp_path / "loop.pdf", tmp_path / "none.pdf"):
        assert cli.run(["verify", str(odd), "--json"]) == 2
        assert json.loads(capsys.readouterr().out)["error"]["message"]
