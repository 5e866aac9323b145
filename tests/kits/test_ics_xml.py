"""The XML of the identity service, written, read, and hostile."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.relying.ics_xml import (
    MAX_SIZE,
    IcsFormatError,
    IcsRequest,
    IcsResponse,
    Pair,
    read_request,
    read_response,
    write_request,
    write_response,
)
from agent.virtualcard.identity import generate_id_number

NOW = datetime(2026, 6, 15, 8, 30, 5, tzinfo=UTC)
PAIR = Pair("1234567890123456", generate_id_number(1))
NONCE = "aB3dE6gH9jK2mN5"
REQUEST = IcsRequest("AB" * 20, NONCE, NOW, PAIR)


def test_a_request_has_the_form_that_sites_send() -> None:
    document = write_request(REQUEST, lambda data: bytes([len(data) % 256])).decode()
    asked = (
        f"<ICSReq><ClientID>{'AB' * 20}</ClientID><Nonce>{NONCE}</Nonce>"
        f"<ReqTime>20260615163005</ReqTime><TotalCount>1</TotalCount>"
        f"<Rec><ID>1</ID><SN>1234567890123456</SN><SSID>{PAIR.id_number}</SSID></Rec></ICSReq>"
    )
    assert document == (
        f"<ICSRequest>{asked}<ICSReqLength>{len(asked)}</ICSReqLength>"
        f"<Signature>{len(asked) % 256:02x}</Signature></ICSRequest>"
    )


def test_what_is_written_is_read_with_the_octets_that_were_signed() -> None:
    signed: list[bytes] = []

    def sign(data: bytes) -> bytes:
        signed.append(data)
        return b"\x01\x02"

    read = read_request(write_request(REQUEST, sign))
    assert (read.request.client_id, read.request.nonce) == (REQUEST.client_id, NONCE)
    assert read.request.time == NOW
    assert read.request.pair == PAIR
    assert (read.signed, read.signature) == (signed[0], b"\x01\x02")


@given(st.integers(-99_999, 99_999))
def test_an_answer_is_read_as_it_was_written(code: int) -> None:
    document = write_response(IcsResponse(NONCE, code), PAIR)
    assert read_response(document) == IcsResponse(NONCE, code)
    assert PAIR.id_number.encode() not in document


def test_an_answer_with_more_in_it_is_read_too() -> None:
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ICSResponse><ICSRes><Version>2</Version>'
        f"<Nonce> {NONCE} </Nonce><Rec><ID>1</ID><Extra><A/></Extra><Code>0</Code></Rec></ICSRes>"
        f"<Signature>00</Signature></ICSResponse>"
    )
    assert read_response(document.encode()) == IcsResponse(NONCE, 0)


@pytest.mark.parametrize("value", ["<", "a&b", "x y", "陳", "</SN><SN>", "\x00"])
def test_nothing_but_letters_and_digits_is_written(value: str) -> None:
    for request in (
        IcsRequest(value, NONCE, NOW, PAIR),
        IcsRequest("", value, NOW, PAIR),
        IcsRequest("", NONCE, NOW, Pair(value, PAIR.id_number)),
        IcsRequest("", NONCE, NOW, Pair(PAIR.subject_serial, value)),
    ):
        with pytest.raises(IcsFormatError):
            write_request(request, lambda _: b"")


BOMB = (
    '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
    "<ICSResponse><Nonce>&c;</Nonce><Rec><Code>0</Code></Rec></ICSResponse>"
)
EXTERNAL = (
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    "<ICSResponse><Nonce>&x;</Nonce><Rec><Code>0</Code></Rec></ICSResponse>"
)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "not xml",
        "<ICSResponse>",
        "<ICSResponse/>",
        "<ICSReq/>",
        BOMB,
        EXTERNAL,
        "<!DOCTYPE a><ICSResponse><Nonce>a</Nonce><Rec><Code>0</Code></Rec></ICSResponse>",
        "<ICSResponse><Nonce>a</Nonce><Rec><Code></Code></Rec></ICSResponse>",
        "<ICSResponse><Nonce>a</Nonce><Rec><Code>0x0</Code></Rec></ICSResponse>",
        "<ICSResponse><Nonce>a</Nonce><Rec><Code>٠</Code></Rec></ICSResponse>",
        "<ICSResponse><Nonce>a</Nonce><Rec><Code>9999999999999</Code></Rec></ICSResponse>",
        "<ICSResponse><Nonce>a</Nonce><Rec><Code>0<b/></Code></Rec></ICSResponse>",
        "<ICSResponse><Nonce>a</Nonce><Rec><Code>0</Code><Code>1</Code></Rec></ICSResponse>",
        "<ICSResponse><Nonce>a</Nonce><Rec><Code>1</Code></Rec><Rec><Code>0</Code></Rec></ICSResponse>",
        "<ICSResponse><Nonce>a</Nonce><Nonce>b</Nonce><Rec><Code>0</Code></Rec></ICSResponse>",
        '<?xml version="1.0" encoding="no-such"?><ICSResponse/>',
        "<a>" * 8_000,
        "<ICSResponse>" + "<a>" * 4_000 + "</a>" * 4_000 + "</ICSResponse>",
        " " * (MAX_SIZE + 1),
    ],
)
def test_a_hostile_answer_is_an_error_and_no_verdict(document: str) -> None:
    with pytest.raises(IcsFormatError):
        read_response(document.encode())


@given(st.binary(max_size=300))
def test_no_octets_do_anything_else_than_be_refused(document: bytes) -> None:
    for read in (read_request, read_response):
        with pytest.raises(IcsFormatError):
            read(document)


GOOD = write_request(REQUEST, lambda _: b"\x01").decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<TotalCount>1<", "<TotalCount>2<"),
        ("<ICSReqLength>", "<ICSReqLength>1"),
        ("<Signature>01", "<Signature>0x"),
        ("<ReqTime>2026", "<ReqTime>20ab"),
        ("<ReqTime>20260615", "<ReqTime>20261515"),
        ("</Rec>", "</Rec><Rec></Rec>"),
        ("<ICSReq>", "<ICSReq><ICSReq/>"),
        ("<ICSReq>", '<ICSReq a="b">'),
        ("<SSID>", "<SSID><b/>"),
        ("<ICSRequest>", "<ICSRequest><!-- <ICSReq></ICSReq> -->"),
    ],
)
def test_a_request_that_is_not_quite_one_is_refused(old: str, new: str) -> None:
    assert old in GOOD
    with pytest.raises(IcsFormatError):
        read_request(GOOD.replace(old, new).encode())


def test_the_text_of_an_error_quotes_nothing() -> None:
    with pytest.raises(IcsFormatError) as caught:
        read_request(GOOD.replace("<TotalCount>1<", "<TotalCount>9<").encode())
    assert PAIR.id_number not in str(caught.value)
