"""The test vectors are what they say, and nothing else passes our own checks."""

import asyncio
import re
from collections.abc import Callable, Iterator

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509 import load_der_x509_certificate
from hypothesis import given as given_by
from hypothesis import settings
from hypothesis import strategies as st

from agent.cms import der
from agent.cms.errors import CmsError
from agent.cms.login import CONTENT_TYPE, LoginPurpose, LoginStatement
from agent.cms.signed import prepare_login
from agent.kits.vectors import certificates
from agent.kits.vectors.__main__ import FOLDER, make_files
from agent.pki.path import by_certvalidator
from agent.relying import VerificationCode
from agent.relying import path as relying_path
from tests.kits.vector_runner import (
    CASES,
    FOUND,
    MESSAGES,
    answer,
    challenge,
    expected,
    given,
    message,
    trusted,
    verifier,
)

VALID = message("valid")
USUAL = verifier({})
CODES = {code.value for code in VerificationCode}


async def judged(token: bytes) -> str:
    """Judge a message as a site does after its challenge was redeemed."""
    return await answer(USUAL, {}, token)


def test_what_is_committed_is_what_is_made() -> None:
    made = make_files()
    kept = {
        path.name: path.read_bytes()
        for path in FOLDER.iterdir()
        if path.suffix not in {".py", ".md", ""}
    }
    assert sorted(kept) == sorted(made)
    for name, content in made.items():
        assert kept[name] == content, name


def test_the_manifest_has_the_form_that_is_documented() -> None:
    members = {"oid_der", "at", "origin", "origins", "challenge", "purpose", "trust", "cases"}
    assert set(FOUND) == members
    instead = {"at", "origins", "challenge", "purpose", "trust"}
    for name, case in CASES.items():
        assert (
            {"file", "expect", "note"}
            <= set(case)
            <= instead
            | {
                "file",
                "expect",
                "note",
                "steps",
            }
        ), name
        assert set(given(case, "trust")) == {"roots", "cas", "crls"}
        assert set(expected(case)) <= CODES | {"ok"}
        assert len(expected(case)) == len(set(expected(case)))
        assert re.fullmatch("[a-z0-9-]+", name)
        assert case["note"]
        assert len(case["note"]) <= 100
    text = (FOLDER / "README.md").read_text("utf-8")
    for member in members | {"file", "expect", "note", "steps", "session", "issue", "redeem"}:
        assert f"`{member}`" in text, member


def test_every_file_is_used() -> None:
    used = {"manifest.json", "citizen.cer", "citizen.p8"}
    for case in CASES.values():
        used.add(case["file"])
        used |= {path.name for kind in ("roots", "cas", "crls") for path in trusted(case, kind)}
    assert used == {path.name for path in FOLDER.iterdir() if path.suffix not in {".py", ".md", ""}}


def test_every_code_has_a_case() -> None:
    assert {expected(case)[0] for case in CASES.values()} == CODES | {"ok"}


def test_the_agent_makes_the_valid_one() -> None:
    citizen = certificates.citizen()
    made = LoginStatement.make(
        LoginPurpose(FOUND["purpose"]), FOUND["origin"], challenge({}), certificates.AT
    )
    prepared = prepare_login(citizen.der, made)
    assert prepared.finish(citizen.sign(prepared.hash, prepared.digest)) == VALID
    assert bytes.fromhex(FOUND["oid_der"]) == CONTENT_TYPE
    assert made.challenge == FOUND["challenge"]


def test_the_citizen_for_test_pages_is_who_signs_the_valid_one() -> None:
    certificate = (FOLDER / "citizen.cer").read_bytes()
    assert certificate in VALID
    key = load_der_private_key((FOLDER / "citizen.p8").read_bytes(), None)
    assert key.public_key() == load_der_x509_certificate(certificate).public_key()


@pytest.mark.parametrize("name", MESSAGES)
async def test_our_checks_say_what_is_expected(name: str) -> None:
    case = CASES[name]
    assert await answer(verifier(case), case, message(name)) == expected(case)[0]


@pytest.mark.parametrize("name", MESSAGES)
async def test_the_other_judge_of_paths_is_right_as_well(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relying_path, "choose_judge", lambda _: by_certvalidator)
    case = CASES[name]
    assert await answer(verifier(case), case, message(name)) in expected(case)


def test_no_name_could_be_taken_for_a_real_one() -> None:
    for path in FOLDER.glob("*.cer"):
        subject = load_der_x509_certificate(path.read_bytes()).subject.rfc4514_string()
        assert "DO NOT TRUST" in subject
        assert "Worthless" in subject or path.name == "citizen.cer"


