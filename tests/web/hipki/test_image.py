"""JSON as pixels, read back the two ways in which pages read it."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.signing.model import CardPresence, ReaderView
from agent.web.hipki import image
from agent.web.hipki.information import CardContents, Slot, information_image

ASCII = st.text(st.characters(min_codepoint=1, max_codepoint=126), max_size=6000)


def read_pixels(raw: bytes) -> str:
    """Read as a canvas gives it: pixel by pixel, until one has no blue."""
    offset, width, height = struct.unpack_from("<I4xii", raw, 10)
    assert (width, height) == (2000, 1)
    text = ""
    for x in range(width):
        blue, green, red = raw[offset + 3 * x : offset + 3 * x + 3]
        if blue == 0:
            break
        text += chr(blue) + chr(green) + chr(red)
    return text


def read_as_text(raw: bytes) -> str:
    """Read as the old browsers' branch does: characters 54 to 1999 of the file."""
    return raw.decode("latin-1")[54:2000].partition("\0")[0]


@given(ASCII)
def test_pixels_carry_the_text(text: str) -> None:
    assert read_pixels(image.encode(text)).rstrip(" ") == text.rstrip(" ")


@given(ASCII)
def test_no_pixel_ends_in_the_middle(text: str) -> None:
    assert "\0" not in read_pixels(image.encode(text))


def test_the_header_is_the_one_that_pages_know() -> None:
    raw = image.encode("{}")
    assert len(raw) == 6054
    assert raw[:2] == b"BM"
    assert struct.unpack_from("<IHHI", raw, 2) == (6054, 0, 0, 54)
    expected = (40, 2000, 1, 1, 24, 0, 6000, 0, 0, 0, 0)
    assert struct.unpack_from("<IiiHHIIiiII", raw, 14) == expected


@pytest.mark.parametrize("text", ["x" * 6001, "中", "a\0b"])
def test_what_no_image_can_carry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"carry|ordinal"):
        image.encode(text)


def slots(count: int, name: str = "Generic Smart Card Reader [CCID] 0{:x}") -> tuple[Slot, ...]:
    views = [ReaderView(name.format(n), CardPresence.CARD, "gen1") for n in range(count)]
    return tuple(Slot.of(n, view, CardContents("TP07000000000001")) for n, view in enumerate(views))


def test_two_readers_with_cards_fit_those_who_see_the_beginning_only() -> None:
    raw = information_image(slots(2))
    assert json.loads(read_as_text(raw)) == json.loads(read_pixels(raw))
    assert len(read_pixels(raw)) <= 1946
    found = json.loads(read_pixels(raw))
    assert [slot["token"]["serialNumber"] for slot in found["slots"]] == ["TP07000000000001"] * 2


@pytest.mark.parametrize("count", [0, 1, 3, 8, 40, 200])
def test_however_many_readers_there_are_it_is_json(count: int) -> None:
    found = json.loads(read_pixels(information_image(slots(count, "讀卡機 " * 20 + "{}"))))
    assert found["ret_code"] == 0
    assert found["serverVersion"]
    assert 0 <= len(found["slots"]) <= count
    assert bool(found["slots"]) == bool(count)


def test_names_in_chinese_are_ascii_on_the_way() -> None:
    raw = information_image(slots(1, "讀卡機{}"))
    assert json.loads(read_as_text(raw))["slots"][0]["slotDescription"] == "讀卡機0"
