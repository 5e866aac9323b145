"""The one table of inferred formats, and how values are read: kindly, but as one thing only."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cms.digest import HashAlgorithm
from agent.cms.encrypted_content import AesCbc
from agent.size_limits import MAX_JRSYS_TEXT
from agent.web.jrsys import values
from agent.web.jrsys.errors import JrsysError
from agent.web.jrsys.values import Formats

DEFAULT = Formats()
NO_TEXT = [None, 7, 7.0, True, b"00", ["00"], {"a": 1}]
NO_NUMBER = [None, 7.0, True, False, "", " 7", "7 ", "+7", "-1", -1, "٧", "0x7", "7" * 10, [7], {}]


def number_of(error: pytest.ExceptionInfo[JrsysError]) -> int:
    return error.value.number


@given(st.binary(max_size=200))
def test_hex_comes_back_in_both_cases(octets: bytes) -> None:
    for formats in (DEFAULT, Formats(hex_upper=False)):
        assert values.read_hex(values.write_hex(octets, formats)) == octets


def test_hex_is_written_in_upper_case_unless_it_is_set_otherwise() -> None:
    assert values.write_hex(b"\xab\xcd", DEFAULT) == "ABCD"
    assert values.write_hex(b"\xab\xcd", Formats(hex_upper=False)) == "abcd"


@pytest.mark.parametrize("text", ["aBcD", " ab cd\r\n", "a b\tc\nd", "\vAB\fCD"])
def test_blanks_in_hex_do_not_count(text: str) -> None:
    assert values.read_hex(text) == b"\xab\xcd"


@pytest.mark.parametrize(
    "text", ["a", "abc", "0xab", "ag", "ab:cd", "ＡＢ", "ab\u3000cd", "\ud800", "ab\0", "+a", "王"]
)
def test_what_is_not_hex_is_bad_data(text: str) -> None:
    with pytest.raises(JrsysError) as error:
        values.read_hex(text)
    assert number_of(error) == 32


@pytest.mark.parametrize("value", NO_TEXT)
def test_what_is_no_text_is_a_wrong_parameter(value: object) -> None:
    for read in (
        values.read_hex,
        values.read_text,
        lambda given: values.read_plain(given, DEFAULT),
    ):
        with pytest.raises(JrsysError) as error:
            read(value)
        assert number_of(error) == 7


def test_text_has_a_longest_length_in_bytes() -> None:
    longest = MAX_JRSYS_TEXT
    assert len(values.read_hex("a" * longest)) == longest // 2
    assert len(values.read_text("王" * (longest // 3))) == longest // 3
    for text in ("a" * (longest + 1), "王" * (longest // 3 + 1), "\ud800" * (longest // 3 + 1)):
        with pytest.raises(JrsysError) as error:
            values.read_text(text)
        assert number_of(error) == 33
    with pytest.raises(JrsysError) as error:
        values.read_hex(" " * 9, limit=8)
    assert number_of(error) == 33


@pytest.mark.parametrize(
    ("value", "algorithm"),
    [(0, "SHA-1"), ("0", "SHA-1"), (7, "SHA-256"), ("7", "SHA-256"), ("07", "SHA-256")],
)
def test_hashes_by_their_numbers(value: object, algorithm: str) -> None:
    assert values.digest_algorithm(value) == HashAlgorithm(algorithm)


@pytest.mark.parametrize("value", [3, "3", 1, 8, 9, 10**30])
def test_another_hash_is_refused_and_md5_among_them(value: object) -> None:
    with pytest.raises(JrsysError) as error:
        values.digest_algorithm(value)
    assert number_of(error) == 112


@pytest.mark.parametrize(
    ("value", "cipher"),
    [(1, AesCbc.AES_128), ("2", AesCbc.AES_192), (3, AesCbc.AES_256)],
)
def test_ciphers_by_their_numbers(value: object, cipher: AesCbc) -> None:
    assert values.cipher(value) is cipher


@pytest.mark.parametrize("value", [0, "0", 4, 99])
def test_nothing_is_encrypted_with_des(value: object) -> None:
    with pytest.raises(JrsysError) as error:
        values.cipher(value)
    assert number_of(error) == 112


@pytest.mark.parametrize("value", NO_NUMBER)
def test_what_is_no_number_is_a_wrong_parameter(value: object) -> None:
    for read in (values.digest_algorithm, values.cipher):
        with pytest.raises(JrsysError) as error:
            read(value)
        assert number_of(error) == 7


@pytest.mark.parametrize(
    ("value", "key"),
    [
        *((value, "SIGN") for value in (None, "", 0, "0", 2, "2", 0x80, "128", 0xC0, 0xA0)),
        *((value, "SIGN") for value in ("sign", "digitalSignature", "Signature,keyEncipherment")),
        *((value, "KEYX") for value in (1, "1", 0x20, "32", 0x10, 0x30, 0x38)),
        *((value, "KEYX") for value in ("Encrypt", "keyEncipherment", "ENC")),
    ],
)
def test_which_certificate_a_key_usage_means(value: object, key: str) -> None:
    assert values.key_usage(value) == key


@pytest.mark.parametrize("value", [True, -1, 3, 8, 0x40, 7.5, "other", " ", [], {}])
def test_a_key_usage_that_nobody_knows_is_a_wrong_parameter(value: object) -> None:
    with pytest.raises(JrsysError) as error:
        values.key_usage(value)
    assert number_of(error) == 7


def test_presence_in_each_form() -> None:
    assert [values.presence(there, DEFAULT) for there in (False, True)] == [False, True]
    texts = Formats(presence="True")
    assert [values.presence(there, texts) for there in (False, True)] == ["False", "True"]
    digits = Formats(presence="1")
    assert [values.presence(there, digits) for there in (False, True)] == ["0", "1"]


def test_plain_text_is_signed_in_the_charset_that_is_set() -> None:
    assert values.read_plain("測試\U00020bb7", DEFAULT) == "測試\U00020bb7".encode()
    big5 = Formats(text="big5")
    assert values.read_plain("測試", big5) == "測試".encode("big5")
    assert values.write_plain("測試".encode("big5"), big5) == "測試"
    for text, formats in (("\ud800", DEFAULT), ("\U00020bb7", big5)):
        with pytest.raises(JrsysError) as error:
            values.read_plain(text, formats)
        assert number_of(error) == 32


def test_decrypted_octets_that_are_no_text_are_refused_not_damaged() -> None:
    assert values.write_plain("\U000f0001\0".encode(), DEFAULT) == "\U000f0001\0"
    with pytest.raises(JrsysError) as error:
        values.write_plain(b"\xff\xfe", DEFAULT)
    assert number_of(error) == 64


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 1, 15, 59, 59, tzinfo=UTC), "2026/01/01 23:59:59"),
        (datetime(2026, 12, 31, 16, 0, 0, tzinfo=UTC), "2027/01/01 00:00:00"),
        (datetime(2079, 7, 1, tzinfo=UTC), "2079/07/01 08:00:00"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "9999/12/31 23:59:59"),
    ],
)
def test_dates_are_taipeis(moment: datetime, text: str) -> None:
    assert values.write_date(moment, DEFAULT) == text


@pytest.mark.parametrize(
    "wrong", [{"text": "klingon"}, {"text": "base64"}, {"unicode": "rot13"}, {"presence": "yes"}]
)
def test_a_setting_that_cannot_be_used_is_refused_before_a_page_meets_it(
    wrong: dict[str, str],
) -> None:
    with pytest.raises(ValueError, match=r"charset|presence"):
        Formats(**wrong)  # type: ignore[arg-type]
