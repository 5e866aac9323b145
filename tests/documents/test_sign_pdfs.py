"""A person's own PDFs: one PIN for all of them, the original untouched, and readers agree."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from agent.consent.consent import AlwaysAllow
from agent.documents import signing as signing_module
from agent.documents.copies import WorkFolder
from agent.documents.pdf_verification import PdfVerdict, VerifiedPdf, verify_pdf
from agent.documents.pdf_worker import PdfWorker
from agent.documents.places import save_beside
from agent.documents.signing import OpenPdf, PdfSigner, SignatureWish
from agent.errors import AgentError, ErrorCode
from agent.history import store as history_store
from agent.history.store import History
from agent.origin import LOCAL_USER
from agent.pdf.hole import begins_with, fill
from agent.pdf.wire import PreparedPdf
from agent.pki.report import Inputs
from agent.secret import SecretBytes
from agent.signing.model import CardCertificate
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.documents import pdf_judges
from tests.documents.pdf_files import simple_pdf

CardFactory = Callable[..., VirtualCard]
NOTHING_SAID = SignatureWish()


def pin(text: str = "123456") -> SecretBytes:
    return SecretBytes.from_text(text)


@asynccontextmanager
async def signer_with(
    card: VirtualCard, worker: PdfWorker, folder: Path, history: History | None = None
) -> AsyncIterator[PdfSigner]:
    provider = VirtualProvider()
    provider.insert(READER_NAME.format(0), card)
    service = SigningService(provider, AlwaysAllow(), history=history)
    await service.start()
    try:
        with WorkFolder(folder / "state") as private:
            yield PdfSigner(service, worker, private, LOCAL_USER)
    finally:
        await service.close()


def written(folder: Path, name: str = "合約.pdf", **more: Any) -> Path:
    file = folder / name
    file.write_bytes(simple_pdf("Contract: pay 100 TWD", **more))
    return file


async def verified(worker: PdfWorker, file: Path, signer: CardCertificate) -> VerifiedPdf:
    with WorkFolder(file.parent / "verifying") as work:
        return await verify_pdf(worker, work, Inputs(file), signer.facts.not_before)


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.is_file())


@pdf_judges.needs_pdfsig
@pdf_judges.needs_qpdf
async def test_readers_find_the_signature_good_and_the_original_is_untouched(
    worker: PdfWorker, make_card: CardFactory, generation: str, tmp_path: Path
) -> None:
    source = written(tmp_path)
    original = source.read_bytes()
    wish = SignatureWish(reason="同意", location="臺北")
    async with signer_with(make_card(generation), worker, tmp_path) as signer:
        (signed,) = await signer.sign([await signer.open(source)], wish, pin())
        saved = save_beside(signed.file, source, "-signed")
    assert source.read_bytes() == original
    assert saved.name == "合約-signed.pdf"
    assert saved.read_bytes().startswith(original)
    (said,) = pdf_judges.pdfsig(saved)
    assert said["signature validation"] == "Signature is Valid."
    assert said["signature type"] == "ETSI.CAdES.detached"
    assert not pdf_judges.qpdf_complaints(saved)
    ((content, cms),) = pdf_judges.signed_parts(saved.read_bytes())
    assert pdf_judges.openssl_accepts(content, cms, tmp_path)
    found = await verified(worker, saved, signed.signer)
    (told,) = found.report["signatures"]
    assert (told["reason"], told["location"]) == ("同意", "臺北")
    assert told["sha256_before"] == hashlib.sha256(original).hexdigest()
    assert told["signer"]["thumbprint"] == signed.signer.facts.thumbprint.hex()


async def test_twenty_files_cost_one_pin_and_a_line_each(
    worker: PdfWorker, make_gen2_card: CardFactory, tmp_path: Path
) -> None:
    card = make_gen2_card()
    files = [written(tmp_path, f"{number}.pdf") for number in range(20)]
    with closing(History(tmp_path / "history.sqlite")) as history:
        async with signer_with(card, worker, tmp_path, history) as signer:
            opened = [await signer.open(each) for each in files]
            signed = await signer.sign(opened, NOTHING_SAID, pin())
            assert len({each.file.read_bytes() for each in signed}) == 20
    lines = history_store.read(tmp_path / "history.sqlite")
    assert len(lines) == 20
    told = {line.entry.digest for line in lines}
    assert told == {hashlib.sha256(each.read_bytes()).hexdigest() for each in files}
    assert {line.entry.format for line in lines} == {"pades-b-b"}


async def test_a_second_signature_harms_no_first(
    worker: PdfWorker, make_card: CardFactory, generation: str, tmp_path: Path
) -> None:
    source = written(tmp_path)
    async with signer_with(make_card(generation), worker, tmp_path) as signer:
        (first,) = await signer.sign([await signer.open(source)], NOTHING_SAID, pin())
        once = save_beside(first.file, source, "-signed")
        (second,) = await signer.sign([await signer.open(once)], NOTHING_SAID, pin())
        twice = save_beside(second.file, once, "-signed")
    assert second.field != first.field
    found = await verified(worker, twice, first.signer)
    assert found.verdict is PdfVerdict.UNKNOWN
    assert [each["changes"] for each in found.report["signatures"]] == ["forms", "none"]
    assert all(each["changes_allowed"] for each in found.report["signatures"])


async def test_a_wrong_pin_leaves_nothing_but_its_attempt(
    worker: PdfWorker, make_card: CardFactory, generation: str, tmp_path: Path
) -> None:
    source = written(tmp_path)
    async with signer_with(make_card(generation), worker, tmp_path) as signer:
        opened = await signer.open(source)
        with pytest.raises(AgentError) as caught:
            await signer.sign([opened], NOTHING_SAID, pin("654321"))
    assert caught.value.code is ErrorCode.PIN_INCORRECT
    assert caught.value.attempts_left == 2
    assert names_in(tmp_path) == [source.name]


async def test_a_file_that_changed_is_not_signed_and_no_pin_is_sent(
    worker: PdfWorker, make_card: CardFactory, generation: str, tmp_path: Path
) -> None:
    card = make_card(generation)
    source = written(tmp_path)
    async with signer_with(card, worker, tmp_path) as signer:
        opened: OpenPdf = await signer.open(source)
        source.write_bytes(simple_pdf("Contract: pay 900 TWD"))
        entered = pin("654321")
        with pytest.raises(AgentError) as caught:
            await signer.sign([opened], NOTHING_SAID, entered)
        assert entered.wiped
    assert caught.value.code is ErrorCode.DOCUMENT_CHANGED


async def test_a_worker_that_dies_after_the_card_signed_costs_no_second_pin(
    worker: PdfWorker, make_gen2_card: CardFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = written(tmp_path)

    def fill_and_kill(file: Path, prepared: PreparedPdf, cms: bytes, *, again: bool) -> None:
        process = worker._process
        assert process is not None
        process.kill()
        fill(file, prepared, cms, again=again)

    monkeypatch.setattr(signing_module, "fill", fill_and_kill)
    async with signer_with(make_gen2_card(), worker, tmp_path) as signer:
        (signed,) = await signer.sign([await signer.open(source)], NOTHING_SAID, pin())
        assert begins_with(signed.file, source)


async def test_nothing_is_left_of_the_work(
    worker: PdfWorker, make_card: CardFactory, generation: str, tmp_path: Path
) -> None:
    source = written(tmp_path)
    async with signer_with(make_card(generation), worker, tmp_path) as signer:
        await signer.sign([await signer.open(source)], NOTHING_SAID, pin())
        assert list((tmp_path / "state").iterdir())
    assert not list((tmp_path / "state").iterdir())


@pytest.mark.parametrize(
    "name",
    ["a'b\"c.pdf", "two\nlines.pdf", "-x.pdf", "\u202efdp.pdf", "$(id).pdf", "長" * 83 + ".pdf"],
    ids=["quotes", "line feed", "option", "reordered", "shell", "249 bytes"],
)
def test_any_name_gets_one_beside_it(name: str, tmp_path: Path) -> None:
    signed = tmp_path / "signed"
    signed.write_bytes(b"signed")
    source = tmp_path / name
    source.write_bytes(b"original")
    saved = [save_beside(signed, source, "-已簽署") for _ in range(3)]
    assert len(set(saved)) == 3
    assert all(each.read_bytes() == b"signed" for each in saved)
    assert source.read_bytes() == b"original"
    assert not list(tmp_path.glob(".ankong-*"))
