"""The rows of the bench about PDFs: prepared, signed with a virtual card, and verified.

A time beside SHA-256 of the same file says more than the time itself: no document is signed
without being hashed.
"""

import asyncio
import hashlib
import re
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.sync_api import FilePayload, Page

from agent.consent.consent import AlwaysAllow
from agent.documents.copies import WorkFolder
from agent.documents.pdf_verification import verify_pdf
from agent.documents.pdf_worker import PdfWorker
from agent.documents.signing import OpenPdf, PdfSigner, SignatureWish
from agent.host.instance.panel_opening import first_address
from agent.host.machine.paths import Paths
from agent.origin import LOCAL_USER
from agent.pdf.wire import (
    InspectPdf,
    KnownPdf,
    Mark,
    MarkPlace,
    PdfFacts,
    PreparedPdf,
    PreparePdf,
)
from agent.pki.report import Inputs
from agent.portal.demo import browser as demo_browser
from agent.secret import SecretBytes
from agent.signing.service import SigningService
from agent.virtualcard import cardfile
from agent.virtualcard.model import Generation
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.bench.cards import PIN, CardCase
from tests.bench.daemon import Daemon
from tests.bench.proofs import measure_proofs
from tests.bench.tokens import measure_tokens
from tests.bench.waiting_panel import PANEL_IS_FULL
from tests.browser.world import chromium
from tests.documents.pdf_files import simple_pdf, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.bench.run import Effort, Table

FEW_PAGES: Final = 3
BATCH: Final = 20
FROZEN: Final = Path(__file__).parents[2] / "build" / "ankong"
"""What ``make installers`` freezes."""
_PEAK: Final = re.compile(r"VmHWM:\s+(\d+) kB")
_WISH: Final = SignatureWish()
_MARK: Final = Mark(
    MarkPlace(), ("王測試", "以自然人憑證簽署", "2026-11-27 14:05:33 +08:00", "圖章僅供參考")
)


@dataclass(frozen=True, slots=True)
class PdfEffort:
    """How much is measured.

    Attributes:
        times: each figure is the median of so many.
        pages: of the long document.
        large: bytes of the large one, about.

    """

    times: int = 5
    pages: int = 2000
    large: int = 100_000_000


@dataclass(frozen=True, slots=True)
class Desk:
    """Who signs, who reads PDFs, and the private folder."""

    signer: PdfSigner
    worker: PdfWorker
    work: WorkFolder


async def measure_documents(table: "Table", effort: "Effort", place: Path) -> None:
    """Add every row; ``place`` is a folder for what is written meanwhile."""
    folder = place / "documents"
    folder.mkdir()
    wanted = effort.documents
    files = await asyncio.to_thread(_written, folder, wanted)
    await _preparing(table, wanted, files, folder)
    async with _desk(folder) as desk:
        await _signing(table, wanted, desk.signer, files[f"{FEW_PAGES} pages"])
        await _verifying(table, wanted, desk, files)
        long = files[f"{wanted.pages} pages"]
        await measure_proofs(table, wanted.times, desk.worker, long, folder)
    await asyncio.to_thread(measure_tokens, table, wanted.times, folder)
    await asyncio.to_thread(_previewing, table, wanted, folder)
    table.add("frozen program, all files", await asyncio.to_thread(_frozen), "MB")


def _written(folder: Path, wanted: PdfEffort) -> dict[str, Path]:
    """Write the documents; return them by what they are called in the table."""
    contents = {
        f"{FEW_PAGES} pages": simple_pdf(*["Contract"] * FEW_PAGES),
        f"{wanted.pages} pages": simple_pdf(*["Contract"] * wanted.pages),
        f"{wanted.large / 1e6:g} MB": simple_pdf(more=(stream(bytes(wanted.large)),)),
    }
    files = {}
    for number, (name, content) in enumerate(contents.items()):
        files[name] = folder / f"{number}.pdf"
        files[name].write_bytes(content)
    return files


