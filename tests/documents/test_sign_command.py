"""``ankong sign contract.pdf``, as people type it: right, wrong, and where nothing can be saved."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.commands import sign_pdfs
from agent.commands.tongue import CHOOSING
from agent.documents import places
from agent.history import store as history_store
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Faults
from tests.documents import pdf_judges
from tests.documents.command_support import PIN, Person
from tests.documents.pdf_files import next_number, simple_pdf

CardFactory = Callable[..., VirtualCard]
LANGUAGES = ("zh-Hant", "en", "vi", "id")


@pytest.fixture
def nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Person:
    """A person with two documents, and no card yet."""
    folder = tmp_path / "papers"
    folder.mkdir()
    for name in ("contract.pdf", "annex.pdf"):
        (folder / name).write_bytes(simple_pdf(name))
    return Person(folder, monkeypatch, capsys)


@pytest.fixture
def person(nobody: Person, make_gen2_card: CardFactory) -> Person:
    """A person with two documents and a card."""
    nobody.has(make_gen2_card())
    return nobody


@pytest.mark.parametrize(
    ("place", "page", "lines"), [("last", 2, 4), ("first", 1, 4), ("2:10,10,61,21", 2, 1)]
)
def test_a_mark_is_put_where_it_is_wanted(
    person: Person, place: str, page: int, lines: int
) -> None:
    (person.folder / "long.pdf").write_bytes(simple_pdf("One", "Two"))
    said = person.sign("long.pdf", "--mark", place, "--json")
    assert (said.status, said.err) == (0, "")
    mark = json.loads(said.out)["mark"]
    assert mark == {"page": page, "lines": lines, "missing": None, "small": False}
    report = person.run("verify", "long-signed.pdf", "--json")
    (signature,) = json.loads(report.out)["signatures"]
    assert signature["visible"]


def test_nothing_is_to_be_seen_unless_it_is_wanted(person: Person) -> None:
    for words in ((), ("--mark", "none")):
        said = person.sign("contract.pdf", *words, "--json")
        assert "mark" not in json.loads(said.out)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mark_that_is_not_as_meant_is_told_before_the_pin(
    nobody: Person, make_gen2_card: CardFactory, language: str
) -> None:
    nobody.has(make_gen2_card(name="\ue000"))
    said = nobody.sign("contract.pdf", "--mark", "1:9,9,50,19", typed="654321", language=language)
    assert said.status == 1
    assert "contract.pdf" in said.err
    assert "U+E000" in said.err
    assert "\ue000" not in said.err
    assert len(said.err.splitlines()) >= 3


@pytest.mark.parametrize(
    "place", ["", "0", "-1", "last:1,2,3", "middle", "1:a,b,c,d", "none:1,2,3,4"]
)
def test_a_place_that_is_none_is_a_usage_error(person: Person, place: str) -> None:
    said = person.sign("contract.pdf", f"--mark={place}")
    assert said.status == 2
    assert "2:36,36,200,60" in said.err
    assert tries_left(person) == 3


def test_a_page_that_is_none_costs_no_attempt(person: Person) -> None:
    said = person.sign("contract.pdf", "--mark", "2", typed="654321")
    assert said.status == 1
    assert "contract.pdf has no page 2; pages: 1" in said.err
    assert tries_left(person) == 3
    assert person.names() == ["annex.pdf", "contract.pdf"]


def tries_left(person: Person) -> int:
    data = json.loads(person.cards[0].read_text())
    left: int = data["tries_left"]
    return left


@pdf_judges.needs_pdfsig
def test_one_pdf_is_saved_beside_itself(person: Person) -> None:
    said = person.sign("contract.pdf")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("Saved as contract-signed.pdf; the original is untouched.\n")
    assert person.names() == ["annex.pdf", "contract-signed.pdf", "contract.pdf"]
    (told,) = pdf_judges.pdfsig(person.folder / "contract-signed.pdf")
    assert told["signature validation"] == "Signature is Valid."
    assert not list((person.state / "documents").iterdir())
    person.sign("contract.pdf")
    assert "contract-signed-2.pdf" in person.names()


def test_several_into_a_folder_each_once_and_in_their_order(person: Person) -> None:
    (person.folder / "signed").mkdir()
    files = ("contract.pdf", "./contract.pdf", "missing.pdf", "annex.pdf", "contract.pdf")
    said = person.sign(*files, "--out", "signed", "--json")
    assert said.status == 1
    told = json.loads(said.out)["files"]
    assert [each["file"] for each in told] == ["contract.pdf", "missing.pdf", "annex.pdf"]
    assert ["error" in each for each in told] == [False, True, False]
    assert person.names("signed") == ["annex-signed.pdf", "contract-signed.pdf"]
    assert len(history_store.read(person.state / "history.sqlite")) == 2


def test_several_never_become_one_file(person: Person) -> None:
    for out in ("all.pdf", "nowhere"):
        said = person.sign("contract.pdf", "annex.pdf", "--format", "pades", "--out", out)
        assert said.status == 2
        assert "Several PDFs do not fit into one file" in said.err
    assert person.names() == ["annex.pdf", "contract.pdf"]
    assert not person.state.exists()


def test_a_named_file_is_replaced_only_if_that_is_wanted(person: Person) -> None:
    assert person.sign("contract.pdf", "--out", "new.pdf").status == 0
    first = (person.folder / "new.pdf").read_bytes()
    refused = person.sign("contract.pdf", "--out", "new.pdf")
    assert (refused.status, (person.folder / "new.pdf").read_bytes()) == (1, first)
    assert "--force" in refused.err
    assert person.sign("annex.pdf", "--out", "new.pdf", "--force").status == 0
    assert (person.folder / "new.pdf").read_bytes().startswith(simple_pdf("annex.pdf"))
    itself = person.sign("contract.pdf", "--out", "contract.pdf", "--force")
    assert itself.status == 1
    assert "another file" in itself.err


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_what_a_link_names_is_replaced_and_not_the_link(person: Person) -> None:
    (person.folder / "target.pdf").write_bytes(b"old")
    (person.folder / "link.pdf").symlink_to("target.pdf")
    assert person.sign("contract.pdf", "--out", "link.pdf", "--force").status == 0
    assert (person.folder / "link.pdf").is_symlink()
    assert (person.folder / "target.pdf").read_bytes().startswith(simple_pdf("contract.pdf"))


@pytest.mark.parametrize(
    ("words", "form"),
    [
        (("--out", "letter.p7m"), b"\x30\x82"),
        (("--out", "letter.pdf"), b"%PDF-"),
        (("--format", "pades", "--out", "letter"), b"%PDF-"),
        (("--format", "cms-detached", "--out", "letter"), b"\x30\x82"),
        (("--out", "letter"), b"%PDF-"),
    ],
    ids=["p7m", "pdf", "pades", "detached", "no ending"],
)
def test_the_ending_of_what_is_written_decides(
    person: Person, words: tuple[str, ...], form: bytes
) -> None:
    assert person.sign("contract.pdf", *words).status == 0
    assert (person.folder / words[-1]).read_bytes().startswith(form)


@pytest.mark.parametrize(
    "words",
    [
        ("contract.pdf", "--format", "cms"),
        ("contract.pdf", "note.txt"),
        ("contract.pdf", "--hash", "SHA-512"),
        ("contract.pdf", "--reason", "one\ntwo"),
        ("contract.pdf", "--reason", "\u202efdp"),
        ("contract.pdf", "--location", "x" * 256),
        ("-x.pdf",),
    ],
    ids=["no out", "mixed", "hash", "two lines", "reordered", "long", "option"],
)
def test_options_that_do_not_fit_end_with_2(person: Person, words: tuple[str, ...]) -> None:
    (person.folder / "note.txt").write_text("note")
    said = person.sign(*words)
    assert (said.status, said.out) == (2, "")
    assert said.err
    assert "number" not in said.err


@pytest.mark.parametrize("name", ["-", "folder", "nothing.txt"])
def test_what_is_no_file_is_said_before_anything_of_options(person: Person, name: str) -> None:
    (person.folder / "folder").mkdir()
    said = person.sign(name)
    assert (said.status, said.out) == (1, "")
    assert f"{name}: " in said.err
    assert "--out" not in said.err


def test_a_remark_is_what_readers_find(person: Person) -> None:
    reason, place = "同意 “all” \\(of it\\) 😀 𡻕", "臺北 (中正)"
    assert person.sign("contract.pdf", "--reason", reason, "--location", place).status == 0
    told = json.loads(person.run("verify", "contract-signed.pdf", "--json").out)
    (found,) = told["signatures"]
    assert (found["reason"], found["location"]) == (reason, place)
    assert person.sign("annex.pdf", "--reason", "").status == 0
    told = json.loads(person.run("verify", "annex-signed.pdf", "--json").out)
    assert told["signatures"][0]["reason"] is None


def test_a_field_is_chosen_by_its_name(person: Person) -> None:
    number = next_number()
    field = b"<</FT/Sig/T(Buyer)/Type/Annot/Subtype/Widget/Rect[0 0 0 0]/P 4 0 R>>"
    form = b"/AcroForm<</Fields[%d 0 R]/SigFlags 3>>" % number
    annots = b"/Annots[%d 0 R]" % number
    (person.folder / "form.pdf").write_bytes(simple_pdf(page=annots, catalog=form, more=(field,)))
    refused = person.sign("form.pdf", "--field", "Seller")
    assert (refused.status, refused.out) == (1, "")
    assert "form.pdf has no empty signature field called “Seller”" in refused.err
    said = person.sign("form.pdf", "--field", "Buyer", "--json")
    assert json.loads(said.out)["field"] == "Buyer"


@pdf_judges.needs_qpdf
def test_a_password_is_asked_for_taken_and_refused(person: Person) -> None:
    words = ["qpdf", "--encrypt", "geheim", "owner", "256", "--", "contract.pdf", "locked.pdf"]
    subprocess.run(words, cwd=person.folder, check=True)
    asked = person.sign("locked.pdf")
    assert asked.status == 1
    assert "--password-stdin" in asked.err
    wrong = person.sign("locked.pdf", "--password-stdin", typed=f"falsch\n{PIN}")
    assert (wrong.status, wrong.out) == (1, "")
    assert "document_password_incorrect" in wrong.err
    right = person.sign("locked.pdf", "annex.pdf", "--password-stdin", typed=f"geheim\n{PIN}")
    assert (right.status, right.err) == (0, "")
    assert person.run("verify", "locked-signed.pdf").status == 2
    verified = person.run("verify", "locked-signed.pdf", "--password-stdin", typed="geheim")
    assert verified.status == 3


def test_what_cannot_be_signed_is_left_out_and_costs_no_try(person: Person) -> None:
    (person.folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing")
    said = person.sign("broken.pdf", typed="654321")
    assert said.status == 1
    assert "document_damaged" in said.err
    assert tries_left(person) == 3
    said = person.sign("broken.pdf", "contract.pdf")
    assert said.status == 1
    assert said.err.startswith("broken.pdf:\n")
    assert "Saved as contract-signed.pdf" in said.out


def test_a_wrong_pin_says_how_many_tries_are_left(person: Person) -> None:
    said = person.sign("contract.pdf", "annex.pdf", typed="654321")
    assert (said.status, said.out) == (1, "")
    assert said.err.splitlines() == [
        "ankong: The PIN is wrong. 2 tries left.",
        "  pin_incorrect: the PIN is wrong",
    ]
    assert tries_left(person) == 2
    assert person.names() == ["annex.pdf", "contract.pdf"]


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"attempts_left": 0}, "pin_locked"),
        ({"faults": Faults(remove_at=20)}, "card_removed"),
    ],
    ids=["locked", "pulled"],
)
def test_what_a_card_refuses_leaves_no_file(
    nobody: Person, make_gen2_card: CardFactory, card: dict[str, Any], code: str
) -> None:
    nobody.has(make_gen2_card(**card))
    said = nobody.sign("contract.pdf", "--json")
    assert said.status == 1
    assert json.loads(said.out)["error"]["code"] == code
    assert nobody.names() == ["annex.pdf", "contract.pdf"]


def test_without_a_card_and_with_two(nobody: Person, make_card: CardFactory) -> None:
    assert "no_card" in nobody.sign("contract.pdf").err
    nobody.has(make_card("gen1"))
    nobody.has(make_card("gen2"))
    said = nobody.sign("contract.pdf")
    assert said.status == 1
    assert "--reader" in said.err
    chosen = nobody.sign("contract.pdf", "--reader", "Ankong Virtual Reader 1")
    assert chosen.status == 0, chosen.err


@pytest.mark.skipif(sys.platform == "win32", reason="rights of folders")
def test_a_place_that_takes_nothing_is_named_before_the_pin(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(free=1000)
    monkeypatch.setattr(places.shutil, "disk_usage", lambda _: full)
    said = person.sign("contract.pdf", typed="654321")
    assert said.status == 1
    assert said.err.endswith("the disk is full\n")
    monkeypatch.undo()
    real = Path.open

    def refusing(self: Path, mode: str = "r", *rest: Any) -> Any:
        if "x" in mode and self.parent == Path():
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))
        return real(self, mode, *rest)

    monkeypatch.setattr(Path, "open", refusing)
    said = person.sign("contract.pdf", typed="654321")
    assert said.status == 1
    assert said.err.endswith("the disk is read-only\n")
    assert ".new" not in said.err
    monkeypatch.undo()
    assert tries_left(person) == 3
    assert person.names() == ["annex.pdf", "contract.pdf"]


def test_a_disk_that_fills_while_it_is_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signed").write_bytes(b"signed")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(places.shutil, "copyfileobj", full)
    for save in (places.save_new, places.save_over):
        with pytest.raises(OSError, match=r"new\.pdf") as caught:
            save(tmp_path / "signed", tmp_path / "new.pdf")
        assert caught.value.errno == errno.ENOSPC
    assert [each.name for each in tmp_path.iterdir()] == ["signed"]


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_stick_on_which_no_file_has_two_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(places.os, "link", refused)
    (tmp_path / "signed").write_bytes(b"signed")
    (tmp_path / "a-signed.pdf").write_bytes(b"kept")
    saved = places.save_beside(tmp_path / "signed", tmp_path / "a.pdf", "-signed")
    assert saved.name == "a-signed-2.pdf"
    assert saved.read_bytes() == b"signed"
    assert (tmp_path / "a-signed.pdf").read_bytes() == b"kept"
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX names")
def test_names_that_terminals_and_shells_could_misread(person: Person) -> None:
    names = ["a'b\"c.pdf", "two\nlines.pdf", "\u202efdp.pdf", "$(id).pdf", "x" * 251 + ".pdf"]
    for name in names:
        shutil.copy(person.folder / "annex.pdf", person.folder / name)
    said = person.sign(*names, "./-x.pdf")
    assert said.status == 1  # the last is not there
    assert said.out.count("Saved as ") == len(names)
    assert len(said.out.splitlines()) == 2 * len(names)
    assert "\u202e" not in said.out + said.err


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_where_it_is(person: Person, language: str) -> None:
    said = person.sign("contract.pdf", "nowhere.pdf", language=language)
    assert said.status == 1
    (new,) = set(person.names()) - {"annex.pdf", "contract.pdf"}
    assert new in said.out
    assert "nowhere.pdf" in said.err


def test_nothing_stands_behind_a_document_that_is_the_answer(person: Person) -> None:
    person.patch.setattr(sign_pdfs, "is_standard_output", lambda out: out == Path("answer.pdf"))
    said = person.sign("contract.pdf", "--out", "answer.pdf")
    assert (said.status, said.out) == (0, "")
    assert "Saved as answer.pdf" in said.err


def test_two_commands_at_once_save_two_files(person: Person) -> None:
    words = [sys.executable, "-m", "agent", "sign", "contract.pdf", "--state-dir"]
    words += [str(person.state), "--virtual-card", str(person.cards[0])]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), CHOOSING: "en"}
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen(words, cwd=person.folder, env=env, stdin=pipe, stdout=pipe, stderr=pipe)
        for _ in range(2)
    ]
    said = [each.communicate(f"{PIN}\n".encode()) for each in running]
    assert [each.returncode for each in running] == [0, 0], said
    assert set(person.names()) >= {"contract-signed.pdf", "contract-signed-2.pdf"}


@pytest.mark.parametrize(
    "words",
    [("--level", "B-T"), ("--reason", "why"), ("--field", "A"), ("--mark", "last")],
    ids=["level", "reason", "field", "mark"],
)
def test_what_only_a_pdf_takes_is_not_left_out_silently(
    person: Person, words: tuple[str, str]
) -> None:
    said = person.sign("contract.pdf", "--format", "cms", "--out", "letter.p7m", *words)
    assert (said.status, said.out) == (2, "")
    assert f"{words[0]} is for signatures in PDFs" in said.err
    assert "letter.p7m" not in person.names()
