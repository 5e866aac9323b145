"""PKCS#1 blocks: each way in which one can be wrong by itself."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from agent.cards.padding import encrypts_to, signature_block
from agent.errors import BadRequestError

WHOLE = b"\x00\x02" + b"\x5a" * 100 + b"\x00" + bytes(range(153))


@pytest.mark.parametrize("length", [1, 19, 51, 244, 245])
def test_a_signature_block_is_filled_with_ff_to_the_length_of_the_key(length: int) -> None:
    digest_info = b"\x30" * length
    filling = b"\xff" * (253 - length)
    assert signature_block(digest_info, 256) == b"\x00\x01" + filling + b"\x00" + digest_info


@pytest.mark.parametrize("length", [0, 246, 247, 253, 256])
def test_a_digest_info_without_room_for_eight_bytes_of_filling_is_refused(length: int) -> None:
    with pytest.raises(BadRequestError):
        signature_block(bytes(length), 256)


def certificate_of(key: RSAPublicKey | EllipticCurvePublicKey) -> bytes:
    """Return a certificate that nobody would trust."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key)
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
    builder = builder.not_valid_after(datetime(2040, 1, 1, tzinfo=UTC)).serial_number(1)
    signer = ec.generate_private_key(ec.SECP256R1())
    return builder.sign(signer, SHA256()).public_bytes(Encoding.DER)


def test_what_encrypts_to_a_cryptogram_is_told_from_what_does_not() -> None:
    key = rsa.generate_private_key(65537, 2048).public_key()
    certificate = certificate_of(key)
    numbers = key.public_numbers()
    cryptogram = pow(int.from_bytes(WHOLE, "big"), numbers.e, numbers.n).to_bytes(256, "big")
    assert encrypts_to(certificate, WHOLE, cryptogram)
    assert not encrypts_to(certificate, WHOLE[:-1] + b"\x00", cryptogram)
    assert not encrypts_to(certificate, WHOLE, cryptogram[:-1] + bytes((cryptogram[-1] ^ 1,)))
    assert not encrypts_to(b"no certificate", WHOLE, cryptogram)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    assert not encrypts_to(certificate_of(other), WHOLE, cryptogram)
