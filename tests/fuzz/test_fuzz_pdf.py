"""No octets make the readers of PDFs, or of what they answer, do anything but answer or refuse."""

import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import ErrorCode
from agent.pdf import wire
from agent.pdf.examine import examine
from agent.pdf.pdf_facts import inspect
from agent.pdf.prepare import prepare
from agent.pdf.wire import PdfError, PreparePdf
from tests.documents.altered_pdfs import filled_in
from tests.documents.refused_pdfs import form, sig_field
from tests.documents.signed_pdfs import once
from tests.fuzz.budget import EXAMPLES, bounded

WORDS: Final = (
    *(b"/Kids[4 0 R]", b"/Parent 2 0 R", b"/Count -1", b"/V 7", b"/ByteRange[0 1]", b"/Contents<>"),
    *(b"/Prev 0", b"/Length 99999", b"/Filter/FlateDecode", b"/Annots[6 0 R]", b"/FT/Sig", b"null"),
    *(b"<<", b">>", b"[", b"]", b"(", b"<", b"obj", b"endobj", b"stream", b"9999999999", b"/Root"),
)
"""What means something to a reader, far more often than chance would bring it."""
CHANGES = st.lists(
    st.tuples(st.floats(0, 1), st.one_of(st.sampled_from(WORDS), st.binary(max_size=4))),
    min_size=1,
    max_size=6,
)
ANSWERS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=9), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["answer", "pages", "facts", "revisions", "signatures", "code"]), inner
        ),
    ),
    max_leaves=12,
)
TAGS = st.sampled_from(["facts", "prepared", "examination", "refused", "nothing"])
PARTS: Final = {
    "plain": lambda: form(b"6 0 R", sig_field(b"(mine)")),
    "signed": once,
    "filled in": filled_in,
}


@cache
def original(name: str) -> bytes:
    return PARTS[name]()


def damaged(raw: bytes, changes: list[tuple[float, bytes]]) -> bytes:
    """Write over octets, in proportion of the length: offsets stay what they are."""
    copy = bytearray(raw)
    # not within the hole, where most octets are
    places = [*range(min(1200, len(raw))), *range(max(0, len(raw) - 900), len(raw))]
    for where, new in changes:
        at = places[int(where * (len(places) - 1))]
        copy[at : at + len(new)] = new
    return bytes(copy[: len(raw)])


@pytest.mark.parametrize("name", PARTS)
@settings(bounded, max_examples=EXAMPLES // 2)
@given(changes=CHANGES)
def test_no_document_does_more_than_be_refused(
    name: str, changes: list[tuple[float, bytes]], tmp_path: Path
) -> None:
    file, out = tmp_path / "in.pdf", tmp_path / "out.pdf"
    file.write_bytes(damaged(original(name), changes))
    out.unlink(missing_ok=True)
    with suppress(PdfError):
        facts = inspect(file, None)
        assert wire.decode_answer(wire.encode(facts)) == facts
        done = prepare(PreparePdf(str(file), out=str(out)))
        assert wire.decode_answer(wire.encode(done)) == done
    with suppress(PdfError):
        found = examine(file, None)
        assert wire.decode_answer(wire.encode(found)) == found
        untouched = file.read_bytes()[:800] == original(name)[:800]
        proven = [each for each in found.signatures if not each.integrity.problem]
        assert untouched or not proven or name == "plain"


@bounded
@given(answer=ANSWERS, tag=TAGS, rest=st.binary(max_size=5))
def test_no_answer_is_taken_that_is_none(answer: object, tag: str, rest: bytes) -> None:
    whole = {**answer, "answer": tag} if isinstance(answer, dict) else answer
    line = json.dumps(whole).encode() + rest
    with suppress(PdfError):
        assert isinstance(wire.decode_answer(line), wire.PdfAnswer)


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"answer":"facts","pages":1e400}', b"\xff"])
def test_odd_lines_are_no_answers(line: bytes) -> None:
    with pytest.raises(PdfError) as caught:
        wire.decode_answer(line)
    assert caught.value.code is ErrorCode.DOCUMENT_DAMAGED
