"""What OpenSSL and pyHanko say to the test vectors.

Neither knows logins. Both have to take every message whose text alone is wrong; of the others they
may let pass only what is listed here, and whoever verifies with them has to look for themselves.
"""

import base64
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from asn1crypto import cms, x509
from pyhanko.sign.validation import KeyUsageConstraints
from pyhanko.sign.validation.generic_cms import async_validate_cms_signature
from pyhanko_certvalidator import ValidationContext

from tests.kits.vector_runner import CASES, FOLDER, MESSAGES, expected, message, moment, trusted

_OF_TEXT: Final = {
    *("ok", "malformed", "origin_mismatch", "challenge_mismatch", "purpose_mismatch"),
    "profile_mismatch",
}
SOUND = {name for name in MESSAGES if expected(CASES[name])[0] in _OF_TEXT}

# What OpenSSL takes for good: all of it on purpose or by habit, none of it a login.
BLIND_OPENSSL = {
    # BER, and octets after the message
    *("trailing-byte", "trailing-message", "indefinite-length", "inner-indefinite"),
    *("long-length", "constructed-content", "too-large"),
    # other signers, attributes and algorithms than a login has
    *("two-signers", "same-signer-twice", "no-signed-attributes", "attributes-as-content"),
    *("same-issuer-and-serial", "signer-by-key-identifier", "attributes-unsorted", "version-1"),
    *("certificate-bound-to-another", "certificate-bound-to-none", "sha1", "sha512-claimed"),
    *("pss", "rsa-1024", "ec-key"),
    # whatever the content type, and the signed one
    *("type-data", "outer-swapped", "inner-swapped"),
    *("type-neighbour", "type-longer", "type-modulo-64"),
    # no use of the key is asked for (-purpose any)
    *("encryption-certificate", "no-key-usage", "non-repudiation-only", "authority-as-signer"),
    *("sha1-certificate", "root-as-signer", "critical-policies"),
    # lists: weak, endless, incomplete, or out of the message
    *("crl-endless", "crl-sha1", "crl-in-message-only", "crl-delta-alone", "remove-from-crl"),
    *("crl-same-moment-last", "exponent-1-forged"),
    # another form than the one that a login has
    *("algorithms-protected", "attribute-unknown", "authority-certified-by-itself"),
    *("authority-in-bag", "certificate-bound-by-other-serial", "certificate-twice"),
    *("constraints-followed", "critical-purposes", "crl-followed", "date-in-later-form"),
    *("digest-declared-otherwise", "digest-declared-twice", "extension-broken", "false-written"),
    *("key-followed", "key-padded", "key-usage-loose", "key-without-null", "list-in-message"),
    *("many-certificates", "name-of-huge-number", "no-purposes", "serial-negative"),
    *("serial-too-long", "signing-time", "unique-identifier", "unsigned-attributes"),
}
SEEN_BLIND = ("attributes-as-content", "no-signed-attributes", "inner-swapped", "trailing-byte")

BLIND_PYHANKO = {
    *("trailing-byte", "trailing-message", "indefinite-length", "inner-indefinite"),
    *("long-length", "too-large", "nested", "content-twice"),
    *("more-in-content-info", "more-in-signed-data", "more-in-signer", "more-in-algorithm"),
    *("second-set-of-signers", "no-signed-attributes", "attributes-as-content"),
    *("signer-by-key-identifier", "attributes-unsorted", "digest-undeclared"),
    *("no-digest-declared", "pss", "ec-key"),
    *("type-data", "type-neighbour", "type-longer", "type-modulo-64", "type-padded"),
    *("root-as-signer", "root-expired", "critical-policies"),
    *("crl-sha1", "crl-indirect", "remove-from-crl", "crl-delta-revokes"),
    "list-of-other-key",
    # another form than the one that a login has
    *("attribute-unknown", "authority-certified-by-itself", "authority-in-bag"),
    *("certificate-twice", "constraints-followed", "critical-purposes", "crl-followed"),
    *("crl-padded-entry", "crl-two-entry-lists", "date-in-later-form", "date-with-offset"),
    *("digest-declared-otherwise", "digest-declared-twice", "extension-broken", "extensions-twice"),
    *("false-written", "key-usage-loose", "key-without-null", "list-in-message"),
    *("many-certificates", "name-of-huge-number", "no-purposes", "serial-negative"),
    *("serial-too-long", "signing-time", "three-dates", "unique-identifier", "unsigned-attributes"),
}
# What it refuses, as it takes the lists of all keys of one name together.
STRICT_PYHANKO = {"crl-newer-lifts", "crl-delta-lifts", "two-keys-of-one-authority"}


