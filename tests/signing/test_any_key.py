"""Keys of every kind that signs: what they make is good by others' judgement, and nothing else."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from asn1crypto import algos, cms, core
from asn1crypto import keys as asn1_keys
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cms import login
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.encrypted_content import AesCbc
from agent.cms.errors import CmsError
from agent.cms.keys import (
    algorithm_name,
    hashes_of,
    is_signature,
    key_name,
    public_key,
    rsa_key,
    signature_algorithm,
)
from agent.cms.login import LoginPurpose, LoginStatement
from agent.cms.sealing import seal
from agent.cms.signed import prepare, prepare_login
from agent.cms.verify import verify
from tests.signing import any_card
from tests.signing import pki_support as pki

KEYS = ("RSA-2048", "RSA-3072", "RSA-4096", "P-256", "P-384", "P-521")
ALL = tuple(
    (name, algorithm)
    for name in KEYS
    for algorithm in HashAlgorithm
    if algorithm is not HashAlgorithm.SHA1
    and (name != "P-521" or algorithm is HashAlgorithm.SHA512)
)
IDS = [f"{name} {algorithm}" for name, algorithm in ALL]
CONTENT = "一份文件".encode()


def spki(key: any_card.SigningKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def signed(name: str, algorithm: HashAlgorithm, *, attached: bool = True) -> bytes:
    message = prepare(any_card.der_of(name), Document(CONTENT), algorithm, attached=attached)
    raw = any_card.raw_signature(any_card.key_of(name), algorithm, message.digest)
    return message.finish(raw)


@pytest.mark.parametrize(("name", "algorithm"), ALL, ids=IDS)
@pytest.mark.skipif(shutil.which("openssl") is None, reason="OpenSSL is missing")
def test_openssl_finds_the_message_of_every_key_good(
    name: str, algorithm: HashAlgorithm, tmp_path: Path
) -> None:
    message = signed(name, algorithm)
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(
        b"".join(
            each.certificate.public_bytes(Encoding.PEM) for each in (pki.root(), pki.issuing())
        )
    )
    (tmp_path / "signed.p7s").write_bytes(message)
    words = ["openssl", "cms", "-verify", "-inform", "DER", "-in", "signed.p7s", "-binary"]
    words += ["-CAfile", "anchors.pem", "-purpose", "any", "-cades", "-out", "out"]
    words += ["-attime", str(int(pki.NOW.timestamp()))]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert verify(message).content == CONTENT
    (info,) = cms.ContentInfo.load(message)["content"]["signer_infos"]
    stated = info["signature_algorithm"]
    if name.startswith("RSA"):
        assert stated.dump() == bytes.fromhex("300d06092a864886f70d0101010500")
    else:
        assert stated["algorithm"].native == f"{algorithm.hashlib_name}_ecdsa"
        assert stated["parameters"].native is None
        assert len(stated.dump()) == 12  # no parameters at all


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_digest_that_was_signed_is_found_good_and_no_other(data: st.DataObject) -> None:
    name, algorithm = data.draw(st.sampled_from(ALL))
    digest = data.draw(st.binary(min_size=algorithm.length, max_size=algorithm.length))
    other = data.draw(st.binary(min_size=algorithm.length, max_size=algorithm.length))
    key = any_card.key_of(name)
    raw = any_card.raw_signature(key, algorithm, digest)
    ours = public_key(spki(key))
    assert is_signature(ours, raw, algorithm, digest)
    assert by_the_library(key, raw, algorithm, digest)
    assert is_signature(ours, raw, algorithm, other) == (digest == other)


def by_the_library(
    key: any_card.SigningKey, raw: bytes, algorithm: HashAlgorithm, digest: bytes
) -> bool:
    public, hashed = key.public_key(), Prehashed(pki.HASHES[algorithm]())
    try:
        if isinstance(public, RSAPublicKey):
            public.verify(raw, digest, PKCS1v15(), hashed)
        else:
            public.verify(raw, digest, ec.ECDSA(hashed))
    except InvalidSignature:
        return False
    return True


def _raw_pair(raw: bytes) -> bytes:
    return b"".join(each.to_bytes(32, "big") for each in decode_dss_signature(raw))


def _padded(raw: bytes) -> bytes:
    first, second = decode_dss_signature(raw)
    one = b"\x00\x00" + first.to_bytes(32, "big")
    inner = b"\x02" + bytes((len(one),)) + one + core.Integer(second).dump()
    return b"\x30" + bytes((len(inner),)) + inner


def _long_length(raw: bytes) -> bytes:
    return b"\x30\x81" + raw[1:]


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw + b"\x00",
        lambda raw: raw[:-1],
        lambda _: b"",
        lambda _: encode_dss_signature(0, 0),
        lambda _: b"\x30\x06\x02\x01\xff\x02\x01\xff",
        _raw_pair,
        _padded,
        _long_length,
    ],
    ids=["followed", "cut", "empty", "zero", "negative", "two numbers", "padded", "long length"],
)
def test_an_ecdsa_value_has_one_encoding(change: Callable[[bytes], bytes]) -> None:
    key = any_card.key_of("P-256")
    digest = HashAlgorithm.SHA256.digest(CONTENT)
    raw = any_card.raw_signature(key, HashAlgorithm.SHA256, digest)
    ours = public_key(spki(key))
    assert is_signature(ours, raw, HashAlgorithm.SHA256, digest)
    assert not is_signature(ours, change(raw), HashAlgorithm.SHA256, digest)


def test_nobody_signs_with_sha_1_and_a_curve() -> None:
    key = public_key(spki(any_card.key_of("P-256")))
    assert not is_signature(key, b"", HashAlgorithm.SHA1, bytes(20))
    with pytest.raises(CmsError, match="SHA-256, SHA-384, SHA-512"):
        signature_algorithm(key, HashAlgorithm.SHA1)


def test_the_longest_curve_goes_with_the_longest_digest() -> None:
    key = public_key(spki(any_card.key_of("P-521")))
    assert hashes_of(key) == (HashAlgorithm.SHA512,)
    with pytest.raises(CmsError, match="a P-521 key signs with SHA-512"):
        prepare(any_card.der_of("P-521"), Document(CONTENT), HashAlgorithm.SHA256)


def test_algorithms_and_keys_have_names() -> None:
    names = {
        (name, algorithm): algorithm_name(public_key(spki(any_card.key_of(name))), algorithm)
        for name, algorithm in ALL
    }
    assert names["RSA-3072", HashAlgorithm.SHA384] == "sha384WithRSAEncryption"
    assert names["P-384", HashAlgorithm.SHA256] == "ecdsa-with-SHA256"
    assert [key_name(public_key(spki(any_card.key_of(name)))) for name in KEYS] == list(KEYS)


def _compressed() -> bytes:
    public = any_card.key_of("P-256").public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    point = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return _with_point(point)


def _off_the_curve() -> bytes:
    return _with_point(b"\x04" + bytes(31) + b"\x01" + bytes(31) + b"\x01")


def _with_point(point: bytes) -> bytes:
    info = asn1_keys.PublicKeyInfo.load(spki(any_card.key_of("P-256")))
    bits = b"\x03" + bytes((len(point) + 1,)) + b"\x00" + point
    inner = info["algorithm"].dump() + bits
    return b"\x30" + bytes((len(inner),)) + inner


@pytest.mark.parametrize(
    "info",
    [
        lambda: spki(ec.generate_private_key(ec.SECP256K1())),
        lambda: spki(ec.generate_private_key(ec.BrainpoolP256R1())),
        lambda: spki(ec.generate_private_key(ec.SECP224R1())),
        lambda: (
            ed25519.Ed25519PrivateKey.generate()
            .public_key()
            .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        ),
        lambda: spki(pki.rsa_key("short", 1024)),
        _compressed,
        _off_the_curve,
        lambda: b"",
        lambda: spki(any_card.key_of("P-256"))[:-1],
    ],
    ids=[
        *("secp256k1", "brainpool", "P-224", "ed25519", "RSA-1024"),
        *("compressed", "off the curve", "empty", "cut"),
    ],
)
def test_no_other_key_is_taken(info: Callable[[], bytes]) -> None:
    with pytest.raises(CmsError):
        public_key(info())


def test_nothing_is_encrypted_to_a_curve() -> None:
    with pytest.raises(CmsError, match="RSA key"):
        rsa_key(spki(any_card.key_of("P-256")))
    with pytest.raises(CmsError, match="RSA key"):
        seal(CONTENT, any_card.der_of("P-256"), next(iter(AesCbc)))


def test_a_message_says_the_algorithm_that_its_key_has() -> None:
    message = cms.ContentInfo.load(signed("P-256", HashAlgorithm.SHA256))
    (info,) = message["content"]["signer_infos"]
    for stated in (
        {"algorithm": "sha384_ecdsa"},
        {"algorithm": "rsassa_pkcs1v15", "parameters": core.Null()},
        {"algorithm": "sha256_ecdsa", "parameters": core.Null()},
    ):
        info["signature_algorithm"] = algos.SignedDigestAlgorithm(stated)
        with pytest.raises(CmsError, match="algorithm"):
            verify(message.dump(force=True))


def test_a_signature_of_another_key_of_the_kind_is_refused() -> None:
    message = prepare(any_card.der_of("P-256"), Document(CONTENT))
    other = ec.generate_private_key(ec.SECP256R1())
    raw = any_card.raw_signature(other, HashAlgorithm.SHA256, message.digest)
    with pytest.raises(CmsError, match="does not match"):
        message.finish(raw)


def test_a_login_is_signed_with_rsa_alone() -> None:
    statement = LoginStatement.make(
        LoginPurpose.LOGIN, "https://portal.example", bytes(32), pki.NOW
    )
    assert prepare_login(any_card.der_of("RSA-3072"), statement)
    with pytest.raises(CmsError, match="RSA"):
        prepare_login(any_card.der_of("P-256"), statement)
    message = prepare(any_card.der_of("P-256"), Document(statement.encode()))
    forged = replace(
        message,
        content_type=login.CONTENT_TYPE,
        signed_attributes=message.signed_attributes.replace(
            bytes.fromhex("06092a864886f70d010701"), login.CONTENT_TYPE
        ),
    )
    forged = replace(forged, digest=HashAlgorithm.SHA256.digest(forged.signed_attributes))
    raw = any_card.raw_signature(any_card.key_of("P-256"), HashAlgorithm.SHA256, forged.digest)
    with pytest.raises(CmsError):
        verify(forged.finish(raw), content_types=(login.CONTENT_TYPE,))


def test_a_certificate_of_a_curve_is_read_as_any_other() -> None:
    certificate = any_card.certificate_of("P-384")
    assert isinstance(certificate, x509.Certificate)
    assert verify(signed("P-384", HashAlgorithm.SHA384)).certificate == any_card.der_of("P-384")
