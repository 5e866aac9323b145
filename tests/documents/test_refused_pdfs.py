"""Hostile and odd PDFs: refused before anybody is asked, each with its code, or signed as any."""

import asyncio
import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyhanko.sign.fields import MDPPerm

from agent import cli
from agent.errors import ErrorCode
from agent.pdf import hole, wire
from agent.pdf.wire import ExaminePdf, InspectPdf, PdfExamination, PdfFacts, PreparedPdf, PreparePdf
from agent.size_limits import MAX_PDF
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard
from tests.documents import pdf_judges, signed_pdfs
from tests.documents.altered_pdfs import certified, locked_all
from tests.documents.pdf_files import simple_pdf
from tests.documents.refused_pdfs import ACCEPTED, REFUSED, form, sig_field
from tests.documents.same_worker import SameWorker

FORBIDS = ErrorCode.DOCUMENT_FORBIDS_SIGNING
Qpdf = tuple[str, ...]
NO_CHANGE: Qpdf = ("--encrypt", "", "owner", "256", "--modify=none", "--")
NEEDS: Qpdf = ("--encrypt", "user", "owner", "256", "--")


@pytest.fixture(scope="module")
def same_worker() -> Iterator[SameWorker]:
    worker = SameWorker()
    yield worker
    worker.end()


def prepared(
    worker: SameWorker, file: Path, password: str | None = None
) -> tuple[wire.AnyPdfAnswer, Path]:
    out = file.with_name("out.pdf")
    return worker.answer(PreparePdf(str(file), password, out=str(out))), out


def sign(worker: SameWorker, file: Path, password: str | None = None) -> Path:
    """Sign a document with a software key as the agent does with a card; return the result."""
    answer, out = prepared(worker, file, password)
    assert isinstance(answer, PreparedPdf), answer
    signer = signed_pdfs.citizen().signer()
    message = asyncio.run(signer.async_sign(answer.digest, "sha256", use_pades=True))
    hole.fill(out, answer, message.dump())
    assert hole.begins_with(out, file)
    found = worker.answer(ExaminePdf(str(out), password))
    assert isinstance(found, PdfExamination), found
    (ours,) = [each for each in found.signatures if each.field == answer.field]
    assert (ours.integrity.problem, ours.covers, ours.changes) == ("", True, wire.Changes.NONE)
    return out


def require_good(out: Path, original: Path, password: str | None = None) -> None:
    """Ask other readers; what they find wrong with the original is not ours."""
    validity = [
        each.get("signature validation") for each in pdf_judges.pdfsig(out, password=password)
    ]
    assert "Signature is Valid." in validity
    if not pdf_judges.qpdf_complaints(original):
        assert not pdf_judges.qpdf_complaints(out)


@pytest.mark.parametrize("name", REFUSED, ids=str)
def test_what_is_refused_is_refused_with_its_code(
    name: str, same_worker: SameWorker, tmp_path: Path
) -> None:
    code, make = REFUSED[name]
    file = tmp_path / "hostile.pdf"
    file.write_bytes(make())
    answers = [same_worker.answer(InspectPdf(str(file)))]
    if name != "10 001 pages":  # which take a second to walk through
        answers.append(prepared(same_worker, file)[0])
    for answer in answers:
        assert isinstance(answer, wire.RefusedPdf), answer
        assert (answer.code, bool(answer.detail)) == (code, True)


@pdf_judges.needs_pdfsig
@pdf_judges.needs_qpdf
@pytest.mark.parametrize("name", ACCEPTED, ids=str)
def test_what_is_odd_but_harmless_is_signed_and_warned_of(
    name: str, same_worker: SameWorker, tmp_path: Path
) -> None:
    warnings, make = ACCEPTED[name]
    file = tmp_path / "odd.pdf"
    file.write_bytes(make())
    facts = same_worker.answer(InspectPdf(str(file)))
    assert isinstance(facts, PdfFacts), facts
    assert set(facts.warnings) == warnings
    require_good(sign(same_worker, file), file)


def by_qpdf(folder: Path, *words: str) -> Path:
    source, file = folder / "plain.pdf", folder / "made.pdf"
    source.write_bytes(simple_pdf())
    subprocess.run(["qpdf", *words, str(source), str(file)], check=True)
    return file


@pdf_judges.needs_pdfsig
@pdf_judges.needs_qpdf
@pytest.mark.parametrize(
    ("words", "password"),
    [
        (("--linearize",), None),
        (("--object-streams=generate",), None),
        (("--linearize", "--object-streams=generate"), None),
        (NEEDS, "user"),
        (NEEDS, "owner"),
        (("--encrypt", "", "owner", "256", "--"), None),
        (("--encrypt", "", "owner", "256", "--modify=form", "--"), None),
        (NO_CHANGE, "owner"),
        (("--encrypt", "user", "owner", "128", "--use-aes=y", "--"), "user"),
    ],
)
def test_what_other_tools_write_is_signed(
    words: Qpdf, password: str | None, same_worker: SameWorker, tmp_path: Path
) -> None:
    file = by_qpdf(tmp_path, *words)
    out = sign(same_worker, file, password)
    if password != "owner":
        require_good(out, file, password)


