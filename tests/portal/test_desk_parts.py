"""What a reviewer sends, the mark in the pictures, and whose application is one's own."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from agent.portal.contact import parse_contact
from agent.portal.desk.conflict import is_own
from agent.portal.desk.forms import (
    LONGEST_QUESTION,
    POINTS,
    DecisionError,
    Point,
    Problem,
    check_points,
    check_reason,
    read_question,
)
from agent.portal.desk.watermark import watermarked
from agent.portal.members import CardLogin, Proven, Way, make_gold, register
from agent.portal.online.states import REASONS, CaseKind, RefusalReason
from agent.portal.staff.register import Role, StaffMember, add_staff
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number


def jpeg(size: tuple[int, int], colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize("colour", ["white", "black", "gray"])
@pytest.mark.parametrize("size", [(2000, 1260), (600, 900), (40, 2000), (1, 1)])
def test_every_part_of_a_picture_carries_the_mark(size: tuple[int, int], colour: str) -> None:
    original = jpeg(size, colour)
    marked = watermarked(original, "TPE-7K4M-29QX  reviewer 7")
    with Image.open(io.BytesIO(marked)) as after, Image.open(io.BytesIO(original)) as before:
        assert (after.format, after.size, after.mode) == ("JPEG", size, "RGB")
        changed = ImageChops.difference(after, before.convert("RGB")).convert("L")
    if min(size) < 600:
        return
    for left in (0, size[0] // 2):
        for top in (0, size[1] // 2):
            part = changed.crop((left, top, left + size[0] // 2, top + size[1] // 2))
            darkest, lightest = part.getextrema()
            assert (darkest, lightest >= 15) == (0, True), (left, top)  # letters, and between them


def test_another_case_or_reviewer_makes_another_mark() -> None:
    picture = jpeg((800, 500), "white")
    marks = {
        watermarked(picture, text) for text in ("A  reviewer 1", "A  reviewer 2", "B  reviewer 1")
    }
    assert len(marks) == 3


@pytest.mark.parametrize("data", [b"", b"GIF89a", jpeg((10, 10), "white")[:60]])
def test_what_is_no_picture_is_not_shown(data: bytes) -> None:
    with pytest.raises(OSError, match=r"\S"):
        watermarked(data, "A")


@pytest.mark.parametrize(
    ("kind", "missing"), [(kind, point) for kind in CaseKind for point in POINTS[kind]]
)
def test_an_approval_needs_every_point(kind: CaseKind, missing: Point) -> None:
    with pytest.raises(DecisionError) as refused:
        check_points([each for each in Point if each is not missing] + ["other"], kind)
    assert refused.value.problem is Problem.CHECKS


@pytest.mark.parametrize("kind", CaseKind)
def test_an_approval_with_every_point_is_taken(kind: CaseKind) -> None:
    check_points(POINTS[kind], kind)


@pytest.mark.parametrize("kind", CaseKind)
def test_only_reasons_of_its_kind_refuse_a_case(kind: CaseKind) -> None:
    for reason in REASONS[kind]:
        check_reason(reason, kind)
    for reason in set(RefusalReason) - set(REASONS[kind]):
        with pytest.raises(DecisionError) as refused:
            check_reason(reason, kind)
        assert refused.value.problem is Problem.REASON


def test_each_point_and_each_reason_is_of_some_kind() -> None:
    assert set(Point) == {point for each in CaseKind for point in POINTS[each]}
    assert set(RefusalReason) == {reason for each in CaseKind for reason in REASONS[each]}


def problem_of(text: str) -> Problem:
    with pytest.raises(DecisionError) as refused:
        read_question(text)
    return refused.value.problem


@pytest.mark.parametrize(
    "text", ["", " \n ", "\u200b", "字" * (LONGEST_QUESTION + 1), "a\x07b", "a\u202eb", "a\u2028b"]
)
def test_a_question_that_says_nothing_or_cannot_be_read_is_not_sent(text: str) -> None:
    assert problem_of(text) is Problem.QUESTION


def test_a_question_keeps_its_lines() -> None:
    assert read_question("  請補上背面。\r\n另請說明。 \r\n") == "請補上背面。\n另請說明。"
    assert len(read_question("字" * LONGEST_QUESTION)) == LONGEST_QUESTION


SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.lower,
    " ".join,
    lambda number: f"{number[:4]}-{number[4:]}",
    lambda number: number.translate({ord("0") + each: 0xFF10 + each for each in range(10)}),
    lambda number: f"您的證號{number}不清楚",
    lambda number: f"X{number}9",
)


@given(number=st.integers(1, 5000), spell=st.sampled_from(SPELLINGS))
def test_a_question_never_carries_an_id_number(number: int, spell: Callable[[str], str]) -> None:
    assert problem_of(f"Please look at {spell(generate_id_number(number))} again") is (
        Problem.ID_NUMBER
    )


@pytest.mark.parametrize("text", ["Call 02-2720-8889", "Room A12345", "A123456788 is no number"])
def test_other_numbers_may_be_written(text: str) -> None:
    assert read_question(text) == text


@pytest.fixture
def db(tmp_path: Path) -> Iterator[PortalDatabase]:
    database = PortalDatabase(tmp_path / "portal.db")
    database.open_here()
    yield database
    database.close_here()


CARD = CardLogin("a" * 64, "1234")


def reviewer(tx: Transaction) -> StaffMember:
    return add_staff(tx, "審核 測試", CARD, [Role.REVIEWER])


def gold_with_card(tx: Transaction) -> str:
    member = register(tx, parse_contact("0900000001"))
    proven = Proven(Way.CARD, generate_id_number(1), "李測試", {}, card=CARD)
    assert make_gold(tx, member, proven) is None
    return member


def test_an_application_by_the_card_of_the_reviewer_is_their_own(db: PortalDatabase) -> None:
    def check(tx: Transaction) -> None:
        staff, member = reviewer(tx), gold_with_card(tx)
        other = register(tx, parse_contact("0900000002"))
        assert is_own(tx, staff, member=member, id_number=generate_id_number(9), name="乙")
        assert is_own(tx, staff, member=other, id_number=generate_id_number(1), name="乙")
        assert not is_own(tx, staff, member=other, id_number=generate_id_number(9), name="乙")

    db.run_here(check)


@pytest.mark.parametrize("name", ["審核 測試", "審核測試", "審核\u3000測試"])
def test_an_application_in_the_name_of_the_reviewer_is_their_own(
    db: PortalDatabase, name: str
) -> None:
    def check(tx: Transaction) -> None:
        staff = reviewer(tx)
        other = register(tx, parse_contact("0900000002"))
        assert is_own(tx, staff, member=other, id_number=generate_id_number(9), name=name)

    db.run_here(check)
