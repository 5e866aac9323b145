"""What many signatures of one file cover is hashed in one pass, and as each for itself would be."""

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cms.digest import HashAlgorithm
from agent.documents.proven_time import CoveredOctets
from agent.pdf.examine import examine
from agent.pdf.hole import Ranges, digests_around
from tests.documents import signed_pdfs
from tests.documents.pdf_files import simple_pdf

CONTENT = bytes(range(256)) * 4


def covered(ranges: Ranges) -> bytes:
    start, length, second, rest = ranges
    return CONTENT[start : start + length] + CONTENT[second : second + rest]


@st.composite
def any_ranges(draw: st.DrawFn) -> Ranges:
    a, b, c, d = sorted(draw(st.lists(st.integers(0, 1200), min_size=4, max_size=4)))
    return a, b - a, c, d - c


@given(st.lists(any_ranges(), max_size=6))
@settings(deadline=None, max_examples=80)
def test_each_digest_is_that_of_its_own_octets(ranges: list[Ranges]) -> None:
    found = digests_around(io.BytesIO(CONTENT), ranges, "sha384")
    assert found == {each: hashlib.sha384(covered(each)).digest() for each in ranges}


class CountedFile(io.BytesIO):
    """A file that knows how much of it was read."""

    octets = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.octets += len(piece)
        return piece


def test_what_signatures_have_in_common_is_read_once() -> None:
    file = CountedFile(CONTENT)
    ranges = [(0, 500 + 20 * number, 510 + 20 * number, 10) for number in range(20)]
    digests_around(file, ranges, "sha256")
    assert file.octets == 880 + 20 * 10


def test_a_file_is_read_once_for_all_its_signatures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = signed_pdfs.with_timestamp(signed_pdfs.twice())
    (tmp_path / "many.pdf").write_bytes(raw)
    asked = []

    def counted(*words: object) -> dict[Ranges, bytes]:
        asked.append(words)
        return digests_around(*words)  # type: ignore[arg-type]

    monkeypatch.setattr("agent.pdf.examine.digests_around", counted)
    monkeypatch.setattr("agent.documents.proven_time.digests_around", counted)
    found = examine(tmp_path / "many.pdf", None).signatures
    assert [each.integrity.problem for each in found] == ["", "", ""]
    assert len(asked) == 1
    shared = CoveredOctets(tmp_path / "many.pdf", [each.ranges for each in found])
    for each in found:
        start, length, second, rest = each.ranges
        octets = raw[start : start + length] + raw[second : second + rest]
        digest = hashlib.sha256(octets).digest()
        assert shared.digest(each.ranges, HashAlgorithm.SHA256) == digest
    assert len(asked) == 2


def test_a_digest_that_nobody_knows_harms_no_other_signature(tmp_path: Path) -> None:
    (tmp_path / "one.pdf").write_bytes(signed_pdfs.signed(simple_pdf("Old"), hash_name="sha1"))
    (found,) = examine(tmp_path / "one.pdf", None).signatures
    assert found.integrity.problem == "the digest algorithm sha1"
