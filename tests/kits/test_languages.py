"""The verifiers in other languages say what ours say, of every vector and of damaged tokens.

Node.js is always there. PHP, Java and Go have the marker ``kit``: ``make proof`` installs them.
"""

import base64
import json
import random
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from agent.cms import der
from agent.kits.vectors import certificates
from agent.kits.vectors.__main__ import FOLDER, MANIFEST
from agent.kits.vectors.case import statement
from agent.kits.vectors.holders import KeyHolder, Wanted, name_of, signed_again
from agent.kits.vectors.keys import make_key
from agent.kits.vectors.messages import MessageParts, issuer_and_serial, sign
from agent.pki.reading import read_certificate
from agent.relying.errors import VerificationCode
from agent.relying.holder import MOICA
from tests.kits.kit_support import LANGUAGES, RUNNERS, build, run_vectors
from tests.kits.long_list import long_list

FOUND: dict[str, Any] = json.loads((FOLDER / MANIFEST).read_text("ascii"))
VALID = (FOLDER / "valid.der").read_bytes()
CODES = {code.value for code in VerificationCode}
WRONG_ORIGINS = {
    "empty": "",
    "slash": "https://portal.example/",
    "path": "https://portal.example/login",
    "query": "https://portal.example?a",
    "fragment": "https://portal.example#a",
    "user": "https://user@portal.example",
    "capital-scheme": "HTTPS://portal.example",
    "capital-host": "https://Portal.example",
    "default-port": "https://portal.example:443",
    "default-port-here": "http://localhost:80",
    "port-zero": "https://portal.example:0",
    "port-padded": "https://portal.example:08443",
    "port-too-large": "https://portal.example:65536",
    "no-port": "https://portal.example:",
    "exposed": "http://portal.example",
    "exposed-prefix": "http://localhost.example",
    "no-scheme": "portal.example",
    "null": "null",
    "wildcard": "https://*.example",
    "white-space": "https://portal.example\n",
    "dots": "https://portal..example",
    "final-dot": "https://portal.example.",
    "not-ascii": "https://portal\u00e9.example",
    "too-long": "https://" + "a" * 250,
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """Build a language's runner once."""
    return cache(
        lambda language: build(language, RUNNERS[language], tmp_path_factory.mktemp("kit"))
    )


@pytest.fixture
def kit_command(language: str, built: Callable[[str], list[str]]) -> list[str]:
    return built(language)


def judge_cases(
    command: list[str], folder: Path, cases: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Return the answer to each case: of these, not of those of the vectors."""
    for path in FOLDER.iterdir():
        if path.suffix in {".der", ".cer", ".crl"} and not (folder / path.name).exists():
            (folder / path.name).symlink_to(path)
    (folder / MANIFEST).write_text(json.dumps({**FOUND, "cases": cases}), "ascii")
    return {line["name"]: line["code"] for line in run_vectors(command, folder / MANIFEST)[:-1]}


def judge_tokens(command: list[str], manifest: Path, tokens: Sequence[bytes | None]) -> list[str]:
    """Return the answer to each token; None stands for what the language has for nothing."""
    lines = ["null" if each is None else base64.b64encode(each).decode() for each in tokens]
    done = subprocess.run(
        [*command, str(manifest), "--fuzz"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


def flipped(*, every_bit: bool) -> Iterator[bytes]:
    """Flip each bit, or one of each octet, which one is the octet's own affair."""
    for index, octet in enumerate(VALID):
        for bit in range(8):
            if every_bit or bit == (index + octet) % 8:
                changed = bytearray(VALID)
                changed[index] ^= 1 << bit
                yield bytes(changed)


def stating(values: Iterable[bytes]) -> KeyHolder:
    """Certify the citizen anew, with these last characters of the ID number."""
    kind = bytes.fromhex("060760867601640233")  # 2.16.886.1.100.2.51
    texts = der.element(der.SET, *(der.element(0x0C, value) for value in values))
    stated = der.element(der.SEQUENCE, der.element(der.SEQUENCE, kind, texts))
    citizen, authority = certificates.citizen(), certificates.authority()
    own = citizen.certificate
    builder = x509.CertificateBuilder(
        authority.certificate.subject,
        own.subject,
        own.public_key(),
        own.serial_number,
        own.not_valid_before_utc,
        own.not_valid_after_utc,
        [*own.extensions],
    ).add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.9"), stated), False)
    made = builder.sign(authority.rsa, hashes.SHA256())
    return KeyHolder(made.public_bytes(Encoding.DER), citizen.key)


def login_of(signer: KeyHolder) -> bytes:
    return MessageParts(statement(), [sign(signer, statement())]).encode()


def settings(**members: object) -> dict[str, object]:
    return {"file": "valid.der", "expect": "error", **members}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_vector_is_judged_right(language: str, kit_command: list[str]) -> None:
    *lines, speed = run_vectors(kit_command, FOLDER / MANIFEST)
    assert [line for line in lines if not line["ok"]] == []
    due = {name for name, case in FOUND["cases"].items() if "steps" not in case}
    assert {line["name"] for line in lines} == due
    assert speed["logins_per_second"] > 0
    print(language, speed)  # noqa: T201  # pytest -s prints the table


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_damage_passes(language: str, kit_command: list[str]) -> None:
    chance = random.Random(language)  # noqa: S311  # no secrets
    tokens = [VALID, b"", VALID * 40, VALID + VALID, *flipped(every_bit=language != "node")]
    for _ in range(1000):
        changed = bytearray(VALID)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] ^= chance.randint(1, 255)
        tokens.append(bytes(changed))
    for _ in range(500):
        tokens.append(VALID[: chance.randrange(len(VALID))])
        start = chance.randrange(len(VALID))
        tokens.append(VALID[:start] + chance.randbytes(8) + VALID[start + chance.randint(0, 20) :])
    nothing, first, *others = judge_tokens(kit_command, FOLDER / MANIFEST, [None, *tokens])
    assert (nothing, first, len(others)) == ("signature_invalid", "ok", len(tokens) - 1)
    assert set(others) <= CODES


@pytest.mark.parametrize("language", LANGUAGES)
def test_settings_that_are_wrong_accept_nobody(
    language: str, kit_command: list[str], tmp_path: Path
) -> None:
    trust = FOUND["trust"]
    cases = {
        "no-roots": settings(trust={**trust, "roots": []}),
        "no-origins": settings(origins=[]),
        "no-challenge": settings(challenge=""),
        "short-challenge": settings(challenge="A" * 42),
        "padded-challenge": settings(challenge="A" * 43 + "="),
        "challenge-and-line": settings(challenge="A" * 43 + "\n"),
        "no-purpose": settings(purpose=""),
        "unknown-purpose": settings(purpose="sign"),
    }
    for name, origin in WRONG_ORIGINS.items():
        cases[name] = settings(origins=[FOUND["origin"], origin])
    found = judge_cases(kit_command, tmp_path, cases)
    assert {name: code for name, code in found.items() if code != "error"} == {}, language
    assert set(found) == set(cases)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_lists_accept_nobody(language: str, kit_command: list[str], tmp_path: Path) -> None:
    judge_cases(kit_command, tmp_path, {})
    without = {**FOUND, "trust": {**FOUND["trust"], "crls": []}}
    (tmp_path / MANIFEST).write_text(json.dumps(without), "ascii")
    assert judge_tokens(kit_command, tmp_path / MANIFEST, [VALID]) == ["error"], language


@pytest.mark.parametrize("language", LANGUAGES)
def test_whose_account_it_is(language: str, kit_command: list[str], tmp_path: Path) -> None:
    """Every language has the account key that our own verifier has, and the stated characters."""
    holder = MOICA.check(read_certificate(certificates.citizen().der))
    key = holder.account_key(b"k" * 32).hex()
    for values, stated in (([b"A123"], "A123"), ([b"A123", b"B456"], None), ([b"A12"], None)):
        (tmp_path / "valid.der").write_bytes(login_of(stating(values)))
        judge_cases(kit_command, tmp_path, {})
        found = run_vectors(kit_command, tmp_path / MANIFEST)[-1]
        assert (found["account_key"], found["last4"] or None) == (key, stated), language


def odd_names() -> dict[str, bytes]:
    """Return the logins of people whom the authority certifies under odd names."""
    own, key = certificates.citizen(), make_key("authority")
    authority, subject = certificates.authority().certificate.subject, own.certificate.subject
    made = Wanted(subject, own.key, 0x3002).certified_by(authority, key)
    shouted = Wanted(subject, own.key, 0x3001).certified_by(name_of("WORTHLESS CITIZEN CA"), key)
    common = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    before = der.element(0x0C, str(common).encode())
    logins = {"other-case": login_of(shouted)}
    for name, tag, text in (("no-utf-8", 0x0C, b"\xff" * 12), ("no-pair", 0x1E, b"\xd8\x00" * 6)):
        odd = replace(made, der=signed_again(made.der, before, der.element(tag, text), key))
        signature = replace(sign(odd, statement()), identifier=issuer_and_serial(made))
        logins[name] = MessageParts(statement(), [signature]).encode()
    return logins


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_odd_name_stops_it_or_passes_for_another(
    language: str, kit_command: list[str], tmp_path: Path
) -> None:
    logins = odd_names()
    for name, login in logins.items():
        (tmp_path / f"{name}.der").write_bytes(login)
    cases = {name: {"file": f"{name}.der", "expect": ""} for name in logins}
    found = judge_cases(kit_command, tmp_path, cases)
    assert set(found) == set(logins), language
    assert found["other-case"] == "certificate_untrusted", language
    assert set(found.values()) <= {*CODES, "ok"}, language


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_long_list_is_read_once_and_looked_up(
    language: str, kit_command: list[str], tmp_path: Path
) -> None:
    authority = certificates.authority()
    (tmp_path / "ca.crl").write_bytes(long_list(authority, 200_000, [0x1005]))
    cases = {name: {"file": f"{name}.der", "expect": ""} for name in ("valid", "revoked")}
    found = judge_cases(kit_command, tmp_path, cases)
    assert found == {"valid": "ok", "revoked": "certificate_revoked"}, language


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_origins_that_browsers_write_are_taken(
    language: str, kit_command: list[str], tmp_path: Path
) -> None:
    good = ["https://portal.example:8443", "https://xn--0trs45i.example", "https://[2001:db8::1]"]
    good += ["http://localhost", "http://site.localhost:3000", "http://127.0.0.1:8000"]
    good += ["http://[::1]:8000", "https://a_b.example", "https://192.0.2.1", FOUND["origin"]]
    found = judge_cases(kit_command, tmp_path, {"good": settings(origins=good)})
    assert found == {"good": "ok"}, language
