"""Signatures whose proof lasts: timestamps and evidence at every level, and what if they fail."""

import asyncio
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import pytest
from asn1crypto import ocsp as asn1_ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from pyhanko.sign.validation.dss import DocumentSecurityStore

from agent.consent.consent import AlwaysAllow
from agent.documents import proving, time_service
from agent.documents.copies import WorkFolder
from agent.documents.known_proof import MoreTrust
from agent.documents.levels import SignatureLevel
from agent.documents.pdf_verification import PdfVerdict, verify_pdf
from agent.documents.pdf_worker import PdfWorker
from agent.documents.proving import PdfProver
from agent.documents.signing import PdfSigner, SignatureWish, SignedPdf
from agent.documents.unfinished import PartlySignedError
from agent.errors import AgentError, ErrorCode
from agent.history import store as history_store
from agent.history.store import History
from agent.origin import LOCAL_USER
from agent.pdf.hole import begins_with
from agent.pdf.wire import AddEvidence, ExaminePdf, PdfError, PrepareTimestamp
from agent.pki.report import Inputs
from agent.secret import SecretBytes
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.documents import pdf_judges
from tests.documents.command_support import NearWorker
from tests.documents.pdf_files import simple_pdf
from tests.documents.proof_world import World, world_of
from tests.documents.time_authorities import TYPE, authority, time_root
from tests.signing import pki_support as pki


@pytest.fixture
def world(tmp_path: Path, test_issuer: TestIssuer) -> Iterator[World]:
    with world_of(tmp_path, test_issuer) as found:
        yield found


@pytest.fixture
def near() -> PdfWorker:
    """The worker's code in this process: what its own process adds is tested elsewhere."""
    return cast("PdfWorker", NearWorker())


CardFactory = Callable[..., VirtualCard]
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")
LEVELS: Final = tuple(SignatureLevel)
LTA: Final = SignatureLevel.B_LTA


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
    inputs = Inputs(file, anchors=settings.document_anchors, crls=trust.get("crls", ()))
    more = MoreTrust(trust.get("times", settings.timestamp_anchors))
    with WorkFolder(world.folder / "verifying") as work:
        found = await verify_pdf(worker, work, inputs, at or datetime.now(UTC), more=more)
        return found.report


@pdf_judges.needs_pdfsig
@pdf_judges.needs_qpdf
@pytest.mark.parametrize("level", LEVELS)
async def test_every_level_is_reached_and_readers_agree(
    level: SignatureLevel, world: World, near: PdfWorker, make_gen2_card: CardFactory
) -> None:
    with closing(History(world.folder / "history.db")) as history:
        signed = await signed_in(world, make_gen2_card(), near, level, history=history)
    (line,) = history_store.read(world.folder / "history.db")
    assert line.entry.format == f"pades-{level.lower()}"
    assert signed.level is level
    assert signed.lacks is None
    assert begins_with(signed.file, world.folder / "合約.pdf")
    assert pdf_judges.qpdf_complaints(signed.file) == ""
    told = pdf_judges.pdfsig(signed.file)
    assert told[0]["signature validation"] == "Signature is Valid."
    report = await report_of(world, near, signed.file)
    first = report["signatures"][0]
    assert first["level"] == level
    by_evidence = level.reaches(SignatureLevel.B_LT)
    assert (first["proven_time"] is None) is not by_evidence
    if level is SignatureLevel.B_T:
        assert first["timestamp"]["status"] == "unknown"  # nobody tells of its authority
    expected = PdfVerdict.VALID if by_evidence else PdfVerdict.UNKNOWN
    assert first["verdict"] == expected, report
    assert len(report["signatures"]) == (2 if level is LTA else 1)
    assert {each["verdict"] for each in report["signatures"]} == {expected}


