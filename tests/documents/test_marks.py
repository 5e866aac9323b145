"""The visible mark: where it was meant, upright, in letters that can be searched, and true."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from PIL import Image

from agent.documents.pdf_worker import PdfWorker
from agent.documents.places import save_beside
from agent.documents.signing import SignatureWish
from agent.errors import ErrorCode
from agent.pdf import prepare as preparing
from agent.pdf.pdf_facts import inspect
from agent.pdf.prepare import prepare
from agent.pdf.wire import (
    Changes,
    DrawnMark,
    KnownPdf,
    Mark,
    MarkPlace,
    PdfError,
    PreparedPdf,
    PreparePdf,
)
from agent.virtualcard.card import VirtualCard
from agent.words import Language
from tests.documents import pdf_judges, pdf_pictures
from tests.documents.pdf_files import assembled, next_number, simple_pdf, stream
from tests.documents.test_sign_pdfs import pin, signer_with, verified

CardFactory = Callable[..., VirtualCard]
NAME = "王測試"
LINES = (NAME, "以自然人憑證簽署", "2026-11-27 14:05:33 +08:00", "圖章僅供參考，請以軟體驗證")
DEFAULT = (220, 70)
MARGIN = 36
CHOSEN = (31.0, 52.5, 150.0, 60.0)


def marked(
    folder: Path,
    raw: bytes,
    place: MarkPlace | None = None,
    *,
    lines: tuple[str, ...] = LINES,
    field: str | None = None,
    password: str | None = None,
    mark: bool = True,
) -> tuple[Path, Path, PreparedPdf]:
    """Return a document, the same with a mark, and what was said of it."""
    source, out = folder / "source.pdf", folder / "marked.pdf"
    source.write_bytes(raw)
    out.unlink(missing_ok=True)
    wanted = Mark(place or MarkPlace(), lines) if mark else None
    request = PreparePdf(str(source), password, out=str(out), mark=wanted, field=field)
    return source, out, prepare(request)


def text_of(file: Path, password: str = "") -> str:
    words = ["pdftotext", "-upw", password, str(file), "-"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def inherited(turn: int) -> bytes:
    """A document whose pages say nothing of themselves, below two nodes that do."""
    return assembled(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 2/Rotate %d/MediaBox[0 0 500 420]>>" % turn,
            b"<</Type/Pages/Parent 2 0 R/Kids[4 0 R 5 0 R]/Count 2/CropBox[20 10 480 400]>>",
            b"<</Type/Page/Parent 3 0 R/Resources<<>>/Rotate 0>>",
            b"<</Type/Page/Parent 3 0 R/Resources<<>>>>",
        ]
    )


def turned(turn: int) -> bytes:
    return simple_pdf(page=b"/MediaBox[0 0 500 420]/Rotate %d" % turn)


def cropped(turn: int, more: bytes = b"") -> bytes:
    boxes = b"/MediaBox[-50 0 700 800]/CropBox[100 300 600.5 710]"
    return simple_pdf(page=b"%b/Rotate %d%b" % (boxes, turn, more))


PAGES: dict[str, tuple[bytes, float]] = {
    "plain": (simple_pdf(), 1),
    "turned by 90": (turned(90), 1),
    "turned by 180": (turned(180), 1),
    "turned by -90": (turned(-90), 1),
    "cropped": (cropped(0), 1),
    "cropped, turned by 90": (cropped(90), 1),
    "cropped, turned by 270": (cropped(270), 1),
    "cropped, turned by 90, in units of 2 points": (cropped(90, b"/UserUnit 2"), 2),
    "cropped and turned by 180 above it": (inherited(180), 1),
    "cropped and turned by 450 above it": (inherited(450), 1),
}


@pdf_pictures.needs_poppler
@pdf_pictures.needs_mupdf
@pytest.mark.parametrize(
    ("case", "box"),
    [(case, CHOSEN if at % 2 else None) for at, case in enumerate(PAGES)],
    ids=PAGES,
)
def test_two_readers_draw_it_upright_where_it_was_meant(
    case: str, box: tuple[float, float, float, float] | None, tmp_path: Path
) -> None:
    raw, unit = PAGES[case]
    page = 2 if "above" in case else 1
    source, out, _ = marked(tmp_path, raw, MarkPlace(box=box))
    expected = usual(box)
    for draw, scale in ((pdf_pictures.by_mupdf, 1.0), (pdf_pictures.by_poppler, unit)):
        before, after = draw(source, page), draw(out, page)
        found = [each * scale for each in pdf_pictures.changed(before, after)]
        size = [each / pdf_pictures.PIXELS * scale for each in after.size]
        wanted = box or (size[0] - DEFAULT[0] - MARGIN, size[1] - DEFAULT[1] - MARGIN, *DEFAULT)
        assert found == pytest.approx(wanted, abs=1.1 * scale)
        as_seen = cut(after, found, scale)
        alike = pdf_pictures.likeness(expected, as_seen.resize(expected.size))
        upside_down = as_seen.rotate(180).resize(expected.size)
        assert alike > 0.5
        assert alike > pdf_pictures.likeness(expected, upside_down) + 0.2


@cache
def usual(box: tuple[float, float, float, float] | None) -> Image.Image:
    """Return what a mark looks like on an ordinary page."""
    with TemporaryDirectory() as folder:
        _, out, _ = marked(Path(folder), simple_pdf(), MarkPlace(1, box))
        wanted = box or (595 - DEFAULT[0] - MARGIN, 842 - DEFAULT[1] - MARGIN, *DEFAULT)
        return cut(pdf_pictures.by_mupdf(out), list(wanted), 1)


def cut(picture: Image.Image, box: list[float], scale: float) -> Image.Image:
    left, top, width, height = (each / scale * pdf_pictures.PIXELS for each in box)
    return picture.crop((round(left), round(top), round(left + width), round(top + height)))


@pdf_judges.needs_qpdf
@pdf_pictures.needs_poppler
def test_its_letters_are_found_and_embedded(tmp_path: Path) -> None:
    source, out, said = marked(tmp_path, simple_pdf())
    assert said.mark == DrawnMark(1, 4)
    assert text_of(out).split("\n")[2:6] == list(LINES)
    assert out.read_bytes().startswith(source.read_bytes())
    assert not pdf_judges.qpdf_complaints(out)
    fonts = subprocess.run(["pdffonts", str(out)], capture_output=True, text=True, check=True)
    (ours,) = [line for line in fonts.stdout.splitlines() if "AnkongMark" in line]
    assert re.search(r"\+AnkongMark +CID Type 0C +Identity-H +yes yes yes ", ours)
    grown = out.stat().st_size - source.stat().st_size
    assert grown - 2 * 8192 < 9000


def test_it_hides_nothing_and_is_printed_and_locked(tmp_path: Path) -> None:
    _, out, _ = marked(tmp_path, simple_pdf())
    assert re.search(rb"/F 132\b", out.read_bytes())
    if shutil.which("pdftoppm"):
        box = (72.0, 842 - 745.0, 220.0, 70.0)  # over the page's own text
        source, out, _ = marked(tmp_path, simple_pdf(), MarkPlace(1, box))
        before, after = (pdf_pictures.by_poppler(each) for each in (source, out))
        dark = [at for at, each in enumerate(before.convert("L").tobytes()) if each < 40]
        seen = after.convert("L").tobytes()
        assert dark
        assert max(seen[at] for at in dark) < 120


async def test_a_card_signs_it_and_readers_find_it_good(
    worker: PdfWorker, make_gen2_card: CardFactory, tmp_path: Path
) -> None:
    source = tmp_path / "contract.pdf"
    source.write_bytes(simple_pdf("One", "Two", "Three"))
    wish = SignatureWish(mark=MarkPlace(), language=Language.CHINESE)
    async with signer_with(make_gen2_card(), worker, tmp_path) as signer:
        (first,) = await signer.sign([await signer.open(source)], wish, pin())
        once = save_beside(first.file, source, "-signed")
        again = SignatureWish(mark=MarkPlace(1), language=Language.ENGLISH)
        (second,) = await signer.sign([await signer.open(once)], again, pin())
        twice = save_beside(second.file, once, "-signed")
    assert first.mark == DrawnMark(3, 4)
    assert second.mark == DrawnMark(1, 4)
    assert once.read_bytes().startswith(source.read_bytes())
    assert twice.read_bytes().startswith(once.read_bytes())
    found = (await verified(worker, twice, first.signer)).report["signatures"]
    assert [each["changes"] for each in found] == [Changes.FORMS, Changes.NONE]
    assert all(each["changes_allowed"] and each["visible"] for each in found)
    if shutil.which("pdftotext") and shutil.which("pdfsig"):
        shown = text_of(once)
        told = next(line for line in shown.splitlines() if line.startswith("20"))
        assert told.replace(" ", "T", 1).replace(" ", "") == found[0]["claimed_time"]
        assert first.signer.facts.subject_cn in shown
        assert first.signer.facts.subject_serial not in shown
        for file in (once, twice):
            said = pdf_judges.pdfsig(file)
            assert {each["signature validation"] for each in said} == {"Signature is Valid."}


@pdf_judges.needs_qpdf
@pdf_pictures.needs_poppler
def test_an_encrypted_document_takes_one(tmp_path: Path) -> None:
    plain, locked = tmp_path / "plain.pdf", tmp_path / "locked.pdf"
    plain.write_bytes(simple_pdf())
    words = ["qpdf", "--encrypt", "user", "owner", "256", "--", str(plain), str(locked)]
    subprocess.run(words, check=True)
    _, out, said = marked(tmp_path, locked.read_bytes(), password="user")
    assert said.mark == DrawnMark(1, 4)
    assert NAME in text_of(out, "user")


def with_field(rectangle: bytes, page: bytes = b"") -> bytes:
    field = next_number()
    return simple_pdf(
        catalog=b"/AcroForm<</Fields[%d 0 R]/SigFlags 1>>" % field,
        page=b"/Annots[%d 0 R]%b" % (field, page),
        more=(
            b"<</FT/Sig/T(mine)/Type/Annot/Subtype/Widget/F 4/Rect[%b]/P 4 0 R"
            b"/AP<</N %d 0 R>>>>" % (rectangle, field + 1),
            stream(b"0 0 300 300 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 300 300]"),
        ),
    )


@pdf_pictures.needs_mupdf
def test_a_field_that_has_a_place_keeps_it(tmp_path: Path) -> None:
    raw = with_field(b"300 200 100 260", b"/Rotate 90")
    source, out, said = marked(tmp_path, raw, MarkPlace(1, (1, 1, 9, 9)))
    assert (said.field, said.mark) == ("mine", DrawnMark(1, 4))
    empty = simple_pdf(page=b"/Rotate 90")
    (tmp_path / "empty.pdf").write_bytes(empty)
    before = pdf_pictures.by_mupdf(tmp_path / "empty.pdf")
    found = pdf_pictures.changed(before, pdf_pictures.by_mupdf(out))
    assert found == pytest.approx((200, 100, 60, 200), abs=1.1)
    assert source.read_bytes() == raw


@pdf_pictures.needs_mupdf
def test_without_a_mark_nothing_of_an_empty_field_is_left(tmp_path: Path) -> None:
    _, out, said = marked(tmp_path, with_field(b"100 200 300 260"), mark=False)
    assert (said.field, said.mark) == ("mine", None)
    (tmp_path / "empty.pdf").write_bytes(simple_pdf())
    before, after = (pdf_pictures.by_mupdf(each) for each in (tmp_path / "empty.pdf", out))
    assert before.tobytes() == after.tobytes()


def test_a_field_without_a_place_takes_none(tmp_path: Path) -> None:
    raw = with_field(b"0 0 0 0")
    assert marked(tmp_path, raw)[2].field == "Signature1"
    assert marked(tmp_path, raw, mark=False)[2].field == "mine"
    with pytest.raises(PdfError) as caught:
        marked(tmp_path, raw, field="mine")
    assert caught.value.code is ErrorCode.BAD_REQUEST


@pytest.mark.parametrize(
    "place",
    [
        MarkPlace(3),
        MarkPlace(10_000),
        MarkPlace(1, (500, 10, 100, 50)),
        MarkPlace(1, (10, 800, 100, 50)),
        MarkPlace(1, (10, 10, 0, 50)),
        MarkPlace(1, (10, 10, 50, 0)),
        MarkPlace(1, (99_999, 99_999, 60, 20)),
    ],
    ids=str,
)
def test_a_place_that_is_none_is_refused(place: MarkPlace, tmp_path: Path) -> None:
    with pytest.raises(PdfError) as caught:
        marked(tmp_path, simple_pdf("One", "Two"), place)
    assert caught.value.code is ErrorCode.BAD_REQUEST


HOSTILE: dict[str, tuple[bytes, ErrorCode]] = {
    "no size at all": (b"/MediaBox[0 0 0 0]", ErrorCode.BAD_REQUEST),
    "a size of words": (b"/MediaBox[/a /b /c /d]", ErrorCode.BAD_REQUEST),
    "half a size": (b"/MediaBox[0 0]", ErrorCode.BAD_REQUEST),
    "larger than the world": (b"/MediaBox[0 0 9e9 99999999999]", ErrorCode.BAD_REQUEST),
    "turned by 45": (b"/Rotate 45", ErrorCode.BAD_REQUEST),
    "turned by a name": (b"/Rotate/North", ErrorCode.BAD_REQUEST),
    "units of nothing": (b"/UserUnit -1", ErrorCode.BAD_REQUEST),
}


@pytest.mark.parametrize("case", HOSTILE, ids=str)
def test_a_page_that_nobody_could_draw_takes_none(case: str, tmp_path: Path) -> None:
    entries, code = HOSTILE[case]
    with pytest.raises(PdfError) as caught:
        marked(tmp_path, simple_pdf(page=entries))
    assert caught.value.code in (code, ErrorCode.DOCUMENT_DAMAGED)


@pytest.mark.parametrize(
    ("box", "lines", "small"),
    [
        ((10, 10, 400, 200), 4, False),
        ((10, 10, 220, 70), 4, False),
        ((10, 10, 120, 44), 4, False),
        ((10, 10, 120, 30), 3, False),
        ((10, 10, 120, 20), 2, False),
        ((10, 10, 60, 20), 2, False),
        ((10, 10, 59, 20), 2, True),
        ((10, 10, 100, 12), 1, True),
        ((10, 10, 4, 3), 0, True),
    ],
    ids=str,
)
def test_text_shrinks_then_lines_go_from_below(
    box: tuple[float, float, float, float], lines: int, small: bool, tmp_path: Path
) -> None:
    _, out, said = marked(tmp_path, simple_pdf(), MarkPlace(1, box))
    assert said.mark == DrawnMark(1, lines, None, small)
    if shutil.which("pdftotext"):
        assert [each in text_of(out) for each in LINES] == [at < lines for at in range(4)]


def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def never(_: object) -> None:
        raise AssertionError("all pages were looked at again")

    monkeypatch.setattr(preparing, "facts_of", never)
    yield
    monkeypatch.undo()


def test_what_is_known_of_the_same_octets_is_not_found_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = tmp_path / "long.pdf", tmp_path / "out.pdf"
    source.write_bytes(simple_pdf(*["Contract"] * 50))
    facts = inspect(source, None)
    known = KnownPdf(hashlib.sha256(source.read_bytes()).digest(), facts)
    mark = Mark(MarkPlace(), LINES)
    for _ in counted(monkeypatch):
        said = prepare(PreparePdf(str(source), out=str(out), known=known, mark=mark))
    assert said.mark == DrawnMark(50, 4)
    out.unlink()
    other = simple_pdf(*["Contract"] * 49)
    source.write_bytes(other)
    assert prepare(PreparePdf(str(source), out=str(out), known=known, mark=mark)).mark == (
        DrawnMark(49, 4)
    )


def test_a_page_tree_that_is_none_is_found_without_counting(tmp_path: Path) -> None:
    raw = assembled(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R 2 0 R]/Count 2/MediaBox[0 0 500 400]>>",
            b"<</Type/Page/Parent 2 0 R/Resources<<>>>>",
        ]
    )
    source, out = tmp_path / "loop.pdf", tmp_path / "out.pdf"
    source.write_bytes(raw)
    believed = KnownPdf(hashlib.sha256(raw).digest(), inspect_of(simple_pdf("1", "2"), tmp_path))
    with pytest.raises(PdfError) as caught:
        prepare(
            PreparePdf(str(source), out=str(out), known=believed, mark=Mark(MarkPlace(), LINES))
        )
    assert caught.value.code is ErrorCode.DOCUMENT_DAMAGED


def inspect_of(raw: bytes, folder: Path) -> "preparing.PdfFacts":
    file = folder / "other.pdf"
    file.write_bytes(raw)
    return inspect(file, None)