def pem(label: str, raw: bytes) -> str:
    text = base64.encodebytes(raw).decode("ascii")
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n"


@cache
def trust_text(roots: tuple[Path, ...], cas: tuple[Path, ...], crls: tuple[Path, ...]) -> str:
    certificates = [pem("CERTIFICATE", path.read_bytes()) for path in (*roots, *cas)]
    return "".join([*certificates, *(pem("X509 CRL", path.read_bytes()) for path in crls)])


def openssl(name: str, folder: Path) -> bool:
    """Return whether OpenSSL finds nothing wrong with a message."""
    case = CASES[name]
    kinds = [trusted(case, kind) for kind in ("roots", "cas", "crls")]
    (folder / "trust.pem").write_text(trust_text(*kinds), "ascii")
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER"]
    command += ["-in", str(FOLDER / case["file"]), "-CAfile", "trust.pem", "-crl_check_all"]
    command += ["-attime", str(int(moment(case).timestamp())), "-purpose", "any"]
    command += ["-out", "content"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=30)
    return done.returncode == 0


async def pyhanko(name: str) -> bool:
    """Return whether pyHanko finds nothing wrong with a message."""
    case = CASES[name]
    roots, cas = (
        [x509.Certificate.load(path.read_bytes()) for path in trusted(case, kind)]
        for kind in ("roots", "cas")
    )
    try:
        context = ValidationContext(
            trust_roots=roots,
            other_certs=cas,
            moment=moment(case),
            crls=[path.read_bytes() for path in trusted(case, "crls")],
            revocation_mode="require",
        )
        status = await async_validate_cms_signature(
            cms.ContentInfo.load(message(name))["content"],
            validation_context=context,
            key_usage_settings=KeyUsageConstraints(key_usage={"digital_signature"}),
        )
    except Exception:  # noqa: BLE001  # it raises whatever it stumbles over
        return False
    return bool(status.intact and status.valid and status.trusted)


@pytest.mark.parametrize("name", [each for each in MESSAGES if each in SOUND])
def test_openssl_finds_nothing_wrong_with_it(name: str, tmp_path: Path) -> None:
    assert openssl(name, tmp_path)
    assert (tmp_path / "content").read_bytes() in message(name)


@pytest.mark.parametrize("name", SEEN_BLIND)
def test_openssl_does_not_see_what_is_wrong_with_it(name: str, tmp_path: Path) -> None:
    assert openssl(name, tmp_path)
    assert "ok" not in expected(CASES[name])


@pytest.mark.parametrize(
    "name", [each for each in MESSAGES if each not in SOUND and each not in BLIND_OPENSSL]
)
def test_openssl_refuses_it(name: str, tmp_path: Path) -> None:
    assert not openssl(name, tmp_path)


@pytest.mark.parametrize("name", MESSAGES)
async def test_pyhanko_agrees_or_is_known_not_to(name: str) -> None:
    good = name in SOUND | BLIND_PYHANKO and name not in STRICT_PYHANKO
    assert await pyhanko(name) is good


def test_what_is_listed_is_there() -> None:
    for listed in (BLIND_OPENSSL, BLIND_PYHANKO):
        assert listed <= set(MESSAGES) - SOUND
    assert STRICT_PYHANKO <= SOUND
