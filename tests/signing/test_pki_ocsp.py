"""What a certificate declares, what OCSP answers: each row of the table of traps."""

from functools import cache
from itertools import product

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from pyhanko_certvalidator import CertificateValidator, ValidationContext

from agent.pki.result import PathStatus
from tests.signing import pki_support as pki
from tests.signing.test_pki_path import distribution_point, issue, responder, root_crl, validate


def ocsp_answer(leaf: bytes, answer: str, certificate_id: hashes.HashAlgorithm) -> list[bytes]:
    if answer == "none":
        return []
    stale = answer == "stale"
    status = {
        "revoked": ocsp.OCSPCertStatus.REVOKED,
        "unknown": ocsp.OCSPCertStatus.UNKNOWN,
    }.get(answer, ocsp.OCSPCertStatus.GOOD)
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=x509.load_der_x509_certificate(leaf),
        issuer=pki.issuing().certificate,
        algorithm=certificate_id,
        cert_status=status,
        this_update=pki.NOW - (9 if stale else 1) * pki.DAY,
        next_update=pki.NOW + (-2 if stale else 1) * pki.DAY,
        revocation_time=pki.NOW - 2 * pki.DAY if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, pki.issuing().certificate)
    response = builder.sign(pki.issuing().key, hashes.SHA256())
    return [response.public_bytes(Encoding.DER)]


@cache
def declaring(*what: str) -> bytes:
    extensions = {"ocsp": responder(), "crl": distribution_point()}
    return issue(extra=[extensions[item] for item in what])


ANSWERS = ("good", "revoked", "unknown", "stale", "none")

EXPECTED = {
    "good": PathStatus.VALID,
    "revoked": PathStatus.REVOKED,
    "unknown": PathStatus.UNKNOWN,
    "stale": PathStatus.STALE,
    "none": PathStatus.UNKNOWN,
}


@pytest.mark.parametrize("certificate_id", [hashes.SHA1, hashes.SHA256])
@pytest.mark.parametrize(
    ("declares", "answer"),
    list(product([("ocsp",), ("ocsp", "crl"), ("crl",), ()], ANSWERS)),
)
async def test_an_answer_counts_whatever_a_certificate_declares(
    declares: tuple[str, ...], answer: str, certificate_id: type[hashes.HashAlgorithm]
) -> None:
    leaf = declaring(*declares)
    answers = ocsp_answer(leaf, answer, certificate_id())
    result = await validate(leaf, crls=[root_crl()], ocsps=answers)
    assert result.status is EXPECTED[answer]


@pytest.mark.parametrize("declares", [("crl",), ()])
async def test_the_library_alone_lets_a_signed_revoked_pass_by_default(
    declares: tuple[str, ...],
) -> None:
    """Why its default mode is never used: this is the trap itself, kept under watch."""
    leaf = declaring(*declares)
    context = ValidationContext(
        trust_roots=[asn1_x509.Certificate.load(pki.root().der)],
        other_certs=[asn1_x509.Certificate.load(pki.issuing().der)],
        moment=pki.NOW,
        ocsps=ocsp_answer(leaf, "revoked", hashes.SHA256()),
        crls=[],
    )
    validator = CertificateValidator(asn1_x509.Certificate.load(leaf), validation_context=context)
    await validator.async_validate_path()


@pytest.mark.parametrize("declares", [("ocsp",), ("ocsp", "crl"), ("crl",), ()])
async def test_a_revoked_by_ocsp_outweighs_a_clean_list(declares: tuple[str, ...]) -> None:
    leaf = declaring(*declares)
    result = await validate(leaf, ocsps=ocsp_answer(leaf, "revoked", hashes.SHA256()))
    assert result.status is PathStatus.REVOKED


async def test_an_ocsp_response_signed_by_a_stranger_clears_nothing() -> None:
    leaf = declaring("ocsp")
    (raw,) = ocsp_answer(leaf, "good", hashes.SHA256())
    damaged = raw[:-1] + bytes((raw[-1] ^ 1,))
    for wrong in (damaged, b"", b"\x30\x00", b"\x30\x03\x0a\x01\x06", raw[:-7]):
        result = await validate(leaf, crls=[root_crl()], ocsps=[wrong])
        assert not result.verdict.is_valid
