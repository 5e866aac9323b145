"""PDFs signed by keys that are not RSA-2048: readers of others find the signature good."""

import hashlib
from contextlib import closing
from pathlib import Path

import pytest

from agent.cards.card import ID_AUTH, ID_SIGN
from agent.documents.copies import WorkFolder
from agent.documents.pdf_verification import PdfVerdict, verify_pdf
from agent.documents.pdf_worker import PdfWorker
from agent.documents.places import save_beside
from agent.documents.signing import PdfSigner, SignatureWish
from agent.history import store as history_store
from agent.history.store import History
from agent.origin import LOCAL_USER
from agent.pki.report import Inputs
from tests.documents import pdf_judges
from tests.documents.pdf_files import simple_pdf
from tests.signing import pki_support as pki
from tests.signing.any_card import KeyCard, any_card_service, der_of, pin_of


@pdf_judges.needs_pdfsig
@pytest.mark.parametrize(
    ("name", "hash_"),
    [("RSA-3072", "sha256"), ("P-256", "sha256"), ("P-384", "sha256"), ("P-521", "sha512")],
)
async def test_readers_find_the_signature_of_any_key_good(
    worker: PdfWorker, name: str, hash_: str, tmp_path: Path
) -> None:
    source = tmp_path / "合約.pdf"
    source.write_bytes(simple_pdf("Contract: pay 100 TWD"))
    with closing(History(tmp_path / "history.sqlite")) as history:
        async with any_card_service([KeyCard.with_key(name)], history=history) as service:
            with WorkFolder(tmp_path / "state") as work:
                signer = PdfSigner(service, worker, work, LOCAL_USER)
                opened = await signer.open(source)
                (signed,) = await signer.sign([opened], SignatureWish(), pin_of())
                saved = save_beside(signed.file, source, "-signed")
    (line,) = history_store.read(tmp_path / "history.sqlite")
    (said,) = pdf_judges.pdfsig(saved)
    assert said["signature validation"] == "Signature is Valid."
    assert said["signing hash algorithm"].replace("-", "").lower() == hash_
    ((content, cms),) = pdf_judges.signed_parts(saved.read_bytes())
    assert pdf_judges.openssl_accepts(content, cms, tmp_path)
    with WorkFolder(tmp_path / "verifying") as work:
        found = await verify_pdf(worker, work, Inputs(saved), pki.NOW)
    (told,) = found.report["signatures"]
    assert (found.verdict, told["problem"]) == (PdfVerdict.UNKNOWN, None)  # nobody is trusted
    assert (told["key"], told["hash"]) == ({"RSA-3072": "rsa 3072"}.get(name, name), hash_)
    # What people are told of the file is its own digest, whatever the signature hashes with.
    assert (line.entry.hash, line.entry.digest) == ("SHA-256", told["sha256_before"])


async def test_another_key_signs_where_the_person_picks_its_certificate(
    worker: PdfWorker, tmp_path: Path
) -> None:
    source = tmp_path / "合約.pdf"
    source.write_bytes(simple_pdf("Contract: pay 100 TWD"))
    usage = (pki.SIGN,)
    card = KeyCard({ID_SIGN: ("P-256", usage), ID_AUTH: ("P-384", usage)})
    wish = SignatureWish(certificate=hashlib.sha256(der_of("P-384")).digest())
    async with any_card_service([card]) as service:
        with WorkFolder(tmp_path / "state") as work:
            signer = PdfSigner(service, worker, work, LOCAL_USER)
            (signed,) = await signer.sign([await signer.open(source)], wish, pin_of())
    assert (signed.signer.facts.der, card.used) == (der_of("P-384"), [ID_AUTH])
