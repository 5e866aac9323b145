"""``ankong verify contract.pdf``: what it says, and that nothing else is taken for a proof."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import TestIssuer, der
from tests.documents.command_support import Person
from tests.documents.pdf_files import simple_pdf

CardFactory = Callable[..., VirtualCard]
PROVEN, BROKEN, NOT_JUDGED, NOT_PROVEN = 0, 1, 2, 3


@pytest.fixture
def person(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make_gen2_card: CardFactory,
) -> Person:
    """A person with a signed contract."""
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "contract.pdf").write_bytes(simple_pdf("Contract: pay 100 TWD"))
    person = Person(folder, monkeypatch, capsys)
    person.has(make_gen2_card())
    said = person.sign("contract.pdf", "--out", "signed.pdf", "--reason", "同意")
    assert said.status == 0, said.err
    return person


@pytest.fixture
def trust(tmp_path: Path, test_issuer: TestIssuer) -> tuple[str, ...]:
    """The options that name the test authority, and its lists."""
    files = {
        "anchors": der(test_issuer.root.certificate),
        "intermediates": der(test_issuer.ca.certificate),
    }
    words: list[str] = []
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
        words += [f"--{name}", str(tmp_path / name)]
    for number, raw in enumerate((test_issuer.root_crl(), test_issuer.crl())):
        (tmp_path / f"crl-{number}").write_bytes(raw)
        words += ["--crl", str(tmp_path / f"crl-{number}")]
    return tuple(words)


def test_it_is_proven_by_an_authority_and_its_lists(person: Person, trust: tuple[str, ...]) -> None:
    said = person.run("verify", "signed.pdf", *trust)
    assert (said.status, said.err) == (PROVEN, "")
    assert said.out.startswith("Valid; nothing has changed since but what its author allows.\n")
    assert "reason: 同意\n" in said.out
    fingerprint = hashlib.sha256((person.folder / "contract.pdf").read_bytes()).hexdigest()
    assert fingerprint in said.out


def test_what_is_missing_is_asked_for_and_proves_nothing(
    person: Person, trust: tuple[str, ...]
) -> None:
    for words, hint in (((), "--anchors"), (trust[:4], "--crl"), (trust[:2], "certificate: ")):
        said = person.run("verify", "signed.pdf", *words)
        assert said.status == NOT_PROVEN
        assert said.out.startswith("Intact, but")
        assert "  since then: nothing was changed\n" in said.out
        assert hint in said.out
    said = person.run("verify", "contract.pdf", *trust)
    assert (said.status, said.out) == (NOT_PROVEN, "This PDF has no signature.\n")


def test_a_document_that_was_changed_is_not_helped_by_trust(
    person: Person, trust: tuple[str, ...]
) -> None:
    signed = (person.folder / "signed.pdf").read_bytes()
    (person.folder / "other.pdf").write_bytes(signed.replace(b"100 TWD", b"900 TWD"))
    said = person.run("verify", "other.pdf", *trust)
    assert said.status == BROKEN
    assert said.out.startswith("Invalid: ")
    said = person.run("verify", "other.pdf")
    assert said.status == BROKEN
    assert "--anchors" not in said.out
    (person.folder / "more.pdf").write_bytes(signed + b"% more")
    said = person.run("verify", "more.pdf", *trust)
    assert "something stands behind its end" in said.out


def test_the_version_that_was_signed_is_taken_out(person: Person) -> None:
    assert person.sign("signed.pdf", "--out", "twice.pdf").status == 0
    said = person.run("verify", "twice.pdf", "--extract", "1", "--out", "first.pdf")
    assert said.status == NOT_PROVEN
    assert "Signature 2 of 2:" in said.out
    assert said.out.endswith("The version that was signed: first.pdf\n")
    first, signed = (person.folder / name for name in ("first.pdf", "signed.pdf"))
    assert first.read_bytes() == signed.read_bytes()
    again = person.run("verify", "twice.pdf", "--extract", "2", "--out", "first.pdf")
    assert again.status == NOT_JUDGED
    assert "--force" in again.err
    for number in ("0", "3", "-1"):
        said = person.run("verify", "twice.pdf", "--extract", number, "--out", "none.pdf")
        assert (said.status, said.out) == (NOT_JUDGED, "")
        assert f"no signature {number} " in said.err
    assert "none.pdf" not in person.names()


def test_a_pdf_is_never_taken_for_a_login(person: Person, trust: tuple[str, ...]) -> None:
    login = ("--origin", "https://a.example", "--challenge", "A" * 43)
    for words in ((*login, "--login"), login):
        said = person.run("verify", "signed.pdf", *words, *trust)
        assert said.status == BROKEN
        assert "Valid" not in said.out
    said = person.run("verify", "signed.pdf", "--login", "--extract", "1", "--out", "x.pdf")
    assert said.status == NOT_JUDGED


def test_options_that_mean_nothing_here_are_refused(person: Person) -> None:
    (person.folder / "letter.p7m").write_bytes(b"\x30\x00")
    assert person.run("verify", "signed.pdf", "--extract", "1").status == NOT_JUDGED
    said = person.run("verify", "letter.p7m", "--extract", "1", "--out", "x.pdf")
    assert said.status == NOT_JUDGED
    assert "letter.p7m is no PDF" in said.err
    for name in (".", "missing.pdf", "-"):
        assert person.run("verify", name).status == NOT_JUDGED


@pytest.mark.parametrize("language", ["zh-Hant", "en", "vi", "id"])
def test_each_language_says_who_and_when(person: Person, language: str) -> None:
    said = person.run("verify", "signed.pdf", language=language)
    assert (said.status, said.err) == (NOT_PROVEN, "")
    assert "王測試" in said.out
    assert "not_checked" not in said.out


def test_programs_are_told_all_of_it(person: Person, trust: tuple[str, ...]) -> None:
    told = json.loads(person.run("verify", "signed.pdf", *trust, "--json").out)
    (signature,) = told["signatures"]
    assert (told["verdict"], signature["verdict"]) == ("valid", "valid")
    assert signature["chain"]["status"] == "valid"
    assert signature["signer"]["subject_cn"] == "王測試"
