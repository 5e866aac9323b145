"""OpenSSL, pyca and our own encoder encrypt, we take apart; a forgery says nothing about itself."""

import subprocess
import tracemalloc
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from asn1crypto import cms, x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cms import der, enveloped
from agent.cms.errors import CmsError
from agent.errors import ErrorCode
from tests.signing import pki_support as pki

SECRET = "只有收件人看得到".encode()
CBC = ("-aes128", "-aes192", "-aes256", "-des3")
GCM = ("-aes-128-gcm", "-aes-192-gcm", "-aes-256-gcm")
OAEP = ("-recip", "recipient.pem", "-keyopt", "rsa_padding_mode:oaep")
PADDINGS = {
    "RSAES-PKCS1-v1_5": (),
    "OAEP": OAEP,
    "OAEP SHA-224": (*OAEP, "-keyopt", "rsa_oaep_md:sha224"),
    "OAEP SHA-256": (*OAEP, "-keyopt", "rsa_oaep_md:sha256"),
    "OAEP SHA-384": (*OAEP, "-keyopt", "rsa_oaep_md:sha384"),
    "OAEP SHA-512": (*OAEP, "-keyopt", "rsa_oaep_md:sha512"),
    "OAEP SHA-256, MGF1 SHA-1": (
        *(*OAEP, "-keyopt", "rsa_oaep_md:sha256"),
        *("-keyopt", "rsa_mgf1_md:sha1"),
    ),
    "OAEP SHA-1, MGF1 SHA-512": (*OAEP, "-keyopt", "rsa_mgf1_md:sha512"),
    "OAEP with a label": (*OAEP, "-keyopt", "rsa_oaep_label:4142"),
}


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
            command += ["recipient.pem"]  # with the padding of RSAES-PKCS1-v1_5
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)
        return (folder / "message").read_bytes()


def card(encrypted_key: bytes) -> bytes:
    """Do what the citizen's card does: the bare RSA operation."""
    numbers = pki.citizen_key().private_numbers()
    block = pow(int.from_bytes(encrypted_key, "big"), numbers.d, numbers.public_numbers.n)
    return block.to_bytes(256, "big")


def padded(key: bytes) -> bytes:
    """Return what the card makes of a key that was encrypted as RSAES-PKCS1-v1_5."""
    return b"\x00\x02" + b"\x5a" * (253 - len(key)) + b"\x00" + key


@pytest.mark.parametrize("cipher", CBC + GCM)
@pytest.mark.parametrize("options", [(), ("-keyid",), ("-stream", "-indef")])
def test_what_openssl_encrypted_is_decrypted(cipher: str, options: tuple[str, ...]) -> None:
    message = enveloped.parse(encrypted(cipher, *options), recipient())
    assert len(message.encrypted_key) == 256
    assert message.open(card(message.encrypted_key)) == SECRET


@pytest.mark.parametrize("cipher", ["-aes256", "-aes-256-gcm"])
@pytest.mark.parametrize("padding", PADDINGS.values(), ids=list(PADDINGS))
def test_every_padding_of_the_key_is_removed(cipher: str, padding: tuple[str, ...]) -> None:
    message = enveloped.parse(encrypted(cipher, *padding), recipient())
    assert message.open(card(message.encrypted_key)) == SECRET


