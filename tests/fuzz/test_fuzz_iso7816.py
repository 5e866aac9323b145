"""No bytes make the readers of commands and data objects do anything but answer or refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.iso7816 import MAX_DATA, MAX_LE, CommandApdu
from agent.iso7816.tlv import Tlv, TlvIncompleteError, encode, read_one
from tests.fuzz import target
from tests.fuzz.budget import bounded
from tests.fuzz.targets import command, tlv

BYTE = st.integers(0, 255)
TAGS = st.one_of(
    st.integers(0x00, 0xFF).filter(lambda tag: tag & 0x1F != 0x1F),
    st.integers(0x00, 0x7F).map(lambda low: 0x7F00 | low),
    st.tuples(st.integers(0x80, 0xFF), st.integers(0x00, 0x7F)).map(
        lambda low: 0x3F0000 | low[0] << 8 | low[1]
    ),
)
# Lengths and tags at the edges of their codings, far more often than chance would bring them.
NEARLY_TLV = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.sampled_from(
            [b"\x30\x80", b"\x30\x81\xff", b"\x1f\x81\x00", b"\x04\x84\xff\xff\xff\xff"]
        ),
        st.tuples(TAGS, st.binary(max_size=300)).map(lambda item: encode(*item)),
    ),
    max_size=6,
).map(b"".join)


@bounded
@given(TAGS, st.binary(max_size=70_000).filter(lambda value: len(value) <= 0xFFFF))
def test_a_data_object_reads_back_as_it_was_written(tag: int, value: bytes) -> None:
    raw = encode(tag, value)
    assert read_one(raw) == Tlv(tag, value, len(raw))


@bounded
@given(NEARLY_TLV)
def test_any_bytes_are_data_objects_or_refused(raw: bytes) -> None:
    target.is_taken(tlv, raw)


@bounded
@given(TAGS, st.binary(max_size=400), st.data())
def test_a_cut_data_object_asks_for_no_more_than_is_missing(
    tag: int, value: bytes, data: st.DataObject
) -> None:
    raw = encode(tag, value)
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(TlvIncompleteError) as caught:
        read_one(raw[:cut])
    assert 1 <= caught.value.missing <= len(raw) - cut


@bounded
@given(
    st.tuples(BYTE, BYTE, BYTE, BYTE),
    st.binary(max_size=MAX_DATA),
    st.none() | st.integers(1, MAX_LE),
)
def test_a_command_reads_back_as_it_was_written(
    header: tuple[int, int, int, int], data: bytes, le: int | None
) -> None:
    written = CommandApdu(*header, data, le)
    assert CommandApdu.parse(written.encode()) == written


@bounded
@given(st.one_of(st.binary(max_size=12), st.binary(max_size=300)))
def test_any_bytes_are_one_command_or_refused(raw: bytes) -> None:
    target.is_taken(command, raw)
