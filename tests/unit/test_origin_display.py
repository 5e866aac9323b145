"""How a host is shown: in its own letters where it is ordinary, in ASCII and marked where odd."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.harmless import is_harmful
from agent.origin import Origin


def punycode(letters: str) -> str:
    return "xn--" + letters.encode("punycode").decode("ascii")


LABELS = st.from_regex(r"[a-z0-9_](?:[a-z0-9_-]{0,20}[a-z0-9_])?", fullmatch=True)
LETTERS = st.characters(min_codepoint=0x80, exclude_categories=["Cs"])
PUNYCODE = st.text(LETTERS, min_size=1, max_size=12).map(punycode)


def hosted(host: str) -> Origin:
    return Origin("https", host)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("portal.example", "portal.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        (f"www.{punycode('台灣')}.tw", "www.台灣.tw"),
        (punycode("第一銀行"), "第一銀行"),
        (f"{punycode('故宮100')}.tw", "故宮100.tw"),
        (punycode("한국"), "한국"),
    ],
)
def test_an_ordinary_host_is_shown_in_its_own_letters(host: str, shown: str) -> None:
    origin = hosted(host)
    assert (origin.display_host, origin.is_odd) == (shown, False)


@pytest.mark.parametrize(
    "label",
    [
        punycode("аррӏе"),  # Cyrillic throughout
        punycode("pаypal"),  # one Cyrillic letter
        punycode("münchen"),
        punycode("台灣bank"),  # two scripts
        punycode("台灣ノ"),
        punycode("銀行丿登入"),  # passes for a slash
        punycode("台\u200d灣"),  # invisible
        punycode("\u202eabc"),  # reverses the line
        punycode("ＡＢＣ"),  # full-width: not what IDNA would send
        punycode("portal"),  # punycode without a reason
        "xn--99999999",  # nothing at all
        "xn--",
    ],
)
def test_a_look_alike_stays_ascii_and_is_marked(label: str) -> None:
    host = f"www.{label}.{punycode('台灣')}"
    assert (hosted(host).display_host, hosted(host).is_odd) == (host, True)


@given(st.lists(LABELS | PUNYCODE, min_size=1, max_size=4))
def test_what_is_shown_has_no_control_and_no_invisible_character(labels: list[str]) -> None:
    origin = hosted(".".join(labels))
    assert not any(map(is_harmful, origin.display_host + origin.imitated_host))
    assert origin.display_host.count(".") == origin.host.count(".")
    assert not origin.is_odd or origin.display_host == origin.host


@given(
    st.sampled_from(["http", "https"]),
    st.lists(LABELS, min_size=1, max_size=4),
    st.none() | st.integers(1, 65535),
)
def test_an_origin_survives_being_written_and_read(
    scheme: str, labels: list[str], port: int | None
) -> None:
    origin = Origin(scheme, ".".join(labels), None if port in {80, 443} else port)
    assert Origin.parse(str(origin)) == origin
