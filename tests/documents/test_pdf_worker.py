"""The PDF worker: a process that can do nothing but read and write one document."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.documents import pdf_worker
from agent.documents.pdf_worker import WORKER_ARGUMENT, PdfWorker, worker_command
from agent.errors import AgentError, ErrorCode
from agent.pdf import hole, wire
from agent.pdf.wire import ExaminePdf, InspectPdf, PdfError, PdfExamination, PdfFacts, PreparedPdf
from tests.documents.pdf_files import simple_pdf

FORBIDDEN = {
    "a socket": "import socket; socket.socket()",
    "a program": "import subprocess; subprocess.run(['true'])",
    "a shell": "import os; os.system('true')",
    "a fork": "import os; os.fork()",
    "another file": "open(sys.argv[2], 'w')",
    "a file removed": "import os; os.remove(sys.argv[1])",
    "a file renamed": "import os; os.rename(sys.argv[1], sys.argv[2])",
    "a library": "import ctypes; ctypes.CDLL('libm.so.6')",
}


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    file = tmp_path / "contract.pdf"
    file.write_bytes(simple_pdf("Contract", "Second page"))
    return file


def prepare(pdf: Path, out: Path, **more: str) -> wire.PreparePdf:
    return wire.PreparePdf(str(pdf), out=str(out), **more)


def test_the_installed_program_is_its_own_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert worker_command() == (sys.executable, WORKER_ARGUMENT)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tray", WORKER_ARGUMENT],
        input=wire.encode(InspectPdf("/nowhere.pdf")),
        capture_output=True,
        check=True,
    )
    answer = wire.decode_answer(done.stdout)
    assert isinstance(answer, wire.RefusedPdf)


async def test_a_document_is_read_prepared_and_examined(
    worker: PdfWorker, pdf: Path, tmp_path: Path
) -> None:
    facts = await worker.ask(InspectPdf(str(pdf)), PdfFacts)
    assert (facts.pages, facts.signatures, facts.warnings) == (2, 0, ())
    out = tmp_path / "out.pdf"
    prepared = await worker.ask(prepare(pdf, out, name="王測試"), PreparedPdf)
    assert hole.begins_with(out, pdf)
    found = await worker.ask(ExaminePdf(str(out)), PdfExamination)
    (empty,) = found.signatures
    assert (empty.field, empty.covers, empty.allowed) == (prepared.field, False, False)
    assert empty.integrity.problem


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX tools")
@pytest.mark.parametrize("attempt", FORBIDDEN, ids=str)
def test_what_a_document_makes_it_do_is_refused(attempt: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")
    script = (
        "import sys, agent.pdf.confinement as g; guard = g.Confinement(); guard.begin()\n"
        f"try:\n    {FORBIDDEN[attempt]}\n"
        "except g.ConfinedError as error:\n    sys.exit(7)\n"
    )
    words = [sys.executable, "-c", script, str(kept), str(tmp_path / "new")]
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 7, done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit of its own")
def test_its_memory_is_limited() -> None:
    script = "import agent.pdf.confinement as g; g.Confinement().begin(); bytearray(2 * g.MEMORY)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert b"MemoryError" in done.stderr


def say(line: str) -> str:
    return f"print({line!r}, flush=True); sys.stdin.read()"


STUBS = {
    "it ends": "",
    "it says nothing and ends": "sys.stdin.readline()",
    "it answers garbage": say("{}"),
    "it answers no line": "print('{', end='', flush=True)",
    "it answers something else": say('{"answer":"examination","facts":{"pages":1},"revisions":1}'),
    "it answers too many pages": say('{"answer":"facts","pages":10001}'),
    "it never answers": "sys.stdin.read(); sys.stdin.read()",
}


@pytest.mark.parametrize("stub", STUBS, ids=str)
async def test_a_worker_that_fails_is_a_damaged_document(stub: str, pdf: Path) -> None:
    worker = PdfWorker((sys.executable, "-c", f"import sys\n{STUBS[stub]}"), seconds=2)
    try:
        with pytest.raises(PdfError) as caught:
            await worker.ask(InspectPdf(str(pdf)), PdfFacts)
        assert caught.value.code is ErrorCode.DOCUMENT_DAMAGED
    finally:
        await worker.close()


async def test_the_next_document_gets_a_new_worker(worker: PdfWorker, pdf: Path) -> None:
    await worker.ask(InspectPdf(str(pdf)), PdfFacts)
    first = worker._process
    assert first is not None
    first.kill()
    await first.wait()
    assert (await worker.ask(InspectPdf(str(pdf)), PdfFacts)).pages == 2
    assert worker._process is not first


async def test_a_worker_that_worked_for_long_is_followed_by_another(
    worker: PdfWorker, pdf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worker.ask(InspectPdf(str(pdf)), PdfFacts)
    first = worker._process
    assert first is not None
    monkeypatch.setattr(pdf_worker, "BUSY_SECONDS", 0.0)
    assert (await worker.ask(InspectPdf(str(pdf)), PdfFacts)).pages == 2
    assert worker._process is not first
    assert await first.wait() == 0


async def test_no_program_no_document(pdf: Path) -> None:
    worker = PdfWorker(("/nowhere/at/all",))
    with pytest.raises(AgentError) as caught:
        await worker.ask(InspectPdf(str(pdf)), PdfFacts)
    assert caught.value.code is ErrorCode.INTERNAL


async def test_a_hole_is_filled_once_and_only_in_the_file_that_was_prepared(
    worker: PdfWorker, pdf: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.pdf"
    prepared = await worker.ask(prepare(pdf, out), PreparedPdf)
    before = out.read_bytes()
    with pytest.raises(PdfError, match="do not fit"):
        hole.fill(out, prepared, bytes(8193))
    out.write_bytes(before.replace(b"Contract", b"Kontract"))
    with pytest.raises(PdfError, match="not the one"):
        hole.fill(out, prepared, b"\x30\x00")
    out.write_bytes(before)
    hole.fill(out, prepared, b"\x30\x00")
    filled = out.read_bytes()
    assert filled[prepared.start : prepared.start + 6] == b"<30000"
    with pytest.raises(PdfError, match="not empty"):
        hole.fill(out, prepared, b"\x30\x00")
    assert out.read_bytes() == filled
