"""The wire format is strict, and a PIN in it is never printed."""

import base64
import json
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cms.digest import HashAlgorithm
from agent.errors import AgentError, ErrorCode, TooLargeError
from agent.secret import SecretBytes
from agent.signing.model import CardPresence, DecryptFormat, Event, ReaderView, SignatureFormat
from agent.size_limits import MAX_CIPHERTEXT, MAX_DATA, MAX_MESSAGE
from agent.web.front.refusal import MessageError, failure, refusal_bytes
from agent.web.native import convert, messages, wire

PIN = "135792"
DIGEST = base64.b64encode(bytes(32)).decode()


def sign(**params: Any) -> bytes:
    wanted = {"data": "AAAA", "hash": "SHA-256", "format": "cms", **params}
    kept = {name: value for name, value in wanted.items() if value is not ...}
    return json.dumps({"id": 1, "method": "sign", "params": kept}).encode()


def read_sign(**params: Any) -> messages.SignRequest:
    request = wire.decode(sign(**params))
    assert isinstance(request, messages.SignRequest)
    return request


def test_a_full_request_is_understood() -> None:
    request = read_sign(
        data=base64.b64encode("同意書".encode()).decode(),
        certificate="ab" * 32,
        reader="Reader 0",
        nonce="bm9uY2U=",
        document_name="同意書.pdf",
        signing_certificate=False,
        signing_time=False,
    )
    asked = convert.sign_request(request.params)
    assert asked.documents[0].data == "同意書".encode()
    assert asked.documents[0].name == "同意書.pdf"
    assert asked.hash is HashAlgorithm.SHA256
    assert asked.format is SignatureFormat.CMS
    assert asked.certificate == b"\xab" * 32
    assert asked.reader == "Reader 0"
    assert asked.nonce == b"nonce"
    assert not asked.signing_certificate
    assert not asked.signing_time


def test_what_is_left_out_has_its_default() -> None:
    asked = convert.sign_request(read_sign().params)
    assert asked.signing_certificate
    assert asked.signing_time
    assert (asked.certificate, asked.reader, asked.nonce) == (None, None, None)


def test_a_batch_keeps_its_order() -> None:
    items = [{"digest": base64.b64encode(bytes([n]) * 32).decode()} for n in range(5)]
    params = {"items": items, "hash": "SHA-256", "format": "cms-detached"}
    body = json.dumps({"id": "a", "method": "sign_batch", "params": params}).encode()
    request = wire.decode(body)
    assert isinstance(request, messages.SignBatchRequest)
    documents = convert.sign_request(request.params).documents
    assert [document.digest for document in documents] == [bytes([n]) * 32 for n in range(5)]