@pytest.mark.parametrize(
    ("cipher", "length"),
    [
        ("-aes256", 0),  # OpenSSL makes no such message with GCM
        *(each for n in (15, 16, 17, 100_000) for each in (("-aes256", n), ("-aes-256-gcm", n))),
    ],
)
def test_every_length_comes_back(cipher: str, length: int) -> None:
    content = bytes(range(256)) * (length // 256 + 1)
    raw = encrypted(cipher, "-stream", "-indef", content=content[:length])
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
        (("-aes128", *OAEP, "-keyopt", "rsa_oaep_md:sha3-256"), "key encr"),
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
    for cipher in ("-aes128", "-aes-128-gcm"):
        with pytest.raises(CmsError, match="another certificate") as error:
            enveloped.parse(encrypted(cipher), somebody())
        assert error.value.code is ErrorCode.OTHER_RECIPIENT  # the message may be a good one


FORGED_BLOCKS = {
    "no key": padded(b""),
    "a shorter key": padded(bytes(31)),
    "a longer key": padded(bytes(33)),
    "another key": padded(bytes(32)),
    "another padding": b"\x00\x01" + padded(bytes(32))[2:],
    "too large a number": b"\x01" + padded(bytes(32))[1:],
    "no end of the padding": b"\x00\x02" + b"\x5a" * 254,
    "nothing": bytes(256),
    "not as long as the modulus": b"",
}


@pytest.mark.parametrize("options", [("-aes256",), ("-aes-256-gcm",), ("-aes-256-gcm", *OAEP)])
def test_a_forged_key_fails_like_a_forged_content(options: tuple[str, ...]) -> None:
    raw = encrypted(*options)
    message = enveloped.parse(raw, recipient())
    spoilt = enveloped.parse(raw[:-1] + bytes((raw[-1] ^ 0xFF,)), recipient())
    block = card(message.encrypted_key)
    attempts = [(spoilt, block), *((message, forged) for forged in FORGED_BLOCKS.values())]
    attempts += [(message, block[:at] + bytes((block[at] ^ 1,)) + block[at + 1 :]) for at in (0, 1)]
    failures = set()
    for _ in range(5):  # one random key in 256 gives a padding of CBC that looks right
        for tried, forged in attempts:
            try:
                assert tried.open(forged) != SECRET
            except CmsError as error:
                failures.add((error.code, error.detail, error.__cause__))
    assert failures == {(ErrorCode.BAD_REQUEST, "decryption failed", None)}


@pytest.mark.parametrize("wrong", [padded(b""), padded(bytes(31)), padded(bytes(33)), bytes(256)])
@pytest.mark.parametrize("cipher", ["-aes256", "-aes-256-gcm"])
def test_a_key_that_is_none_is_replaced_by_chance(
    monkeypatch: pytest.MonkeyPatch, wrong: bytes, cipher: str
) -> None:
    """Nobody can tell beforehand what a forged key decrypts to."""
    message = enveloped.parse(encrypted(cipher), recipient())
    right = card(message.encrypted_key)[-32:]
    monkeypatch.setattr(enveloped.os, "urandom", lambda length: right[:length])
    assert message.open(wrong) == SECRET


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
        ("key", b"\xff" * 256, "not smaller"),
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
    for size, reason in ((64 << 10, "another certificate"), ((64 << 10) + 1, "too large")):
        with pytest.raises(CmsError, match=reason):
            enveloped.parse(raw, pki.citizen_of(size))


def test_endless_nesting_is_refused_in_no_time() -> None:
    for opening in (b"\x30\x80", b"\x24\x80", b"\xa0\x80"):
        with pytest.raises(CmsError):
            enveloped.parse(opening * 500_000, recipient())


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_damage_is_one_kind_of_error(data: st.DataObject) -> None:
    options = data.draw(st.sampled_from([(), ("-stream", "-indef"), OAEP]))
    raw = bytearray(encrypted(data.draw(st.sampled_from(["-aes256", "-aes-256-gcm"])), *options))
    start = data.draw(st.integers(0, len(raw) - 1))
    raw[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    try:
        message = enveloped.parse(bytes(raw), recipient())
        message.open(padded(bytes(32)))
    except CmsError:
        return


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=300))
def test_random_bytes_are_one_kind_of_error(raw: bytes) -> None:
    with pytest.raises(CmsError):
        enveloped.parse(raw, recipient())


def _in_pieces(encoded: bytes, old: bytes, new: bytes) -> bytes:
    """Put ``new`` in the place of one element; what is around it gets indefinite lengths."""
    if encoded == old:
        return new
    if old not in encoded:
        return encoded
    parts = (_in_pieces(each, old, new) for each in der.children(encoded))
    return bytes((encoded[0], 0x80)) + b"".join(parts) + b"\0\0"


@pytest.mark.parametrize(
    "form",
    [
        lambda key: b"\xa0\x16\x04\x14" + key,
        lambda key: b"\xa0\x18\x04\x0a" + key[:10] + b"\x04\x0a" + key[10:],
        lambda key: b"\xa0\x80\x04\x00\x04\x14" + key + b"\0\0",
        lambda key: (
            b"\xa0\x80\x24\x80\x04\x05" + key[:5] + b"\x04\x05" + key[5:10] + b"\0\0"
            b"\x04\x0a" + key[10:] + b"\0\0"
        ),
    ],
)
def test_a_key_identifier_in_pieces_names_its_recipient(form: Callable[[bytes], bytes]) -> None:
    key = x509.Certificate.load(recipient()).key_identifier
    raw = _in_pieces(encrypted("-aes256", "-keyid"), b"\x80\x14" + key, form(key))
    message = enveloped.parse(raw, recipient())
    assert message.open(card(message.encrypted_key)) == SECRET
    with pytest.raises(CmsError) as error:
        enveloped.parse(raw, somebody())
    assert error.value.code is ErrorCode.OTHER_RECIPIENT


@pytest.mark.parametrize("size", [330, 4096, 15 << 20])
def test_to_write_a_message_anew_takes_five_times_its_size_at_most(size: int) -> None:
    pieces = der.element(der.OCTET_STRING, bytes(size)) * ((15 << 20) // size)
    raw = b"\x30\x80" * 20 + b"\x24\x80" + pieces + b"\0\0" * 21
    tracemalloc.start()
    try:
        der.to_der(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * len(raw)
