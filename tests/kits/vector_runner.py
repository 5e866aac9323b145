"""Judge the test vectors by our own verifier."""

import base64
import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from agent.kits.vectors.__main__ import FOLDER, MANIFEST
from agent.pki.anchors import TrustStore
from agent.pki.revocation import FileSource
from agent.relying import LoginVerifier, Purpose, VerificationError

FOUND: dict[str, Any] = json.loads((FOLDER / MANIFEST).read_text("ascii"))
CASES: dict[str, dict[str, Any]] = FOUND["cases"]
MESSAGES = [name for name, case in CASES.items() if "steps" not in case]
STEPS = [name for name, case in CASES.items() if "steps" in case]


def given(case: dict[str, Any], member: str) -> Any:
    """Return a member of the manifest as it is for a case."""
    return case.get(member, FOUND[member])


def expected(case: dict[str, Any]) -> list[str]:
    """Return the answers that are right, our own first."""
    expect = case["expect"]
    return [expect] if isinstance(expect, str) else expect


def message(name: str) -> bytes:
    """Return the message of a case."""
    return (FOLDER / CASES[name]["file"]).read_bytes()


def trusted(case: dict[str, Any], kind: str) -> tuple[Path, ...]:
    """Return the files of a case's ``roots``, ``cas`` or ``crls``."""
    return tuple(FOLDER / name for name in given(case, "trust")[kind])


def moment(case: dict[str, Any]) -> datetime:
    """Return when a case is judged."""
    return datetime.fromisoformat(given(case, "at"))


def challenge(case: dict[str, Any]) -> bytes:
    """Return the challenge of a case, octets."""
    text = given(case, "challenge")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


_store = cache(TrustStore.load)
_lists = cache(FileSource)


def verifier(case: dict[str, Any]) -> LoginVerifier:
    """Return our verifier, with what a case gives it."""
    at = moment(case)
    return LoginVerifier(
        origins=given(case, "origins"),
        trust=_store(trusted(case, "roots"), trusted(case, "cas")),
        revocation=_lists(trusted(case, "crls")),
        clock=lambda: at,
    )


async def answer(judge: LoginVerifier, case: dict[str, Any], token: bytes) -> str:
    """Return ``ok`` or the code of the refusal."""
    purpose = Purpose(given(case, "purpose"))
    try:
        await judge.verify(token, challenge=challenge(case), purpose=purpose)
    except VerificationError as error:
        return error.code.value
    return "ok"
