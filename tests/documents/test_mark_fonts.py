"""The letters of a mark: from our own font, from others that allow it, or not at all."""

import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fontTools.cffLib import CFFFontSet
from fontTools.ttLib import TTCollection, TTFont

from agent.documents.mark_lines import mark_for
from agent.pdf import font as fonts
from agent.pdf import system_fonts
from agent.pdf.mark import MarkLayout
from agent.pdf.wire import Mark, MarkPlace
from agent.pki.certificate import CertificateFacts
from agent.pki.reading import read_certificate
from agent.words import Language
from tests.documents.drawn_fonts import square
from tests.signing import pki_support as pki

DIGEST = "92fc9f7761d5402f920339dc3be20eb9aef70276dfb0e2446c1eae6c70420e41"
RARE = "\U00021ed5"
"""An ideograph of a name, in Extension B, which Big5 has not."""
NOTO = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")


@pytest.fixture(autouse=True)
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The fonts of this computer: none, until a test puts some here."""
    found: list[Path] = []
    monkeypatch.setattr(fonts, "font_files", lambda: tuple(found))
    fonts._shape_of.cache_clear()
    yield found
    fonts._shape_of.cache_clear()


def layout(*lines: str) -> MarkLayout:
    return MarkLayout(Mark(MarkPlace(), lines), 220, 70)


def test_the_font_is_the_one_that_was_made_with_its_licence_beside_it() -> None:
    assert hashlib.sha256(fonts.SHIPPED.read_bytes()).hexdigest() == DIGEST
    licence = fonts.SHIPPED.with_name("OFL.txt").read_text("utf-8")
    assert "SIL OPEN FONT LICENSE" in licence
    assert "Adobe" in licence
    with TTFont(fonts.SHIPPED, lazy=True) as font:
        assert font["OS/2"].fsType == 0


def test_it_has_big5_and_latin_letters_with_all_their_accents() -> None:
    with TTFont(fonts.SHIPPED, lazy=True) as font:
        has = set(font.getBestCmap())
    big5 = {
        bytes((high, low)).decode("big5", errors="ignore")
        for high in range(0xA4, 0xFA)
        for low in (*range(0x40, 0x7F), *range(0xA1, 0xFF))
    }
    assert {each for each in big5 if len(each) == 1 and ord(each) >= 0x4E00} <= set(map(chr, has))
    assert set(range(0x20, 0x7F)) | set(range(0x1EA0, 0x1EFA)) <= has


@pytest.mark.parametrize("language", Language)
def test_every_language_can_be_written(language: Language) -> None:
    at = pki.NOW.astimezone()
    mark = mark_for(MarkPlace(), pki_facts(), at, language, citizen_card=True)
    shown = MarkLayout(mark, 220, 70)
    assert (shown.missing, len({each.number for each in shown.lines})) == (None, 4)
    assert re.fullmatch(r"2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d", mark.lines[2])


def pki_facts() -> CertificateFacts:
    return read_certificate(pki.citizen())


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        (RARE + "測試", RARE),
        ("王\ue000", "\ue000"),
        ("王\U000f0000", "\U000f0000"),
        ("g\u0303", "\u0303"),
        ("\u0627\u0628", "\u0627"),
        ("\u05d0", "\u05d0"),
        ("Test\u202egnip", "\u202e"),
        ("Test\u200b", "\u200b"),
        ("王\U000e0100", "\U000e0100"),
        ("\u0e01\u0e33", "\u0e01"),
        ("\U0001f600", "\U0001f600"),
        ("王\n測試", "\n"),
    ],
    ids=ascii,
)
def test_a_name_that_cannot_be_shown_is_left_out_and_its_character_told(
    name: str, lacking: str
) -> None:
    shown = layout(name, "以自然人憑證簽署")
    assert shown.missing == lacking
    assert [each.text for each in shown.lines] == ["以自然人憑證簽署"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Nguye\u0302\u0303n Thi\u0323", "Nguyễn Thị"),
        ("Ma\u0308ximiliana", "Mäximiliana"),
        ("\ufa0c\ufa0d", "\ufa0c\ufa0d"),  # in Big5 beside the ideographs that they are otherwise
    ],
    ids=ascii,
)
def test_accents_are_put_on_their_letters_and_ideographs_stay(name: str, shown: str) -> None:
    assert [each.text for each in layout(name).lines] == [shown]


def test_a_name_of_sixty_letters_is_small_or_in_two_lines() -> None:
    (one,) = layout("Maximiliana Alexandrina Wolfeschlegelsteinhausen Testbergdorf").lines
    assert one.size >= 6
    wide = layout(
        "Maximiliana Alexandrina Wolfeschlegelsteinhausen Testbergdorf Hausenberger"
    ).lines
    assert [each.number for each in wide] == [0, 0]
    assert not layout("W" * 120).lines


def test_a_character_is_taken_from_another_font(no_fonts: list[Path], tmp_path: Path) -> None:
    square(RARE).save(tmp_path / "a.ttf")
    no_fonts.append(tmp_path / "a.ttf")
    shown = layout(RARE + "測試")
    assert (shown.missing, [each.text for each in shown.lines]) == (None, [RARE + "測試"])
    subset = shown.subset()
    assert subset.widths == [1000, 1000, 1000]
    assert subset.characters()[1] == RARE
    read = CFFFontSet()
    read.decompile(io.BytesIO(subset.program("Test")), None)
    (top,) = read.topDictIndex
    assert top.charset == [".notdef", "cid00001", "cid00002", "cid00003"]
    assert top.ROS == ("Adobe", "Identity", 0)


@pytest.mark.parametrize("bits", [0x0002, 0x0100, 0x0200, 0x0306], ids=hex)
def test_a_font_that_must_not_be_embedded_is_not(
    bits: int, no_fonts: list[Path], tmp_path: Path
) -> None:
    square(RARE, fs_type=bits).save(tmp_path / "b.ttf")
    no_fonts.append(tmp_path / "b.ttf")
    assert layout(RARE).missing == RARE


def test_a_collection_gives_the_face_that_has_it(no_fonts: list[Path], tmp_path: Path) -> None:
    both = TTCollection()
    both.fonts = [square("\U00021ed6", family="One"), square(RARE, family="Two TC")]
    both.save(tmp_path / "c.ttc")
    no_fonts.append(tmp_path / "c.ttc")
    assert layout(RARE).missing is None
    assert layout("\U00021ed6").missing is None


def test_private_characters_are_only_those_of_the_national_set(
    no_fonts: list[Path], tmp_path: Path
) -> None:
    for name in ("msjh.ttf", "TW-Kai-Plus.ttf"):
        square("\U000f0000").save(tmp_path / name)
    no_fonts.append(tmp_path / "msjh.ttf")
    assert layout("\U000f0000").missing == "\U000f0000"
    fonts._shape_of.cache_clear()
    no_fonts.append(tmp_path / "TW-Kai-Plus.ttf")
    assert layout("\U000f0000").missing is None


@pytest.mark.parametrize("content", [b"", b"ttcf", b"ttcf" + b"\xff" * 40, b"\x00\x01\x00\x00junk"])
def test_a_damaged_font_is_passed_over(
    content: bytes, no_fonts: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "d.ttc").write_bytes(content)
    square(RARE).save(tmp_path / "e.ttf")
    no_fonts += [tmp_path / "d.ttc", tmp_path / "missing.ttf", tmp_path / "e.ttf"]
    assert layout(RARE).missing is None


@pytest.mark.skipif(not NOTO.exists(), reason="fonts-noto-cjk is missing")
def test_a_rare_name_is_written_with_the_fonts_of_this_computer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fonts, "font_files", system_fonts.font_files)
    shown = layout(RARE + "測試")
    assert (shown.missing, len(shown.lines)) == (None, 1)