@pytest.mark.parametrize("format_", list(DecryptFormat))
def test_a_ciphertext_is_understood(format_: DecryptFormat) -> None:
    params = {"data": "AAEC", "format": format_, "reader": "Reader 0"}
    request = wire.decode_for("decrypt", json.dumps({"params": params}).encode())
    assert isinstance(request, messages.DecryptRequest)
    asked = convert.decrypt_request(request.params)
    assert (asked.data, asked.format, asked.reader) == (b"\0\1\2", format_, "Reader 0")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"null",
        b"true",
        b"7",
        b'"sign"',
        b"[]",
        b"{}",
        b"{",
        b'{"id":1,"method":"status"',
        b'{"id":1,"method":"status"}}',
        b'{"id":1,"method":"status"} {"id":2,"method":"status"}',
        b'{"id":1,"method":"status",}',
        b'{"id":1,"method":"status","params":{}, // why\n}',
        b"{'id':1,'method':'status'}",
        b'{"id":1,"method":"status","params":NaN}',
        b'\xef\xbb\xbf{"id":1,"method":"status"}',
        '{"id":1,"method":"status"}'.encode("utf-16"),
        b'{"id":"\xff","method":"status"}',
        b'{"id":"\xed\xa0\x80","method":"status"}',
        b'{"id":"\\ud800","method":"status"}',
        b'{"id":"\x00","method":"status"}',
        b'{"method":"status"}',
        b'{"id":null,"method":"status"}',
        b'{"id":true,"method":"status"}',
        b'{"id":1.0,"method":"status"}',
        b'{"id":-1,"method":"status"}',
        b'{"id":9007199254740992,"method":"status"}',
        b'{"id":' + b"9" * 10_000 + b',"method":"status"}',
        b'{"id":"","method":"status"}',
        b'{"id":"' + b"x" * 65 + b'","method":"status"}',
        b'{"id":[1],"method":"status"}',
        b'{"id":1}',
        b'{"id":1,"method":"format_disk"}',
        b'{"id":1,"method":"Status"}',
        b'{"id":1,"method":null}',
        b'{"id":1,"method":["status"]}',
        b'{"id":1,"method":"status","params":null}',
        b'{"id":1,"method":"status","params":[]}',
        b'{"id":1,"method":"status","params":{"x":1}}',
        b'{"id":1,"method":"status","jsonrpc":"2.0"}',
        b'{"id":1,"method":"sign"}',
        b'{"id":1,"method":"cancel"}',
        b'{"id":1,"method":"cancel","params":{"request":null}}',
        b'{"id":1,"method":"status","params":' + b"[" * 100_000,
        b'{"id":1,"method":"status","params":' + b'{"params":' * 100_000,
        b'{"x":' + b"[" * 100_000,
        b"[" * 100_000,
    ],
    ids=lambda raw: repr(raw[:48]),
)
def test_nonsense_is_refused(raw: bytes) -> None:
    with pytest.raises(MessageError) as caught:
        wire.decode(raw)
    assert caught.value.code is ErrorCode.BAD_REQUEST
    assert refusal_bytes(wire.id_of(raw), caught.value)


@pytest.mark.parametrize(
    "params",
    [
        {"data": ...},
        {"digest": DIGEST},
        {"data": None},
        {"data": 1},
        {"data": "***"},
        {"data": "AAA"},
        {"data": "A-_A"},
        {"data": "AAAA\n"},
        {"data": "QQ==QQ=="},
        {"data": ..., "digest": DIGEST},  # an attached signature needs the data
        {"data": ..., "digest": DIGEST, "format": "pkcs1", "hash": "SHA-512"},
        {"data": ..., "digest": "AAAA", "format": "pkcs1"},
        {"hash": ...},
        {"hash": "MD5"},
        {"hash": "sha-256"},
        {"hash": None},
        {"format": ...},
        {"format": "xades"},
        {"format": 1},
        {"certificate": "ab" * 31},
        {"certificate": "AB" * 32},
        {"certificate": "ab" * 32 + "\n"},
        {"certificate": "zz" * 32},
        {"reader": ""},
        {"reader": "x" * 256},
        {"reader": None},
        {"nonce": ""},
        {"nonce": base64.b64encode(bytes(65)).decode()},
        {"nonce": "not base64"},
        {"document_name": ""},
        {"document_name": "x" * 256},
        {"document_name": "two\nlines"},
        {"document_name": "line\n"},
        {"document_name": "\u202egpj.exe"},
        {"document_name": "\u2066isolated"},
        {"document_name": "bell\u0007"},
        {"document_name": "next\u0085line"},
        {"signing_certificate": "true"},
        {"signing_certificate": 1},
        {"signing_certificate": None},
        {"signing_time": "false"},
        {"signing_time": 0},
        {"signing_time": None},
        {"pin": 123456},
        {"pin": None},
        {"pin": ["1", "2"]},
        {"pin": "1" * 65},
        {"Pin": PIN},
        {"check_validity": False},
        {"documents": []},
        {"__proto__": {}},
    ],
    ids=repr,
)
def test_bad_parameters_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(MessageError):
        convert.sign_request(read_sign(**params).params)


