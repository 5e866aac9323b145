"""OpenSSL encrypts, we take apart; and a forgery says nothing about where it failed."""

import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cms import enveloped
from agent.cms.errors import CmsError
from agent.errors import ErrorCode
from tests.signing import pki_support as pki

SECRET = "只有收件人看得到".encode()
CIPHERS = ("-aes128", "-aes192", "-aes256", "-des3")


@cache
def recipient() -> bytes:
    certificate = pki.issuing().issue(
        pki.citizen_name(), pki.citizen_key(), serial=0x5A02, usage=pki.ENCRYPT
    )
    return certificate.public_bytes(Encoding.DER)


@cache
def somebody() -> bytes:
    certificate = pki.issuing().issue(
        pki.citizen_name("0000000000000002"), pki.rsa_key("other"), serial=0x5A03, usage=pki.ENCRYPT
    )
    return certificate.public_bytes(Encoding.DER)


@cache
def encrypted(*options: str, content: bytes = SECRET) -> bytes:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "content").write_bytes(content)
        pki.write_pem(folder / "recipient.pem", recipient())
        pki.write_pem(folder / "somebody.pem", somebody())
        command = ["openssl", "cms", "-encrypt", "-binary", "-in", "content", "-outform", "DER"]
        command += ["-out", "message", *options]
        if "recipient.pem" not in options:
            command += ["recipient.pem"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)
        return (folder / "message").read_bytes()


def card(encrypted_key: bytes) -> bytes:
    """Do what the citizen's card does, padding removed."""
    return pki.citizen_key().decrypt(encrypted_key, PKCS1v15())


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("options", [(), ("-keyid",), ("-stream", "-indef")])
def test_what_openssl_encrypted_is_decrypted(cipher: str, options: tuple[str, ...]) -> None:
    message = enveloped.parse(encrypted(cipher, *options), recipient())
    assert len(message.encrypted_key) == 256
    assert message.open(card(message.encrypted_key)) == SECRET


@pytest.mark.parametrize("length", [0, 15, 16, 17, 100_000])
def test_every_length_comes_back(length: int) -> None:
    content = bytes(range(256)) * (length // 256 + 1)
    raw = encrypted("-aes256", "-stream", "-indef", content=content[:length])
    message = enveloped.parse(raw, recipient())
    assert message.open(card(message.encrypted_key)) == content[:length]


def test_of_two_recipients_the_right_one_is_found() -> None:
    raw = encrypted("-aes128", "somebody.pem", "recipient.pem")
    message = enveloped.parse(raw, recipient())
    assert message.open(card(message.encrypted_key)) == SECRET
    other = enveloped.parse(raw, somebody())
    assert other.encrypted_key != message.encrypted_key


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("-camellia128",), "content encryption"),
        (("-aes-128-gcm",), "not an EnvelopedData"),
        (("-aes128", "-recip", "recipient.pem", "-keyopt", "rsa_padding_mode:oaep"), "key encr"),
    ],
)
def test_what_we_cannot_open_is_refused(options: tuple[str, ...], reason: str) -> None:
    with pytest.raises(CmsError, match=reason):
        enveloped.parse(encrypted(*options), recipient())


def test_recipients_of_other_kinds_are_passed_over() -> None:
    raw = encrypted("-aes128", "-secretkey", "00" * 16, "-secretkeyid", "01")
    message = enveloped.parse(raw, recipient())
    assert message.open(card(message.encrypted_key)) == SECRET


def test_a_message_for_somebody_else_is_refused() -> None:
    with pytest.raises(CmsError, match="somebody else") as error:
        enveloped.parse(encrypted("-aes128"), somebody())
    assert error.value.code is ErrorCode.KEY_NOT_FOUND  # the message may be a good one


def test_a_forged_key_fails_like_a_forged_content() -> None:
    message = enveloped.parse(encrypted("-aes256"), recipient())
    key = card(message.encrypted_key)
    failures = set()
    for wrong in (b"", key[:-1], key + b"\x00", bytes(16), bytes(32)):
        for _ in range(20):  # one random key in 256 gives a padding that looks right
            try:
                assert message.open(wrong) != SECRET
            except CmsError as error:
                failures.add((error.code, error.detail, error.__cause__))
    assert len(failures) == 1


@pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(33)])
def test_a_key_of_another_length_is_replaced_by_chance(
    monkeypatch: pytest.MonkeyPatch, wrong: bytes
) -> None:
    """Nobody can tell beforehand what a forged key decrypts to."""
    message = enveloped.parse(encrypted("-aes256"), recipient())
    right = card(message.encrypted_key)
    monkeypatch.setattr(enveloped.os, "urandom", lambda length: right[:length])
    assert message.open(wrong) == SECRET


def test_a_forged_content_fails_in_one_way() -> None:
    raw = bytearray(encrypted("-aes256"))
    raw[-1] ^= 0xFF
    message = enveloped.parse(bytes(raw), recipient())
    with pytest.raises(CmsError, match=r"^decryption failed$"):
        message.open(card(message.encrypted_key))


def _rebuilt(field: str, value: object) -> bytes:
    info = cms.ContentInfo.load(encrypted("-aes256")).copy()
    content = info["content"]["encrypted_content_info"]
    if field == "iv":
        content["content_encryption_algorithm"]["parameters"] = value
    elif field == "key":
        info["content"]["recipient_infos"][0].chosen["encrypted_key"] = value
    else:
        content["encrypted_content"] = value
    return bytes(info.dump(force=True))


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("iv", bytes(15), "initialisation"),
        ("content", b"", "whole blocks"),
        ("content", bytes(31), "whole blocks"),
        ("content", None, "no encrypted content"),
        ("key", bytes(255), "modulus"),
        ("key", bytes(257), "modulus"),
        ("key", b"", "modulus"),
    ],
)
def test_nonsense_is_refused_before_a_card_is_asked(field: str, value: object, reason: str) -> None:
    with pytest.raises(CmsError, match=reason):
        enveloped.parse(_rebuilt(field, value), recipient())


def test_size_is_bounded() -> None:
    raw = encrypted("-aes256")
    assert enveloped.parse(raw, recipient(), max_size=len(raw))
    with pytest.raises(CmsError, match="too large"):
        enveloped.parse(raw, recipient(), max_size=len(raw) - 1)


def test_a_message_is_at_most_16_mib_and_a_certificate_64_kib_long() -> None:
    for size, reason in ((16 << 20, "follows"), ((16 << 20) + 1, "too large")):
        with pytest.raises(CmsError, match=reason):
            enveloped.parse(bytes(size), recipient())
    raw = encrypted("-aes256")
    for size, reason in ((64 << 10, "somebody else"), ((64 << 10) + 1, "too large")):
        with pytest.raises(CmsError, match=reason):
            enveloped.parse(raw, pki.citizen_of(size))


def test_endless_nesting_is_refused_in_no_time() -> None:
    for opening in (b"\x30\x80", b"\x24\x80", b"\xa0\x80"):
        with pytest.raises(CmsError):
            enveloped.parse(opening * 500_000, recipient())


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_damage_is_one_kind_of_error(data: st.DataObject) -> None:
    raw = bytearray(encrypted("-aes256", *data.draw(st.sampled_from([(), ("-stream", "-indef")]))))
    start = data.draw(st.integers(0, len(raw) - 1))
    raw[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    try:
        message = enveloped.parse(bytes(raw), recipient())
        message.open(bytes(32))
    except CmsError:
        return


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=300))
def test_random_bytes_are_one_kind_of_error(raw: bytes) -> None:
    with pytest.raises(CmsError):
        enveloped.parse(raw, recipient())
