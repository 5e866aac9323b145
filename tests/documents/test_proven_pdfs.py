"""Signatures whose proof lasts: timestamps and evidence at every level, and what if they fail."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from agent.consent.consent import AlwaysAllow
from agent.documents.copies import WorkFolder
from agent.documents.known_proof import MoreTrust
from agent.documents.levels import ProofSettings, SignatureLevel
from agent.documents.pdf_verification import PdfVerdict, verify_pdf
from agent.documents.pdf_worker import PdfWorker
from agent.documents.proving import PdfProver
from agent.documents.signing import PdfSigner, SignatureWish, SignedPdf
from agent.history import store as history_store
from agent.history.store import History
from agent.origin import LOCAL_USER
from agent.pdf.hole import begins_with
from agent.pki.report import Inputs
from agent.secret import SecretBytes
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.documents import pdf_judges
from tests.documents.pdf_files import simple_pdf
from tests.documents.time_authorities import (
    Served,
    TimeAuthority,
    authority,
    lists,
    served,
    time_root,
)

CardFactory = Callable[..., VirtualCard]
LEVELS: Final = tuple(SignatureLevel)
LTA: Final = SignatureLevel.B_LTA


@dataclass
class World:
    """Authorities that are reached, and whom this computer trusts.

    Attributes:
        server: for timestamps and lists.
        settings: of this computer.
        folder: of the test.
    """

    server: Served
    settings: ProofSettings
    folder: Path


@contextmanager
def world_of(folder: Path, issuer: TestIssuer, of: TimeAuthority | None = None) -> Iterator[World]:
    (folder / "time.cer").write_bytes(time_root().der)
    raw = issuer.root.certificate.public_bytes(Encoding.DER)
    (folder / "root.cer").write_bytes(raw)
    with served(of or authority()) as server:
        server.files["/time.crl"] = lists(time_root())[0]
        server.files["/root.crl"] = issuer.root_crl()
        server.files["/ca.crl"] = issuer.crl()
        settings = ProofSettings(
            timestamp_url=server.url,
            timestamp_anchors=[folder / "time.cer"],
            evidence_urls=[f"{server.url}{name}.crl" for name in ("time", "root", "ca")],
            document_anchors=[folder / "root.cer"],
        )
        yield World(server, settings, folder)


@pytest.fixture
def world(tmp_path: Path, test_issuer: TestIssuer) -> Iterator[World]:
    with world_of(tmp_path, test_issuer) as found:
        yield found


@asynccontextmanager
async def signer_in(
    world: World, card: VirtualCard, worker: PdfWorker, history: History | None = None
) -> AsyncIterator[PdfSigner]:
    provider = VirtualProvider()
    provider.insert(READER_NAME.format(0), card)
    service = SigningService(provider, AlwaysAllow(), history=history)
    await service.start()
    try:
        with WorkFolder(world.folder / "state") as work:
            prover = PdfProver(world.settings, worker, work)
            yield PdfSigner(service, worker, work, LOCAL_USER, prover)
    finally:
        await service.close()


def written(folder: Path, name: str = "合約.pdf") -> Path:
    file = folder / name
    file.write_bytes(simple_pdf("Contract: pay 100 TWD"))
    return file


async def signed_in(
    world: World, card: VirtualCard, worker: PdfWorker, level: SignatureLevel, **more: Any
) -> SignedPdf:
    """Sign a document, and leave it in the test's folder."""
    async with signer_in(world, card, worker, **more) as signer:
        opened = await signer.open(written(world.folder))
        pin = SecretBytes.from_text("123456")
        (signed,) = await signer.sign([opened], SignatureWish(level=level), pin)
        kept = world.folder / f"{level}.pdf"
        kept.write_bytes(signed.file.read_bytes())
        return replace(signed, file=kept)


async def report_of(
    world: World, worker: PdfWorker, file: Path, at: datetime | None = None, **trust: Any
) -> dict[str, Any]:
    settings = world.settings
    inputs = Inputs(file, anchors=trust.get("anchors", settings.document_anchors))
    more = MoreTrust(trust.get("times", settings.timestamp_anchors))
    with WorkFolder(world.folder / "verifying") as work:
        found = await verify_pdf(worker, work, inputs, at or datetime.now(UTC), more=more)
        return found.report


@pdf_judges.needs_pdfsig
@pdf_judges.needs_qpdf
@pytest.mark.parametrize("level", LEVELS)
async def test_every_level_is_reached_and_readers_agree(
    level: SignatureLevel, world: World, worker: PdfWorker, make_gen2_card: CardFactory
) -> None:
    with closing(History(world.folder / "history.db")) as history:
        signed = await signed_in(world, make_gen2_card(), worker, level, history=history)
    (line,) = history_store.read(world.folder / "history.db")
    assert line.entry.format == f"pades-{level.lower()}"
    assert signed.level is level
    assert signed.lacks is None
    assert begins_with(signed.file, world.folder / "合約.pdf")
    assert pdf_judges.qpdf_complaints(signed.file) == ""
    told = pdf_judges.pdfsig(signed.file)
    assert told[0]["signature validation"] == "Signature is Valid."
    report = await report_of(world, worker, signed.file)
    first = report["signatures"][0]
    assert first["level"] == level
    assert (first["proven_time"] is None) is (level is SignatureLevel.B_B)
    by_evidence = level.reaches(SignatureLevel.B_LT)
    expected = PdfVerdict.VALID if by_evidence else PdfVerdict.UNKNOWN
    assert first["verdict"] == expected, report
    assert len(report["signatures"]) == (2 if level is LTA else 1)
    assert {each["verdict"] for each in report["signatures"]} == {expected}