async def test_a_response_in_the_document_clears_an_authority(
    world: World, near: PdfWorker, make_gen2_card: CardFactory
) -> None:
    signed = await signed_in(world, make_gen2_card(), near, SignatureLevel.B_T)
    now = datetime.now(UTC)
    certificate = x509.load_der_x509_certificate(authority().der)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=certificate,
        issuer=time_root().certificate,
        algorithm=hashes.SHA256(),
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=now + timedelta(minutes=1),
        next_update=now + timedelta(days=1),
        revocation_time=None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, time_root().certificate)
    response = builder.sign(time_root().key, hashes.SHA256()).public_bytes(Encoding.DER)
    with signed.file.open("r+b") as file:
        DocumentSecurityStore.add_dss(file, None, ocsps=[asn1_ocsp.OCSPResponse.load(response)])
    for days in (1, 30):  # while it is fresh, and when it tells of its own day alone
        report = await report_of(world, near, signed.file, now + timedelta(days=days))
        (first,) = report["signatures"]
        assert (first["timestamp"]["status"], first["proven_by"]) == ("valid", "timestamp")


def failing(status: int = 200, kind: str = TYPE, content: bytes = b"") -> Callable[[World], None]:
    def change(world: World) -> None:
        world.server.reply = lambda _: (status, kind, content)

    return change


def by(**how: Any) -> Callable[[World], None]:
    def change(world: World) -> None:
        of = authority(**how)
        world.server.reply = lambda raw: (200, TYPE, of.answer(raw))

    return change


def as_web_page(world: World) -> None:
    honest = world.server.reply
    world.server.reply = lambda raw: (200, "text/html", honest(raw)[2])


def elsewhere(world: World) -> None:
    world.server.headers["Location"] = f"{world.server.url}other"
    world.server.reply = lambda _: (302, TYPE, b"")


def cut_short(world: World) -> None:
    honest = world.server.reply
    world.server.reply = lambda raw: (200, TYPE, honest(raw)[2][:-1])


def nobody_there(world: World) -> None:
    world.settings = replace(world.settings, timestamp_url="http://127.0.0.1:9/")


NOW: Final = datetime.now(UTC)
LIARS: Final[dict[str, Callable[[World], None]]] = {
    "error 500": failing(500),
    "redirect": elsewhere,
    "web page": as_web_page,
    "nothing": failing(),
    "10 megabytes": failing(content=bytes(10_000_000)),
    "cut short": cut_short,
    "nobody there": nobody_there,
    "another nonce": by(change_info=lambda info: info.update(nonce=7)),
    "not granted": by(status="rejection"),
    "for anything": by(usage=None),
    "expired": by(not_after=NOW - pki.DAY),
    "not yet valid": by(not_before=NOW + pki.DAY, not_after=NOW + 2 * pki.DAY),
    "of another chain": by(root=pki.root()),
}


@pytest.mark.parametrize("name", LIARS)
async def test_an_authority_that_lies_gives_no_timestamp(name: str, world: World) -> None:
    LIARS[name](world)
    known = world.settings
    service = time_service.TimeService(known.timestamp_url, known.timestamp_anchors)
    with pytest.raises(AgentError) as caught:
        await service.stamp(bytes(32))
    assert caught.value.code is ErrorCode.TIMESTAMP_FAILED


async def test_an_authority_that_lies_costs_the_time_and_not_the_signature(
    world: World, near: PdfWorker, make_gen2_card: CardFactory
) -> None:
    by(change_info=lambda info: info.update(nonce=7))(world)
    signed = await signed_in(world, make_gen2_card(), near, LTA)
    assert (signed.level, signed.lacks and signed.lacks.code) == (
        SignatureLevel.B_B,
        ErrorCode.TIMESTAMP_FAILED,
    )
    (found,) = (await report_of(world, near, signed.file))["signatures"]
    assert (found["problem"], found["level"], found["changes"]) == (None, "B-B", "none")
    assert len(signed.file.read_bytes()) > 2 * 16384  # whose hole takes a timestamp later


async def test_an_authority_without_an_answer_is_not_waited_for(
    world: World, near: PdfWorker, monkeypatch: pytest.MonkeyPatch, make_gen2_card: CardFactory
) -> None:
    answered = threading.Event()

    def never(_: bytes) -> tuple[int, str, bytes]:
        answered.wait(60)
        return 200, TYPE, b""

    world.server.reply = never
    asked = partial(time_service.TimeService, seconds=0.2)
    monkeypatch.setattr(proving, "TimeService", asked)
    try:
        signed = await signed_in(world, make_gen2_card(), near, SignatureLevel.B_T)
    finally:
        answered.set()
    assert signed.lacks is not None
    assert "no answer within" in signed.lacks.detail


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_wrong_is_noticed(
    hours: int, world: World, near: PdfWorker, make_gen2_card: CardFactory
) -> None:
    by(now=lambda: datetime.now(UTC) + timedelta(hours=hours))(world)
    async with signer_in(world, make_gen2_card(), near) as signer:
        opened = await signer.open(written(world.folder))
        wish = SignatureWish(level=SignatureLevel.B_T)
        (signed,) = await signer.sign([opened], wish, SecretBytes.from_text("123456"))
        assert signed.level is SignatureLevel.B_T
        assert signer.prover.is_clock_wrong