@pdf_judges.needs_qpdf
@pytest.mark.parametrize(
    ("words", "password", "code"),
    [
        (NEEDS, None, ErrorCode.DOCUMENT_ENCRYPTED),
        (NEEDS, "wrong", ErrorCode.DOCUMENT_PASSWORD_INCORRECT),
        (NEEDS, "", ErrorCode.DOCUMENT_PASSWORD_INCORRECT),
        (NEEDS, "長" * 300, ErrorCode.DOCUMENT_PASSWORD_INCORRECT),
        (NEEDS, "\0\u202e", ErrorCode.DOCUMENT_PASSWORD_INCORRECT),
        (NO_CHANGE, None, FORBIDS),
        (NO_CHANGE, "wrong", FORBIDS),
    ],
)
def test_a_document_with_a_password_says_what_it_needs(
    words: Qpdf, password: str | None, code: ErrorCode, same_worker: SameWorker, tmp_path: Path
) -> None:
    file = by_qpdf(tmp_path, *words)
    answer = same_worker.answer(InspectPdf(str(file), password))
    assert isinstance(answer, wire.RefusedPdf), answer
    assert answer.code is code


SEED = b"/SV<</Type/SV/Ff 2/SubFilter[/adbe.x509.rsa_sha1]>>"
FORBIDDING: dict[str, Callable[[], bytes]] = {
    "certified for nothing": lambda: certified(MDPPerm.NO_CHANGES),
    "all fields locked": locked_all,
    "a seed that cannot be met": lambda: form(b"6 0 R", sig_field(b"(a)", SEED)),
}


@pytest.mark.parametrize("name", FORBIDDING, ids=str)
def test_what_its_author_forbids_is_not_signed(
    name: str, same_worker: SameWorker, tmp_path: Path
) -> None:
    file = tmp_path / "forbids.pdf"
    file.write_bytes(FORBIDDING[name]())
    answer, _ = prepared(same_worker, file)
    assert isinstance(answer, wire.RefusedPdf), answer
    assert answer.code is FORBIDS


@pytest.mark.parametrize("permission", [MDPPerm.FILL_FORMS, MDPPerm.ANNOTATE], ids=str)
def test_what_its_author_allows_is_signed(
    permission: MDPPerm, same_worker: SameWorker, tmp_path: Path
) -> None:
    file = tmp_path / "allows.pdf"
    file.write_bytes(certified(permission))
    found = same_worker.answer(ExaminePdf(str(sign(same_worker, file))))
    assert isinstance(found, PdfExamination)
    assert all(each.allowed and not each.integrity.problem for each in found.signatures)


# --- the command -------------------------------------------------------------------------------


@pytest.fixture
def command(
    tmp_path: Path,
    make_card: Callable[..., VirtualCard],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, Any, bytes]]:
    """Run ``ankong sign``: exit status, what it said, and what nobody read of the PIN."""
    card, state = tmp_path / "card.json", tmp_path / "state"
    cardfile.save(card, make_card().data)
    state.mkdir()

    def run(*files: Path) -> tuple[int, Any, bytes]:
        line = io.BytesIO(b"123456\n")
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(line))
        chosen = ("--virtual-card", str(card), "--state-dir", str(state), "--pin-stdin", "--json")
        status = cli.run(["sign", "--format", "pades", *chosen, *map(str, files)])
        return status, json.loads(capsys.readouterr().out), line.read()

    return run


def odd_files(folder: Path) -> dict[Path, str]:
    """Make what is no document at all; return the code of each."""
    (folder / "folder.pdf").mkdir()
    (folder / "loop.pdf").symlink_to("loop.pdf")
    os.mkfifo(folder / "pipe.pdf")
    with (folder / "sparse.pdf").open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(300 * 1024 * 1024)
    (folder / "empty.pdf").touch()
    (folder / "locked.pdf").write_bytes(locked_all())
    (folder / "certified.pdf").write_bytes(certified(MDPPerm.NO_CHANGES))
    return {
        folder / "folder.pdf": "internal",
        folder / "loop.pdf": "internal",
        folder / "pipe.pdf": "internal",
        folder / "missing.pdf": "internal",
        Path("/dev/zero"): "internal",
        folder / "sparse.pdf": "too_large",
        folder / "empty.pdf": "document_damaged",
        folder / "locked.pdf": "document_forbids_signing",
        folder / "certified.pdf": "document_forbids_signing",
    }


def test_nobody_is_asked_where_nothing_can_be_signed(
    command: Callable[..., tuple[int, Any, bytes]], tmp_path: Path
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    codes = odd_files(folder)
    before = sorted(folder.iterdir())
    status, told, left = command(*codes)
    assert status == 1
    assert {Path(each["file"]): each["error"]["code"] for each in told["files"]} == codes
    assert left == b"123456\n"
    assert sorted(folder.iterdir()) == before
    assert not list((tmp_path / "state" / "documents").iterdir())
    assert (folder / "sparse.pdf").stat().st_size > MAX_PDF


def test_one_that_is_refused_keeps_no_other_from_being_signed(
    command: Callable[..., tuple[int, Any, bytes]], tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.pdf", tmp_path / "bad.pdf"
    good.write_bytes(simple_pdf())
    bad.write_bytes(REFUSED["fields that are their own kids"][1]())
    status, told, left = command(bad, good)
    assert (status, left) == (1, b"")
    codes = {Path(each["file"]).name: each.get("error", {}).get("code") for each in told["files"]}
    assert codes == {"good.pdf": None, "bad.pdf": "document_damaged"}
    assert sorted(each.name for each in tmp_path.glob("*.pdf")) == [
        "bad.pdf",
        "good-signed.pdf",
        "good.pdf",
    ]