def test_what_is_only_too_large_is_called_that() -> None:
    def octets(length: int) -> str:
        return base64.b64encode(bytes(length)).decode()

    def batch(*lengths: int) -> dict[str, Any]:
        items = [{"data": octets(length)} for length in lengths]
        return {"items": items, "hash": "SHA-256", "format": "cms"}

    for method, params, limit in (
        ("sign", {"data": octets(MAX_DATA + 1), "hash": "SHA-256", "format": "cms"}, MAX_DATA),
        ("sign_batch", batch(1, MAX_DATA + 1), MAX_DATA),
        ("decrypt", {"data": octets(MAX_CIPHERTEXT + 1), "format": "cms"}, MAX_CIPHERTEXT),
    ):
        raw = json.dumps({"id": 1, "method": method, "params": params}).encode()
        assert len(raw) < MAX_MESSAGE
        for decode in (wire.decode, lambda body, named=method: wire.decode_for(named, body)):
            with pytest.raises(TooLargeError) as refused:
                decode(raw)
            told = failure(refused.value)
            assert (told.code, told.retriable) == ("too_large", False)
            assert f"at most {limit} bytes" in told.message


def test_as_much_as_is_allowed_is_read() -> None:
    assert read_sign(data=base64.b64encode(bytes(MAX_DATA)).decode())
    longest = {"data": base64.b64encode(bytes(MAX_CIPHERTEXT)).decode(), "format": "cms"}
    assert wire.decode(json.dumps({"id": 1, "method": "decrypt", "params": longest}).encode())


@pytest.mark.parametrize("count", [0, messages.MAX_ITEMS + 1])
def test_a_batch_is_neither_empty_nor_endless(count: int) -> None:
    params = {"items": [{"data": "AAAA"}] * count, "hash": "SHA-256", "format": "cms"}
    with pytest.raises(MessageError):
        wire.decode(json.dumps({"id": 1, "method": "sign_batch", "params": params}).encode())


def test_a_page_of_this_api_is_not_expected_to_need_sha1() -> None:
    asked = convert.sign_request(read_sign(hash="SHA-1").params)
    assert asked.hash is HashAlgorithm.SHA1
    assert not asked.expects_sha1


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id":1,"id":1,"method":"status"}',
        b'{"id":1,"id":2,"method":"status"}',
        b'{"id":1,"method":"status","method":"status"}',
        b'{"id":1,"\\u0069d":2,"method":"status"}',
        b'{"id":1,"method":"status","params":{},"params":{}}',
        sign().replace(b'"data": "AAAA"', b'"data":"AAAA","data":"AAAA"'),
        sign().replace(b'"data": "AAAA"', b'"data":"AAAA","d\\u0061ta":"BBBB"'),
        sign(pin=PIN).replace(b'"pin"', b'"pin":"000000","pin"'),
        (
            b'{"id":1,"method":"sign_batch","params":{"hash":"SHA-256","format":"cms",'
            b'"items":[{"data":"AAAA","data":"BBBB"}]}}'
        ),
    ],
)
def test_one_name_twice_is_refused(raw: bytes) -> None:
    with pytest.raises(MessageError, match="twice"):
        wire.decode(raw)


def test_names_twice_in_different_objects_are_fine() -> None:
    params = {"items": [{"data": "AAAA"}] * 3, "hash": "SHA-256", "format": "cms"}
    assert wire.decode(json.dumps({"id": 1, "method": "sign_batch", "params": params}).encode())


def test_http_needs_neither_id_nor_method() -> None:
    assert isinstance(wire.decode_for("connect", b"{}"), messages.ConnectRequest)
    assert wire.decode_for("connect", b'{"id":"x","method":"connect","params":{}}').id == "x"