class DyingWorker(PdfWorker):
    """A worker that dies at questions of one kind, and whose successor does too.

    Attributes:
        files: that it dies of; None for all.

    """

    def __init__(self, kind: type[Any]) -> None:
        self.near = NearWorker()
        self.kind = kind
        self.files: set[str] | None = None

    async def ask(self, request: Any, kind: type[Any], size: int = 0) -> Any:
        is_meant = self.files is None or request.file in self.files
        if isinstance(request, self.kind) and is_meant:
            raise PdfError("the worker ended", code=ErrorCode.DOCUMENT_DAMAGED)
        return await self.near.ask(request, kind, size)


@pytest.mark.parametrize(
    ("kind", "level", "lacks"),
    [
        (AddEvidence, SignatureLevel.B_T, ErrorCode.EVIDENCE_MISSING),
        (PrepareTimestamp, SignatureLevel.B_LT, ErrorCode.TIMESTAMP_FAILED),
    ],
)
async def test_a_worker_that_dies_later_costs_nothing_that_was_reached(
    kind: type[Any],
    level: SignatureLevel,
    lacks: ErrorCode,
    world: World,
    make_gen2_card: CardFactory,
) -> None:
    worker = DyingWorker(kind)
    signed = await signed_in(world, make_gen2_card(), worker, LTA)
    assert signed.lacks is not None
    assert (signed.level, signed.lacks.code) == (level, lacks)
    near = cast("PdfWorker", NearWorker())
    assert (await report_of(world, near, signed.file))["signatures"][0]["level"] == level


async def test_an_authority_that_dies_before_the_last_timestamp_leaves_the_rest(
    world: World, near: PdfWorker, make_gen2_card: CardFactory
) -> None:
    honest = world.server.reply
    world.server.reply = lambda raw: honest(raw) if world.server.asked == 1 else (500, TYPE, b"")
    signed = await signed_in(world, make_gen2_card(), near, LTA)
    assert signed.lacks is not None
    assert (signed.level, signed.lacks.code) == (
        SignatureLevel.B_LT,
        ErrorCode.TIMESTAMP_FAILED,
    )
    assert (await report_of(world, near, signed.file))["signatures"][0]["level"] == "B-LT"


async def test_what_cannot_be_finished_takes_nothing_from_the_others(
    world: World, make_gen2_card: CardFactory
) -> None:
    worker = DyingWorker(ExaminePdf)
    async with signer_in(world, make_gen2_card(), worker) as signer:
        names = ("a.pdf", "b.pdf", "c.pdf")
        opened = [await signer.open(written(world.folder, each)) for each in names]
        chosen = await signer.choose(None)
        ready = [await signer.prepare(each, SignatureWish(), chosen) for each in opened]
        worker.files = {str(ready[1].file)}
        with pytest.raises(PartlySignedError) as caught:
            await signer.sign_prepared(ready, chosen, SecretBytes.from_text("123456"))
        assert [each.original.name for each in caught.value.signed] == ["a.pdf", "c.pdf"]
        (left,) = caught.value.unfinished
        assert caught.value.code is ErrorCode.DOCUMENT_DAMAGED
        worker.files = set()
        finished = await signer.finish(left)
        assert begins_with(finished.file, world.folder / "b.pdf")


