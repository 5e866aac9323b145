"""Which documents are shown themselves: short, plain, and exactly what is signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.consent.questions import MAX_TEXT
from agent.harmless import is_harmful
from agent.signing.model import SignatureFormat, SignatureRequest
from agent.signing.readable import MAX_LINES, readable_text
from agent.signing.sign_task import signing_purpose

PLAIN = {
    "我同意升級為金質會員。": "我同意升級為金質會員。",
    "ends with a line\n": "ends with a line",
    "Windows\r\nlines\r\n": "Windows\nlines",
    "a\n\n\nb": "a\n\n\nb",
    "o\u0358 tiếng Việt e\u0301": "o\u0358 tiếng Việt e\u0301",
    "王\ue001明 \U0003158e 😀": "王\ue001明 \U0003158e 😀",
    '{"amount": 3000}': '{"amount": 3000}',
    "國" * MAX_TEXT: "國" * MAX_TEXT,
    "\U00020000" * MAX_TEXT: "\U00020000" * MAX_TEXT,
    "x\r\n" * MAX_LINES: "\n".join("x" * MAX_LINES),
}
NOT_PLAIN = (
    b"",
    b"\n",
    b" \n\n ",
    "\u3000\u00a0".encode(),
    b"x" * (MAX_TEXT + 1),
    b"x" * 5_000_000,
    b"x\n" * (MAX_LINES + 1),
    b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
    b"\xef\xbb\xbfwith a byte order mark",
    "UTF-16".encode("utf-16-le"),
    "大五碼".encode("big5"),
    b"a surrogate \xed\xa0\x80",
    b"an overlong \xc0\xaf",
    b"a\tb",
    b"old Mac\rlines",
    b"a\x0bb\x0cc",
    b"nothing\0",
    "a\u2028b".encode(),
    "a\u0085b".encode(),
    "pay \u202e0003".encode(),
    "a\u200bb".encode(),
    "a\u3164b".encode(),
    "a\ufffdb".encode(),
    ("a" + "\u0301" * 30).encode(),
    "\u0301a".encode(),
    "a\u20dd".encode(),
)


@pytest.mark.parametrize("text", PLAIN, ids=ascii)
def test_a_short_plain_text_is_shown_itself(text: str) -> None:
    assert readable_text(text.encode()) == PLAIN[text]


@pytest.mark.parametrize("data", NOT_PLAIN, ids=lambda data: ascii(data[:30]))
def test_what_a_window_would_have_to_change_is_not_shown(data: bytes) -> None:
    assert readable_text(data) is None


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode()))
def test_what_is_shown_is_all_that_is_signed(data: bytes) -> None:
    text = readable_text(data)
    if text is not None:
        assert text == data.decode().replace("\r\n", "\n").removesuffix("\n")
        assert len(text) <= MAX_TEXT
        assert text.count("\n") < MAX_LINES
        assert not any(map(is_harmful, text.replace("\n", "")))


def shown(*documents: Document) -> list[str | None]:
    request = SignatureRequest(documents, format=SignatureFormat.CMS_DETACHED)
    return [document.text for document in signing_purpose(request).documents]


def test_only_what_is_signed_alone_and_known_is_shown() -> None:
    agreement = Document(data="同意".encode())
    assert shown(agreement) == ["同意"]
    assert shown(agreement, agreement) == [None, None]
    assert shown(Document(digest=HashAlgorithm.SHA256.digest(b"x"))) == [None]
    assert shown(Document(data=b"\x00")) == [None]