def test_http_refuses_the_method_of_another_path() -> None:
    with pytest.raises(MessageError):
        wire.decode_for("connect", b'{"method":"status"}')


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"id":7,"method":"nonsense"}', 7),
        (b'{"method":"sign","params":{"x":[{}]},"id":"seven"}', "seven"),
        (b'{"id":7', None),
        (b'{"id":[7]}', None),
        (b'{"id":"' + b"x" * 65 + b'"}', None),
        (b'{"id":1,"x":' + b"[" * 100_000, None),
        (b"\xff", None),
        (b"[]", None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_the_id_of_a_broken_message_is_found_where_there_is_one(
    raw: bytes, expected: int | str | None
) -> None:
    assert wire.id_of(raw) == expected


def test_a_pin_is_secret_from_the_first_moment() -> None:
    request = read_sign(pin=PIN)
    assert isinstance(request.params.pin, SecretBytes)
    assert request.params.pin == SecretBytes.from_text(PIN)
    assert PIN not in repr(request)
    assert PIN not in str(request)


@pytest.mark.parametrize(
    "raw",
    [
        sign(pin=PIN, x=1),
        sign(pin=int(PIN)),
        sign(pin=[PIN]),
        sign(pin={PIN: PIN}),
        sign(pin=PIN * 20),
        sign(pin=PIN, data="***"),
        sign(pin=PIN)[:-1],
        sign(pin=PIN) + b"x",
        sign(pin=PIN).replace(b'"pin"', b'"pin":"0","pin"'),
    ],
)
def test_no_error_repeats_a_pin(raw: bytes) -> None:
    with pytest.raises(MessageError) as caught:
        wire.decode(raw)
    told = "".join(traceback.format_exception(caught.value))
    told += repr(caught.value) + refusal_bytes(1, caught.value).decode()
    assert PIN not in told


def test_every_code_has_its_words() -> None:
    for code in ErrorCode:
        told = failure(AgentError("the log's detail", code=code, attempts_left=2))
        assert told.code is code
        assert told.message
        assert "detail" not in told.message
        assert told.attempts_left == 2


def test_an_answer_carries_only_what_is_known() -> None:
    error = AgentError("detail", code=ErrorCode.NO_CARD)
    assert json.loads(refusal_bytes("a", error)) == {
        "id": "a",
        "error": {
            "code": "no_card",
            "message": "there is no card in the reader",
            "retriable": True,
        },
    }


@pytest.mark.parametrize(
    ("view", "card"),
    [
        (ReaderView("R", CardPresence.EMPTY), None),
        (ReaderView("R", CardPresence.MUTE, "gen1"), None),
        (ReaderView("R", CardPresence.UNSUPPORTED), None),
        (ReaderView("R", CardPresence.CARD), {"generation": None, "serial": None}),
        (ReaderView("R", CardPresence.CARD, "gen1"), {"generation": "gen1", "serial": None}),
        (ReaderView("R", CardPresence.CARD, "gen2", "S"), {"generation": "gen2", "serial": "S"}),
    ],
)
def test_a_reader_shows_a_card_only_when_there_is_one(
    view: ReaderView, card: dict[str, Any] | None
) -> None:
    shown = json.loads(wire.encode(convert.reader(view)))
    assert shown == {"name": "R", "state": view.state, "card": card, "attempts_left": None}


def test_events_say_what_changed() -> None:
    view = ReaderView("R", CardPresence.EMPTY)
    told = json.loads(wire.encode(convert.event(Event("card_removed", view, True))))
    assert told["event"] == "card_removed"
    assert told["data"]["reader"]["name"] == "R"
    told = json.loads(wire.encode(convert.event(Event("service_changed", None, False))))
    assert told == {"event": "service_changed", "data": {"service": "unavailable"}}


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_refused(raw: bytes) -> None:
    try:
        wire.decode(raw)
    except MessageError as error:
        json.loads(refusal_bytes(wire.id_of(raw), error))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(
    st.fixed_dictionaries(
        {
            "id": st.integers() | st.text() | _JSON,
            "method": st.sampled_from(["status", "sign", "authenticate", "decrypt", "cancel"])
            | _JSON,
        },
        optional={
            "params": st.dictionaries(
                st.sampled_from(["data", "digest", "hash", "format", "pin", "reader"]), _JSON
            )
        },
    )
)
def test_any_json_is_a_request_or_refused(document: dict[str, Any]) -> None:
    raw = json.dumps(document).encode()
    try:
        wire.decode(raw)
    except MessageError as error:
        json.loads(refusal_bytes(wire.id_of(raw), error))


@given(st.binary(max_size=100), st.text(max_size=64))
def test_what_is_encoded_comes_back(data: bytes, pin: str) -> None:
    pin = pin.encode(errors="replace").decode()
    request = read_sign(data=base64.b64encode(data).decode(), pin=pin)
    assert request.params.data == data
    assert request.params.pin == SecretBytes.from_text(pin)
