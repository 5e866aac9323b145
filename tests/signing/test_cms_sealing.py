"""What we encrypt OpenSSL, another parser and we ourselves read; only the key opens it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.cms import der, enveloped
from agent.cms.encrypted_content import AesCbc
from agent.cms.errors import CmsError
from agent.cms.sealing import seal
from tests.signing import pki_support as pki
from tests.signing.test_cms_enveloped import card, recipient, somebody

NAMES = {
    AesCbc.AES_128: ("aes128_cbc", 16),
    AesCbc.AES_192: ("aes192_cbc", 24),
    AesCbc.AES_256: ("aes256_cbc", 32),
}


def opened(raw: bytes) -> bytes:
    message = enveloped.parse(raw, recipient())
    return message.open(card(message.encrypted_key))


@pytest.mark.parametrize("cipher", AesCbc)
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 100_000])
def test_every_length_comes_back(cipher: AesCbc, length: int) -> None:
    content = (bytes(range(256)) * (length // 256 + 1))[:length]
    raw = seal(content, recipient(), cipher)
    der.require_der(raw, max_size=len(raw))
    assert opened(raw) == content


@pytest.mark.parametrize("cipher", AesCbc)
def test_openssl_decrypts_it(cipher: AesCbc, tmp_path: Path) -> None:
    pki.write_pem(tmp_path / "recipient.pem", recipient())
    key = pki.citizen_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "message").write_bytes(seal(b"\0\r\n\xff" * 1000, recipient(), cipher))
    command = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "message"]
    command += ["-recip", "recipient.pem", "-inkey", "key.pem"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=30)
    assert done.stdout == b"\0\r\n\xff" * 1000


@pytest.mark.parametrize("cipher", AesCbc)
def test_it_is_written_as_the_standard_has_it(cipher: AesCbc) -> None:
    info = cms.ContentInfo.load(seal(b"a", recipient(), cipher), strict=True)
    assert info["content_type"].native == "enveloped_data"
    message: Any = info["content"]
    assert message["version"].native == "v0"
    (each,) = message["recipient_infos"]
    assert each.name == "ktri"
    assert each.chosen["version"].native == "v0"
    assert each.chosen["rid"].name == "issuer_and_serial_number"
    assert each.chosen["rid"].chosen["serial_number"].native == 0x5A02
    encryption = each.chosen["key_encryption_algorithm"]
    assert encryption.dump().hex() == "300d06092a864886f70d0101010500"
    content = message["encrypted_content_info"]
    assert content["content_type"].native == "data"
    algorithm = content["content_encryption_algorithm"]
    assert algorithm["algorithm"].native == NAMES[cipher][0]
    assert len(algorithm["parameters"].native) == 16
    assert len(content["encrypted_content"].native) == 16


@pytest.mark.parametrize("cipher", AesCbc)
def test_each_message_has_a_key_and_a_vector_of_its_own(cipher: AesCbc) -> None:
    keys, vectors = set(), set()
    for _ in range(3):
        raw = seal(b"a", recipient(), cipher)
        encrypted_key = enveloped.parse(raw, recipient()).encrypted_key
        keys.add(card(encrypted_key)[-NAMES[cipher][1] :])
        message: Any = cms.ContentInfo.load(raw)["content"]
        algorithm = message["encrypted_content_info"]["content_encryption_algorithm"]
        vectors.add(algorithm["parameters"].native)
    assert len(keys) == len(vectors) == 3


def test_it_is_for_nobody_else() -> None:
    with pytest.raises(CmsError, match="another certificate"):
        enveloped.parse(seal(b"a", somebody(), AesCbc.AES_256), recipient())


@pytest.mark.parametrize(
    "key", [lambda: ec.generate_private_key(ec.SECP256R1()), lambda: pki.rsa_key("short", 1024)]
)
def test_a_key_that_protects_nothing_is_refused(key: Any) -> None:
    issued = pki.issuing().issue(pki.citizen_name(), key())
    with pytest.raises(CmsError, match="RSA key"):
        seal(b"a", issued.public_bytes(Encoding.DER), AesCbc.AES_128)


@pytest.mark.parametrize("raw", [b"", b"\x30\x00", recipient() + b"\0", recipient()[:-1]])
def test_what_is_no_certificate_is_refused(raw: bytes) -> None:
    with pytest.raises(CmsError):
        seal(b"a", raw, AesCbc.AES_128)