async def test_the_proof_outlives_the_certificates(
    world: World, near: PdfWorker, make_gen2_card: CardFactory
) -> None:
    kept = {}
    for level in (SignatureLevel.B_T, SignatureLevel.B_LT, LTA):
        signed = await signed_in(world, make_gen2_card(), near, level)
        kept[level] = signed.file
        written(world.folder).unlink()
    expires = signed.signer.facts.not_after
    a_day = timedelta(days=1)
    verdicts = {}
    for level, file in kept.items():
        report = await report_of(world, near, file, expires + a_day)
        verdicts[level] = report["signatures"][0]["verdict"]
    # The authority's own certificate ends within a year, long before the citizen's.
    assert verdicts == dict.fromkeys(kept, PdfVerdict.EXPIRED)
    soon = datetime.now(UTC) + 40 * a_day  # when every list of that day has ended
    for level, verdict in (
        (SignatureLevel.B_T, PdfVerdict.UNKNOWN),
        (SignatureLevel.B_LT, PdfVerdict.VALID),
        (LTA, PdfVerdict.VALID),
    ):
        report = await report_of(world, near, kept[level], soon)
        assert report["signatures"][0]["verdict"] == verdict, level
    nobody = await report_of(world, near, kept[LTA], times=[world.folder / "root.cer"])
    assert nobody["signatures"][0]["level"] == "B-B"
    assert nobody["signatures"][1]["verdict"] == PdfVerdict.UNKNOWN


@pytest.mark.parametrize(("ahead", "verdict"), [(-1, PdfVerdict.REVOKED), (1, PdfVerdict.VALID)])
async def test_a_revocation_counts_from_its_own_moment(
    ahead: int,
    verdict: PdfVerdict,
    *,
    world: World,
    near: PdfWorker,
    make_gen2_card: CardFactory,
    test_issuer: TestIssuer,
) -> None:
    signed = await signed_in(world, make_gen2_card(), near, LTA)
    of = pki.Authority(test_issuer.ca.certificate, test_issuer.ca.key)
    moment = datetime.now(UTC) + timedelta(hours=ahead)
    later = moment + timedelta(hours=2)
    entry = x509.RevokedCertificateBuilder().serial_number(signed.signer.facts.serial)
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(of.certificate.subject)
        .last_update(later)
        .next_update(later + pki.DAY)
        .add_revoked_certificate(entry.revocation_date(moment).build())
        .sign(of.key, hashes.SHA256())
    )
    (world.folder / "later.crl").write_bytes(crl.public_bytes(Encoding.DER))
    at = later + timedelta(hours=1)
    report = await report_of(world, near, signed.file, at, crls=[world.folder / "later.crl"])
    assert report["signatures"][0]["verdict"] == verdict


@pdf_judges.needs_qpdf
async def test_an_encrypted_document_gets_a_signature_alone(
    world: World, near: PdfWorker, make_gen2_card: CardFactory
) -> None:
    source = world.folder / "locked.pdf"
    plain = written(world.folder)
    words = ["qpdf", "--encrypt", "", "owner", "256", "--", str(plain), str(source)]
    await asyncio.to_thread(subprocess.run, words, check=True)
    world.settings = replace(world.settings, level=LTA)
    async with signer_in(world, make_gen2_card(), near) as signer:
        opened = await signer.open(source)
        with pytest.raises(PdfError) as caught:
            await signer.sign([opened], SignatureWish(level=LTA), SecretBytes.from_text("123456"))
        assert caught.value.code is ErrorCode.DOCUMENT_UNSUPPORTED
        (signed,) = await signer.sign([opened], SignatureWish(), SecretBytes.from_text("123456"))
        assert (signed.level, signed.lacks) == (SignatureLevel.B_B, None)
    assert world.server.asked == 0


@needs_openssl
async def test_openssl_finds_the_timestamp_of_the_document_good(
    world: World, near: PdfWorker, make_gen2_card: CardFactory
) -> None:
    signed = await signed_in(world, make_gen2_card(), near, LTA)
    root = x509.load_der_x509_certificate((world.folder / "time.cer").read_bytes())
    (world.folder / "time.pem").write_bytes(root.public_bytes(Encoding.PEM))
    content, token = pdf_judges.signed_parts(signed.file.read_bytes())[-1]
    (world.folder / "content").write_bytes(content)
    (world.folder / "token").write_bytes(token)
    words = ["openssl", "ts", "-verify", "-data", "content", "-in", "token", "-token_in"]
    words += ["-CAfile", "time.pem"]
    done = await asyncio.to_thread(
        subprocess.run, words, cwd=world.folder, capture_output=True, check=False
    )
    assert b"Verification: OK" in done.stdout + done.stderr