# --- Nothing but the valid one passes.


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
@given_by(data=st.data())
def test_no_damage_passes(data: st.DataObject) -> None:
    raw = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(start + 40, len(raw))))
        raw[start:end] = data.draw(st.binary(max_size=40))
    verdict = asyncio.run(judged(bytes(raw)))
    assert verdict in CODES | {"ok"}
    assert (verdict == "ok") is (bytes(raw) == VALID)


Where = tuple[int, ...]
Change = Callable[[bytes], bytes]
TAGS = (0x02, 0x04, 0x05, 0x06, 0x24, 0x30, 0x31, 0x80, 0xA0, 0xA1)
NULL = b"\x05\x00"

# What changes nothing: the signature's algorithm without its NULL (RFC 5754 §2 wants both forms
# accepted).
HARMLESS: set[tuple[str, Where]] = {("left out", (1, 0, 4, 0, 4, 1))}


def parts_of(element: bytes) -> list[bytes]:
    return der.children(element) if element[0] & 0x20 else []


def elements(element: bytes, where: Where = ()) -> Iterator[tuple[Where, bytes]]:
    """Return every element, with the way to it."""
    yield where, element
    for index, part in enumerate(parts_of(element)):
        yield from elements(part, (*where, index))


def changed(element: bytes, where: Where, change: Change) -> bytes:
    """Change one element, and all lengths around it."""
    if not where:
        return change(element)
    parts = parts_of(element)
    parts[where[0]] = changed(parts[where[0]], where[1:], change)
    return der.element(element[0], *parts)


def swapped(element: bytes, index: int) -> bytes:
    parts = parts_of(element)
    parts[index : index + 2] = parts[index + 1], parts[index]
    return der.element(element[0], *parts)


def retagged(tag: int) -> Change:
    return lambda element: bytes((tag,)) + element[1:]


def changes_of(element: bytes) -> Iterator[tuple[str, Change]]:
    """Return what can be done to one element, by name."""
    yield "left out", lambda _: b""
    yield "twice", lambda it: it + it
    yield "followed", lambda it: it + NULL
    yield "preceded", lambda it: NULL + it
    yield "emptied", lambda it: bytes((it[0], 0))
    yield "wrapped", lambda it: der.element(der.SEQUENCE, it)
    if len(parts_of(element)) == 1:
        yield "unwrapped", lambda it: parts_of(it)[0]
    for index in range(len(parts_of(element)) - 1):
        yield f"swapped {index}", lambda it, index=index: swapped(it, index)  # type: ignore[misc]
    for tag in TAGS:
        yield f"tagged {tag:02x}", retagged(tag)


def test_no_element_can_be_another_one() -> None:
    """Do everything to every element of the valid message, one at a time."""

    async def change_all() -> set[tuple[str, Where]]:
        accepted = set()
        for where, element in elements(VALID):
            for name, change in changes_of(element):
                made = changed(VALID, where, change)
                if made != VALID and await judged(made) == "ok":
                    accepted.add((name, where))
        return accepted

    assert asyncio.run(change_all()) == HARMLESS


DONORS = (
    "two-signers",
    "exponent-3",
    "second-citizen",
    "valid-sha512",
    "type-data",
    "list-in-message",
)


def signed_parts(raw: bytes) -> tuple[bytes, ...]:
    """Return what a signature stands for: all but the declarations, and who else is in the bag."""
    signed = cms.ContentInfo.load(raw)["content"]
    (signer,) = signed["signer_infos"]
    content = signed["encap_content_info"]["content"].native
    return content, signer["signed_attrs"].dump(), signer["sid"].dump(), signer["signature"].native


@settings(max_examples=200, deadline=None)
@given_by(data=st.data())
def test_no_elements_of_others_pass(data: st.DataObject) -> None:
    """Put parts of other messages into the valid one, and do some of the above as well."""
    donor = message(data.draw(st.sampled_from(DONORS)))
    made = VALID
    for _ in range(data.draw(st.integers(1, 3))):
        where, element = data.draw(st.sampled_from(list(elements(made))))
        if data.draw(st.booleans()):
            theirs = dict(elements(donor)).get(where) or donor
            made = changed(made, where, lambda _, theirs=theirs: theirs)  # type: ignore[misc]
        else:
            change = data.draw(st.sampled_from([each for _, each in changes_of(element)]))
            made = changed(made, where, change)
        try:
            der.require_der(made, max_size=1 << 20)
        except CmsError:
            break
    if asyncio.run(judged(made)) == "ok" and made not in map(message, DONORS):
        assert signed_parts(made) == signed_parts(VALID)
