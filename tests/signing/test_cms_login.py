"""A login says what it says in one form only, and nothing else is ever taken for one."""

import re
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from asn1crypto import cms
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.cms import login
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.errors import CmsError
from agent.cms.login import CONTENT_TYPE, RESERVED, LoginPurpose, LoginStatement
from agent.cms.signed import DATA, prepare_login
from agent.cms.verify import ContentTypeError, verify
from agent.origin import MAX_ORIGIN_LENGTH
from agent.pki.reading import read_certificate
from agent.signing.message import prepare_message
from agent.signing.model import CardCertificate, SignatureFormat, SignatureRequest
from tests.signing import pki_support as pki

SITE = "https://portal.example"
CHALLENGE = bytes(range(32))
STRONG = (HashAlgorithm.SHA256, HashAlgorithm.SHA384, HashAlgorithm.SHA512)
TEXT = (
    b'{"type":"ankong.authenticate.v1","purpose":"login","origin":"https://portal.example",'
    b'"challenge":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","time":"2026-06-15T08:30:00Z"}'
)


def statement(purpose: LoginPurpose = LoginPurpose.LOGIN) -> LoginStatement:
    return LoginStatement.make(purpose, SITE, CHALLENGE, pki.NOW)


def token(algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> bytes:
    prepared = prepare_login(pki.citizen(), statement(), algorithm)
    return prepared.finish(pki.sign(prepared.digest, algorithm))


def test_the_text_is_written_octet_for_octet() -> None:
    assert statement().encode() == TEXT
    assert LoginStatement.parse(TEXT) == statement()


def test_the_time_is_utc_with_whole_seconds() -> None:
    taipei = datetime(2026, 1, 1, 7, 59, 59, 999_999, timezone(timedelta(hours=8)))
    made = LoginStatement.make(LoginPurpose.IDENTIFY, SITE, bytes(64), taipei)
    assert made.time == "2025-12-31T23:59:59Z"
    assert made.challenge == "A" * 86


def test_the_longest_text_has_at_most_512_octets() -> None:
    origin = "https://" + "a" * (MAX_ORIGIN_LENGTH - 8)
    longest = LoginStatement.make(LoginPurpose.IDENTIFY, origin, bytes(64), pki.NOW).encode()
    assert len(longest) <= 512
    assert LoginStatement.parse(longest).origin == origin


@pytest.mark.parametrize(
    "text",
    [
        TEXT + b"\n",
        b"\xef\xbb\xbf" + TEXT,
        TEXT + b"\x00",
        TEXT + TEXT,
        TEXT.replace(b".v1", b".v2"),
        TEXT.replace(b'"login"', b'"sign"'),
        TEXT.replace(b"https://portal", b"https://Portal"),
        TEXT.replace(b",", b", "),
        TEXT.replace(b"Z", b"+08:00"),
        TEXT.replace(b'{"type"', b'{"purpose":"login","type"'),
        TEXT.replace(b'"time"', b'"origin":"https://evil.example","time"'),
        TEXT.replace(b"wdHh8", b"wdHh"),
        TEXT.replace(b"wdHh8", b"wdHh8="),
        TEXT.replace(b"portal", b"p\\u006frtal"),
        TEXT.replace(b"2026", "２０２６".encode()),
        b"",
        b"{}",
    ],
)
def test_another_form_is_no_statement(text: bytes) -> None:
    with pytest.raises(CmsError):
        LoginStatement.parse(text)


def test_page_developers_are_given_the_same_form() -> None:
    told = (Path(__file__).parents[2] / "agent/web/sdk/LOGIN.md").read_text("utf-8")
    (line,) = (each for each in told.splitlines() if each.startswith(r'^\{"type"'))
    found = re.fullmatch(line, TEXT.decode())
    assert found is not None
    stated = LoginStatement.parse(TEXT)
    assert found.groups() == (stated.purpose, stated.origin, stated.challenge, stated.time)
    assert CONTENT_TYPE.hex(" ") in told


@pytest.mark.parametrize(
    "change",
    [
        {"origin": 'https://a.example","challenge":"' + "A" * 43},
        {"origin": "https://測試.example"},
        {"origin": "https://a"[:7]},
        {"challenge": "A" * 42},
        {"challenge": "A" * 87},
        {"time": "2026-06-15T08:30:00Z\n"},
    ],
)
def test_what_could_be_read_in_two_ways_is_not_written(change: dict[str, str]) -> None:
    parts = {"origin": SITE, "challenge": "A" * 43, "time": "2026-06-15T08:30:00Z", **change}
    with pytest.raises(CmsError):
        LoginStatement(LoginPurpose.LOGIN, **parts).encode()


@pytest.mark.parametrize("algorithm", STRONG)
def test_the_message_has_exactly_three_signed_attributes(algorithm: HashAlgorithm) -> None:
    signed = cms.ContentInfo.load(token(algorithm), strict=True)["content"]
    assert signed["version"].native == "v3"  # RFC 5652 §5.1
    assert signed["encap_content_info"]["content_type"].dump() == CONTENT_TYPE
    assert len(signed["certificates"]) == 1
    (signer,) = signed["signer_infos"]
    kinds = sorted(each["type"].native for each in signer["signed_attrs"])
    assert kinds == ["content_type", "message_digest", "signing_certificate_v2"]


@pytest.mark.parametrize("algorithm", STRONG)
def test_openssl_accepts_it(tmp_path: Path, algorithm: HashAlgorithm) -> None:
    (tmp_path / "token.der").write_bytes(token(algorithm))
    anchors = pki.write_pem(tmp_path / "anchors.pem", pki.root().der, pki.issuing().der)
    command = ["openssl", "cms", "-verify", "-binary", "-cades", "-inform", "DER"]
    command += ["-in", "token.der", "-CAfile", str(anchors), "-purpose", "any"]
    command += ["-attime", str(int(pki.NOW.timestamp()))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout == TEXT


def test_only_who_asks_for_a_login_gets_one() -> None:
    with pytest.raises(ContentTypeError):
        verify(token())
    found = verify(token(), content_types=(CONTENT_TYPE,))
    assert found.content_type == CONTENT_TYPE
    assert found.content == TEXT
    assert found.signing_certificate
    assert found.signing_time is None


def test_a_document_is_no_login() -> None:
    raw = signed_document(SignatureRequest((Document(data=TEXT),)))
    with pytest.raises(ContentTypeError):
        verify(raw, content_types=(CONTENT_TYPE,))
    assert verify(raw).content_type == DATA


@pytest.mark.parametrize(
    ("field", "value"), [("version", "v1"), ("content", DATA), ("attribute", DATA)]
)
def test_version_content_and_attribute_agree(field: str, value: str | bytes) -> None:
    info = cms.ContentInfo.load(token()).copy()
    signed = info["content"]
    (signer,) = signed["signer_infos"]
    if field == "version":
        signed["version"] = value
    elif field == "content":
        signed["encap_content_info"]["content_type"] = cms.ContentType.load(value)
    else:
        signer["signed_attrs"][0]["values"] = [cms.ContentType.load(value)]
    covered = b"\x31" + signer["signed_attrs"].dump(force=True)[1:]
    signer["signature"] = pki.sign(HashAlgorithm.SHA256.digest(covered))
    with pytest.raises(CmsError, match="version" if field == "version" else "type"):
        verify(info.dump(force=True), content_types=(CONTENT_TYPE, DATA))


# The one key of a card signs everything, so every other way to it has to be unable to say "login".


def card_certificate() -> CardCertificate:
    return CardCertificate(read_certificate(pki.citizen()), "reader", "SIGN", "", "TP0700000000001")


def signed_document(request: SignatureRequest) -> bytes:
    prepared = prepare_message(request, request.documents[0], card_certificate(), pki.NOW)
    return prepared.finish(pki.sign(prepared.digest, request.hash))


def signed_content_types(folder: Path, raw: bytes) -> list[str]:
    """Return the values of the content-type attributes, as OpenSSL reads them."""
    (folder / "message.der").write_bytes(raw)
    command = ["openssl", "asn1parse", "-inform", "DER", "-in", "message.der"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=30)
    return re.findall(r"OBJECT +:contentType\n.*SET *\n.*OBJECT +:(\S+)", done.stdout.decode())


HOSTILE = st.sampled_from(
    (RESERVED, CONTENT_TYPE, TEXT, b"\x31" + b"\x15" + CONTENT_TYPE, bytes(32))
)
NONCES = st.none() | st.binary(min_size=1, max_size=64) | HOSTILE.map(lambda raw: raw[:64])


@st.composite
def requests(draw: st.DrawFn) -> SignatureRequest:
    algorithm = draw(st.sampled_from(HashAlgorithm))
    data = draw(st.binary(max_size=100) | HOSTILE | st.builds(token))
    digest = draw(
        st.binary(min_size=algorithm.length, max_size=algorithm.length)
        | HOSTILE.map(lambda raw: (raw * 4)[: algorithm.length])
    )
    by_data = draw(st.booleans())
    wrapping = SignatureFormat.CMS_DETACHED
    if by_data and draw(st.booleans()):
        wrapping = SignatureFormat.CMS
    return SignatureRequest(
        documents=(Document(data=data) if by_data else Document(digest=digest),),
        hash=algorithm,
        format=wrapping,
        nonce=draw(NONCES),
        signing_certificate=draw(st.booleans()),
        signing_time=draw(st.booleans()),
        card_serial=draw(st.booleans()),
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(request=requests())
def test_no_signature_over_a_document_says_that_it_is_a_login(
    tmp_path: Path, request: SignatureRequest
) -> None:
    assert signed_content_types(tmp_path, signed_document(request)) == ["pkcs7-data"]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    purpose=st.sampled_from(LoginPurpose),
    challenge=st.binary(min_size=32, max_size=64) | st.just((RESERVED * 4)[:64]),
    algorithm=st.sampled_from(STRONG),
    now=st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001  # Hypothesis adds the zone
)
def test_every_login_says_so(
    tmp_path: Path,
    purpose: LoginPurpose,
    challenge: bytes,
    algorithm: HashAlgorithm,
    now: datetime,
) -> None:
    made = LoginStatement.make(purpose, SITE, challenge, now)
    prepared = prepare_login(pki.citizen(), made, algorithm)
    raw = prepared.finish(pki.sign(prepared.digest, algorithm))
    dotted = "2.25.47733114528800783309543499702079482038"
    assert signed_content_types(tmp_path, raw) == [dotted]
    found = verify(raw, content_types=(login.CONTENT_TYPE,))
    assert LoginStatement.parse(found.content) == made
