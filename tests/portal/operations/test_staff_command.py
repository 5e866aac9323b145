"""Staff come and go by the operator's command, and are known by their cards."""

from pathlib import Path

import pytest

from agent.pki.reading import read_certificate
from agent.portal import audit
from agent.portal.members import card_login
from agent.portal.operations.command import main
from agent.portal.staff.register import Role, StaffMember, list_staff
from tests.portal.databases import CHOSEN
from tests.portal.support import Person, public_pem

pytestmark = pytest.mark.sqlite
Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ANKONG_PORTAL_DB", raising=False)
    monkeypatch.delenv("ANKONG_PORTAL_KEY", raising=False)
    monkeypatch.chdir(tmp_path)


def staff(*words: str) -> int:
    return main(["staff", *words, "--db", "portal.db"])


def everybody(folder: Path) -> list[StaffMember]:
    db = CHOSEN.open_in(folder)
    try:
        return db.read_here(list_staff, with_removed=True)
    finally:
        db.close_here()


@pytest.mark.parametrize("form", ["pem", "der"])
def test_somebody_is_added_by_the_certificate_of_their_card(
    form: str, citizen: Person, tmp_path: Path, capsys: Said
) -> None:
    content = public_pem(citizen.certificate) if form == "pem" else citizen.der
    Path("card.cer").write_bytes(content)
    words = ("--name", "櫃員測試", "--role", "clerk", "--role", "reviewer")
    assert staff("add", *words, "--certificate", "card.cer") == 0
    (member,) = everybody(tmp_path)
    assert (member.name, member.roles) == ("櫃員測試", {Role.CLERK, Role.REVIEWER})
    db = CHOSEN.open_in(tmp_path)
    facts = read_certificate(citizen.der)
    assert facts.subject_serial is not None
    known = db.read_here(card_login, facts.issuer, facts.subject_serial)
    db.close_here()
    assert member.card_key == known.key
    said = capsys.readouterr().out
    assert said == f"added {member.id}  櫃員測試  clerk, reviewer  {member.label}\n"
    assert citizen.subject_serial not in said


def test_the_same_card_named_by_its_facts_is_the_same_person(
    citizen: Person, tmp_path: Path
) -> None:
    Path("card.cer").write_bytes(citizen.der)
    assert staff("add", "--name", "甲", "--role", "clerk", "--certificate", "card.cer") == 0
    facts = read_certificate(citizen.der)
    named = ("--issuer", facts.issuer, "--subject-serial", citizen.subject_serial)
    assert staff("add", "--name", "乙", "--role", "auditor", *named) == 0
    (member,) = everybody(tmp_path)
    assert (member.name, member.roles) == ("乙", {Role.AUDITOR})


def test_who_left_is_listed_only_where_wanted(
    citizen: Person, tmp_path: Path, capsys: Said
) -> None:
    Path("card.cer").write_bytes(citizen.der)
    assert staff("add", "--name", "甲", "--role", "clerk", "--certificate", "card.cer") == 0
    (member,) = everybody(tmp_path)
    assert staff("remove", str(member.id)) == 0
    assert capsys.readouterr().out.endswith(f"removed {member.id}\n")
    assert staff("list") == 0
    assert capsys.readouterr().out == ""
    assert staff("list", "--all") == 0
    assert ", left 20" in capsys.readouterr().out
    assert staff("remove", str(member.id)) == 1
    assert f"nobody of number {member.id}" in capsys.readouterr().err
    db = CHOSEN.open_in(tmp_path)
    lines = [line for line, _ in db.read_here(lambda tx: list(audit.lines(tx)))]
    db.close_here()
    told = [(line.event, line.staff, line.subject) for line in lines]
    assert told == [("staff_added", member.id, "clerk"), ("staff_removed", member.id, None)]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "name the card by"),
        (["--issuer", "C=TW"], "name the card by"),
        (["--certificate", "card.cer", "--issuer", "C=TW"], "name the card by"),
        (["--certificate", "missing.cer"], "missing.cer"),
        (["--certificate", "nonsense.cer"], "portal: "),
        (["--certificate", "two.pem"], "holds 2 certificates"),
        (["--certificate", "card.cer", "--name", " "], "a name that can be read"),
    ],
)
def test_a_card_that_is_not_named_well_adds_nobody(
    words: list[str], complaint: str, citizen: Person, tmp_path: Path, capsys: Said
) -> None:
    Path("card.cer").write_bytes(citizen.der)
    Path("nonsense.cer").write_bytes(b"nonsense")
    other = public_pem(citizen.certificate)
    Path("two.pem").write_bytes(other + other)
    assert staff("add", "--name", "甲", "--role", "clerk", *words) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert complaint in said.err
    assert everybody(tmp_path) == []


def test_a_role_that_does_not_exist_is_refused(capsys: Said) -> None:
    with pytest.raises(SystemExit) as ended:
        staff("add", "--name", "甲", "--role", "mayor", "--certificate", "card.cer")
    assert ended.value.code == 2
    assert "mayor" in capsys.readouterr().err
