"""The test vectors are what they say: by our own checks, by OpenSSL and by pyHanko."""

import asyncio
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, x509
from cryptography.x509 import load_der_x509_certificate
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.sign.validation import KeyUsageConstraints
from pyhanko.sign.validation.generic_cms import async_validate_cms_signature
from pyhanko_certvalidator import ValidationContext

from agent.cms.login import CONTENT_TYPE, LoginPurpose, LoginStatement
from agent.cms.signed import prepare_login
from agent.kits.vectors import cases, certificates
from agent.kits.vectors.__main__ import FOLDER, MANIFEST, make_files
from agent.pki.anchors import TrustStore
from agent.pki.revocation import FileSource
from agent.relying import LoginVerifier, Purpose, VerificationCode, VerificationError
from tests.signing.pki_support import write_pem

FOUND: dict[str, Any] = json.loads((FOLDER / MANIFEST).read_text("ascii"))
CASES: dict[str, dict[str, str]] = FOUND["cases"]
NOW = certificates.AT.timestamp()
VALID = (FOLDER / "valid.der").read_bytes()

# What a program that knows no logins must take for a good message of a trusted signer, and what
# it must not. The others are between: whether a program takes two signers is its own affair.
SOUND = ("valid", "valid-sha512", "wrong-origin", "origin-slash", "other-challenge")
SOUND += ("other-purpose", "other-version", "duplicate-member", "type-data")
BROKEN = ("tampered-content", "tampered-digest")
# What OpenSSL takes for good, so that whoever verifies has to look for themselves.
UNSEEN = ("attributes-as-content", "no-signed-attributes", "inner-swapped")
UNTRUSTED = ("foreign-authority", "self-signed", "expired", "not-yet-valid", "revoked")


def message(name: str) -> bytes:
    return (FOLDER / CASES[name]["file"]).read_bytes()


def paths(kind: str) -> list[Path]:
    return [FOLDER / name for name in FOUND["trust"][kind]]


@cache
def verifier() -> LoginVerifier:
    return LoginVerifier(
        origins=FOUND["origins"],
        trust=TrustStore.load(paths("roots"), paths("cas")),
        revocation=FileSource(paths("crls")),
        clock=lambda: certificates.AT,
    )


async def judged(token: bytes) -> str:
    """Judge a message as a site does after its challenge was redeemed."""
    purpose = Purpose(FOUND["purpose"])
    try:
        await verifier().verify(token, challenge=cases.CHALLENGE, purpose=purpose)
    except VerificationError as error:
        return error.code.value
    return "ok"


def test_what_is_committed_is_what_is_made() -> None:
    made = make_files()
    assert len(CASES) == 26
    kept = {
        path.name: path.read_bytes()
        for path in FOLDER.iterdir()
        if path.suffix not in {".py", ".md"}
    }
    kept.pop("__pycache__", None)
    assert sorted(kept) == sorted(made)
    for name, content in made.items():
        assert kept[name] == content, name


def test_the_agent_makes_the_valid_one() -> None:
    citizen = certificates.citizen()
    made = LoginStatement.make(
        LoginPurpose(FOUND["purpose"]), FOUND["origin"], cases.CHALLENGE, certificates.AT
    )
    prepared = prepare_login(citizen.der, made)
    assert prepared.finish(citizen.sign(prepared.hash, prepared.digest)) == VALID
    assert bytes.fromhex(FOUND["oid_der"]) == CONTENT_TYPE
    assert made.challenge == FOUND["challenge"]


@pytest.mark.parametrize("name", CASES)
async def test_our_checks_say_what_is_expected(name: str) -> None:
    assert await judged(message(name)) == CASES[name]["expect"]


def test_every_code_of_a_token_has_a_case() -> None:
    beside = {"challenge_unknown", "challenge_expired", "challenge_used", "revocation_unknown"}
    beside |= {"profile_mismatch"}
    codes = {code.value for code in VerificationCode} - beside
    assert {case["expect"] for case in CASES.values()} == codes | {"ok"}


def test_no_name_could_be_taken_for_a_real_one() -> None:
    for path in (*paths("roots"), *paths("cas")):
        subject = load_der_x509_certificate(path.read_bytes()).subject.rfc4514_string()
        assert "DO NOT TRUST" in subject
        assert "Worthless" in subject


def openssl(folder: Path, raw: bytes) -> int:
    (folder / "token.der").write_bytes(raw)
    trusted = [path.read_bytes() for path in (*paths("roots"), *paths("cas"))]
    write_pem(folder / "trust.pem", *trusted)
    lists = b""
    for path in paths("crls"):
        command = ["openssl", "crl", "-inform", "DER", "-in", str(path)]
        lists += subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
    with (folder / "trust.pem").open("ab") as file:
        file.write(lists)
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "token.der"]
    command += ["-CAfile", "trust.pem", "-crl_check_all"]
    command += ["-attime", str(int(NOW)), "-purpose", "any", "-out", "content"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=30)
    return done.returncode


@pytest.mark.parametrize("name", SOUND)
def test_openssl_finds_nothing_wrong_with_it(name: str, tmp_path: Path) -> None:
    assert openssl(tmp_path, message(name)) == 0
    assert (tmp_path / "content").read_bytes().startswith(b'{"type":"ankong.authenticate.v')


@pytest.mark.parametrize("name", UNSEEN)
def test_openssl_does_not_see_what_is_wrong_with_it(name: str, tmp_path: Path) -> None:
    assert openssl(tmp_path, message(name)) == 0
    assert CASES[name]["expect"] != "ok"


@pytest.mark.parametrize("name", [*BROKEN, *UNTRUSTED, "detached"])
def test_openssl_refuses_it(name: str, tmp_path: Path) -> None:
    assert openssl(tmp_path, message(name)) != 0


@pytest.mark.parametrize("name", [*SOUND, *UNTRUSTED, *BROKEN, "encryption-certificate"])
async def test_pyhanko_agrees(name: str) -> None:
    roots, cas = (
        [x509.Certificate.load(path.read_bytes()) for path in paths(kind)]
        for kind in ("roots", "cas")
    )
    context = ValidationContext(
        trust_roots=roots,
        other_certs=cas,
        moment=certificates.AT,
        crls=[path.read_bytes() for path in paths("crls")],
        revocation_mode="require",
    )
    try:
        status = await async_validate_cms_signature(
            cms.ContentInfo.load(message(name))["content"],
            validation_context=context,
            key_usage_settings=KeyUsageConstraints(key_usage={"digital_signature"}),
        )
        is_good = bool(status.intact and status.valid and status.trusted)
    except ValueError:  # what it cannot read
        is_good = False
    assert is_good is (name in SOUND)


def test_no_octet_can_be_another_one() -> None:
    """Flip one bit of each octet, which one is the octet's own affair."""

    async def flip_all() -> list[int]:
        accepted = []
        for index, octet in enumerate(VALID):
            changed = bytearray(VALID)
            changed[index] ^= 1 << (index + octet) % 8
            if await judged(bytes(changed)) == "ok":
                accepted.append(index)
        return accepted

    assert asyncio.run(flip_all()) == []


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_damage_passes(data: st.DataObject) -> None:
    raw = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(start + 40, len(raw))))
        raw[start:end] = data.draw(st.binary(max_size=40))
    verdict = asyncio.run(judged(bytes(raw)))
    assert verdict in set(VerificationCode) | {"ok"}
    assert (verdict == "ok") is (bytes(raw) == VALID)
