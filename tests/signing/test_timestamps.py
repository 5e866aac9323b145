"""Timestamps: what is asked for, and every answer that must not be taken for one."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from agent.cms import signed
from agent.cms.document import Document
from agent.cms.errors import CmsError
from agent.cms.timestamp import MAX_ANSWER, TimestampRequest, read_answer, read_token
from agent.cms.verify import verify
from tests.documents.time_authorities import STAMPS, TimeAuthority, authority
from tests.signing import pki_support as pki

DIGEST = hashlib.sha256(b"a signature value").digest()
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")


def asked() -> TimestampRequest:
    return TimestampRequest.of(DIGEST)


def test_a_question_is_read_as_it_is_meant_by_another_library() -> None:
    request = asked()
    read = tsp.TimeStampReq.load(request.encode(), strict=True)
    assert read["message_imprint"]["hashed_message"].native == DIGEST
    assert read["message_imprint"]["hash_algorithm"]["algorithm"].native == "sha256"
    assert read["nonce"].native == request.nonce
    assert read["nonce"].native.bit_length() == 64
    assert read["cert_req"].native
    assert asked().nonce != request.nonce


def test_an_answer_tells_when_and_by_whom() -> None:
    now = datetime(2026, 6, 15, 8, 30, tzinfo=UTC)
    of = authority(now=lambda: now)
    request = asked()
    found = read_answer(of.answer(request.encode()), request)
    assert found.time == now
    assert found.certificate == of.der
    assert read_token(found.token, b"a signature value") == found


def flip(info: dict[str, Any]) -> None:
    info["nonce"] = info["nonce"].native ^ 1


def forget(info: dict[str, Any]) -> None:
    del info["nonce"]


def other_octets(info: dict[str, Any]) -> None:
    info["message_imprint"] = tsp.MessageImprint(
        {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": bytes(32)}
    )


def weak_hash(info: dict[str, Any]) -> None:
    info["message_imprint"] = tsp.MessageImprint(
        {"hash_algorithm": {"algorithm": "sha1"}, "hashed_message": bytes(20)}
    )


def critical(info: dict[str, Any]) -> None:
    extension = {"extn_id": "1.2.3.4", "critical": True, "extn_value": b"\x05\x00"}
    info["extensions"] = [extension]


def without_token(_: bytes) -> bytes:
    return bytes.fromhex("30053003020100")


def edited(raw: bytes) -> bytes:
    """Change a digit of the time, whose signature does not fit any more."""
    at = raw.index(b"\x18\x0f20") + 10
    return raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]


def followed(raw: bytes) -> bytes:
    return raw + b"\x00"


def web_page(_: bytes) -> bytes:
    return b"<html>Please log in</html>"


def endless(raw: bytes) -> bytes:
    return raw + bytes(MAX_ANSWER)


ALSO_MAIL = x509.ExtendedKeyUsage(
    [ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.EMAIL_PROTECTION]
)
LIES: dict[str, Callable[[], TimeAuthority]] = {
    "another-nonce": lambda: authority(change_info=flip),
    "no-nonce": lambda: authority(change_info=forget),
    "of-other-octets": lambda: authority(change_info=other_octets),
    "by-sha-1": lambda: authority(change_info=weak_hash),
    "critical-extension": lambda: authority(change_info=critical),
    "not-granted": lambda: authority(status="rejection"),
    "granted-without-token": lambda: authority(change_answer=without_token),
    "edited": lambda: authority(change_answer=edited),
    "two-signers": lambda: authority(signers=2),
    "no-certificate": lambda: authority(sends_certificates=False),
    "something-behind": lambda: authority(change_answer=followed),
    "web-page": lambda: authority(change_answer=web_page),
    "nothing": lambda: authority(change_answer=lambda _: b""),
    "endless": lambda: authority(change_answer=endless),
    "certificate-for-anything": lambda: authority(usage=None),
    "certificate-for-mail-too": lambda: authority(usage=ALSO_MAIL),
    "usage-not-critical": lambda: authority(usage=STAMPS, critical=False),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_lies_is_no_timestamp(lie: str) -> None:
    of = LIES[lie]()
    request = asked()
    with pytest.raises(CmsError):
        read_answer(of.answer(request.encode()), request)


@pytest.mark.parametrize(("other", "is_taken"), [(False, True), (True, False)])
def test_an_old_authority_names_its_certificate_by_sha_1(other: bool, is_taken: bool) -> None:
    of, request = authority(is_old=True, names_another=other), asked()
    answer = of.answer(request.encode())
    if is_taken:
        read_answer(answer, request)
    else:
        with pytest.raises(CmsError, match="not the one that was signed"):
            read_answer(answer, request)


def test_an_old_answer_is_of_another_question() -> None:
    of = authority()
    first, second = asked(), asked()
    answer = of.answer(first.encode())
    read_answer(answer, first)
    with pytest.raises(CmsError, match="another question"):
        read_answer(answer, second)


def test_a_token_goes_into_a_signature_and_changes_nothing_that_was_signed() -> None:
    prepared = signed.prepare(pki.citizen(), Document(b"text"), attached=False)
    message = prepared.finish(pki.sign(prepared.digest))
    assert signed.timestamp_in(message) is None
    tokens = []
    for _ in range(2):
        request = TimestampRequest.of(hashlib.sha256(signed.signature_in(message)).digest())
        tokens.append(read_answer(authority().answer(request.encode()), request).token)
        stamped = signed.with_timestamp(message, tokens[-1])
        assert signed.timestamp_in(stamped) == tokens[-1]
        assert verify(stamped, content=b"text") == verify(message, content=b"text")
        read_token(tokens[-1], signed.signature_in(stamped))
    assert signed.with_timestamp(stamped, tokens[0]) == signed.with_timestamp(message, tokens[0])


@pytest.mark.parametrize("message", [b"", b"\x30\x00", pki.citizen()])
def test_what_is_no_signature_takes_no_token(message: bytes) -> None:
    with pytest.raises(CmsError):
        signed.with_timestamp(message, b"\x30\x00")
    with pytest.raises(CmsError):
        signed.timestamp_in(message)


@needs_openssl
def test_openssl_finds_our_question_and_the_answer_good(tmp_path: Path) -> None:
    of, request = authority(), asked()
    answer = of.answer(request.encode())
    (tmp_path / "q.tsq").write_bytes(request.encode())
    (tmp_path / "token").write_bytes(read_answer(answer, request).token)
    anchor = x509.load_der_x509_certificate(of.chain[0]).public_bytes(Encoding.PEM)
    (tmp_path / "root.pem").write_bytes(anchor)
    words = ["openssl", "ts", "-verify", "-queryfile", "q.tsq", "-in", "token", "-token_in"]
    done = subprocess.run(
        [*words, "-CAfile", "root.pem"], cwd=tmp_path, capture_output=True, check=False
    )
    assert b"Verification: OK" in done.stdout + done.stderr, done
