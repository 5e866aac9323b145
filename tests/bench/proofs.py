"""The rows of the bench about proof that lasts: timestamps, and evidence in PDFs."""

import asyncio
import hashlib
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asn1crypto.crl import CertificateList, RevokedCertificate
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from agent.documents.pdf_worker import PdfWorker
from agent.documents.time_service import TimeService
from agent.pdf.wire import AddEvidence, WrittenPdf
from tests.documents.time_authorities import authority, lists, served, time_root

if TYPE_CHECKING:
    from tests.bench.run import Table

ENTRIES: Final = 100_000
"""Of a list; real ones have as many."""


async def measure_proofs(
    table: "Table", times: int, worker: PdfWorker, file: Path, folder: Path
) -> None:
    """Add the rows.

    Args:
        table: of the bench.
        times: each figure is the median of so many.
        worker: that writes PDFs.
        file: a long PDF.
        folder: for what is written meanwhile.

    """
    anchor, short, long = (folder / name for name in ("time.cer", "short.crl", "long.crl"))
    await asyncio.to_thread(anchor.write_bytes, time_root().der)
    await asyncio.to_thread(short.write_bytes, lists(time_root())[0])
    await asyncio.to_thread(_write_long, long)
    with served(authority()) as server:
        service = TimeService(server.url, [anchor])
        await service.stamp(bytes(32))
        seconds = []
        for _ in range(times):
            begun = time.perf_counter()
            await service.stamp(bytes(32))
            seconds.append(time.perf_counter() - begun)
    table.add("timestamp, question to judged answer", statistics.median(seconds) * 1000, "ms")
    for name, crl in (("evidence", short), (f"a list of {ENTRIES} entries", long)):
        await _adding(table, times, worker, name, (file, anchor, crl, folder / "evident"))


async def _adding(
    table: "Table", times: int, worker: PdfWorker, name: str, places: tuple[Path, ...]
) -> None:
    file, anchor, crl, out = places
    request = AddEvidence(str(file), out=str(out), certificates=(str(anchor),), lists=(str(crl),))
    size = await asyncio.to_thread(_size, file)
    seconds = []
    for _ in range(times):
        await asyncio.to_thread(out.unlink, missing_ok=True)
        begun = time.perf_counter()
        await worker.ask(request, WrittenPdf, size)
        seconds.append(time.perf_counter() - begun)
    table.add(f"long PDF, {name} added", statistics.median(seconds) * 1000, "ms")
    grown = await asyncio.to_thread(_size, out) - size
    most = await asyncio.to_thread(_size, crl) + 10_000
    table.add(f"long PDF, bytes of {name}", grown, "bytes", most=most)


def _size(file: Path) -> int:
    return file.stat().st_size


def _write_long(file: Path) -> None:
    """Write a list with many entries; made by hand, as a builder takes time by their square."""
    known = CertificateList.load(lists(time_root())[0])
    body = known["tbs_cert_list"]
    now = datetime.now(UTC).replace(microsecond=0)
    one = RevokedCertificate({"user_certificate": 1 << 126, "revocation_date": {"utc_time": now}})
    raw = one.dump()
    at = raw.index((1 << 126).to_bytes(16, "big"))
    entries = [
        RevokedCertificate.load(raw[:at] + _serial(number) + raw[at + 16 :])
        for number in range(ENTRIES)
    ]
    body["revoked_certificates"] = entries
    signed = body.dump(force=True)
    known["tbs_cert_list"] = body
    known["signature"] = time_root().key.sign(signed, PKCS1v15(), hashes.SHA256())
    file.write_bytes(known.dump(force=True))


def _serial(number: int) -> bytes:
    """Return a serial number that is as little packed as real ones are."""
    return b"\x40" + hashlib.sha256(number.to_bytes(4, "big")).digest()[:15]
