"""Both judges of paths say the same of every case; the authorities decide which it is."""

import json
import logging
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from agent.kits.vectors import cases, certificates
from agent.kits.vectors.__main__ import FOLDER, MANIFEST
from agent.pki.anchors import TrustStore
from agent.pki.chain import find_chains
from agent.pki.path import ChainJudge, by_certvalidator
from agent.pki.reading import read_certificate
from agent.pki.result import Verdict
from agent.pki.revocation import FileSource
from agent.pki.webpki_judge import judge as by_webpki
from agent.pki.webpki_judge import misfit
from agent.relying import LoginVerifier, VerificationError
from agent.relying.path import choose_judge
from agent.virtualcard.issuer import TestIssuer
from tests.kits.relying_support import CHALLENGE, ORIGIN, token, trust, verifier
from tests.signing import pki_support as pki
from tests.signing.pki_support import DAY, NOW

FOUND: dict[str, Any] = json.loads((FOLDER / MANIFEST).read_text("ascii"))
JUDGES = {"certvalidator": by_certvalidator, "webpki": by_webpki}


def paths(kind: str) -> list[Path]:
    return [FOLDER / name for name in FOUND["trust"][kind]]


@cache
def of_vectors(name: str) -> LoginVerifier:
    made = LoginVerifier(
        origins=FOUND["origins"],
        trust=TrustStore.load(paths("roots"), paths("cas")),
        revocation=FileSource(paths("crls")),
        clock=lambda: certificates.AT,
    )
    made._certificates._judge = JUDGES[name]
    return made


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("name", FOUND["cases"])
async def test_every_vector_is_judged_alike(name: str, judge: str) -> None:
    case = FOUND["cases"][name]
    raw = (FOLDER / case["file"]).read_bytes()
    try:
        await of_vectors(judge).verify(raw, challenge=cases.CHALLENGE)
        found = "ok"
    except VerificationError as error:
        found = error.code.value
    assert found == case["expect"]


def verdicts(leaf: x509.Certificate, store: TrustStore, at: datetime = NOW) -> list[Verdict]:
    facts = read_certificate(leaf.public_bytes(pki.Encoding.DER))
    (chain,) = find_chains(facts, store, at)
    return [judge(chain, at) for judge in JUDGES.values()]


def leaf(algorithm: hashes.HashAlgorithm, *extra: tuple[bytes, bool]) -> x509.Certificate:
    key = pki.citizen_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(pki.citizen_name())
        .issuer_name(pki.MOICA)
        .public_key(key.public_key())
        .serial_number(0x5A02)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(pki.key_usage(pki.SIGN), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(pki.rsa_key("issuing").public_key()),
            critical=False,
        )
    )
    for value, critical in extra:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), value)
        builder = builder.add_extension(unknown, critical)
    return builder.sign(pki.rsa_key("issuing"), algorithm)


LEAVES = {
    "plain": (leaf(hashes.SHA256()), True),
    "sha512": (leaf(hashes.SHA512()), True),
    "unknown-extension": (leaf(hashes.SHA256(), (b"\x05\x00", False)), True),
    "unknown-critical-extension": (leaf(hashes.SHA256(), (b"\x05\x00", True)), False),
}


@pytest.mark.parametrize("name", LEAVES)
def test_odd_leaves_are_judged_alike(name: str) -> None:
    certificate, is_good = LEAVES[name]
    assert [each.is_valid for each in verdicts(certificate, trust())] == [is_good, is_good]


def test_a_path_that_is_too_long_for_an_authority_is_judged_alike() -> None:
    short = authority("short", x509.BasicConstraints(ca=True, path_length=0))
    below = short.authority(pki.citizen_name("9" * 16), pki.rsa_key("below"), 9)
    made = below.issue(pki.citizen_name(), pki.citizen_key())
    assert [each.is_valid for each in verdicts(made, trust(short, below))] == [False, False]


def with_serial(serial: int) -> bytes:
    changed = asn1_x509.Certificate.load(pki.citizen())
    changed["tbs_certificate"]["serial_number"] = serial
    signed = changed["tbs_certificate"].dump(force=True)
    changed["signature_value"] = pki.issuing().key.sign(signed, PKCS1v15(), hashes.SHA256())
    return bytes(changed.dump(force=True))


@pytest.mark.parametrize("serial", [-1, 2**167])
@pytest.mark.filterwarnings("ignore")  # the X.509 library says what is odd
def test_an_odd_serial_number_is_the_one_difference(serial: int) -> None:
    (chain,) = find_chains(read_certificate(with_serial(serial)), trust(), NOW)
    assert [judge(chain, NOW).is_valid for judge in JUDGES.values()] == [True, False]


def test_a_refusal_names_nobody() -> None:
    bad = LEAVES["unknown-critical-extension"][0]
    for verdict in verdicts(bad, trust()):
        assert verdict.detail
        assert "測試" not in verdict.detail


def authority(
    key: str, basic: x509.BasicConstraints, *, fits: bool = True, ends: datetime | None = None
) -> pki.Authority:
    private, issuer = pki.rsa_key(key), pki.rsa_key("root")
    builder = (
        x509.CertificateBuilder()
        .subject_name(pki.MOICA)
        .issuer_name(pki.ROOT)
        .public_key(private.public_key())
        .serial_number(0x77)
        .not_valid_before(NOW - 20 * DAY)
        .not_valid_after(ends or NOW + 20 * DAY)
        .add_extension(basic, critical=fits)  # which the web wants, and RFC 5280 too
        .add_extension(pki.key_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), False
        )
    )
    return pki.Authority(builder.sign(issuer, hashes.SHA256()), private)


ANY = x509.BasicConstraints(ca=True, path_length=None)


async def test_authorities_that_the_web_would_not_take_get_the_other_judge(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "agent.relying")
    store = trust(authority("issuing", ANY, fits=False))
    assert "criticality" in misfit(store)
    assert choose_judge(store) is by_certvalidator
    assert "judged by certvalidator" in caplog.text
    site = verifier(trust=store, clock=lambda: NOW)
    assert (await site.verify(token(), challenge=CHALLENGE)).origin == ORIGIN


def test_authorities_that_ended_and_those_without_a_path_change_nothing() -> None:
    ended = authority("issuing-old", ANY, ends=NOW - DAY)
    foreign = pki.Authority(certificates.authority().certificate, certificates.authority().key)
    store = trust(pki.issuing(), ended, foreign)
    assert misfit(store) == ""
    assert choose_judge(store) is by_webpki


@pytest.mark.parametrize("odd", ["anchor", "intermediate"])
def test_one_authority_that_does_not_fit_is_enough(odd: str) -> None:
    misfitting = authority("misfit", ANY, fits=False)
    good = pki.issuing()
    store = trust(good, anchor=misfitting) if odd == "anchor" else trust(good, misfitting)
    assert misfit(store)
    assert choose_judge(store) is by_certvalidator


def test_the_authorities_of_the_virtual_cards_get_the_fast_judge(test_issuer: TestIssuer) -> None:
    raw = [
        each.certificate.public_bytes(pki.Encoding.DER)
        for each in (test_issuer.root, test_issuer.ca)
    ]
    root, ca = map(read_certificate, raw)
    chosen: ChainJudge = choose_judge(TrustStore((root,), (ca,)))
    assert chosen is by_webpki
