"""Hex, base64, text and digests: what a page gets is what other programs make of the same."""

import base64
import hashlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.size_limits import MAX_JRSYS_TEXT
from agent.web.jrsys import utilities
from agent.web.jrsys.errors import JrsysError
from agent.web.jrsys.values import Formats

DEFAULT = Formats()
WIDE = Formats(unicode="utf-16le", hex_upper=False)
FUNCTIONS: dict[str, Callable[[object], str]] = {
    "HexToBase64": utilities.hex_to_base64,
    "Base64ToHex": lambda text: utilities.base64_to_hex(text, DEFAULT),
    "UnicodeToHex": lambda text: utilities.unicode_to_hex(text, DEFAULT),
    "HexToUnicode": lambda text: utilities.hex_to_unicode(text, DEFAULT),
    "DigestData": lambda text: utilities.digest_of_hex(text, 7, DEFAULT),
    "digestData": lambda text: utilities.digest_of_text(text, 0, DEFAULT),
}


@given(st.binary(max_size=200))
def test_base64_and_hex_come_back(octets: bytes) -> None:
    written = utilities.hex_to_base64(octets.hex())
    assert written == base64.b64encode(octets).decode()
    assert utilities.base64_to_hex(written, DEFAULT) == octets.hex().upper()


@pytest.mark.parametrize("formats", [DEFAULT, WIDE])
@pytest.mark.parametrize(
    "text", ["", "a", "測試", "\U0001f9d9\u200d\u2642", "\U00020bb7", "\U000f0001", "\0\r\n<&>"]
)
def test_text_comes_back_through_hex(text: str, formats: Formats) -> None:
    digits = utilities.unicode_to_hex(text, formats)
    assert bytes.fromhex(digits) == text.encode(formats.unicode)
    assert utilities.hex_to_unicode(digits, formats) == text


def test_the_longest_text_is_taken_and_one_more_character_is_not() -> None:
    for function in FUNCTIONS.values():
        function("0" * MAX_JRSYS_TEXT)
        with pytest.raises(JrsysError) as error:
            function("0" * (MAX_JRSYS_TEXT + 1))
        assert error.value.number == 33


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("value", [None, 0, True, ["00"], {}])
def test_what_is_no_text_is_a_wrong_parameter(name: str, value: object) -> None:
    with pytest.raises(JrsysError) as error:
        FUNCTIONS[name](value)
    assert error.value.number == 7


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("HexToBase64", text) for text in ("abc", "zz", "ａｂ")),
        *(("Base64ToHex", text) for text in ("abc", "ab=c", "a-_=", "=", "YQ=", "王", "YQ==YQ==")),
        ("UnicodeToHex", "a\udc00"),
        *(("HexToUnicode", text) for text in ("f", "ff", "eda080", "c080")),
        *(("DigestData", text) for text in ("abc", "text")),
        ("digestData", "\ud800"),
    ],
)
def test_what_is_not_what_it_is_to_be_is_bad_data(name: str, text: str) -> None:
    with pytest.raises(JrsysError) as error:
        FUNCTIONS[name](text)
    assert error.value.number == 32


def test_half_a_pair_is_no_text_in_the_wider_form_either() -> None:
    for digits in ("00d8", "61", "00dc00d8"):
        with pytest.raises(JrsysError) as error:
            utilities.hex_to_unicode(digits, WIDE)
        assert error.value.number == 32


def test_blanks_and_line_ends_are_passed_over() -> None:
    assert utilities.base64_to_hex(" Y Q\r\n==\n", DEFAULT) == "61"
    assert utilities.hex_to_base64("6 1\n") == "YQ=="


@given(st.binary(max_size=100))
def test_digests_are_those_of_hashlib(octets: bytes) -> None:
    sha1, sha256 = hashlib.sha1(octets), hashlib.sha256(octets)  # noqa: S324 # asked for by pages
    for function in (utilities.digest_of_hex, utilities.digest_of_text):
        assert function(octets.hex(), 0, DEFAULT) == sha1.hexdigest().upper()
        assert function(octets.hex(), "7", WIDE) == sha256.hexdigest()


def test_the_older_dialect_may_mean_text() -> None:
    expected = hashlib.sha256("測試 a".encode()).hexdigest().upper()
    assert utilities.digest_of_text("測試 a", 7, DEFAULT) == expected


@pytest.mark.parametrize("function", [utilities.digest_of_hex, utilities.digest_of_text])
def test_md5_is_refused(function: Callable[[object, object, Formats], str]) -> None:
    with pytest.raises(JrsysError) as error:
        function("00", 3, DEFAULT)
    assert error.value.number == 112


@given(
    st.sampled_from(sorted(FUNCTIONS)),
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=3),
)
def test_nothing_but_its_own_error_comes_out(name: str, value: object) -> None:
    with suppress(JrsysError):
        assert isinstance(FUNCTIONS[name](value), str)