async def _preparing(
    table: "Table", wanted: PdfEffort, files: dict[str, Path], folder: Path
) -> None:
    """Measure the room that is made for a signature, by a new worker and by one that is there."""
    for name, file in files.items():

        async def cold(file: Path = file) -> None:
            worker = PdfWorker()
            await _prepare(worker, file, folder)
            await worker.close()

        seconds = await _median(cold, wanted.times)
        table.add(f"PDF of {name} prepared, worker started", seconds * 1000, "ms")
    worker = PdfWorker()
    try:
        for name, file in files.items():
            await _prepare(worker, file, folder)
            ours, bare = [], []
            for _ in range(wanted.times):
                ours.append(await _seconds(lambda file=file: _prepare(worker, file, folder)))
                bare.append(await _seconds(lambda file=file: asyncio.to_thread(_sha256, file)))
            table.add(f"PDF of {name} prepared", statistics.median(ours) * 1000, "ms")
            table.add(f"PDF of {name}: SHA-256 alone", statistics.median(bare) * 1000, "ms")
            ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
            most = 3 if name.endswith("MB") else None
            table.add(f"PDF of {name} prepared, over SHA-256", ratio, "ratio", most=most)
        await _marking(table, wanted, files, folder, worker)
        table.add("PDF worker: most memory", _peak(worker), "MB", most=150)
    finally:
        await worker.close()


async def _marking(
    table: "Table", wanted: PdfEffort, files: dict[str, Path], folder: Path, worker: PdfWorker
) -> None:
    """Measure what a visible mark costs, where the agent knows the document already."""
    for name, file in files.items():
        facts = await worker.ask(InspectPdf(str(file)), PdfFacts, file.stat().st_size)
        known = KnownPdf(await asyncio.to_thread(_sha256, file), facts)

        async def known_only(file: Path = file, known: KnownPdf = known) -> None:
            await _prepare(worker, file, folder, known=known)

        async def marked(file: Path = file, known: KnownPdf = known) -> None:
            await _prepare(worker, file, folder, known=known, mark=_MARK)

        seconds = await _median(known_only, wanted.times)
        table.add(f"PDF of {name} prepared, known", seconds * 1000, "ms")
        bare = (folder / "prepared").stat().st_size
        await marked()
        seconds = await _median(marked, wanted.times)
        table.add(f"PDF of {name} prepared with a mark, known", seconds * 1000, "ms")
        added = (folder / "prepared").stat().st_size - bare
        table.add(f"PDF of {name}: bytes that a mark adds", added, "bytes", most=10_000)


async def _signing(table: "Table", wanted: PdfEffort, signer: PdfSigner, file: Path) -> None:
    """Measure one document beside a batch, with one PIN each, on a card that takes no time."""
    opened = await signer.open(file)

    async def sign(documents: Sequence[OpenPdf]) -> int:
        pin = SecretBytes.from_text(PIN)
        signed = await signer.sign(documents, _WISH, pin)
        return signed[0].file.stat().st_size

    size = await sign([opened])
    table.add("PDF: bytes that a signature adds", size - opened.copy.size, "bytes", most=25_000)
    one, many = [], []
    for _ in range(wanted.times):
        one.append(await _seconds(lambda: sign([opened])))
        many.append(await _seconds(lambda: sign([opened] * BATCH)))
    table.add("PDF signed", statistics.median(one) * 1000, "ms")
    table.add(f"{BATCH} PDFs signed with one PIN", statistics.median(many) * 1000, "ms")
    ratio = statistics.median(b / a for a, b in zip(one, many, strict=True))
    table.add(f"{BATCH} PDFs signed, over one", ratio, "ratio", most=BATCH)


async def _verifying(
    table: "Table", wanted: PdfEffort, desk: "Desk", files: dict[str, Path]
) -> None:
    """Measure how long it takes to say who signed, and what was changed since."""
    for name, file in files.items():
        opened = await desk.signer.open(file)
        (signed,) = await desk.signer.sign([opened], _WISH, SecretBytes.from_text(PIN))
        inputs = Inputs(signed.file)

        async def verify(inputs: Inputs = inputs) -> None:
            await verify_pdf(desk.worker, desk.work, inputs, datetime.now(UTC))

        seconds = await _median(verify, wanted.times)
        table.add(f"PDF of {name} verified", seconds * 1000, "ms")


