"""``ankong sign contract.pdf`` with a PIV card, and what independent judges make of it."""

import json
from pathlib import Path

import pytest

from tests.card.piv_wire import piv_card
from tests.documents import pdf_judges
from tests.documents.command_support import Person
from tests.documents.pdf_files import simple_pdf


@pytest.fixture
def person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Person:
    folder = tmp_path / "papers"
    folder.mkdir()
    for name in ("contract.pdf", "annex.pdf"):
        (folder / name).write_bytes(simple_pdf(name))
    return Person(folder, monkeypatch, capsys)


@pdf_judges.needs_pdfsig
@pdf_judges.needs_qpdf
@pytest.mark.parametrize("kind", ["p256", "p384", "rsa3072"])
def test_all_judges_agree_on_a_pdf_that_a_piv_card_signed(person: Person, kind: str) -> None:
    card = piv_card(kind)
    person.has(card)
    said = person.sign("contract.pdf", "annex.pdf")
    assert (said.status, said.err) == (0, "")
    for name in ("contract-signed.pdf", "annex-signed.pdf"):
        file = person.folder / name
        (told,) = pdf_judges.pdfsig(file)
        assert told["signature validation"] == "Signature is Valid."
        assert pdf_judges.qpdf_complaints(file) == ""
        ((content, cms),) = pdf_judges.signed_parts(file.read_bytes())
        assert pdf_judges.openssl_accepts(content, cms, person.folder.parent)
    verified = person.run("verify", "contract-signed.pdf", "--state-dir", str(person.state))
    assert "Intact" in verified.out


def test_a_wrong_pin_is_counted_on_the_card(person: Person) -> None:
    person.has(piv_card())
    said = person.sign("contract.pdf", typed="654321")
    assert said.status == 1
    assert "The PIN is wrong. 2 tries left." in said.err
    assert json.loads(person.cards[0].read_text())["tries_left"] == 2
    assert person.names() == ["annex.pdf", "contract.pdf"]


def test_a_locked_card_says_so(person: Person) -> None:
    person.has(piv_card(attempts_left=0))
    said = person.sign("contract.pdf")
    assert said.status == 1
    assert "locked" in said.err


@pdf_judges.needs_pdfsig
def test_a_mark_says_of_no_piv_card_that_it_is_a_citizen_s(person: Person) -> None:
    """Not even where its certificate is written as a citizen's is."""
    person.has(piv_card())
    assert person.sign("contract.pdf", "--mark", "last").status == 0
    text = pdf_judges.pdftotext(person.folder / "contract-signed.pdf")
    assert "Citizen Digital Certificate" not in text
    assert "Signed with a certificate of" in " ".join(text.split())
