"""What readers are called, whatever their devices say."""

from hypothesis import example, given
from hypothesis import strategies as st

from agent.harmless import is_harmful
from agent.transport.reader_names import MAX_LENGTH, shown_names

NAMES = st.binary(min_size=1, max_size=400).map(lambda name: name.replace(b"\0", b"\1"))


@given(st.lists(NAMES | st.sampled_from([b"A", b"A (2)", b"\xff", b"\xef\xbf\xbdFF"]), max_size=20))
@example([b"x" * 128, b"x" * 127, b"x" * 127, b"x" * 129])
@example([b"A", b"A", b"A (2)", b"A (2)", b"A"])
def test_every_reader_has_a_printable_name_of_its_own(listed: list[bytes]) -> None:
    names = shown_names(listed)
    assert len(set(names)) == len(names) == len(listed)
    for name in names:
        assert 0 < len(name.encode()) <= MAX_LENGTH
        assert not any(map(is_harmful, name))
    assert shown_names(listed) == names


@given(NAMES, NAMES, st.lists(NAMES, max_size=3))
def test_a_name_stays_whatever_comes_beside_it(one: bytes, other: bytes, more: list[bytes]) -> None:
    """Or a card's place would be taken for another's."""
    if one in (other, *more):
        return
    assert shown_names([one])[0] == shown_names([other, *more, one])[-1]


def test_a_printable_name_is_shown_as_it_is() -> None:
    for name in (
        "Reader 0",
        "讀卡機 A",
        "讀卡機\u3000＠",
        r"\\server\reader",
        "é" * 63,
        "\ue000\U0003158e",
    ):
        assert shown_names([name.encode()]) == (name,)


def test_the_rest_is_shown_byte_by_byte() -> None:
    listed = [b"\xff", b"\xef\xbf\xbdFF", b"a\tb", "\u200b".encode(), b"\xed\xa0\x80"]
    assert shown_names(listed) == (
        "\ufffdFF",
        "\ufffdEF\ufffdBF\ufffdBDFF",
        "a\ufffd09b",
        "\ufffdE2\ufffd80\ufffd8B",
        "\ufffdED\ufffdA0\ufffd80",
    )


def test_a_name_that_is_too_long_is_cut_and_still_its_own() -> None:
    first, second = shown_names([b"x" * 500 + b"1", b"x" * 500 + b"2"])
    assert first[:100] == second[:100] == "x" * 100
    assert first != second
    (wide,) = shown_names(["讀".encode() * 100])
    assert wide.startswith("讀" * 38 + "… ")


def test_the_same_name_again_gets_a_number_that_nobody_has() -> None:
    assert shown_names([b"A", b"A", b"A (2)", b"A"]) == ("A", "A (3)", "A (2)", "A (4)")
    first, second = shown_names([b"x" * 127] * 2)
    assert first == "x" * 127
    assert second == "x" * 123 + " (2)"


def test_one_name_for_all_costs_no_more_than_their_number() -> None:
    """Counted from the start for each, as many would take minutes."""
    names = shown_names([b"Reader"] * 20_000)
    assert names[0] == "Reader"
    assert names[-1] == "Reader (20000)"
    assert len(set(names)) == len(names)