def _previewing(table: "Table", wanted: PdfEffort, folder: Path) -> None:
    """Measure from the drop until the first page is drawn, by an open panel in Chromium."""
    found: list[float] = []
    grown: float | None = None
    if demo_browser.find_chromium() is not None and demo_browser.can_make_home():
        state, home = folder / "panel", folder / "browser"
        card = CardCase(folder).file(Generation.GEN2, "preview")
        with Daemon(state, card, consent="ask") as daemon:
            demo_browser.make_home(home, state / "tls" / "authority.pem")
            with chromium(home) as browser, browser.new_context() as context:
                page = context.new_page()
                page.goto(first_address(Paths.choose(state)))
                page.locator(PANEL_IS_FULL).wait_for()
                before = daemon.memory()
                found = [_drawn(page, number) for number in range(wanted.times + 1)]
                grown = None if before is None else (daemon.memory() or 0.0) - before
    seconds = statistics.median(found[1:]) if found else None  # the first one loads pdf.js
    first = found[0] if found else None
    table.add("PDF's first page in the panel, first time", first and first * 1000, "ms", most=3000)
    table.add("PDF's first page in the panel", seconds and seconds * 1000, "ms", most=1000)
    table.add("memory that PDFs in the panel cost the agent", grown, "MB", most=10)


def _drawn(page: Page, number: int) -> float:
    """Hand a document to the panel as a person does; return how many seconds it took to see it."""
    page.evaluate("(view) => { location.hash = view; }", "#/state")
    page.evaluate("(view) => { location.hash = view; }", "#/sign")
    content = simple_pdf(*[f"Contract {number}"] * FEW_PAGES)
    file = FilePayload(name="contract.pdf", mimeType="application/pdf", buffer=content)
    chooser = page.locator("#view-sign #drop input")
    chooser.wait_for(state="attached")
    begun = time.perf_counter()
    chooser.set_input_files(file)
    page.locator("#preview[data-seen=shown] canvas").first.wait_for()
    seconds = time.perf_counter() - begun
    page.locator("#sign-list li .button").last.click()
    page.locator("#preview").wait_for(state="detached")
    return seconds


def _frozen() -> float | None:
    """Return how large the program is that was frozen here last, in MB; None where none was."""
    sizes = [each.lstat().st_size for each in FROZEN.rglob("*") if each.is_file()]
    return sum(sizes) / 1e6 if sizes else None


@asynccontextmanager
async def _desk(folder: Path) -> "AsyncIterator[Desk]":
    provider = VirtualProvider()
    card = cardfile.load(CardCase(folder).file(Generation.GEN2, "documents"))
    provider.insert(READER_NAME.format(0), card)
    service = SigningService(provider, AlwaysAllow())
    worker = PdfWorker()
    await service.start()
    try:
        with WorkFolder(folder / "work") as work:
            yield Desk(PdfSigner(service, worker, work, LOCAL_USER), worker, work)
    finally:
        await worker.close()
        await service.close()


async def _prepare(
    worker: PdfWorker,
    file: Path,
    folder: Path,
    *,
    known: KnownPdf | None = None,
    mark: Mark | None = None,
) -> None:
    out = folder / "prepared"
    size = await asyncio.to_thread(_made_free, out, file)
    request = PreparePdf(str(file), out=str(out), known=known, mark=mark)
    await worker.ask(request, PreparedPdf, size)


def _made_free(out: Path, file: Path) -> int:
    """Remove what was prepared before; return the length of the document, in bytes."""
    out.unlink(missing_ok=True)
    return file.stat().st_size


def _sha256(file: Path) -> bytes:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()


def _peak(worker: PdfWorker) -> float | None:
    """Return the most memory that the worker's process ever held, in MB; None if nobody tells."""
    process = worker._process
    try:
        status = Path(f"/proc/{process.pid if process else 0}/status").read_text("ascii")
    except OSError:
        return None
    found = _PEAK.search(status)
    return None if found is None else int(found[1]) * 1024 / 1e6


async def _seconds(work: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def _median(work: Callable[[], Awaitable[object]], times: int) -> float:
    return statistics.median([await _seconds(work) for _ in range(times)])
